"""The engine: Dask places tickets on workers, restarts workers and scales. It holds no truth about runs.

A ticket is anonymous within its lane and kind of device: whoever gets it claims, from the store, the run whose turn it
is. This is the only module that imports Dask.
"""

import logging
import multiprocessing.spawn
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol
from uuid import uuid4

from mnist_core.jobs.slots import Slot, resource, slots_of
from mnist_core.machine import has_gpu, process_of
from mnist_core.settings import Settings

__all__ = ["Engine", "start_engine"]

CONNECT_SECONDS = 10
CLOSE_SECONDS = 5
LOST_WORKER_SECONDS = 120
"""How long a nanny may take to start its worker anew before Dask gives both up."""
TICKET_FAILURES = 1000
GIVEN_UP = ("closing", "closed")
ENDED = ("closed", "failed")
LOOK_AT_ITSELF = "1s"
"""How often Dask measures its own loop and memory: at its default of 20 ms a resting app would use 3 % of a core."""

LOST = "The scheduler has been out of reach for too long."
log = logging.getLogger("mnist_lab.engine")


class Engine(Protocol):
    """Who works. Each method may raise `ConnectionError` once it can work no more and must be started anew."""

    def slots(self) -> tuple[Slot, ...]:
        """The workers that there are."""

    def open_tickets(self) -> Counter[tuple[str, str]]:
        """How many tickets of each lane and kind of device are not finished: waiting for a slot, or at work."""

    def issue(self, lane: str, device: str, count: int) -> None:
        """Lets so many more workers of a lane look for a queued run."""

    def need_views(self) -> None:
        """Starts the worker of the view lane, if it is this engine's and has not started."""

    def kill(self, worker: str) -> bool:
        """Ends a worker of this engine, whatever it does, and starts a new one; False where it is not one of its."""

    def close(self) -> None:
        """Ends all processes that it started."""


class DaskEngine:
    """Tickets over Dask.

    Args:
        client: connected to a scheduler.
        cluster: the workers of this process; None where the scheduler is someone else's.
    """

    def __init__(self, client: Any, cluster: Any = None) -> None:
        self._client, self._cluster = client, cluster
        self._tickets: dict[tuple[str, str], list[Any]] = {}
        self._known: dict[str, str] = {}

    def slots(self) -> tuple[Slot, ...]:
        """See `Engine`."""
        from mnist_core.jobs.preload import TOPIC

        self._replace_lost_workers()
        with self._reaching():
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
            said = {event["address"]: event["said"] for _, event in self._client.get_events(TOPIC)}
        self._known = {said[address]["worker"]: address for address in workers if address in said}
        return tuple(
            slot
            for address, worker in workers.items()
            for slot in slots_of(worker.get("resources", {}), said.get(address, {}))
        )

    def open_tickets(self) -> Counter[tuple[str, str]]:
        """See `Engine`."""
        self._tickets = {
            kind: [ticket for ticket in tickets if not ticket.done()] for kind, tickets in self._tickets.items()
        }
        return Counter({kind: len(tickets) for kind, tickets in self._tickets.items()})

    def issue(self, lane: str, device: str, count: int) -> None:
        """See `Engine`."""
        from distributed import fire_and_forget

        from mnist_core.jobs.worker import take_ticket

        if lane == "view":
            self.need_views()
        for _ in range(count):
            with self._reaching():
                ticket = self._client.submit(
                    take_ticket,
                    lane,
                    device,
                    key=f"ticket-{uuid4().hex}",
                    pure=False,
                    resources={resource(lane, device): 1},
                )
                fire_and_forget(ticket)
            self._tickets.setdefault((lane, device), []).append(ticket)

    def kill(self, worker: str) -> bool:
        """See `Engine`."""
        address = self._known.get(worker)
        if address is None:
            return False
        process = process_of(worker) if self._cluster is not None else None
        if process is not None:  # its nanny starts a new one
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        else:
            with self._reaching():
                self._client.restart_workers([address], raise_for_error=False)
        return True

    def close(self) -> None:
        """See `Engine`."""
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=CLOSE_SECONDS)
        if self._cluster is not None:
            with suppress(OSError, TimeoutError):
                self._cluster.close(timeout=CLOSE_SECONDS)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """A client that gave up looking for its scheduler breaks in many ways; this gives them one name."""
        try:
            if self._client.status in GIVEN_UP:
                raise ConnectionError(LOST)
            yield
        except Exception as error:
            if self._client.status in GIVEN_UP:
                raise ConnectionError(LOST) from error
            raise

    def _replace_lost_workers(self) -> None:
        """Starts workers of this process anew that their nannies could not, as on a machine that is very busy."""
        if self._cluster is None:
            return
        for name, nanny in list(self._cluster.workers.items()):
            if nanny.status.name in ENDED:
                self._cluster.workers.pop(name, None)
        if self._cluster.worker_spec.keys() - self._cluster.workers.keys():
            self._cluster.scale(len(self._cluster.worker_spec))

    def need_views(self) -> None:
        """See `Engine`. The view worker of this process stays once it has started."""
        if self._cluster is not None and "view" not in self._cluster.worker_spec:
            train = self._cluster.worker_spec[next(iter(self._cluster.worker_spec))]
            options = train["options"] | {"resources": {resource("view", "cpu"): 1}}
            self._cluster.worker_spec["view"] = train | {"options": options}
            self._cluster.scale(len(self._cluster.worker_spec))


def start_engine(settings: Settings) -> Engine:
    """Connects to the scheduler of the settings, or starts workers of this process's own.

    Raises:
        OSError: the scheduler does not answer.
    """
    import dask
    from distributed import Client

    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": TICKET_FAILURES,
            "distributed.nanny.pre-spawn-environ": {},
            "distributed.admin.system-monitor.gil.enabled": False,
            "distributed.admin.system-monitor.interval": LOOK_AT_ITSELF,
            "distributed.admin.tick.interval": LOOK_AT_ITSELF,
            "distributed.admin.tick.cycle": LOOK_AT_ITSELF,
            "distributed.worker.profile.enabled": False,
            "distributed.comm.timeouts.connect": CONNECT_SECONDS,
            "distributed.deploy.lost-worker-timeout": LOST_WORKER_SECONDS,
        }
    )
    if settings.scheduler:
        return DaskEngine(Client(settings.scheduler, set_as_default=False, timeout=CONNECT_SECONDS))
    cluster = _own_workers(settings)
    try:
        engine = DaskEngine(Client(cluster, set_as_default=False), cluster)
    except BaseException:
        cluster.close(timeout=CLOSE_SECONDS)
        raise
    if settings.profile != "local":
        engine.need_views()
    return engine


def _own_workers(settings: Settings) -> Any:
    from distributed import LocalCluster

    _spawn_without_main()
    threads = str(settings.training_threads)
    devices = ("cpu", "gpu") if has_gpu() else ("cpu",)
    return LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # its port without a dashboard; any that is free
        memory_limit=0,
        silence_logs=logging.ERROR,
        local_directory=str(settings.home / "workers"),
        preload=["mnist_core.jobs.preload"],
        resources={resource("train", device): 1 for device in devices},
        env=dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads),
    )


def _spawn_without_main() -> None:
    """Keeps new workers from running this process's main module.

    Python hands it to each process that it spawns, and here it is whatever page Streamlit runs at that moment.
    """
    told = multiprocessing.spawn.get_preparation_data
    if getattr(told, "without_main", False):
        return

    def data_without_main(name: str) -> dict[str, Any]:
        return {key: value for key, value in told(name).items() if not key.startswith("init_main")}

    data_without_main.without_main = True  # type: ignore[attr-defined]
    multiprocessing.spawn.get_preparation_data = data_without_main
