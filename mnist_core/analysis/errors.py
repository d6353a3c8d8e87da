"""Which images to look at first: the most confident errors, a random draw.

All answers are rows of the split; what id a row has is not known here.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = ["confidence_gap", "most_confident_errors", "random_rows"]

Rows = NDArray[np.int64]


def confidence_gap(
    labels: NDArray[np.uint8], predictions: Predictions, rows: NDArray[np.integer]
) -> NDArray[np.float32]:
    """How much more probable the predicted class is than the true one: float32 (rows,) in [0, 1], 0 where it is right.

    Args:
        labels: uint8 (n,), the true classes.
        predictions: of the same n images.
        rows: integers (rows,), which of them.
    """
    chosen = predictions.probabilities(rows)
    each = np.arange(len(rows))
    gap: NDArray[np.float32] = chosen[each, predictions.predicted[rows]] - chosen[each, labels[rows]]
    # Recorded in float16, two classes that are nearly equal may stand the other way round.
    return np.maximum(gap, 0)


def most_confident_errors(
    labels: NDArray[np.uint8], predictions: Predictions, count: int | None = None
) -> NDArray[np.int64]:
    """Rows of the errors by p(predicted) - p(true), highest first, equal ones by row: int64 (at most count,)."""
    return _ranked(labels, predictions, np.flatnonzero(labels != predictions.predicted))[:count]


def random_rows(total: int, count: int, seed: int) -> NDArray[np.int64]:
    """At most `count` different rows of `total`, the same for the same seed, in the order drawn: int64."""
    return np.random.default_rng(seed).choice(total, size=min(count, total), replace=False).astype(np.int64)


def _ranked(labels: NDArray[np.uint8], predictions: Predictions, rows: Rows) -> Rows:
    gap = confidence_gap(labels, predictions, rows)
    return rows[np.argsort(-gap, kind="stable")]
