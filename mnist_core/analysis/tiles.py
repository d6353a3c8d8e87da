"""Each unit's incoming weights as a small picture: kernels of convolutions, templates of dense layers on pixels."""

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.weights import Kernel, LayerWeights, by_unit
from mnist_core.errors import InvalidInput
from mnist_core.networks.layers import Activation, BatchNorm, Conv, Dropout, Flatten, Pool, Residual
from mnist_core.networks.shapes import INPUT_SHAPE, PlannedLayer, flat

__all__ = ["Strips", "Tiles", "layer_tiles", "scale_end", "unit_strips", "unit_tiles"]

IN_PLACE = (Activation, BatchNorm, Dropout, Flatten)
"""What leaves these has each pixel where it was."""

ALL_BUT = 0.001
"""The share of weights that may lie beyond the end of a colour scale, so that a few strong ones do not fade it."""

Shape = tuple[int, ...]


class Tiles(NamedTuple):
    """The units of a layer as pictures, where they can be had.

    Attributes:
        values: float32 (units, rows, columns), tile k of unit k; None where the layer does not see a picture.
        reason: why there are none, as a sentence; empty where there are.
        channels: how many input channels there are to choose from.
    """

    values: NDArray[np.float32] | None
    reason: str
    channels: int


class Strips(NamedTuple):
    """The units of a layer as lines, each the incoming weights of one.

    Attributes:
        values: float32 (units, 1, columns), line k of unit k.
        joined: how many weights share a column; the strongest of them is there.
    """

    values: NDArray[np.float32]
    joined: int


def layer_tiles(layer: LayerWeights, planned: Iterable[PlannedLayer], channel: int = 0) -> Tiles:
    """The units of a layer as pictures: any convolution's kernels, and a dense layer's templates on the pixels.

    A dense layer has templates where everything before it leaves the pixels in their places; after pooling, the tiles
    have as many rows and columns as are left.

    Args:
        layer: of the network.
        planned: the layers of the network, as `plan` gives them or `Run.layers`.
        channel: which input channel of a convolution.

    Raises:
        InvalidInput: there is no such channel, or no such layer in the network.
    """
    places = {place.id: place for place in flat(tuple(planned))}
    if layer.name not in places:
        raise InvalidInput(f"`layer` must be one of {', '.join(places)}, got `{layer.name}`.")
    if isinstance(places[layer.name].layer, Conv):
        return Tiles(unit_tiles(layer.kernel, (), channel), "", layer.kernel.shape[2])
    shape = _pixels_before(layer.name, places)
    if isinstance(shape, str):
        return Tiles(None, shape, 0)
    return Tiles(unit_tiles(layer.kernel, shape, channel), "", 1)


def unit_tiles(kernel: Kernel, input_shape: Shape, channel: int = 0) -> NDArray[np.float32] | None:
    """The incoming weights of each unit as a picture, tile k of unit k: float32 (units, rows, columns).

    Args:
        kernel: float32 (rows, columns, channels, units) or (inputs, units).
        input_shape: (rows, columns, channels) of what a dense layer sees before it is laid out in one line; anything
            else, such as (values,), is no picture, and the answer None. Convolutions do not need it.
        channel: which input channel the tiles show.

    Raises:
        InvalidInput: there is no such channel, or the kernel does not fit the shape.
    """
    if kernel.ndim == 2:
        if len(input_shape) != 3:
            return None
        if prod(input_shape) != len(kernel):
            shown = " x ".join(map(str, input_shape))
            raise InvalidInput(f"`input_shape` must hold the kernel's {len(kernel):,} inputs, got {shown}.")
        kernel = kernel.reshape(*input_shape, kernel.shape[-1])
    if not 0 <= channel < kernel.shape[2]:
        raise InvalidInput(f"`channel` must be between 0 and {kernel.shape[2] - 1}, got {channel}.")
    return np.ascontiguousarray(np.moveaxis(kernel[:, :, channel], -1, 0))


def unit_strips(kernel: Kernel, most: int) -> Strips:
    """The incoming weights of each unit as a line, for layers that do not see a picture.

    Args:
        kernel: float32 (..., units).
        most: columns at most; with more weights, neighbours share one.
    """
    incoming = by_unit(kernel).T
    units, inputs = incoming.shape
    joined = -(-inputs // most)
    columns = -(-inputs // joined)
    padded = np.zeros((units, columns * joined), np.float32)
    padded[:, :inputs] = incoming
    groups = padded.reshape(units, columns, joined)
    strongest = np.abs(groups).argmax(axis=-1)[..., None]
    return Strips(np.take_along_axis(groups, strongest, -1).reshape(units, 1, columns), joined)


def scale_end(kernels: Iterable[Kernel]) -> float:
    """Where one colour scale of several kernels, symmetric around 0, should end.

    At most one in a thousand of the finite weights lies beyond; 1.0 where all are 0.

    Args:
        kernels: float32, of any shape.
    """
    sizes = np.abs(np.concatenate([kernel.ravel() for kernel in kernels]))
    sizes = sizes[np.isfinite(sizes)]
    if not len(sizes):
        return 1.0
    place = len(sizes) - 1 - int(ALL_BUT * len(sizes))
    return float(np.partition(sizes, place)[place]) or float(sizes.max()) or 1.0


def _pixels_before(name: str, places: dict[str, PlannedLayer]) -> Shape | str:
    """The shape in which a dense layer's inputs lie as pixels, or a sentence that says why there is none."""
    shape: Shape = INPUT_SHAPE
    for place in places.values():
        if place.id == name:
            return shape
        if isinstance(place.layer, Residual) and any(inner.id == name for inner in flat(place.body)):
            continue
        if isinstance(place.layer, Pool):
            shape = place.output_shape
        elif not isinstance(place.layer, IN_PLACE):
            return f"Between the pixels and `{name}` stands `{place.id}`, so it has no templates."
    raise AssertionError(name)
