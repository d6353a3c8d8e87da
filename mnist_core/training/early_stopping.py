"""When to stop waiting for a better epoch. It follows from the recorded epochs alone."""

from collections.abc import Sequence

from mnist_core.runs import EpochRecord, validation_losses
from mnist_core.spec import EarlyStopping

__all__ = ["stops_early"]


def stops_early(rule: EarlyStopping | None, epochs: Sequence[EpochRecord]) -> bool:
    """Whether the last `patience` epochs brought no validation loss that is lower by more than `min_delta`."""
    if rule is None:
        return False
    reference, waited = float("inf"), 0
    for _, loss in sorted(validation_losses(epochs).items()):
        reference, waited = (loss, 0) if loss < reference - rule.min_delta else (reference, waited + 1)
    return waited >= rule.patience
