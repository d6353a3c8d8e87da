"""What a network says of each image of a split: the record that every view of predictions reads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOWEST_LOG_PROBABILITY", "Predictions"]

LOWEST_LOG_PROBABILITY = -60_000.0
"""float16 ends at -65,504; less than this is recorded as this."""


@dataclass(frozen=True)
class Predictions:
    """The predictions of one split, ordered by image id; 5 bytes an image and 2 more a class.

    Attributes:
        predicted: uint8 (n,), the most probable class.
        loss: float32 (n,), cross-entropy of the true class in nats.
        log_probabilities: float16 (n, classes), natural logarithm, at most 0.
    """

    predicted: NDArray[np.uint8]
    loss: NDArray[np.float32]
    log_probabilities: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.predicted)

    def probabilities(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """The probabilities of some images: float32 (rows, classes) in [0, 1], as exact as float16 logarithms are."""
        chosen: NDArray[np.float32] = np.exp(self.log_probabilities[rows].astype(np.float32))
        return chosen

    def take(self, rows: NDArray[np.integer]) -> "Predictions":
        """Those of some images, in the order of `rows`; copies."""
        return Predictions(self.predicted[rows], self.loss[rows], self.log_probabilities[rows])

    def to_arrays(self, split: str) -> dict[str, NDArray[np.generic]]:
        """The arrays as they stand in `predictions.npz`, each name beginning with the split."""
        return {
            f"{split}_predicted": self.predicted,
            f"{split}_loss": self.loss,
            f"{split}_log_probabilities": self.log_probabilities,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], split: str) -> "Predictions":
        """Reads one split from the arrays of `predictions.npz`."""
        return cls(
            predicted=arrays[f"{split}_predicted"].astype(np.uint8, copy=False),
            loss=arrays[f"{split}_loss"].astype(np.float32, copy=False),
            log_probabilities=arrays[f"{split}_log_probabilities"].astype(np.float16, copy=False),
        )
