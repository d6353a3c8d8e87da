"""A network as a picture: a box for each layer, in the order of the flow, residual branches drawn around their bodies.

The picture is made of pieces, one a layer or residual block, which the browser puts in rows as there is room. Colours
come from the theme, by the classes of `components/network_diagram/`.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import streamlit as st

from mnist_core.networks.layers import Activation, BatchNorm, Conv, Dense, Dropout, Flatten, Permute, Pool
from mnist_core.networks.shapes import INPUT_SHAPE, PlannedLayer, flat, plan
from mnist_core.spec import RunSpec
from pages.ui.component import component
from pages.ui.format import count

__all__ = ["detail_of", "draw_diagram", "pieces"]

WIDE, HIGH, ARROW = 150, 66, 18
ABOVE = 16
"""Room above the boxes for the name of a residual block."""
LEFT, RIGHT, BETWEEN, BELOW = 30, 36, 26, 14
ROW = 2 * WIDE + ARROW
"""How wide the rows of a residual block are at most, so that it fits on a phone."""
MIDDLE = HIGH / 2
PIXELS = 28
READ = (
    "Each box is a layer: what it does, the shape of what leaves it (rows, columns and channels, or values), and its"
    " parameters. The bar on the left is as high as its rows and the wider the more channels. A residual block adds"
    " what goes round it to what goes through it."
)

_COMPONENT = component("network_diagram")


class _Piece(NamedTuple):
    """A part of the picture; the flow enters it at (0, MIDDLE) and leaves it at (width, MIDDLE)."""

    width: float
    height: float
    drawn: str


def draw_diagram(spec: RunSpec, *, key: str) -> None:
    """Draws the network of a specification, and how to read it.

    Args:
        spec: whose network.
        key: identity of the diagram on the page.
    """
    layers = plan(spec.network.layers)
    total = len(list(flat(layers)))
    _COMPONENT(
        key=key,
        data={"label": f"Diagram of the network: {total} layers, as the table lists them", "pieces": pieces(layers)},
    )
    st.caption(READ)


def pieces(layers: Sequence[PlannedLayer]) -> list[str]:
    """The pieces of the picture as SVG, from the pixels to the probabilities.

    Args:
        layers: as `plan` gives them.
    """
    ends = layers[-1].output_shape
    boxes = [
        _box("pixels", "input", ("values in [0, 1]", _shape(INPUT_SHAPE), ""), INPUT_SHAPE),
        *map(_piece, layers),
        _box("probabilities", "input", ("softmax of the logits", _shape(ends), ""), ends),
    ]
    above = ABOVE if any(place.body for place in layers) else 0
    return [_svg(one, above, with_arrow=place > 0) for place, one in enumerate(boxes)]


def detail_of(place: PlannedLayer) -> str:
    """What a layer does in a few letters: "5x5 same, relu", "3x3 /2, linear", "512 units, relu", "max 2x2"."""
    match place.layer:
        case Conv(kernel=side, stride=stride, padding=padding, activation=activation):
            step, border = f" /{stride}" * (stride > 1), " same" * (padding == "same")
            return f"{side}x{side}{step}{border}, {activation}"
        case Dense(units=units, activation=activation):
            return f"{count(units)} units, {activation}"
        case Pool(mode=mode, size=size):
            return f"{mode} {size}x{size}"
        case Dropout(rate=rate):
            return f"rate {rate:g}"
        case BatchNorm(momentum=momentum):
            return f"momentum {momentum:g}"
        case Activation(function=function):
            return function
        case Flatten():
            return "in one line"
        case Permute(order=order):
            return f"order {', '.join(map(str, order))}"
        case _:
            return "adds the shortcut"


def _svg(piece: _Piece, above: int, *, with_arrow: bool) -> str:
    """The first piece has room where the others have their arrow, so that rows begin in one line."""
    width, height = piece.width + ARROW, piece.height + above
    arrow = _arrow(0, ARROW - 1, MIDDLE) if with_arrow else ""
    inside = f'<g transform="translate(0 {above})">{arrow}<g transform="translate({ARROW} 0)">{piece.drawn}</g></g>'
    return f'<svg width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">{inside}</svg>'


def _piece(place: PlannedLayer) -> _Piece:
    if place.body:
        return _residual(place)
    own = f"{count(place.parameters)} parameters" if place.parameters else ""
    return _box(place.id, place.layer.kind, (detail_of(place), _shape(place.output_shape), own), place.output_shape)


def _box(name: str, kind: str, lines: tuple[str, str, str], shape: Sequence[int]) -> _Piece:
    """A box with its name, three lines and a bar."""
    high, wide = _bar(shape)
    bar = (
        f'<rect class="bar {kind}" x="{18 - wide / 2:g}" y="{MIDDLE - high / 2:g}" width="{wide:g}" height="{high:g}"'
        ' rx="1"/>'
    )
    texts = "".join(
        f'<text class="{"name" if place == 0 else "line"}" x="36" y="{16 + 14 * place}">{escape(text)}</text>'
        for place, text in enumerate((name, *lines))
        if text
    )
    frame = f'<rect class="box" x="0.5" y="0.5" width="{WIDE - 1}" height="{HIGH - 1}" rx="6"/>'
    said = escape(", ".join(filter(None, (name, *lines))))
    return _Piece(WIDE, HIGH, f"<g><title>{said}</title>{frame}{bar}{texts}</g>")


def _bar(shape: Sequence[int]) -> tuple[float, float]:
    """Height and width of the bar of what leaves a layer, in pixels."""
    if len(shape) == 1:
        return min(10 + 10 * math.log10(shape[0]), 50), 4
    return max(50 * min(shape[0] / PIXELS, 1), 3), min(3 + 2.2 * math.log2(shape[2]), 26)


def _residual(place: PlannedLayer) -> _Piece:
    """The body in rows, and the shortcut, which leaves before the body, runs below it and is added at its end."""
    rows = _rows([_piece(inner) for inner in place.body])
    right = LEFT + max(_length(row) for row in rows)
    top, drawn = 0.0, []
    for index, row in enumerate(rows):
        drawn.append(_row(row, top, is_first=index == 0))
        deepest = max(one.height for one in row)
        if index < len(rows) - 1:
            drawn.append(_turn(top, (LEFT + _length(row), right), deepest))
            top += deepest + BETWEEN
    drawn.append(_sum((top, LEFT + _length(rows[-1]), right)))
    floor = top + max(one.height for one in rows[-1]) + BELOW
    drawn.append(_shortcut(place, (floor, right + RIGHT / 2 + 2, top + MIDDLE)))
    height = floor + (HIGH if place.shortcut else BELOW)
    name = f'<text class="name" x="{LEFT}" y="-5">{escape(place.id)}</text>'
    frame = f'<rect class="block" x="2.5" y="{0.5 - ABOVE}" width="{right + RIGHT - 5}" height="{height + ABOVE - 1}"/>'
    said = f"<title>{escape(place.id)}: adds its shortcut to what leaves its body, {_shape(place.output_shape)}</title>"
    return _Piece(right + RIGHT, height, f"<g>{said}{frame}{name}{''.join(drawn)}</g>")


def _rows(boxes: list[_Piece]) -> list[list[_Piece]]:
    rows: list[list[_Piece]] = [[]]
    for box in boxes:
        if rows[-1] and _length([*rows[-1], box]) > ROW:
            rows.append([])
        rows[-1].append(box)
    return rows


def _length(row: list[_Piece]) -> float:
    return sum(one.width for one in row) + ARROW * (len(row) - 1)


def _row(row: list[_Piece], top: float, *, is_first: bool) -> str:
    """The boxes of a row with the arrows into each."""
    start, drawn = float(LEFT), []
    from_left = 0.0 if is_first else ARROW
    for one in row:
        drawn.append(_arrow(from_left, start - 1, top + MIDDLE))
        drawn.append(f'<g transform="translate({start:g} {top:g})">{one.drawn}</g>')
        from_left = start + one.width
        start = from_left + ARROW
    return "".join(drawn)


def _turn(top: float, ends: tuple[float, float], deepest: float) -> str:
    """From the end of a row to the start of the next."""
    end, right = ends
    middle, floor = top + MIDDLE, top + deepest + BETWEEN / 2
    below = top + deepest + BETWEEN + MIDDLE
    return _line(f"M{end:g} {middle:g}H{right + 8:g}V{floor:g}H{ARROW}V{below:g}")


def _sum(ends: tuple[float, float, float]) -> str:
    """The circle in which both branches are added, and the way out."""
    top, end, right = ends
    x, y = right + RIGHT / 2 + 2, top + MIDDLE
    circle = f'<circle class="sum" cx="{x:g}" cy="{y:g}" r="8"/>'
    plus = _line(f"M{x - 4:g} {y:g}H{x + 4:g}M{x:g} {y - 4:g}V{y + 4:g}")
    way_out = f"M{x + 8:g} {y:g}H{right + RIGHT:g}" if top == 0 else f"M{x:g} {y - 8:g}V{MIDDLE:g}H{right + RIGHT:g}"
    return _arrow(end, x - 9, y) + circle + plus + _line(way_out)


def _shortcut(place: PlannedLayer, ends: tuple[float, float, float]) -> str:
    """From before the body down, below it to the right, and up into the sum; through a convolution where it has one."""
    floor, x, sum_at = ends
    level = floor + MIDDLE if place.shortcut else floor
    dot = f'<circle class="head" cx="8" cy="{MIDDLE:g}" r="2.5"/>'
    line = _line(f"M8 {MIDDLE:g}V{level:g}H{x:g}V{sum_at + 14:g}")
    tip = f"M{x - 3.5:g} {sum_at + 15:g}L{x:g} {sum_at + 9:g}L{x + 3.5:g} {sum_at + 15:g}z"
    through = ""
    if place.shortcut is not None:
        through = f'<g transform="translate({LEFT} {floor:g})">{_piece(place.shortcut).drawn}</g>'
    return f'{line}{dot}<path class="head" d="{tip}"/>{through}'


def _arrow(start: float, end: float, y: float) -> str:
    head = f'<path class="head" d="M{end - 6:g} {y - 3.5:g}L{end:g} {y:g}L{end - 6:g} {y + 3.5:g}z"/>'
    return _line(f"M{start:g} {y:g}H{end - 5:g}") + head


def _line(path: str) -> str:
    return f'<path class="flow-line" d="{path}"/>'


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(count, shape))
