"""Carries out an order for a look inside a network: what comes of it is kept as blobs, a stop ends it at once."""

from time import monotonic

from mnist_core.inspection import REQUESTS
from mnist_core.jobs.shelf import make_room
from mnist_core.jobs.stopping import StopRequested, StopWatch
from mnist_core.lab import Lab
from mnist_core.machine import machine_name
from mnist_core.runs import RUN_LEVEL, Lease, RunRecord, RunState

__all__ = ["look_inside"]

STOPPED = "Stopped on request."


def look_inside(lab: Lab, lease: Lease, record: RunRecord) -> None:
    """Answers and records what an order asks for."""
    request, run, began = REQUESTS[record.kind].parse(record.spec), lab.run(record.source or ""), monotonic()
    watch = StopWatch(lab.archive, lease)
    try:
        watch.look()
        files = request.fitted(run).compute(run, watch.between).to_files()
    except StopRequested:
        lab.archive.store.finish(lease, RunState.STOPPED, reason=STOPPED)
        return
    lab.archive.keep(lease, RUN_LEVEL, files)
    result = {"seconds": monotonic() - began, "machine": machine_name()}
    lab.archive.store.finish(lease, RunState.DONE, result=result)
    make_room(lab, record.kind)
