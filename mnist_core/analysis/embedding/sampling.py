"""A sample of a split in which every class has its share."""

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import InvalidInput

__all__ = ["stratified_sample"]


def stratified_sample(labels: NDArray[np.integer], points: int, seed: int) -> NDArray[np.int64]:
    """Rows of a sample with the shares of the classes, to one point each; all rows where no more are there.

    Args:
        labels: integers (n,), the classes.
        points: how many at most, at least 1.
        seed: the same seed gives the same sample.

    Returns:
        int64 (min(points, n),), ascending.

    Raises:
        InvalidInput: not even one point is asked for.
    """
    if points < 1:
        raise InvalidInput(f"`points` must be at least 1, got {points}.")
    if points >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(labels))
    _, class_of, size = np.unique(labels[shuffled], return_inverse=True, return_counts=True)
    order = np.argsort(class_of, kind="stable")
    starts = np.cumsum(size) - size
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels)) - starts[class_of[order]]
    quota = (place + random.random(len(size))[class_of]) / size[class_of]
    chosen = shuffled[np.argsort(quota, kind="stable")[:points]]
    return np.sort(chosen).astype(np.int64)
