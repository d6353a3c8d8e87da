"""Runs to put into a store, and their files."""

from typing import Any

import numpy as np

from mnist_core.npz import to_npz
from mnist_core.runs import Archive, EpochRecord, Lease, PointRecord, RunState, Store


def claim(store: Store, spec: dict[str, Any], **more: Any) -> Lease:
    run = store.submit(spec, digest="0" * 64, **more)
    lease = store.claim(run.id, ticket="ticket-1", worker="worker-1", device="cpu")
    assert lease
    return lease


def epoch_record(number: int, **metrics: Any) -> EpochRecord:
    return EpochRecord(number, {"loss": 1 / (number + 1), "errors": number} | metrics, 1.5, 0.25, 0.0)


def epoch_files(number: int) -> dict[str, bytes]:
    random = np.random.default_rng(number)
    names = ("predictions", "first_layer", "weights", "optimizer")
    return {name: to_npz({name: random.random((7, 5), np.float32)}) for name in names}


def train(archive: Archive, spec: dict[str, Any], **more: Any) -> str:
    """A finished run with three epochs, W_0, splits and points, one of them without finite values."""
    lease = claim(archive.store, spec, **more)
    archive.keep(lease, -1, {"splits": to_npz({"train": np.arange(9)}), "data": b"own images"})
    archive.keep(lease, 0, {"first_layer": epoch_files(0)["first_layer"]})
    archive.store.beat(lease, [PointRecord(1, 0, 0.5, {"loss": [2.3, float("nan"), 2.1], "accuracy": [0.1, 0.2, 0.3]})])
    archive.store.beat(lease, [PointRecord(1, 3, 0.75, {"loss": [], "rate": [1e-3]})])
    for number in range(3):
        archive.commit_epoch(
            lease, epoch_record(number, nested={"rows": [1, 2.5, None, float("inf")]}), epoch_files(number)
        )
    assert archive.store.finish(lease, RunState.DONE, result={"best_epoch": 2, "loss": float("nan")}, used=4.5)
    return lease.run
