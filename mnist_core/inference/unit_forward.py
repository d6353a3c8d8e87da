"""The forward pass up to the units of a layer, of which only what is shown of them is kept."""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.units import BOUNDS, NEAR, UnitActivity
from mnist_core.backend import tf
from mnist_core.inference.chunks import BATCHES_PER_CALL, Labelled, batch_size, chunks
from mnist_core.inference.forward import scaled
from mnist_core.inference.graph import graph, in_turn
from mnist_core.inference.network import network
from mnist_core.inference.places import voice
from mnist_core.inference.units import SHOWN, Responses
from mnist_core.networks.shapes import plan
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["UnitForward", "unit_forward"]

Values = NDArray[np.float32]


@lru_cache(maxsize=2)
def unit_forward(spec: RunSpec, layer: str) -> "UnitForward":
    """The pass up to a layer's units; kept for a while, as one looks at many epochs."""
    return UnitForward(spec, layer)


class UnitForward:
    """Evaluates a network up to the units of a layer, in evaluation mode.

    Args:
        spec: the run's specification.
        layer: id of the layer.
    """

    def __init__(self, spec: RunSpec, layer: str) -> None:
        layers = spec.network.layers
        self._network, self._batch = network(spec), batch_size(layers)
        at, self._function = voice(plan(layers), layer)
        self._model = self._network.until(at)
        *places, self._units = self._model.output_shape[1:]
        self._places, self._classes = prod(places), spec.classes
        self._answers = graph(self._answers_of)

    def read(self, weights: Arrays, labelled: Labelled, between: Callable[[], object]) -> Responses:
        """How the units answer with these weights.

        Args:
            weights: float32 arrays by `layer/variable`.
            labelled: the images, at least one.
            between: called after each chunk of at most 2,000 images; may raise to end the pass.
        """
        sums, at_bounds = np.zeros((self._units, self._classes)), np.zeros(self._units, np.int64)
        top, bottom = _Ranking(self._units, 1), _Ranking(self._units, -1)
        with self._network.holding(weights):
            for chunk in chunks(labelled.images, self._batch):
                found = self._answers(tf.constant(chunk.images), tf.constant(chunk.counts), tf.constant(chunk.batches))
                answers = found[0].numpy().reshape(-1, self._units)[: chunk.end - chunk.start]
                at_bounds += found[1].numpy()
                sums += _by_class(answers, labelled.labels[chunk.start : chunk.end], self._classes)
                for ranking in (top, bottom):
                    ranking.take(answers, chunk.start)
                between()
        counts = np.bincount(labelled.labels, minlength=self._classes)
        values = len(labelled.labels) * self._places
        return Responses(
            mean=np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32),
            top=top.rows,
            top_values=top.values,
            bottom=bottom.rows,
            bottom_values=bottom.values,
            activity=UnitActivity(self._function, values, top.values[:, 0], at_bounds),
        )

    def _answers_of(self, images: tf.Tensor, counts: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Each unit's highest value of each image, and how many values of each unit lie at a bound."""

        def batch(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            said = tf.cast(self._model(scaled(images[index]), training=False), tf.float32)
            said = tf.reshape(said, (self._batch, self._places, self._units))
            return tf.reduce_max(said, axis=1), self._near_bounds(said, counts[index])

        like = tf.TensorSpec((self._batch, self._units), tf.float32), tf.TensorSpec((self._units,), tf.int64)
        highest, at_bounds = in_turn(batch, count, BATCHES_PER_CALL, like)
        return highest, tf.reduce_sum(at_bounds, axis=0)

    def _near_bounds(self, said: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        if self._function not in BOUNDS:
            return tf.zeros(self._units, tf.int64)
        low, high = BOUNDS[self._function]
        margin = NEAR * (high - low)
        near = tf.logical_or(said <= low + margin, said >= high - margin)
        return tf.reduce_sum(tf.cast(tf.logical_and(near, counts[:, None, None] > 0), tf.int64), axis=(0, 1))


class _Ranking:
    """The images with the highest answers of each unit so far, or with `sign` -1 the lowest; equal ones by row."""

    def __init__(self, units: int, sign: int) -> None:
        self._sign = sign
        self.values = np.empty((units, 0), np.float32)
        self.rows = np.empty((units, 0), np.int32)

    def take(self, answers: Values, start: int) -> None:
        """Takes more images: float32 (n, units), rows from `start`."""
        known = self.values.shape[1]
        pool = np.concatenate([self.values, answers.T], axis=1)
        places = tf.math.top_k(self._sign * pool, min(SHOWN, pool.shape[1])).indices.numpy()
        self.values = np.take_along_axis(pool, places, axis=1)
        rows = places - known + start
        if known:
            before = np.take_along_axis(self.rows, np.minimum(places, known - 1), axis=1)
            rows = np.where(places < known, before, rows)
        self.rows = rows.astype(np.int32)


def _by_class(answers: Values, labels: NDArray[np.uint8], classes: int) -> NDArray[Any]:
    """The sum of the answers to the images of each class: float64 (units, classes)."""
    return np.stack([answers[labels == label].sum(axis=0, dtype=np.float64) for label in range(classes)], axis=1)
