"""How often the true class is among the k most probable ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.inference.predictions import Predictions

__all__ = ["TopK", "top_k"]


@dataclass(frozen=True)
class TopK:
    """How often the true class is among the k most probable ones.

    Attributes:
        k: how many classes count.
        right: in how many images it is.
        accuracy: in which share of them, in [0, 1].
        interval: Wilson's 95 % interval of the share, (low, high).
    """

    k: int
    right: int
    accuracy: float
    interval: tuple[float, float]


def top_k(labels: NDArray[np.uint8], predictions: Predictions, k: int) -> TopK:
    """Counts the images whose true class is among the k most probable ones.

    Probabilities are recorded in float16, and an untrained network may give all classes the same. So the first place is
    the predicted class, k = 1 gives the accuracy itself, and of classes that are equal the lower number comes first.

    Args:
        labels: uint8 (n,), the true classes; n is at least 1.
        predictions: of the same n images.
        k: how many classes count, at least 1.
    """
    counted = predictions.predicted == labels
    if k > 1:
        rows = np.flatnonzero(~counted)
        chosen, true = predictions.log_probabilities[rows], labels[rows, np.newaxis]
        own, classes = np.take_along_axis(chosen, true.astype(np.intp), axis=1), np.arange(chosen.shape[1])
        before = (chosen > own) | ((chosen == own) & (classes < true))
        before |= classes == predictions.predicted[rows, np.newaxis]
        counted[rows] = np.count_nonzero(before, axis=1) < k
    right = int(np.count_nonzero(counted))
    return TopK(k, right, right / len(labels), wilson_interval(right, len(labels)))
