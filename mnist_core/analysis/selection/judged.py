"""What a run says of a split at an epoch, with the ids and true classes that it is about."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = ["Judge", "Judged"]


class Judged(NamedTuple):
    """What a run says of a split at an epoch; arrays are ordered by image id.

    Attributes:
        ids: int32 (n,), the images.
        labels: uint8 (n,), their true classes.
        predictions: of the same n images.
    """

    ids: NDArray[np.int32]
    labels: NDArray[np.uint8]
    predictions: Predictions


Judge = Callable[[str, int, str], Judged]
"""Reads what a run (its id) says at an epoch of a split."""
