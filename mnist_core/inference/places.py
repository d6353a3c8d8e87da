"""Where in a network something is to be read: what a unit says to the others, and which places are those of the image.

Plain Python and NumPy over the layer stack as data.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.networks.layers import Activation, ActivationName, BatchNorm, Conv, Dropout, Permute, Residual
from mnist_core.networks.shapes import INPUT_SHAPE, PlannedLayer, flat

__all__ = ["ImagePlaces", "Voice", "image_places", "in_flow_order", "onto_pixels", "voice"]

Axes = tuple[int | None, int | None, int | None]

ROWS, COLUMNS = 0, 1
IMAGE: Axes = (ROWS, COLUMNS, None)


class Voice(NamedTuple):
    """Where the units of a layer speak: behind their activation function.

    Attributes:
        layer: the id of the layer whose output is theirs.
        function: the activation function.
    """

    layer: str
    function: ActivationName


class ImagePlaces(NamedTuple):
    """A layer whose places are places in the image.

    Attributes:
        layer: its id.
        axes: what its first and second axis are in the image: 0 rows, 1 columns, None neither.
    """

    layer: str
    axes: tuple[int | None, int | None]


def in_flow_order(planned: Sequence[PlannedLayer]) -> Iterator[PlannedLayer]:
    """Yields every layer in the order in which values flow: a residual layer behind its body and its shortcut."""
    for place in planned:
        yield from in_flow_order(place.body)
        if place.shortcut:
            yield place.shortcut
        yield place


def voice(planned: Sequence[PlannedLayer], layer: str) -> Voice:
    """Where the units of a layer speak.

    A layer with an activation function of its own speaks for itself. A linear one that an activation layer follows,
    straight or behind batch norm and dropout, speaks there: before it, its units are not what others hear.

    Args:
        planned: the layers of the network, as `plan` gives them.
        layer: id of one of them that has units.
    """
    stack = next(stack for stack in _stacks(planned) if any(place.id == layer for place in stack))
    at = next(index for index, place in enumerate(stack) if place.id == layer)
    own: ActivationName = getattr(stack[at].layer, "activation", "linear")
    if own != "linear":
        return Voice(layer, own)
    for place in stack[at + 1 :]:
        if isinstance(place.layer, Activation):
            return Voice(place.id, place.layer.function)
        if not isinstance(place.layer, BatchNorm | Dropout):
            break
    return Voice(layer, own)


def image_places(planned: Sequence[PlannedLayer]) -> ImagePlaces | None:
    """The last convolution, or residual layer with one, whose places are places in the image.

    What permute layers do to rows and columns is followed; of a convolution that keeps only one of them, the other is
    lost. None where no convolution keeps any, or only in a single place.

    Args:
        planned: the layers of the network, as `plan` gives them.
    """
    found, axes = None, IMAGE
    for place in planned:
        if len(place.output_shape) != len(INPUT_SHAPE):
            break
        axes = _behind(place, axes)
        keeps = any(axis is not None and side > 1 for axis, side in zip(axes[:2], place.output_shape, strict=False))
        if keeps and any(isinstance(one.layer, Conv) for one in flat((place,))):
            found = ImagePlaces(voice(planned, place.id).layer, axes[:2])
    return found


def onto_pixels(values: NDArray[np.float32], axes: tuple[int | None, int | None]) -> NDArray[np.float32]:
    """Spreads a map of a layer's places over the pixels: float32 (28, 28).

    Along an axis of the image, between the middles of the places in straight lines; an axis that is none of the image
    is averaged over, and one of the image that is lost has the same value everywhere.

    Args:
        values: float32 (rows, columns) of the layer.
        axes: as `ImagePlaces` has them.
    """
    lost = tuple(place for place, axis in enumerate(axes) if axis is None)
    left = [axis for axis in axes if axis is not None]
    found = values.mean(axis=lost, dtype=np.float64) if lost else values.astype(np.float64)
    if left == [COLUMNS, ROWS]:
        found, left = found.T, [ROWS, COLUMNS]
    for place, axis in enumerate(left):
        found = np.apply_along_axis(_stretched, place, found, INPUT_SHAPE[axis])
    if left == [ROWS]:
        found = found[:, None]
    return np.ascontiguousarray(np.broadcast_to(found, INPUT_SHAPE[:2]), dtype=np.float32)


def _stretched(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    middles = (np.arange(side) + 0.5) * len(values) / side - 0.5
    return np.interp(middles, np.arange(len(values)), values)


def _behind(place: PlannedLayer, axes: Axes) -> Axes:
    """What the axes are behind a layer: whoever mixes channels leaves none of the image there."""
    match place.layer:
        case Permute(order=order):
            first, second, third = (axes[axis - 1] for axis in order)
            return first, second, third
        case Conv():
            return axes[0], axes[1], None
        case Residual():
            for inner in place.body:
                axes = _behind(inner, axes)
    return axes


def _stacks(planned: Sequence[PlannedLayer]) -> Iterator[tuple[PlannedLayer, ...]]:
    yield tuple(planned)
    for place in planned:
        yield from _stacks(place.body) if place.body else ()
        if place.shortcut:
            yield (place.shortcut,)
