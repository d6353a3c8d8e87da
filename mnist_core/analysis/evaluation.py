"""How right a network is on a split: accuracy with its interval, confusion matrix, per-class report.

Everything follows from the counts of the confusion matrix; scikit-learn, whose numbers these are, is not needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = ["ClassScores", "Evaluation", "class_scores", "confusion_matrix", "evaluate", "wilson_interval"]

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Evaluation:
    """How right a network is on one split at one epoch.

    Attributes:
        epoch: the epoch whose weights predicted.
        split: "train", "validation" or "test".
        loss: mean cross-entropy in nats.
        accuracy: share that is right, in [0, 1].
        errors: how many are wrong.
        interval: Wilson's 95 % interval of the accuracy, (low, high).
        confusion: int64 (classes, classes), rows true, columns predicted.
        report: scikit-learn's `classification_report` with `output_dict`.
    """

    epoch: int
    split: str
    loss: float
    accuracy: float
    errors: int
    interval: tuple[float, float]
    confusion: NDArray[np.int64]
    report: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """What the command line prints: epoch, accuracy, interval, confusion and report."""
        return {
            "epoch": self.epoch,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "confusion": self.confusion.tolist(),
            "report": self.report,
        }


def evaluate(
    labels: NDArray[np.uint8], predictions: Predictions, classes: Sequence[str], *, epoch: int, split: str
) -> Evaluation:
    """Compares predictions with the truth.

    Args:
        labels: uint8 (n,), the true classes, in the order of the predictions.
        predictions: of the same n images.
        classes: the names of the classes.
        epoch: the epoch whose weights predicted.
        split: "train", "validation" or "test".
    """
    confusion = confusion_matrix(labels, predictions.predicted, len(classes))
    right = int(np.trace(confusion))
    return Evaluation(
        epoch=epoch,
        split=split,
        loss=float(predictions.loss.mean(dtype=np.float64)),
        accuracy=right / len(labels),
        errors=len(labels) - right,
        interval=wilson_interval(right, len(labels)),
        confusion=confusion,
        report=_report(class_scores(confusion), classes, right / len(labels)),
    )


def confusion_matrix(labels: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Counts how often each true class was predicted as each class: int64 (classes, classes), rows true."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


@dataclass(frozen=True)
class ClassScores:
    """How right a network is on each class.

    Attributes:
        precision: float64 (classes,), the share of what was predicted as the class that is of it; 0 where nothing was.
        recall: float64 (classes,), the share of the class that was predicted as it; 0 where there is none of it.
        f1: float64 (classes,), their harmonic mean; 0 where both are.
        support: int64 (classes,), how many images are of the class.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]

    def average(self, *, weighted: bool) -> tuple[float, float, float]:
        """Precision, recall and F1 over all classes, each class counted once or by its support."""
        weights = self.support if weighted else None
        precision, recall, f1 = (float(np.average(x, weights=weights)) for x in (self.precision, self.recall, self.f1))
        return precision, recall, f1


def class_scores(confusion: NDArray[np.int64]) -> ClassScores:
    """Precision, recall, F1 and support of each class, from int64 (classes, classes), rows true."""
    hits, predicted, support = np.diag(confusion), confusion.sum(0), confusion.sum(1)
    return ClassScores(
        precision=_share(hits, predicted),
        recall=_share(hits, support),
        f1=_share(2 * hits, support + predicted),
        support=support,
    )


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)


def _report(scores: ClassScores, classes: Sequence[str], accuracy: float) -> dict[str, Any]:
    """The scores as scikit-learn's `classification_report` gives them with `output_dict`."""
    headers = ("precision", "recall", "f1-score", "support")
    columns = (scores.precision, scores.recall, scores.f1, scores.support)
    rows = zip(*(column.astype(np.float64).tolist() for column in columns), strict=True)
    report: dict[str, Any] = {
        name: dict(zip(headers, row, strict=True)) for name, row in zip(classes, rows, strict=True)
    }
    report["accuracy"] = accuracy
    total = float(scores.support.sum())
    for name, weighted in (("macro avg", False), ("weighted avg", True)):
        report[name] = dict(zip(headers, (*scores.average(weighted=weighted), total), strict=True))
    return report


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, (low, high) in [0, 1] (Wilson 1927)."""
    share, spread = right / total, Z_95**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return (centre - half if right else 0.0), (centre + half if right < total else 1.0)
