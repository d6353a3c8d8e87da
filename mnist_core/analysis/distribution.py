"""How the probability of one class is spread over the images of that class and over all others.

Bins are of equal width and hold their right border: (0.05, 0.10], with 0 itself in the first. So 1 is in the last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = ["ClassHistogram", "bin_edges", "bin_of", "bin_of_probability", "class_histogram", "pooled_histogram"]


@dataclass(frozen=True, eq=False)
class ClassHistogram:
    """How many images give a class which probability; the counts add up to the images.

    Attributes:
        edges: float64 (bins + 1,), from 0 to 1.
        of_class: int64 (bins,), the images that are of the class.
        others: int64 (bins,), the images that are not.
    """

    edges: NDArray[np.float64]
    of_class: NDArray[np.int64]
    others: NDArray[np.int64]


def class_histogram(labels: NDArray[np.uint8], predictions: Predictions, number: int, bins: int = 20) -> ClassHistogram:
    """Counts the images by the probability that they are of a class.

    Args:
        labels: uint8 (n,), the true classes.
        predictions: of the same n images.
        number: the class.
        bins: how many bins of equal width, at least 1.
    """
    places = bin_of_probability(predictions, number, bins)
    own = labels == number
    return ClassHistogram(
        edges=bin_edges(bins),
        of_class=np.bincount(places[own], minlength=bins),
        others=np.bincount(places[~own], minlength=bins),
    )


def pooled_histogram(labels: NDArray[np.uint8], predictions: Predictions, bins: int = 20) -> ClassHistogram:
    """The sum of the histograms of all classes: each image counts once for its own, and once for each other.

    Args:
        labels: uint8 (n,), the true classes.
        predictions: of the same n images.
        bins: how many bins of equal width, at least 1.
    """
    every = np.arange(len(labels))
    places = bin_of(predictions.probabilities(every), bins)
    own = np.bincount(places[every, labels], minlength=bins)
    return ClassHistogram(bin_edges(bins), own, np.bincount(places.ravel(), minlength=bins) - own)


def bin_of_probability(predictions: Predictions, number: int, bins: int) -> NDArray[np.int64]:
    """The bin of each image by its probability of class `number`: int64 (n,) from 0 to bins - 1."""
    return bin_of(predictions.probabilities(np.arange(len(predictions)))[:, number], bins)


def bin_of(probabilities: NDArray[np.floating], bins: int) -> NDArray[np.int64]:
    """The bin of each probability: int64 of the same shape, from 0 to bins - 1."""
    places: NDArray[np.int64] = np.searchsorted(bin_edges(bins)[1:-1], probabilities)
    return places


def bin_edges(bins: int) -> NDArray[np.float64]:
    """The borders of bins of equal width: float64 (bins + 1,) from 0 to 1."""
    return np.linspace(0, 1, bins + 1)
