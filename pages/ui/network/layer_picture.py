"""What leaves one layer for one image, as a picture with its scale and three numbers; of two passes, side by side."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.inspection import LayerActivation
from mnist_core.palette import Palette
from pages.ui.format import count, percent
from pages.ui.network.pictures import Scale, cells, indices, mosaic, png, scale_of, uri

__all__ = ["MOST_CHANNELS", "MOST_VALUES", "Room", "layer_html", "number", "scale_html"]

MOST_CHANNELS, MOST_VALUES = 64, 1024
"""How many are drawn of a layer that is folded."""

GREY = ("#000000", "#ffffff")
"""Pixels as they are stored."""

TILE = 44
"""About how wide a channel is, in pixels of the screen."""

CELLS = ((32, 20), (256, 14), (MOST_VALUES, 10))
"""Up to so many values, cells of so many pixels of the screen; more take the last."""

Floats = NDArray[np.float32]


class Room(NamedTuple):
    """How much a picture may take.

    Attributes:
        width: in pixels of the screen.
        is_folded: whether very wide layers show their first channels or values only.
    """

    width: int
    is_folded: bool


class _Laid(NamedTuple):
    """A picture, and how many pixels of the screen each of its pixels takes."""

    picture: NDArray[np.uint8]
    zoom: int


def layer_html(layers: Sequence[LayerActivation], room: Room, colours: Palette) -> str:
    """A layer's facts, its scale, and its picture for each of the passes, on one scale.

    Args:
        layers: the same layer of one pass, or of two.
        room: how much each picture may take.
        colours: of the theme.
    """
    scale = _scale(layers)
    shades = _shades(layers[0], scale, colours)
    figures = "".join(_figure(one, scale, shades, room) for one in layers)
    folded = _folded(layers[0].values, room)
    note = f'<span style="color:{colours.muted}">{folded}</span>' if folded else ""
    return (
        f'<div style="font-size:.8rem;line-height:1.35;color:{colours.text};font-variant-numeric:tabular-nums">'
        f'<div style="display:flex;flex-wrap:wrap;gap:2px 14px;align-items:center;margin-bottom:4px">'
        f"<span>{_shape(layers[0].values)}</span>{scale_html(scale, shades)}{note}</div>"
        f'<div style="display:flex;gap:20px">{figures}</div></div>'
    )


def scale_html(scale: Scale, shades: Sequence[str]) -> str:
    """The scale as a bar between its ends."""
    bar = f"background:linear-gradient(90deg,{','.join(shades)});width:60px;height:10px;border-radius:2px"
    return (
        f'<span style="display:inline-flex;gap:5px;align-items:center">{number(scale.low)}'
        f'<span style="display:inline-block;{bar}"></span>{number(scale.high)}</span>'
    )


def number(value: float) -> str:
    """A value of a layer in three digits: "0", "3.21", "-0.0412", "1.2e-05"."""
    return f"{value:.3g}"


def _scale(layers: Sequence[LayerActivation]) -> Scale:
    """Pixels and probabilities have the scale that they can reach."""
    if layers[0].name in ("pixels", "probabilities"):
        return Scale(0.0, 1.0, False)
    return scale_of(*(one.values for one in layers))


def _shades(layer: LayerActivation, scale: Scale, colours: Palette) -> Sequence[str]:
    if layer.name == "pixels":
        return GREY
    return colours.diverging if scale.signed else colours.sequential


def _figure(layer: LayerActivation, scale: Scale, shades: Sequence[str], room: Room) -> str:
    laid = _laid(layer.values, scale, room)
    rows, columns = laid.picture.shape
    size = f'width="{columns * laid.zoom}" height="{rows * laid.zoom}"'
    look = "max-width:100%;height:auto;image-rendering:pixelated;display:block"
    said = _said(layer.values)
    alt = escape(f"{layer.name}: {_shape(layer.values)}, {said}")
    address = uri(png(laid.picture, shades))
    return (
        f'<div style="flex:0 1 auto;min-width:0"><img src="{address}" alt="{alt}" {size} style="{look}">'
        f'<div style="margin-top:2px;opacity:.75">{said}</div></div>'
    )


def _laid(values: Floats, scale: Scale, room: Room) -> _Laid:
    if values.ndim == 1:
        shown = values[:MOST_VALUES] if room.is_folded else values
        zoom = next((size for most, size in CELLS if len(shown) <= most), CELLS[-1][1])
        across = _power(len(shown), room.width // zoom)
        return _Laid(cells(indices(shown, scale), across), zoom)
    shown = values[..., :MOST_CHANNELS] if room.is_folded else values
    zoom = max(round(TILE / max(values.shape[:2])), 1)
    across = _even(shown.shape[2], room.width // ((values.shape[1] + 1) * zoom))
    return _Laid(mosaic(indices(shown, scale), across), zoom)


def _even(pieces: int, most: int) -> int:
    """How many stand in a row, at most so many, so that rows are as equal as can be."""
    return -(-pieces // -(-pieces // max(most, 1)))


def _power(pieces: int, most: int) -> int:
    """How many stand in a row: all of them, or the greatest power of two that fits, so that places can be counted."""
    return pieces if pieces <= most else 2 ** (max(most, 1).bit_length() - 1)


def _folded(values: Floats, room: Room) -> str:
    most = MOST_VALUES if values.ndim == 1 else MOST_CHANNELS
    if not room.is_folded or values.shape[-1] <= most:
        return ""
    return f"the first {count(most)} of {count(values.shape[-1])}"


def _shape(values: Floats) -> str:
    if values.ndim == 1:
        return f"{count(len(values))} values"
    rows, columns, channels = values.shape
    return f"{rows} x {columns}, {count(channels)} channel{'s' * (channels > 1)}"


def _said(values: Floats) -> str:
    zeros = float((values == 0).mean())
    return f"{number(float(values.min()))} to {number(float(values.max()))}, {percent(zeros)} zeros"
