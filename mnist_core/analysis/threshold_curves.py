"""One class against all others at every threshold: ROC and precision-recall curves, and the areas under them.

The numbers are scikit-learn's; images with equal scores are taken together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = [
    "ClassCurves",
    "PrecisionRecall",
    "RocCurve",
    "class_curves",
    "macro_average",
    "precision_recall",
    "roc",
    "thinned",
]

MOST_POINTS = 200


@dataclass(frozen=True, eq=False)
class RocCurve:
    """How many are found against how many are found wrongly, from the strictest threshold to the mildest.

    Attributes:
        false_positive_rate: float64 (m,), from 0 to 1; NaN where every image is positive.
        true_positive_rate: float64 (m,), from 0 to 1; NaN where no image is.
        thresholds: float64 (m,), falling from infinity: an image counts as found from here upwards.
        area: the area under the curve, in [0, 1]; NaN where one of the rates is.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    area: float


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """How pure against how complete what is found is, from the mildest threshold to the strictest.

    Attributes:
        precision: float64 (m + 1,), in [0, 1]; the last is 1 and has no threshold.
        recall: float64 (m + 1,), from 1 down to 0; NaN where no image is positive.
        thresholds: float64 (m,), rising.
        average_precision: precision weighted by the steps of recall, in [0, 1]; NaN where no image is positive.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    average_precision: float


class ClassCurves(NamedTuple):
    """Both curves of one class against all others."""

    roc: RocCurve
    precision_recall: PrecisionRecall


class _Counts(NamedTuple):
    """What is found at each threshold: int64 (m,) rightly and wrongly, float64 (m,) falling thresholds."""

    right: NDArray[np.int64]
    wrong: NDArray[np.int64]
    thresholds: NDArray[np.float64]


def class_curves(labels: NDArray[np.uint8], predictions: Predictions) -> list[ClassCurves]:
    """The curves of each class against all others, by its probability.

    Args:
        labels: uint8 (n,), the true classes; n is at least 1.
        predictions: of the same n images.
    """
    scores = predictions.probabilities(np.arange(len(predictions)))
    found = [_counts(labels == number, column) for number, column in enumerate(np.ascontiguousarray(scores.T))]
    return [ClassCurves(_roc(counts), _precision_recall(counts)) for counts in found]


def roc(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> RocCurve:
    """The receiver operating characteristic, with every threshold.

    Args:
        positive: bool (n,), which images should be found; n is at least 1.
        scores: floats (n,), higher where the network is surer that it should.
    """
    return _roc(_counts(positive, scores))


def precision_recall(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> PrecisionRecall:
    """The precision-recall curve, with every threshold.

    Args:
        positive: bool (n,), which images should be found; n is at least 1.
        scores: floats (n,), higher where the network is surer that it should.
    """
    return _precision_recall(_counts(positive, scores))


def macro_average(areas: Iterable[float]) -> float:
    """The mean of the areas of all classes, each counted once; those that are NaN are left out, NaN if all are."""
    known = [area for area in areas if not np.isnan(area)]
    return sum(known) / len(known) if known else float("nan")


def thinned(x: NDArray[np.floating], y: NDArray[np.floating], most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Which points of a curve a chart shows: both ends, and the corners where they are few enough.

    Of more corners, those are shown that lie evenly along the curve; from each of the others, one that is shown is no
    further along the curve than the (most - 1)th part of its length.

    Args:
        x: floats (n,), finite.
        y: floats (n,), finite.
        most: how many points may be shown, at least 2.

    Returns:
        Their places, ascending: int64 (at most `most`,).
    """
    kept = _corners(x, y)
    if len(kept) <= most:
        return kept
    along = np.append(0, np.hypot(np.diff(x[kept]), np.diff(y[kept])).cumsum())
    places = np.searchsorted(along, np.linspace(0, along[-1], most))
    return np.unique(kept[np.minimum(places, len(kept) - 1)])


def _corners(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.int64]:
    """Places of the ends and of the points where the curve turns."""
    if len(x) < 3:
        return np.arange(len(x))
    moved = np.append(True, (np.diff(x) != 0) | (np.diff(y) != 0))
    apart = np.flatnonzero(moved)
    dx, dy = np.diff(x[apart]), np.diff(y[apart])
    turns = (dx[:-1] * dy[1:] != dx[1:] * dy[:-1]) | (dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0)
    return np.unique(np.concatenate([[0], apart[1:-1][turns], [len(x) - 1]]))


def _counts(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> _Counts:
    order = np.argsort(-scores)
    falling = scores[order].astype(np.float64)
    last_of_equals = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    right = positive[order].cumsum(dtype=np.int64)[last_of_equals]
    return _Counts(right, last_of_equals + 1 - right, falling[last_of_equals])


def _roc(counts: _Counts) -> RocCurve:
    found_wrongly, found = (_share_of_last(np.append(0, part)) for part in (counts.wrong, counts.right))
    return RocCurve(
        false_positive_rate=found_wrongly,
        true_positive_rate=found,
        thresholds=np.append(np.inf, counts.thresholds),
        area=float(np.trapezoid(found, found_wrongly)),
    )


def _precision_recall(counts: _Counts) -> PrecisionRecall:
    precision = np.append((counts.right / (counts.right + counts.wrong))[::-1], 1.0)
    recall = _share_of_last(np.append(0, counts.right))[::-1]
    return PrecisionRecall(
        precision=precision,
        recall=recall,
        thresholds=counts.thresholds[::-1],
        average_precision=float(-np.diff(recall) @ precision[:-1]),
    )


def _share_of_last(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)
