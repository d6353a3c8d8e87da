"""Units as tiles on the page: what the browser gets of them, a byte a weight and a header, and what it says back."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.palette import Palette
from pages.ui.component import component
from pages.ui.guard import guarded
from pages.ui.theme import palette

__all__ = ["LEVELS", "Mosaic", "Panel", "Scale", "draw_mosaic", "levels", "payload", "signed"]

LEVELS = 255
"""Steps of the colour scale, the middle one for 0; one more level is for what is not a number."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Panel:
    """One sheet of tiles.

    Attributes:
        title: stands above; may be empty.
        parts: which parts stand in each cell, side by side.
    """

    title: str
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Scale:
    """What the colours mean.

    Attributes:
        name: of what is drawn.
        end: the value of the last colour; the first is its negative.
    """

    name: str
    end: float


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Some units, and what is drawn and said of each.

    Attributes:
        label: what the tiles are, for screen readers.
        units: the unit at each place.
        parts: float32 (n, rows, columns) each: the pictures of these units, such as before, now and the difference.
        panels: which parts stand where.
        scales: by which the parts and the biases are drawn.
        scale_of: the place of the scale of each part, and behind them that of the biases where there are some.
        biases: float32 (n,) for each part; empty where none are drawn.
        names: of each unit.
        said: what else is to be told of each.
        flagged: whether each bears a mark in its corner.
        slots: how many places a full page has.
        across: how many tiles stand beside each other; 0 for as many as there is room for.
        is_heat_map: whether each picture is a line.
        labels: a short text under each; empty where there is none.
        chosen: the unit that is marked.
    """

    label: str
    units: tuple[int, ...]
    parts: tuple[Floats, ...]
    panels: tuple[Panel, ...]
    scales: tuple[Scale, ...]
    scale_of: tuple[int, ...]
    names: Sequence[str]
    said: Sequence[str]
    slots: int
    across: int
    biases: tuple[Floats, ...] = ()
    flagged: Sequence[bool] = ()
    is_heat_map: bool = False
    labels: Sequence[str] = ()
    chosen: int | None = None


LEAST_CELL = 132
"""Pixels of a cell, where as many stand beside each other as there is room for."""

FEW = 9
"""Up to so many tiles are so large that nothing need be magnified."""

_COMPONENT = component("tiles")


def draw_mosaic(mosaic: Mosaic, *, key: str, on_choose: Callable[[int], None] | None = None) -> None:
    """Draws it, with its scales above and a line for the unit that is pointed at below.

    Args:
        mosaic: what to draw.
        key: identity on the page.
        on_choose: called with a unit that somebody chooses, one of those shown, before the page runs again; None where
            there is nothing to choose.
    """
    data = payload(mosaic, palette(), chooses=on_choose is not None)
    if on_choose is None:
        _COMPONENT(key=key, data=data)
    else:
        _COMPONENT(key=key, data=data, on_choose_change=_chooser(key, mosaic.units, on_choose))


def _chooser(key: str, units: Sequence[int], on_choose: Callable[[int], None]) -> Callable[[], None]:
    @guarded
    def chosen() -> None:
        told = st.session_state.get(key)
        unit = told.get("choose") if told is not None else None
        if type(unit) is int and unit in units:
            on_choose(unit)

    return chosen


def payload(mosaic: Mosaic, colours: Palette, *, chooses: bool) -> bytes:
    """What the browser gets: the header's length, the header, the levels of each part, then those of the biases.

    Args:
        mosaic: what to draw.
        colours: of the theme.
        chooses: whether units can be chosen.
    """
    ends = [mosaic.scales[place].end for place in mosaic.scale_of]
    arrays = [levels(part, end) for part, end in zip(mosaic.parts, ends, strict=False)]
    arrays += [levels(one, ends[-1]) for one in mosaic.biases]
    text = json.dumps(_header(mosaic, colours) | {"chooses": chooses}, separators=(",", ":")).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *(one.tobytes() for one in arrays)])


def levels(values: Floats, end: float) -> NDArray[np.uint8]:
    """The step of the colour scale of each value: 0 for -end and less, 127 for 0, 254 for end and more.

    What is not a number gets 255.
    """
    middle = (LEVELS - 1) // 2
    steps = np.clip(np.nan_to_num(values, nan=0) / end, -1, 1) * middle + middle
    return np.where(np.isnan(values), LEVELS, np.rint(steps)).astype(np.uint8)


def signed(value: float, digits: int = 3) -> str:
    """A weight in so many significant digits, with a minus sign where it is below 0."""
    return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}", 1) if value < 0 else f"{value:.{digits}g}"


def _header(mosaic: Mosaic, colours: Palette) -> dict[str, Any]:
    count, rows, columns = mosaic.parts[0].shape
    return {
        "label": mosaic.label,
        "units": mosaic.units,
        "parts": len(mosaic.parts),
        "rows": rows,
        "columns": columns,
        "panels": [{"title": one.title, "parts": one.parts} for one in mosaic.panels],
        "scales": [{"name": one.name, "ends": [signed(-one.end), "0", signed(one.end)]} for one in mosaic.scales],
        "biased": len(mosaic.biases) > 0,
        "names": mosaic.names,
        "said": mosaic.said,
        "flagged": list(mosaic.flagged) or [False] * count,
        "slots": mosaic.slots,
        "across": mosaic.across,
        "least": 0 if mosaic.across else LEAST_CELL,
        "strips": mosaic.is_heat_map,
        "magnified": not mosaic.is_heat_map and mosaic.slots > FEW,
        "labels": list(mosaic.labels) or None,
        "chosen": mosaic.chosen,
        "colours": colours.diverging,
        "odd": colours.wrong,
        "theme": {"text": colours.text, "background": colours.background},
    }
