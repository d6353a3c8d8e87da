"""Writes a training into the archive: at most one transaction a second for points, and one for each epoch."""

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.npz import Arrays, to_npz
from mnist_core.runs import Archive, EpochRecord, Lease, PointRecord, Wish
from mnist_core.training.snapshot import Snapshot
from mnist_core.training.thinning import epochs_to_drop

__all__ = ["RunWriter"]

FLUSH_SECONDS = 1.0

Sizes = dict[str, dict[int, int]]


class RunWriter:
    """Writes one run, from one thread; each method may raise `LeaseLost` and `StorageError`.

    Args:
        archive: where the run is kept.
        lease: the right to write it.
        budget: bytes of weights that the run may keep before epochs are thinned out.

    Attributes:
        wish: what was wished of the worker when it last wrote.
    """

    def __init__(self, archive: Archive, lease: Lease, *, budget: int) -> None:
        self._archive = archive
        self._lease = lease
        self._budget = budget
        self._pending: list[PointRecord] = []
        self._started = monotonic()
        self._flushed = -FLUSH_SECONDS
        self.wish: Wish | None = None
        self._best: tuple[float, int] | None = None
        for record in archive.store.epochs(lease.run):
            self._note_best(record.epoch, record.metrics)
        self._sizes: Sizes = {"weights": {}, "first_layer": {}, "optimizer": {}}
        for artifact in archive.store.artifacts(lease.run):
            self._sizes.setdefault(artifact.name, {})[artifact.epoch] = artifact.bytes

    def begin(self, weights: Arrays) -> None:
        """Keeps the starting weights."""
        if 0 not in self._sizes["weights"]:
            data = to_npz(weights)
            self._archive.keep(self._lease, 0, {"weights": data})
            self._sizes["weights"][0] = len(data)

    def points(
        self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32], at: float
    ) -> None:
        """Takes the values of consecutive steps.

        Args:
            epoch: epoch in which they were taken.
            step: global index of the first.
            losses: float32 (steps,).
            accuracies: float32 (steps,).
            at: when they were done, by the monotonic clock.
        """
        values = {"loss": losses.tolist(), "accuracy": accuracies.tolist()}
        last = self._pending[-1] if self._pending else None
        if last and last.epoch == epoch:
            values = {name: [*last.values[name], *new] for name, new in values.items()}
            self._pending[-1] = replace(last, values=values)
        else:
            self._pending.append(PointRecord(epoch, step, at - self._started, values))
        self.beat()

    def beat(self) -> None:
        """Writes what is due."""
        if monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes all points now, with a heartbeat."""
        self.wish = self._archive.store.beat(self._lease, self._pending)
        self._is_flushed()

    def commit(self, snapshot: Snapshot, waited: float) -> None:
        """Blobs first, then the one transaction that names them, with the points until then and what is thinned out.

        Args:
            snapshot: the epoch.
            waited: seconds for which the training waited until the epoch before was written.
        """
        record = EpochRecord(
            epoch=snapshot.epoch,
            metrics=snapshot.metrics,
            seconds=snapshot.seconds,
            evaluation_seconds=snapshot.evaluation_seconds,
            recording_seconds=waited,
        )
        self._note_best(snapshot.epoch, snapshot.metrics)
        files = snapshot.files()
        for name, data in files.items():
            self._sizes.setdefault(name, {})[snapshot.epoch] = len(data)
        gone = self._thinned_out(snapshot.epoch)
        self.wish = self._archive.commit_epoch(self._lease, record, files, points=self._pending, dropped=gone)
        self._is_flushed()
        for epoch, name in gone:
            del self._sizes[name][epoch]

    def _is_flushed(self) -> None:
        self._pending = []
        self._flushed = monotonic()

    def _note_best(self, epoch: int, metrics: Mapping[str, Any]) -> None:
        loss = metrics.get("val_loss")
        if epoch > 0 and loss is not None and (self._best is None or loss < self._best[0]):
            self._best = (loss, epoch)

    def _thinned_out(self, epoch: int) -> list[tuple[int, str]]:
        """Weights go before first layers do; the optimiser's state is kept for the last two epochs."""
        best = self._best[1] if self._best else None
        left_for_weights = self._budget - sum(self._sizes["first_layer"].values())
        gone = {
            "optimizer": {old for old in self._sizes["optimizer"] if old < epoch - 1},
            "weights": epochs_to_drop(self._sizes["weights"], left_for_weights, best=best),
            "first_layer": epochs_to_drop(self._sizes["first_layer"], self._budget, best=best),
        }
        return [(old, name) for name, epochs in gone.items() for old in sorted(epochs)]
