"""The forward pass up to one layer, chunked like `Forward`; wide layers leave it as principal components."""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.principal import Basis, principal_basis
from mnist_core.backend import tf
from mnist_core.errors import InvalidInput
from mnist_core.inference.activations import COMPONENTS, WIDEST, Activations
from mnist_core.inference.chunks import BATCHES_PER_CALL, batch_size, chunks
from mnist_core.inference.forward import scaled
from mnist_core.inference.graph import graph, in_turn
from mnist_core.inference.network import network
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["LayerForward", "layer_forward"]

SAMPLE = 2000
SAMPLE_VALUES = 2**25
"""How many values the sample of a wide layer may have: 128 MB. Very wide layers have a smaller one."""


@lru_cache(maxsize=2)
def layer_forward(spec: RunSpec, layer: str) -> "LayerForward":
    """The pass up to a layer; kept for a while, as maps of a layer at many epochs need one graph."""
    return LayerForward(spec, layer)


class LayerForward:
    """Evaluates a network up to a layer, in evaluation mode.

    Args:
        spec: the run's specification.
        layer: id of the layer.
    """

    def __init__(self, spec: RunSpec, layer: str) -> None:
        self._layer, self._network = layer, network(spec)
        self._model = self._network.until(layer)
        self.width = prod(self._model.output_shape[1:])
        self._batch = batch_size(spec.network.layers)
        self._values = graph(self._values_of)
        self._components = graph(self._components_of)

    def read(self, weights: Arrays, images: NDArray[np.uint8], between: Callable[[], Any]) -> Activations:
        """What leaves the layer with these weights.

        Args:
            weights: float32 arrays by `layer/variable`.
            images: uint8 (n, 28, 28), at least 2.
            between: called after each chunk of at most 2,000 images; may raise to end the pass.
        """
        with self._network.holding(weights):
            if self.width <= WIDEST:
                return Activations(self._pass(images, BATCHES_PER_CALL, between), self.width, 1.0)
            return self._reduced(images, between)

    def _reduced(self, images: NDArray[np.uint8], between: Callable[[], Any]) -> Activations:
        basis = self._basis(images, between)
        values = np.empty((len(images), basis.directions.shape[1]), np.float32)
        total = self._project(images, basis, values, between)
        kept = float(values.var(axis=0, dtype=np.float64).sum())
        return Activations(values, self.width, min(kept / total, 1.0) if total > 0 else 1.0)

    def _basis(self, images: NDArray[np.uint8], between: Callable[[], Any]) -> Basis:
        most = min(SAMPLE, max(SAMPLE_VALUES // self.width, 8))
        rows = np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).round().astype(np.int64))
        sample = self._pass(images[rows], 1, between)
        if not np.isfinite(sample).all():
            raise InvalidInput(
                f"What leaves the layer must be finite numbers to be looked at, got NaN or infinity from"
                f" `{self._layer}`; take an earlier epoch."
            )
        return principal_basis(sample, min(COMPONENTS, len(sample) - 1))

    def _pass(self, images: NDArray[np.uint8], calls: int, between: Callable[[], Any]) -> NDArray[np.float32]:
        out = np.empty((len(images), self.width), np.float32)
        for chunk in chunks(images, self._batch, calls):
            values = self._values(tf.constant(chunk.images), tf.constant(chunk.batches))
            out[chunk.start : chunk.end] = values.numpy().reshape(-1, self.width)[: chunk.end - chunk.start]
            between()
        return out

    def _project(
        self, images: NDArray[np.uint8], basis: Basis, values: NDArray[np.float32], between: Callable[[], Any]
    ) -> float:
        """Fills in the components of each image; returns the variance of the whole layer, summed over its values."""
        mean, directions = tf.constant(basis.mean), tf.constant(basis.directions)
        squares, sums = 0.0, np.zeros(self.width)
        for chunk in chunks(images, self._batch):
            found = self._components(
                tf.constant(chunk.images), tf.constant(chunk.counts), tf.constant(chunk.batches), mean, directions
            )
            part, square, some = (one.numpy() for one in found)
            values[chunk.start : chunk.end] = part.reshape(-1, values.shape[1])[: chunk.end - chunk.start]
            squares += float(square.sum(dtype=np.float64))
            sums += some.sum(axis=0, dtype=np.float64)
            between()
        return squares / len(images) - float(np.square(sums / len(images)).sum())

    def _flat(self, images: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.cast(self._model(scaled(images), training=False), tf.float32), (self._batch, self.width))

    def _values_of(self, images: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        like = tf.TensorSpec((self._batch, self.width), tf.float32)
        (values,) = in_turn(lambda index: (self._flat(images[index]),), count, images.shape[0], (like,))
        return values

    def _components_of(
        self, images: tf.Tensor, counts: tf.Tensor, count: tf.Tensor, mean: tf.Tensor, directions: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """The components of each batch, each image's squares summed, and each value summed over a batch's images."""

        def batch(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            centred = (self._flat(images[index]) - mean) * counts[index][:, None]
            squares, sums = tf.reduce_sum(tf.square(centred), axis=1), tf.reduce_sum(centred, axis=0)
            return tf.matmul(centred, directions), squares, sums

        shapes = (self._batch, directions.shape[1]), (self._batch,), (self.width,)
        return in_turn(batch, count, images.shape[0], [tf.TensorSpec(shape, tf.float32) for shape in shapes])
