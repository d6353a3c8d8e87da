"""The forward pass over recorded images, chunked like training, so that stop and heartbeat work during it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.backend import keras, tf
from mnist_core.inference.chunks import BATCH, BATCHES_PER_CALL
from mnist_core.inference.graph import graph, in_turn
from mnist_core.inference.predictions import LOWEST_LOG_PROBABILITY, Predictions

__all__ = ["Examples", "Forward", "judged", "of_judging", "resident", "scaled"]


@dataclass(frozen=True)
class Examples:
    """A whole dataset that stays on the device.

    Attributes:
        images: uint8 (n, 28, 28, 1).
        labels: int32 (n,), the true classes, after grouping.
    """

    images: tf.Tensor
    labels: tf.Tensor


def resident(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Examples:
    """Puts images, uint8 (n, 28, 28), and their labels, uint8 (n,), on the device."""
    return Examples(tf.constant(images[..., None]), tf.constant(labels.astype(np.int32)))


def scaled(images: tf.Tensor) -> tf.Tensor:
    """The graph's side of `to_model_input`: uint8 (n, 28, 28, 1) to float32 in [0, 1]."""
    return tf.cast(images, tf.float32) / 255.0


def judged(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What is recorded of a batch: the most probable class, the loss, and the logarithms of the probabilities.

    Args:
        logits: float32 (n, classes).
        labels: int32 (n,), the true classes.
    """
    log = tf.nn.log_softmax(logits)
    loss = -tf.gather(log, labels, axis=1, batch_dims=1)
    return tf.cast(tf.argmax(logits, -1), tf.uint8), loss, tf.maximum(log, LOWEST_LOG_PROBABILITY)


def of_judging(batch: int, classes: int) -> tuple[tf.TensorSpec, ...]:
    """Shape and dtype of what `judged` returns of a batch."""
    rows = tf.TensorSpec((batch,), tf.uint8), tf.TensorSpec((batch,), tf.float32)
    return *rows, tf.TensorSpec((batch, classes), tf.float32)


class Forward:
    """Evaluates a model, in evaluation mode, over examples that are resident on the device.

    Args:
        model: takes float32 (n, 28, 28, 1) in [0, 1] and returns logits.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._call = graph(self._predict)

    def predict(
        self, examples: Examples, ids: NDArray[np.int32], between: Callable[[], Any] = lambda: None
    ) -> Predictions:
        """Predicts some images.

        Args:
            examples: the dataset.
            ids: int32 (n,), image ids, at least one.
            between: called after each 2,000 images; may raise to end the pass.
        """
        size = BATCH * BATCHES_PER_CALL
        parts = []
        for start in range(0, len(ids), size):
            chunk = ids[start : start + size]
            batches = -(-len(chunk) // BATCH)
            padded = np.resize(chunk, size).astype(np.int32).reshape(BATCHES_PER_CALL, BATCH)
            found = self._call(examples.images, examples.labels, tf.constant(padded), tf.constant(batches))
            parts.append([part.numpy().reshape(size, -1)[: len(chunk)] for part in found])
            between()
        predicted, loss, log_probabilities = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Predictions(predicted[:, 0], loss[:, 0], log_probabilities.astype(np.float16))

    def _predict(
        self, images: tf.Tensor, labels: tf.Tensor, batches: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def batch(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            ids = batches[index]
            logits = self._model(scaled(tf.gather(images, ids)), training=False)
            return judged(logits, tf.gather(labels, ids))

        return in_turn(batch, count, BATCHES_PER_CALL, of_judging(BATCH, self._model.output_shape[-1]))
