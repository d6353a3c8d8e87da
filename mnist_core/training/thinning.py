"""Which epochs keep their weights when a run has more of them than it may keep."""

from collections.abc import Mapping

__all__ = ["epochs_to_drop"]


def epochs_to_drop(sizes: Mapping[int, int], budget: int, *, best: int | None) -> set[int]:
    """Epochs whose weights go.

    While everything fits, nothing goes. Then what stays is 0, 1, 2, 4, 8, ..., the best epoch and the last two, from
    which a run resumes; that is kept even where it is more than the budget.

    Args:
        sizes: bytes of the weights of each epoch that still has them.
        budget: bytes that a run may keep.
        best: the best epoch so far.
    """
    if sum(sizes.values()) <= budget:
        return set()
    last_two = sorted(sizes)[-2:]
    return {epoch for epoch in sizes if epoch & (epoch - 1) and epoch != best and epoch not in last_two}
