"""The numbers of `evaluate` as plain data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.calibration import reliability
from mnist_core.analysis.evaluation import evaluate
from mnist_core.analysis.selection import Judged
from mnist_core.analysis.threshold_curves import ClassCurves, macro_average
from mnist_core.analysis.top_k import top_k

__all__ = ["areas", "calibration", "scores", "top_ks"]

KS = (2, 3, 5)

Document = dict[str, Any]


def top_ks(judged: Judged, classes: int) -> Document:
    """How often the true class is among the k most probable ones, by k."""
    found = [top_k(judged.labels, judged.predictions, k) for k in KS if k < classes]
    return {str(one.k): {"accuracy": one.accuracy, "right": one.right, "interval": list(one.interval)} for one in found}


def calibration(judged: Judged) -> Document:
    """The expected calibration error, and the bins of the reliability diagram."""
    found = reliability(judged.labels, judged.predictions)
    names = ("low", "high", "count", "confidence", "accuracy")
    columns = (found.edges[:-1], found.edges[1:], found.count, found.confidence, found.accuracy)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {"error": found.error, "bins": [dict(zip(names, row, strict=True)) for row in rows]}


def areas(curves: Sequence[ClassCurves], classes: Sequence[str]) -> Document:
    """The areas under both curves of each class, and their means; NaN where a class has no images, or all of them.

    The classes have a dictionary of their own, so that one called "macro" keeps its area and leaves the mean alone.
    """
    under = {name: one.roc.area for name, one in zip(classes, curves, strict=True)}
    precise = {name: one.precision_recall.average_precision for name, one in zip(classes, curves, strict=True)}
    return {
        "roc": {"area": under, "macro": macro_average(under.values())},
        "precision_recall": {"average_precision": precise, "macro": macro_average(precise.values())},
    }


def scores(judged: Judged, rows: NDArray[np.int64], classes: Sequence[str]) -> Document:
    """How right a run is on some rows of a split; without any there is nothing to say but that.

    `report` is laid out as scikit-learn's `classification_report` is, classes and averages side by side: of a class
    called "accuracy", "macro avg" or "weighted avg" it holds the average alone, as that does.
    """
    if not len(rows):
        return {"accuracy": None, "interval": None, "errors": 0, "loss": None, "report": None}
    result = evaluate(judged.labels[rows], judged.predictions.take(rows), classes, epoch=0, split="")
    plain = result.to_json()
    return {
        "accuracy": plain["accuracy"],
        "interval": plain["interval"],
        "errors": result.errors,
        "loss": result.loss,
        "report": plain["report"],
    }
