"""Makes a Dask worker a slot: it says what it is, warms up, and says so. Used as `dask worker --preload`."""

import logging
import os
import threading
from typing import Any

from mnist_core.errors import MnistLabError
from mnist_core.jobs.slots import resource
from mnist_core.jobs.worker import warm_up, warm_up_maps
from mnist_core.machine import machine_name, worker_name
from mnist_core.settings import load_settings

__all__ = ["TOPIC", "VIEW_NICENESS", "dask_setup"]

TOPIC = "mnist-lab-slot"
VIEW_NICENESS = 5
"""Training keeps three quarters of the cores that both want; at 10 a map would take a minute meanwhile."""
log = logging.getLogger("mnist_lab.worker")


def dask_setup(worker: Any) -> None:
    """Called by Dask in each worker process at its start."""
    only_views = not any(worker.state.total_resources.get(resource("train", device)) for device in ("cpu", "gpu"))
    if only_views and hasattr(os, "nice"):
        os.nice(VIEW_NICENESS)
    settings = load_settings()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(settings.home / "compiled"))  # the next start finds it ready
    said = {"threads": settings.training_threads, "machine": machine_name(), "worker": worker_name()}
    _say(worker, said | {"warm": False})
    threading.Thread(target=_warm_up, args=(worker, said, only_views), name="warm-up", daemon=True).start()


def _warm_up(worker: Any, said: dict[str, Any], only_views: bool) -> None:
    try:
        warm_up()
    except MnistLabError as error:  # each run that comes will say it again, in its row
        log.error("This worker cannot warm up: %s", error)
        return
    _say(worker, said | {"warm": True})
    if only_views:  # orders are taken meanwhile; those for maps wait for what is compiled here
        warm_up_maps()


def _say(worker: Any, said: dict[str, Any]) -> None:
    worker.loop.add_callback(worker.log_event, TOPIC, {"address": worker.address_safe, "said": said})
