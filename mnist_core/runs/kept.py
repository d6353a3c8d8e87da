"""Which epoch of a run is the best, which one counts, and which is nearest; all follow from the recorded epochs."""

from collections.abc import Sequence

from mnist_core.runs.records import EpochRecord
from mnist_core.spec import RunSpec

__all__ = ["best_epoch", "kept_epoch", "nearest_epoch", "validation_losses"]


def best_epoch(epochs: Sequence[EpochRecord]) -> int | None:
    """The epoch from 1 on with the lowest validation loss, the earliest of equals; None before epoch 1."""
    losses = validation_losses(epochs)
    return min(losses, key=lambda epoch: (losses[epoch], epoch)) if losses else None


def kept_epoch(spec: RunSpec, epochs: Sequence[EpochRecord]) -> int | None:
    """The epoch that counts: the best or the last one, as the specification says; None before epoch 1."""
    return best_epoch(epochs) if spec.training.keep == "best" else max(validation_losses(epochs), default=None)


def nearest_epoch(epochs: Sequence[int], wanted: int) -> int:
    """Of some epochs, at least one, the nearest to another; the earlier of two."""
    return min(epochs, key=lambda one: (abs(one - wanted), one))


def validation_losses(epochs: Sequence[EpochRecord]) -> dict[int, float]:
    """The validation loss of each epoch from 1 on."""
    return {record.epoch: float(record.metrics["val_loss"]) for record in epochs if record.epoch > 0}
