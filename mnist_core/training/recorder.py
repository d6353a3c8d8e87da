"""Recording a training: points as they come, epochs as they end, into the archive; nothing here trains.

`Recorder` is what the training loop talks to. `ArchiveRecorder` writes runs; `SilentRecorder` keeps nothing, for
measuring what recording costs; `Recorders` lets several listen at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions
from mnist_core.npz import Arrays, to_npz
from mnist_core.runs import Archive, EpochRecord, Lease, PointRecord, Wish
from mnist_core.training.thinning import epochs_to_drop

__all__ = ["ArchiveRecorder", "Recorder", "Recorders", "SilentRecorder", "Snapshot", "StopRequested"]

FLUSH_SECONDS = 1.0


class StopRequested(Exception):
    """Someone asked this training to stop; what was learnt until the last epoch is kept."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that is recorded of one epoch.

    Attributes:
        epoch: 0 is the untrained network.
        metrics: losses, accuracies and penalty.
        seconds: wall time of the training steps.
        evaluation_seconds: wall time of the evaluation.
        predictions: by split, "validation" and "test".
        weights: every weight, by `layer/variable`.
        first_layer: id of the first layer that has a kernel.
        optimizer: what the optimiser remembers; empty for epoch 0.
    """

    epoch: int
    metrics: Mapping[str, float | None]
    seconds: float
    evaluation_seconds: float
    predictions: Mapping[str, Predictions]
    weights: Arrays
    first_layer: str
    optimizer: Arrays


class Recorder(Protocol):
    """What the training loop tells; each method may raise `StopRequested` or `LeaseLost`, but `commit` never stops."""

    def begin(self, weights: Arrays) -> None:
        """Keeps the starting weights, before the first step."""

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Takes the values of consecutive steps; `step` is the global index of the first."""

    def beat(self) -> None:
        """Says that the training is alive, between two pieces of work."""

    def commit(self, snapshot: Snapshot) -> float:
        """Keeps an epoch, wholly or not at all; returns the seconds that it took."""


class SilentRecorder:
    """Keeps nothing."""

    def begin(self, weights: Arrays) -> None:
        """Does nothing."""

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Does nothing."""

    def beat(self) -> None:
        """Does nothing."""

    def commit(self, snapshot: Snapshot) -> float:
        """Does nothing, in no time."""
        del snapshot
        return 0.0


class Recorders:
    """Tells several recorders the same, in order."""

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders = recorders

    def begin(self, weights: Arrays) -> None:
        """See `Recorder`."""
        for recorder in self._recorders:
            recorder.begin(weights)

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """See `Recorder`."""
        for recorder in self._recorders:
            recorder.points(epoch, step, losses, accuracies)

    def beat(self) -> None:
        """See `Recorder`."""
        for recorder in self._recorders:
            recorder.beat()

    def commit(self, snapshot: Snapshot) -> float:
        """See `Recorder`."""
        return sum(recorder.commit(snapshot) for recorder in self._recorders)


class ArchiveRecorder:
    """Writes a run: at most one transaction a second for points, heartbeat and wish, and one for each epoch.

    Args:
        archive: where the run is kept.
        lease: the right to write it.
        budget: bytes of weights that the run may keep before epochs are thinned out.
        should_stop: asked at every beat, for stops that come from this process.
    """

    def __init__(
        self, archive: Archive, lease: Lease, *, budget: int, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._archive = archive
        self._lease = lease
        self._budget = budget
        self._should_stop = should_stop
        self._pending: list[PointRecord] = []
        self._started = monotonic()
        self._flushed = -FLUSH_SECONDS
        self._wish: Wish | None = None
        self._best: tuple[float, int] | None = None
        self._untold: tuple[int, float] | None = None
        for record in archive.store.epochs(lease.run):
            self._note_best(record.epoch, record.metrics)

    def begin(self, weights: Arrays) -> None:
        """Keeps the starting weights, before the first step."""
        if not self._archive.has(self._lease.run, 0, "weights"):
            self._archive.keep(self._lease, 0, {"weights": to_npz(weights)})

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Takes points; the first go out at once."""
        values = {"loss": losses.tolist(), "accuracy": accuracies.tolist()}
        last = self._pending[-1] if self._pending else None
        if last and last.epoch == epoch:
            values = {name: [*last.values[name], *new] for name, new in values.items()}
            self._pending[-1] = replace(last, values=values)
        else:
            self._pending.append(PointRecord(epoch, step, monotonic() - self._started, values))
        self.beat()

    def beat(self) -> None:
        """Writes what is due.

        Raises:
            StopRequested: someone asked for it.
            LeaseLost: another worker has taken over.
        """
        if monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()
        if self._wish is not None:
            raise StopRequested
        if self._should_stop():
            self.flush()
            raise StopRequested

    def flush(self) -> Wish | None:
        """Writes all points now, with a heartbeat; returns what is wished of the run, which is remembered."""
        self._tell_recording_seconds()
        pending, self._pending = self._pending, []
        self._flushed = monotonic()
        self._wish = self._archive.store.beat(self._lease, pending)
        return self._wish

    def commit(self, snapshot: Snapshot) -> float:
        """Blobs first, then the one transaction that names them; thinning afterwards."""
        started = monotonic()
        self.flush()
        files = _files(snapshot)
        record = EpochRecord(
            epoch=snapshot.epoch,
            metrics=snapshot.metrics,
            seconds=snapshot.seconds,
            evaluation_seconds=snapshot.evaluation_seconds,
            recording_seconds=monotonic() - started,
        )
        self._archive.commit_epoch(self._lease, record, files)
        self._note_best(snapshot.epoch, snapshot.metrics)
        self._thin_out(snapshot.epoch)
        seconds = monotonic() - started
        self._untold = (snapshot.epoch, seconds)
        return seconds

    def _tell_recording_seconds(self) -> None:
        """How long a commit took is known only after it, and told with whatever is written next."""
        if self._untold is not None:
            self._archive.store.set_recording_seconds(self._lease, *self._untold)
            self._untold = None

    def _note_best(self, epoch: int, metrics: Mapping[str, Any]) -> None:
        loss = metrics.get("val_loss")
        if epoch > 0 and loss is not None and (self._best is None or loss < self._best[0]):
            self._best = (loss, epoch)

    def _thin_out(self, epoch: int) -> None:
        """Weights go before first layers do; the optimiser's state is kept for the last two epochs."""
        sizes: dict[str, dict[int, int]] = {"weights": {}, "first_layer": {}, "optimizer": {}}
        for artifact in self._archive.store.artifacts(self._lease.run):
            sizes.setdefault(artifact.name, {})[artifact.epoch] = artifact.bytes
        best = self._best[1] if self._best else None
        left_for_weights = self._budget - sum(sizes["first_layer"].values())
        gone = {
            "optimizer": {old for old in sizes["optimizer"] if old < epoch - 1},
            "weights": epochs_to_drop(sizes["weights"], left_for_weights, best=best),
            "first_layer": epochs_to_drop(sizes["first_layer"], self._budget, best=best),
        }
        drop = [(old, name) for name, epochs in gone.items() for old in sorted(epochs)]
        if drop:
            self._archive.store.drop(self._lease, drop)


def _files(snapshot: Snapshot) -> dict[str, bytes]:
    arrays: Arrays = {}
    for split, predictions in snapshot.predictions.items():
        arrays |= predictions.to_arrays(split)
    first = {key: value for key, value in snapshot.weights.items() if key.startswith(snapshot.first_layer + "/")}
    files = {"predictions": to_npz(arrays), "first_layer": to_npz(first), "weights": to_npz(snapshot.weights)}
    return files | ({"optimizer": to_npz(snapshot.optimizer)} if snapshot.optimizer else {})
