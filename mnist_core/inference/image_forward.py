"""One image through a network, forwards and backwards; one set of graphs for all epochs of a run."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from mnist_core.backend import keras, tf
from mnist_core.inference.activations import PIXELS
from mnist_core.inference.graph import graph
from mnist_core.inference.image import PROBABILITIES, LayerActivation, Saliency
from mnist_core.inference.network import network
from mnist_core.inference.places import image_places, in_flow_order, onto_pixels
from mnist_core.networks.shapes import INPUT_SHAPE, flat, plan
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["ImageForward", "image_forward"]

STEPS = 32
"""In so many steps the way from black to the image is taken."""

SQUARE, APART = 4, 2
"""The side of the square that covers pixels, and how far the next one is."""

ONE_CALL, CALL_VALUES = 64, 2**25
"""How many images go through at a time, and how many values may leave all layers for them: 128 MB."""

Batch = NDArray[np.float32]


@lru_cache(maxsize=3)
def image_forward(spec: RunSpec) -> "ImageForward":
    """The passes of one image; kept for a while, as one looks at many images and epochs."""
    return ImageForward(spec)


class ImageForward:
    """Sends single images through a network, in evaluation mode.

    Args:
        spec: the run's specification.
    """

    def __init__(self, spec: RunSpec) -> None:
        planned = plan(spec.network.layers)
        self._network = network(spec)
        self._whole = self._network.model
        self._layers = [(place.id, place.layer.kind) for place in in_flow_order(planned)]
        values = sum(prod(place.output_shape) for place in flat(planned))
        self._images = min(ONE_CALL, max(CALL_VALUES // values, 1))
        outputs = [self._whole.get_layer(name).output for name, _ in self._layers]
        self._to_layers = keras.Model(self._whole.input, outputs)
        self._every_layer = graph(self._every_layer_of, input_signature=[IMAGES])
        self._logits = graph(self._logits_of, input_signature=[IMAGES])
        self._gradients = graph(self._gradients_of, input_signature=[IMAGES, TARGET])
        self._places = image_places(planned)
        if self._places:
            found = self._whole.get_layer(self._places.layer).output
            self._to_places = keras.Model(self._whole.input, [found, self._whole.output])
            self._cam = graph(self._cam_of, input_signature=[IMAGES, TARGET])

    def activations(self, weights: Arrays, image: NDArray[np.uint8]) -> tuple[LayerActivation, ...]:
        """What leaves every layer, as `image_activations` says."""
        pixels = _pixels(image)
        with self._network.holding(weights):
            found = [tf.cast(values, tf.float32).numpy()[0] for values in self._every_layer(pixels)]
        named = [LayerActivation(*layer, values) for layer, values in zip(self._layers, found, strict=True)]
        first = LayerActivation(PIXELS, PIXELS, pixels[0])
        last = LayerActivation(PROBABILITIES, PROBABILITIES, _softmax(found[-1]))
        return first, *named, last

    def saliency(
        self, weights: Arrays, image: NDArray[np.uint8], targets: Sequence[int], between: Callable[[], object]
    ) -> Iterator[Saliency]:
        """By each method that fits, as the function of this name says."""
        pixels = _pixels(image)
        with self._network.holding(weights):
            between()
            ways = [self._way(pixels, target, between) for target in targets]
            yield from (Saliency("gradient", target, way[-1]) for target, way in zip(targets, ways, strict=True))
            for target, way in zip(targets, ways, strict=True):
                yield Saliency("integrated_gradients", target, pixels[0, ..., 0] * way[:-1].mean(axis=0))
            covered = self._covered(pixels, between)
            yield from (Saliency("occlusion", target, covered[..., target]) for target in targets)
            if self._places:
                for target in targets:
                    cam = self._cam(pixels, target).numpy()
                    yield Saliency("grad_cam", target, onto_pixels(cam, self._places.axes), self._places.layer)

    def _way(self, pixels: Batch, target: int, between: Callable[[], object]) -> Batch:
        """The gradients in the middle of each step from black to the image, then in the image itself."""
        shares = np.append((np.arange(STEPS) + 0.5) / STEPS, 1).astype(np.float32)
        way = shares[:, None, None, None] * pixels
        return np.concatenate([self._gradients(part, target).numpy() for part in self._parts(way, between)])[..., 0]

    def _covered(self, pixels: Batch, between: Callable[[], object]) -> Batch:
        """By how much each class's logit falls where a pixel is covered: float32 (28, 28, classes)."""
        rows, columns, _ = INPUT_SHAPE
        corners = [(row, column) for row in _starts(rows) for column in _starts(columns)]
        covers = np.zeros((len(corners), rows, columns), np.float32)
        for cover, (row, column) in zip(covers, corners, strict=True):
            cover[row : row + SQUARE, column : column + SQUARE] = 1
        given = np.concatenate([pixels, pixels * (1 - covers[..., None])])
        logits = np.concatenate([self._logits(part).numpy() for part in self._parts(given, between)])
        fallen = np.tensordot(covers, logits[:1] - logits[1:], axes=(0, 0))
        found: Batch = (fallen / covers.sum(axis=0)[..., None]).astype(np.float32)
        return found

    def _parts(self, images: Batch, between: Callable[[], object]) -> Iterator[Batch]:
        for start in range(0, len(images), self._images):
            yield images[start : start + self._images]
            between()

    def _every_layer_of(self, images: tf.Tensor) -> list[tf.Tensor]:
        return self._to_layers(images, training=False)  # type: ignore[no-any-return]

    def _logits_of(self, images: tf.Tensor) -> tf.Tensor:
        return self._whole(images, training=False)

    def _gradients_of(self, images: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            score = tf.reduce_sum(self._whole(images, training=False)[:, target])
        return tape.gradient(score, images, unconnected_gradients="zero")

    def _cam_of(self, images: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Where the features of the first image that raise the score are, weighted by how much they do."""
        with tf.GradientTape() as tape:
            tape.watch(images)
            found, logits = self._to_places(images, training=False)
            score = logits[:, target]
        slopes = tf.cast(tape.gradient(score, found, unconnected_gradients="zero"), tf.float32)
        weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * tf.cast(found, tf.float32), axis=-1))[0]


IMAGES = tf.TensorSpec((None, *INPUT_SHAPE), tf.float32)
TARGET = tf.TensorSpec((), tf.int32)


def _pixels(image: NDArray[np.uint8]) -> Batch:
    """The image as a batch of one, float32 (1, 28, 28, 1) in [0, 1], divided as the graphs of training divide."""
    return (image.astype(np.float32) / np.float32(255))[None, ..., None]


def _starts(side: int) -> range:
    return range(0, side - SQUARE + 1, APART)


def _softmax(logits: Batch) -> Batch:
    raised = np.exp(logits - logits.max())
    shares: Batch = raised / raised.sum()
    return shares
