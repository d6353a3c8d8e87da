"""What must be done so that every queued run has a ticket and no run waits for a worker that is gone. Pure.

The store is the truth, the engine is what happens to be there; this compares them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mnist_core.lab import LEASE_SECONDS
from mnist_core.runs import RunRecord, RunState

__all__ = ["ATTEMPTS", "STOP_SECONDS", "Duties", "Sight", "duties"]

ATTEMPTS = 3
"""How often a run is begun before it counts as failed."""

STOP_SECONDS = 5.0
"""How long a worker may take to stop when asked, before it is ended."""


@dataclass(frozen=True)
class Sight:
    """What is seen of the world besides the store.

    Attributes:
        now: the time by the database's clock.
        alive: whether the process behind a worker's name runs; None where that cannot be known.
        wished: since when each run is known to have a wish, by the database's clock.
        tickets: unfinished tickets by lane and kind of device.
        workers: names of the engine's workers.
    """

    now: float
    alive: Callable[[str], bool | None]
    wished: Mapping[str, float] = field(default_factory=dict)
    tickets: Mapping[tuple[str, str], int] = field(default_factory=dict)
    workers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Duties:
    """What must be done.

    Attributes:
        requeue: runs whose worker is gone.
        fail: runs whose workers were gone too often.
        stop: runs that were asked to stop and whose worker does not, or is gone.
        kill: names of workers to end.
        tickets: how many to issue, by lane and kind of device.
    """

    requeue: tuple[RunRecord, ...] = ()
    fail: tuple[RunRecord, ...] = ()
    stop: tuple[RunRecord, ...] = ()
    kill: tuple[str, ...] = ()
    tickets: Counter[tuple[str, str]] = field(default_factory=Counter)


def duties(active: Sequence[RunRecord], sight: Sight) -> Duties:
    """Compares the queued and running runs with what is there.

    Args:
        active: queued and running runs, those that follow others left out.
        sight: what is there.
    """
    running = [run for run in active if run.state is RunState.RUNNING]
    gone = [run for run in running if _is_gone(run, sight)]
    late = [
        run for run in running if run not in gone and sight.now - sight.wished.get(run.id, sight.now) > STOP_SECONDS
    ]
    well = {run.worker for run in running if run not in gone and run not in late}
    queued = [run for run in active if run.state is RunState.QUEUED]
    unwanted = [run for run in queued if run.wish]
    again = [run for run in gone if not run.wish and run.attempt < ATTEMPTS]
    return Duties(
        requeue=tuple(again),
        fail=tuple(run for run in gone if not run.wish and run.attempt >= ATTEMPTS),
        stop=(*(run for run in gone if run.wish), *late, *unwanted),
        kill=tuple(
            worker for worker in _workers(gone, late) if worker not in well and sight.alive(worker) is not False
        ),
        tickets=_missing([run for run in (*queued, *again) if not run.wish], running, sight),
    )


def _is_gone(run: RunRecord, sight: Sight) -> bool:
    return sight.alive(run.worker or "") is False or sight.now - (run.beat or 0.0) > LEASE_SECONDS


def _workers(*runs: Sequence[RunRecord]) -> list[str]:
    return [run.worker for some in runs for run in some if run.worker]


def _missing(queued: Sequence[RunRecord], running: Sequence[RunRecord], sight: Sight) -> Counter[tuple[str, str]]:
    """Tickets that queued runs lack; those at work on a run do not count."""
    wanted = Counter(_kind(run) for run in queued)
    at_work = Counter(_kind(run) for run in running if run.worker in sight.workers)
    return +Counter({kind: count - sight.tickets.get(kind, 0) + at_work[kind] for kind, count in wanted.items()})


def _kind(run: RunRecord) -> tuple[str, str]:
    return run.lane, run.device or "cpu"
