"""In which order to look at images: the surest errors, the highest loss, or the longest wrong first."""

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.errors import confidence_gap
from mnist_core.errors import InvalidInput
from mnist_core.inference.predictions import Predictions

__all__ = ["ORDERS", "ordered"]

ORDERS = ("most confident", "highest loss", "longest wrong")

Rows = NDArray[np.int64]


def ordered(
    rows: NDArray[np.integer],
    order: str,
    *,
    labels: NDArray[np.uint8],
    predictions: Predictions,
    wrong_for: NDArray[np.integer],
) -> NDArray[np.int64]:
    """The same rows in the order of looking, equal ones by row: int64 (rows,).

    Args:
        rows: integers (rows,), which images, in any order.
        order: one of `ORDERS`. "most confident" puts errors first, by p(predicted) - p(true), and then what is right,
            by its probability.
        labels: uint8 (n,), the true classes.
        predictions: of the same n images.
        wrong_for: integers (n,), for how many epochs in a row each image is wrong; only "longest wrong" reads it.

    Raises:
        InvalidInput: there is no such order.
    """
    if order not in ORDERS:
        raise InvalidInput(f"`order` must be one of {', '.join(ORDERS)}, got {order!r}.")
    ascending = np.sort(rows).astype(np.int64)
    if order == "most confident":
        wrong = labels[ascending] != predictions.predicted[ascending]
        return _by_confidence(ascending[wrong], ascending[~wrong], labels, predictions)
    return _falling(ascending, (predictions.loss if order == "highest loss" else wrong_for)[ascending])


def _by_confidence(wrong: Rows, right: Rows, labels: NDArray[np.uint8], predictions: Predictions) -> Rows:
    own = predictions.probabilities(right)[np.arange(len(right)), labels[right]]
    return np.concatenate([_falling(wrong, confidence_gap(labels, predictions, wrong)), _falling(right, own)])


def _falling(ascending: Rows, values: NDArray[np.number]) -> Rows:
    return ascending[np.argsort(-values.astype(np.float64), kind="stable")]
