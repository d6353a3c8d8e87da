"""The one thread that talks to the engine: starts it, hands out tickets, looks after runs whose worker is gone."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from mnist_core.errors import MnistLabError
from mnist_core.jobs.engine import Engine
from mnist_core.jobs.reconcile import Duties, Sight, duties
from mnist_core.jobs.slots import Slot
from mnist_core.machine import is_alive
from mnist_core.runs import Lease, RunRecord, RunState, Store
from mnist_core.settings import Settings

__all__ = ["Control"]

HEAD_START_SECONDS = 1.5
"""The first page comes first: starting workers keeps both cores busy."""

ROUND_SECONDS = 2.0
URGENT_SECONDS = 0.5
RETRY_SECONDS = 10.0
GONE = "Its worker ended without a word {attempt} times, the last time {where}; see the log, then train it again."
STOPPED = "Stopped on request; the epochs until then are kept."
FORCED = "Stopped on request; its worker did not react and was started anew. The epochs until then are kept."
log = logging.getLogger("mnist_lab.jobs")


class Control:
    """Keeps the engine in step with the store, from a thread of its own.

    Args:
        store: where the runs are.
        settings: of this process.
        start: starts the engine.
    """

    def __init__(self, store: Store, settings: Settings, start: Callable[[Settings], Engine]) -> None:
        self._store, self._settings, self._start = store, settings, start
        self._wake, self._ended, self._views = threading.Event(), threading.Event(), threading.Event()
        self._engine: Engine | None = None
        self._wished: dict[str, float] = {}
        self._slots: tuple[Slot, ...] = ()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots at the last look."""
        return self._slots

    def start(self) -> None:
        """Starts the thread; the engine comes up behind it."""
        self._thread.start()

    def wake(self) -> None:
        """Asks for a look now."""
        self._wake.set()

    def expect_views(self) -> None:
        """Lets the view worker start, as somebody will soon ask it for something."""
        self._views.set()
        self.wake()

    def close(self) -> None:
        """Ends the thread and the engine's processes."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._engine is not None:
            self._engine.close()

    def _run(self) -> None:
        wait = HEAD_START_SECONDS
        while not self._ended.is_set():
            self._wake.wait(wait)
            self._wake.clear()
            if not self._ended.is_set():
                wait = self._round()

    def _round(self) -> float:
        """One look; returns the seconds until the next."""
        try:
            if self._engine is None:
                self._engine = self._start(self._settings)
            self._look(self._engine)
        except (MnistLabError, OSError, TimeoutError) as error:
            log.error("Jobs wait, and are looked after again in %.0f s: %s", RETRY_SECONDS, error)
            if isinstance(error, ConnectionError):
                self._let_go()
            return RETRY_SECONDS
        except Exception:  # the border of this thread: without it, what is queued would wait for ever
            log.exception("Jobs wait, and are looked after again in %.0f s", RETRY_SECONDS)
            self._let_go()
            return RETRY_SECONDS
        return URGENT_SECONDS if self._wished or not all(slot.warm for slot in self._slots) else ROUND_SECONDS

    def _let_go(self) -> None:
        """The next look starts the engine anew."""
        engine, self._engine, self._slots = self._engine, None, ()
        if engine is not None:
            with suppress(RuntimeError):  # what a cluster that is broken already may say when it is closed
                engine.close()

    def _look(self, engine: Engine) -> None:
        self._slots = engine.slots()
        active = [run for run in self._store.active() if run.kind != "train" or run.source is None]
        self._do(engine, duties(active, self._sight(engine, active)))
        if self._views.is_set():
            engine.need_views()

    def _sight(self, engine: Engine, active: list[RunRecord]) -> Sight:
        now = self._store.now()
        self._wished = {run.id: self._wished.get(run.id, now) for run in active if run.wish}
        return Sight(
            now=now,
            alive=is_alive,
            wished=self._wished,
            tickets=engine.open_tickets(),
            workers=frozenset(slot.worker for slot in self._slots),
        )

    def _do(self, engine: Engine, todo: Duties) -> None:
        for run in todo.requeue:
            log.warning("Run %s goes back to the queue: its worker %s is gone.", run.name, run.worker)
            self._store.requeue(run.id, ticket=run.ticket or "", attempt=run.attempt)
        for run in todo.fail:
            reason = GONE.format(attempt=run.attempt, where=f"on {run.worker}")
            self._store.finish(_lease(run), RunState.FAILED, reason=reason)
        for run in todo.stop:
            if run.state is RunState.QUEUED:
                self._store.discard_queued(run.id, STOPPED)
            else:
                self._store.finish(_lease(run), RunState.STOPPED, reason=FORCED)
        for worker in todo.kill:
            began = monotonic()
            with suppress(TimeoutError):
                if engine.kill(worker):
                    log.warning("Worker %s did not react and was ended in %.1f s.", worker, monotonic() - began)
        for (lane, device), count in todo.tickets.items():
            engine.issue(lane, device, count)


def _lease(run: RunRecord) -> Lease:
    return Lease(run.id, run.ticket or "", run.attempt)
