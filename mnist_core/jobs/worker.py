"""What a worker does with a ticket: claim the run whose turn it is, carry it out, and stay in touch meanwhile."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from uuid import uuid4

from mnist_core.errors import LeaseLost, StorageError
from mnist_core.jobs.work import carry_out
from mnist_core.lab import Lab
from mnist_core.machine import worker_name
from mnist_core.runs import Lease

__all__ = ["take_ticket", "warm_up", "warm_up_maps"]

BEAT_SECONDS = 5.0
FEW_POINTS = 200


@cache
def _lab() -> Lab:
    """The laboratory of this process; its datasets stay loaded from run to run."""
    return Lab()


@cache
def warm_up() -> None:
    """Loads what a training needs, once; whoever comes second waits for the first."""
    from mnist_core.training.runtime import place

    place("auto", _lab().settings.training_threads)
    _lab().dataset("digits")
    # What was loaded stays for good: looking through it for garbage would hold up a first run by a fifth of a second,
    # and looking now, before it is set aside, would hold up this one.
    gc.freeze()


@cache
def warm_up_maps() -> None:
    """Compiles what maps need on a few points, once, so that the first map does not wait for it."""
    import numpy as np

    from mnist_core.analysis.embedding import METHODS, TsneSettings, embed

    random = np.random.default_rng(0)
    points, labels = random.normal(size=(FEW_POINTS, 8)).astype(np.float32), np.arange(FEW_POINTS) % 10
    for method in METHODS:
        settings = TsneSettings(iterations=50, early_iterations=0) if method == "tsne" else None
        embed(points, method, settings=settings, labels=labels.astype(np.uint8))


def take_ticket(lane: str, device: str) -> str | None:
    """Carries out the run whose turn it is.

    Args:
        lane: the lane of this slot.
        device: the kind of device that this slot works on.

    Returns:
        The id of the run; None where nothing was queued.
    """
    warm_up()
    lab = _lab()
    lease = lab.archive.store.claim_next(lane, ticket=uuid4().hex, worker=worker_name(), device=device)
    if lease is None:
        return None
    with _staying_in_touch(lab, lease), suppress(LeaseLost):
        carry_out(lab, lease)
    return lease.run


@contextmanager
def _staying_in_touch(lab: Lab, lease: Lease) -> Iterator[None]:
    """Says from a thread of its own that this worker lives, while it compiles or computes without a word."""
    done = threading.Event()

    def beat() -> None:
        held = True
        while held and not done.wait(BEAT_SECONDS):
            with suppress(StorageError):  # the next beat may succeed; the lease runs out if none does
                held = lab.archive.store.alive(lease)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
