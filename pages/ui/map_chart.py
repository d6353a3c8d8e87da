"""The map as a plain chart, for browsers that draw nothing by WebGL."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.palette import Palette, class_colour
from pages.ui.guard import guarded
from pages.ui.map_points import MapLook, MapPoints, colour_scale
from pages.ui.theme import palette

__all__ = ["MOST_POINTS", "draw_map_chart", "map_chart", "rows_selected"]

MOST_POINTS = 10_000
FAINT, CLEAR = 0.15, 0.8
DIGITS = 4
BANDS = 7
SAID = 40
"""Height of the sentence above the chart, in pixels."""

Group = tuple[str, str, NDArray[np.int_]]
"""Name, colour and rows of the points that share both."""


def draw_map_chart(
    points: MapPoints,
    look: MapLook,
    *,
    key: str,
    selected: NDArray[np.bool_] | None,
    on_select: Callable[[tuple[int, ...]], None],
) -> None:
    """Draws at most 10,000 points, evenly taken; a click on one and the brush select.

    Args:
        points: to show.
        look: how; its frame of reference, bounds and images play no part here.
        key: of the chart.
        selected: bool (n,), which are selected; None where nothing is.
        on_select: called with the ids of what somebody selects; an empty tuple takes the selection away.
    """
    groups = groups_of(points, look, palette())

    @guarded
    def select() -> None:
        rows = rows_selected(st.session_state.get(key), groups)
        on_select(tuple(sorted(points.ids[rows].tolist())))

    alt = f"{look.label}: {len(points.ids):,} images by {look.colour_by}."
    spec = map_chart(points, groups, selected, palette())
    st.echarts_chart(spec, key=key, height=look.height - SAID, on_select=select, alt=alt)


def groups_of(points: MapPoints, look: MapLook, colours: Palette) -> list[Group]:
    """The points by colour; those of a scale of numbers in bands."""
    rows = np.linspace(0, len(points.ids) - 1, min(len(points.ids), MOST_POINTS)).astype(np.int64)
    if look.colour_by == "right or wrong" and points.predicted is not None:
        right = points.predicted[rows] == points.labels[rows]
        return [("right", colours.right, rows[right]), ("wrong", colours.wrong, rows[~right])]
    if look.colour_by in ("true class", "predicted class"):
        of = points.predicted if look.colour_by == "predicted class" and points.predicted is not None else points.labels
        return [(name, class_colour(at), rows[of[rows] == at]) for at, name in enumerate(look.classes)]
    return _bands(points, look, colours, rows)


def _bands(points: MapPoints, look: MapLook, colours: Palette, rows: NDArray[np.int64]) -> list[Group]:
    scale = colour_scale(points, look, colours)
    values = {"confidence": points.confidence, "loss": points.loss, "epoch learnt": points.learnt}[look.colour_by]
    known = np.zeros(len(rows)) if values is None else np.nan_to_num(values[rows].astype(np.float64))
    part = (known - scale["low"]) / (scale["high"] - scale["low"])
    bands = np.clip((part * BANDS).astype(np.int64), 0, BANDS - 1)
    bands[(known < 0) & (look.colour_by == "epoch learnt")] = BANDS
    width = (scale["high"] - scale["low"]) / BANDS
    names = [f"from {scale['low'] + at * width:.3g}" for at in range(BANDS)]
    named = [*zip(names, scale["colours"], strict=True), ("never", scale["never"])]
    return [(name, colour, rows[bands == at]) for at, (name, colour) in enumerate(named) if (bands == at).any()]


def map_chart(
    points: MapPoints, groups: list[Group], selected: NDArray[np.bool_] | None, colours: Palette
) -> dict[str, Any]:
    """The chart of the points, a series for each colour."""
    axis = {"show": False, "scale": True}
    return {
        "animation": False,
        "color": [colour for _, colour, _ in groups],
        "grid": {"left": 8, "right": 8, "top": 44, "bottom": 60},
        "legend": {"bottom": 0, "icon": "circle", "textStyle": {"color": colours.text}},
        "toolbox": {"feature": {"brush": {"type": ["rect", "polygon", "clear"]}}, "right": 8},
        "brush": {"xAxisIndex": "all", "yAxisIndex": "all", "throttleType": "debounce", "throttleDelay": 300},
        "dataZoom": [{"type": "inside", "xAxisIndex": 0}, {"type": "inside", "yAxisIndex": 0}],
        "xAxis": axis,
        "yAxis": axis,
        "series": [_series(points, group, selected) for group in groups],
    }


def _series(points: MapPoints, group: Group, selected: NDArray[np.bool_] | None) -> dict[str, Any]:
    name, _, rows = group
    places = np.round(points.positions[rows].astype(np.float64), DIGITS).tolist()
    if selected is not None:
        marks = selected[rows].tolist()
        places = [
            {"value": place, "itemStyle": {"opacity": CLEAR if mark else FAINT}}
            for place, mark in zip(places, marks, strict=True)
        ]
    return {
        "type": "scatter",
        "name": name,
        "data": places,
        "symbolSize": 4,
        "itemStyle": {"opacity": CLEAR},
        "selectedMode": "multiple",
    }


def rows_selected(state: object, groups: list[Group]) -> NDArray[np.int64]:
    """The rows of the points that a browser says are selected, whatever it says."""
    selection = state.get("selection") if isinstance(state, dict) else None
    told = selection.get("selected") if isinstance(selection, dict) else None
    found: set[int] = set()
    for one in told if isinstance(told, list) else []:
        series, places = (one.get("series_index"), one.get("data_indices")) if isinstance(one, dict) else (None, None)
        if type(series) is int and 0 <= series < len(groups) and isinstance(places, list):
            rows = groups[series][2]
            found |= {int(rows[place]) for place in places if type(place) is int and 0 <= place < len(rows)}
    return np.array(sorted(found), np.int64)
