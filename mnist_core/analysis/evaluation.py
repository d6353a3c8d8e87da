"""How right a network is on a split: accuracy with its interval, confusion matrix, per-class report."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = ["Evaluation", "confusion_matrix", "evaluate", "wilson_interval"]

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
    from sklearn.metrics import classification_report

    right = int(np.count_nonzero(labels == predictions.predicted))
    report = classification_report(
        labels,
        predictions.predicted,
        labels=range(len(classes)),
        target_names=classes,
        output_dict=True,
        zero_division=0.0,
    )
    return Evaluation(
        epoch=epoch,
        split=split,
        loss=float(predictions.loss.mean(dtype=np.float64)),
        accuracy=right / len(labels),
        errors=len(labels) - right,
        interval=wilson_interval(right, len(labels)),
        confusion=confusion_matrix(labels, predictions.predicted, len(classes)),
        report=report,
    )


def confusion_matrix(labels: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    """Counts how often each true class was predicted as each class: int64 (classes, classes), rows true."""
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, (low, high) in [0, 1] (Wilson 1927)."""
    share, spread = right / total, Z_95**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return (centre - half if right else 0.0), (centre + half if right < total else 1.0)
