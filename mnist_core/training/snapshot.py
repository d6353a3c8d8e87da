"""What is recorded of one epoch, before it is bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

from mnist_core.inference.predictions import Predictions
from mnist_core.npz import Arrays, to_npz

__all__ = ["Snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """Everything that is recorded of one epoch.

    Attributes:
        epoch: 0 is the untrained network.
        metrics: losses, accuracies and penalty.
        seconds: wall time of the training steps.
        evaluation_seconds: wall time of the evaluation.
        predictions: by split, "validation" and "test".
        weights: every weight, by `layer/variable`.
        first_layer: id of the first layer that has a kernel.
        optimizer: what the optimiser remembers; empty for epoch 0.
    """

    epoch: int
    metrics: Mapping[str, float | None]
    seconds: float
    evaluation_seconds: float
    predictions: Mapping[str, Predictions]
    weights: Arrays
    first_layer: str
    optimizer: Arrays

    def files(self) -> dict[str, bytes]:
        """The files to keep of it, by artifact name."""
        arrays: Arrays = {}
        for split, predictions in self.predictions.items():
            arrays |= predictions.to_arrays(split)
        first = {key: value for key, value in self.weights.items() if key.startswith(self.first_layer + "/")}
        files = {"predictions": to_npz(arrays), "first_layer": to_npz(first), "weights": to_npz(self.weights)}
        return files | ({"optimizer": to_npz(self.optimizer)} if self.optimizer else {})
