"""Whether a network is as often right as it is sure: the reliability diagram and its expected calibration error.

Bins are those of `analysis.distribution`: of equal width, each with its right border.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.distribution import bin_edges, bin_of
from mnist_core.inference.predictions import Predictions

__all__ = ["BINS", "Reliability", "bin_of_confidence", "confidence", "reliability"]

BINS = 15
"""As in Guo et al. 2017."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """How sure and how right a network is, by how sure it is.

    Attributes:
        edges: float64 (bins + 1,), from 0 to 1; a bin holds its right border.
        count: int64 (bins,), the images in each.
        confidence: float64 (bins,), their mean confidence; NaN where there is none.
        accuracy: float64 (bins,), the share of them that is right; NaN where there is none.
        error: the expected calibration error, in [0, 1]: the mean over all images of |accuracy - confidence| of their
            bin (Naeini et al. 2015, Guo et al. 2017); NaN without images.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def reliability(labels: NDArray[np.uint8], predictions: Predictions, bins: int = BINS) -> Reliability:
    """Compares how sure a network is with how often it is right.

    Args:
        labels: uint8 (n,), the true classes.
        predictions: of the same n images.
        bins: how many bins of equal width, at least 1.
    """
    sure = confidence(predictions)
    places = bin_of(sure, bins)
    count = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=sure, minlength=bins)
    right = np.bincount(places[predictions.predicted == labels], minlength=bins)
    with np.errstate(invalid="ignore"):
        error = np.abs(right - sums).sum() / np.float64(len(labels))
        return Reliability(
            edges=bin_edges(bins), count=count, confidence=sums / count, accuracy=right / count, error=float(error)
        )


def confidence(predictions: Predictions) -> NDArray[np.float32]:
    """The probability of the predicted class of each image: float32 (n,) in [0, 1]."""
    rows = np.arange(len(predictions))
    sure: NDArray[np.float32] = predictions.probabilities(rows)[rows, predictions.predicted]
    return sure


def bin_of_confidence(predictions: Predictions, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each image in the reliability diagram: int64 (n,) from 0 to bins - 1."""
    return bin_of(confidence(predictions), bins)
