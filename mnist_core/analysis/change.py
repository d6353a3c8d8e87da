"""What differs between two sets of predictions of the same images: two epochs of a run, or two runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.evaluation import confusion_matrix

__all__ = ["Change", "change", "common_rows"]


@dataclass(frozen=True, eq=False)
class Change:
    """What differs between the predictions before and after.

    Attributes:
        fixed: int64, ascending rows of the images that were wrong and are right.
        broken: int64, ascending rows of the images that were right and are wrong.
        confusion: int64 (classes, classes), the matrix after minus the matrix before, rows true; every row sums to 0.
    """

    fixed: NDArray[np.int64]
    broken: NDArray[np.int64]
    confusion: NDArray[np.int64]


def change(labels: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8], classes: int) -> Change:
    """Compares two predictions of the same images.

    Args:
        labels: uint8 (n,), the true classes.
        before: uint8 (n,), what was predicted.
        after: uint8 (n,), what is predicted.
        classes: how many classes there are.
    """
    was, now = before == labels, after == labels
    return Change(
        fixed=np.flatnonzero(now & ~was),
        broken=np.flatnonzero(was & ~now),
        confusion=confusion_matrix(labels, after, classes) - confusion_matrix(labels, before, classes),
    )


def common_rows(ids: NDArray[np.int32], others: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the images that two splits share stand in each: two int64 arrays of one length, ascending, row by row.

    Args:
        ids: int32 (n,), ascending, each once.
        others: int32 (m,), likewise.
    """
    return (
        np.flatnonzero(np.isin(ids, others, assume_unique=True)),
        np.flatnonzero(np.isin(others, ids, assume_unique=True)),
    )
