"""Arrays as small pictures: a mosaic of channels, cells of a vector, each pixel a value on a scale of colours."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["GAP", "Scale", "cells", "indices", "mosaic", "png", "ramp", "scale_of", "uri"]

LEVELS = 255
GAP = 255
"""The index of what lies between tiles; it is transparent."""

Floats = NDArray[np.float32]
Indices = NDArray[np.uint8]


class Scale(NamedTuple):
    """Which values the ends of a scale of colours stand for.

    Attributes:
        low: the value of the first colour.
        high: the value of the last colour; more than `low`.
        signed: whether it is symmetric around 0.
    """

    low: float
    high: float
    signed: bool


def scale_of(*arrays: Floats) -> Scale:
    """One scale for some arrays: from 0 where nothing is below 0, else symmetric around 0."""
    low = min(float(values.min()) for values in arrays)
    largest = max(float(np.abs(values).max()) for values in arrays)
    if low < 0:
        return Scale(-largest, largest, True)
    return Scale(0.0, largest or 1.0, False)


def indices(values: Floats, scale: Scale) -> Indices:
    """Values as places on a scale, 0 to 254, in the same shape; what lies beyond an end is the end."""
    share = (values.astype(np.float64) - scale.low) / (scale.high - scale.low)
    return np.rint(np.clip(share, 0, 1) * (LEVELS - 1)).astype(np.uint8)


def mosaic(values: Indices, across: int) -> Indices:
    """Channels as tiles in rows, tile k of channel k, with a gap of one pixel between them.

    Args:
        values: uint8 (rows, columns, channels).
        across: tiles in a row.
    """
    rows, columns, channels = values.shape
    down = -(-channels // across)
    filled = np.full((down * across, rows + 1, columns + 1), GAP, np.uint8)
    filled[:channels, :rows, :columns] = np.moveaxis(values, -1, 0)
    laid = filled.reshape(down, across, rows + 1, columns + 1).swapaxes(1, 2)
    return np.ascontiguousarray(laid.reshape(down * (rows + 1), across * (columns + 1))[:-1, :-1])


def cells(values: Indices, across: int) -> Indices:
    """A vector as cells in rows, one pixel each, the first at the top left; what is left of the last row is a gap."""
    filled = np.full(-(-len(values) // across) * across, GAP, np.uint8)
    filled[: len(values)] = values
    return filled.reshape(-1, across)


def png(picture: Indices, colours: Sequence[str], *, marked: str = "") -> bytes:
    """A picture as a PNG in the colours of a scale, gaps transparent.

    Args:
        picture: uint8 (rows, columns), as `indices` gives them.
        colours: at least two, such as "#1f6fb8", from the low end to the high.
        marked: what the last place on the scale, 254, looks like; empty where it is a value like others.
    """
    shades = ramp(colours)
    if marked:
        shades[LEVELS - 1] = _channels(marked)
    image = Image.frombytes("P", picture.shape[::-1], np.ascontiguousarray(picture).tobytes())
    image.putpalette(shades.tobytes())
    file = BytesIO()
    image.save(file, "PNG", transparency=GAP, compress_level=4)
    return file.getvalue()


def ramp(colours: Sequence[str]) -> NDArray[np.uint8]:
    """The colours of all indices: uint8 (256, 3), between the given ones in equal steps."""
    known = np.array([_channels(one) for one in colours], np.float64)
    places = np.linspace(0, len(known) - 1, LEVELS)
    steps = [np.interp(places, np.arange(len(known)), known[:, channel]) for channel in range(3)]
    return np.vstack([np.rint(np.stack(steps, axis=1)), np.zeros((1, 3))]).astype(np.uint8)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def uri(data: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{b64encode(data).decode()}"
