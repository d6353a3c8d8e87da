"""The forward pass with a switch at each unit of a layer; one graph for all choices of units and all epochs."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from mnist_core.backend import keras, tf
from mnist_core.inference.chunks import BATCHES_PER_CALL, Labelled, batch_size, chunks
from mnist_core.inference.forward import judged, of_judging, scaled
from mnist_core.inference.graph import graph, in_turn
from mnist_core.inference.network import network
from mnist_core.inference.places import voice
from mnist_core.inference.predictions import Predictions
from mnist_core.networks.shapes import plan
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["AblationForward", "ablation_forward"]


@lru_cache(maxsize=3)
def ablation_forward(spec: RunSpec, layer: str) -> "AblationForward":
    """The pass with switches at a layer; kept for a while, as one switches many units of a layer off and on."""
    return AblationForward(spec, layer)


class AblationForward:
    """Evaluates a network some of whose units are off, in evaluation mode.

    Args:
        spec: the run's specification.
        layer: id of the layer whose units can be switched.
    """

    def __init__(self, spec: RunSpec, layer: str) -> None:
        layers = spec.network.layers
        self._network, self._batch = network(spec), batch_size(layers)
        self._switches = _Switches(dtype=self._network.model.get_layer(layer).dtype_policy)
        self._model = self._with_switches(voice(plan(layers), layer).layer)
        self._judge = graph(self._judged)

    def predict(
        self, weights: Arrays, labelled: Labelled, off: Sequence[int], between: Callable[[], object]
    ) -> Predictions:
        """Predicts some images.

        Args:
            weights: float32 arrays by `layer/variable`.
            labelled: the images, at least one.
            off: the units that are off.
            between: called after each chunk of at most 2,000 images; may raise to end the pass.
        """
        with self._network.holding(weights):
            self._switches.turn(off)
            parts = []
            for chunk in chunks(labelled.images, self._batch):
                labels = tf.constant(chunk.filled(labelled.labels).astype(np.int32))
                found = self._judge(tf.constant(chunk.images), labels, tf.constant(chunk.batches))
                images = chunk.end - chunk.start
                parts.append([part.numpy().reshape(chunk.counts.size, -1)[:images] for part in found])
                between()
        predicted, loss, log_probabilities = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Predictions(predicted[:, 0], loss[:, 0], log_probabilities.astype(np.float16))

    def _with_switches(self, at: str) -> keras.Model:
        """The same layers, but that what leaves one goes through the switches."""

        def call(layer: Any, *arguments: Any, **options: Any) -> Any:
            out = layer(*arguments, **options)
            return self._switches(out) if layer.name == at else out

        whole = self._network.model
        return keras.models.clone_model(whole, clone_function=lambda layer: layer, call_function=call)

    def _judged(self, images: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def batch(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            return judged(self._model(scaled(images[index]), training=False), labels[index])

        return in_turn(batch, count, BATCHES_PER_CALL, of_judging(self._batch, self._model.output_shape[-1]))


class _Switches(keras.Layer):  # type: ignore[misc]  # Keras has no types
    """Lets each unit's values through, the last axis, or gives 0 in their place."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self._on = self.add_weight(shape=shape[-1:], initializer="ones", trainable=False, name="on")

    def call(self, values: Any) -> Any:
        return values * tf.cast(self._on, values.dtype)

    def turn(self, off: Sequence[int]) -> None:
        """Switches these off, and all others on."""
        on = np.ones(self._on.shape, np.float32)
        on[list(off)] = 0
        self._on.assign(on)
