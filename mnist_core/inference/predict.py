"""Predictions of recorded weights, without training: for splits of which none were recorded."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets import Dataset
from mnist_core.inference.forward import Forward, resident
from mnist_core.inference.predictions import Predictions
from mnist_core.networks.build import build_model, load_model_weights
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["predict"]


def predict(spec: RunSpec, weights: Arrays, dataset: Dataset, ids: NDArray[np.int32] | Sequence[int]) -> Predictions:
    """What a network with these weights says of some images.

    Args:
        spec: the run's specification.
        weights: float32 arrays by `layer/variable`, as a run records them.
        dataset: after grouping.
        ids: int32 (n,), image ids, at least one; the order of the answer.
    """
    model = build_model(spec.network.layers, seed=spec.seed, precision=spec.precision)
    load_model_weights(model, weights)
    return Forward(model).predict(resident(dataset.images, dataset.labels), np.asarray(ids, np.int32))
