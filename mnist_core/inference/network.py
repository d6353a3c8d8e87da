"""The network of a run, built once for all that is asked of its inside; who computes with it holds its weights."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from mnist_core.backend import keras
from mnist_core.networks.build import build_model, load_model_weights
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["Network", "network"]


@lru_cache(maxsize=2)
def network(spec: RunSpec) -> "Network":
    """The network of a specification; kept for a while, and as long as a graph of it is."""
    return Network(spec)


class Network:
    """A Keras model whose weights change from question to question.

    Args:
        spec: the run's specification.

    Attributes:
        model: takes float32 (n, 28, 28, 1) in [0, 1] and returns logits.
    """

    def __init__(self, spec: RunSpec) -> None:
        self.model: keras.Model = build_model(spec.network.layers, seed=spec.seed, precision=spec.precision)
        self._lock = threading.Lock()

    def until(self, layer: str) -> keras.Model:
        """The part that ends with a layer."""
        return keras.Model(self.model.input, self.model.get_layer(layer).output)

    @contextmanager
    def holding(self, weights: Arrays) -> Iterator[None]:
        """With these weights, float32 by `layer/variable`; nobody else changes them meanwhile."""
        with self._lock:
            load_model_weights(self.model, weights)
            yield
