"""The best epoch of a run, and when to stop waiting for a better one. Both follow from the recorded epochs alone."""

from collections.abc import Sequence

from mnist_core.runs import EpochRecord
from mnist_core.spec import EarlyStopping, RunSpec

__all__ = ["best_epoch", "kept_epoch", "stops_early"]


def best_epoch(epochs: Sequence[EpochRecord]) -> int | None:
    """The epoch from 1 on with the lowest validation loss, the earliest of equals; None before epoch 1."""
    losses = _validation_losses(epochs)
    return min(losses, key=lambda epoch: (losses[epoch], epoch)) if losses else None


def kept_epoch(spec: RunSpec, epochs: Sequence[EpochRecord]) -> int | None:
    """The epoch that counts: the best or the last one, as the specification says; None before epoch 1."""
    return best_epoch(epochs) if spec.training.keep == "best" else max(_validation_losses(epochs), default=None)


def stops_early(rule: EarlyStopping | None, epochs: Sequence[EpochRecord]) -> bool:
    """Whether the last `patience` epochs brought no validation loss that is lower by more than `min_delta`."""
    if rule is None:
        return False
    reference, waited = float("inf"), 0
    for _, loss in sorted(_validation_losses(epochs).items()):
        reference, waited = (loss, 0) if loss < reference - rule.min_delta else (reference, waited + 1)
    return waited >= rule.patience


def _validation_losses(epochs: Sequence[EpochRecord]) -> dict[int, float]:
    return {record.epoch: float(record.metrics["val_loss"]) for record in epochs if record.epoch > 0}
