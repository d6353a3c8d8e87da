"""The calibration panel: is the network as often right as it is sure?"""

from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_core.analysis.calibration import BINS, Reliability
from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.analysis.selection import ConfidenceBin
from mnist_core.palette import Palette
from pages.ui.format import count, percent
from pages.ui.predictions.panel_bars import (
    Bars,
    bar_menu,
    bars_of,
    bin_axes,
    columns_to_click,
    draw_bars,
    log_axis,
    range_of,
    top_of,
)
from pages.ui.predictions.part import Part
from pages.ui.theme import palette

__all__ = ["calibration_sentence", "calibration_spec", "draw_calibration"]

READ = (
    "Images are grouped by confidence, the probability of the predicted class. Points on the diagonal are as often"
    " right as they are sure, below it the network is too sure; upright lines are 95 % intervals."
)
CLICK = " Click a column to select its images."


def draw_calibration(part: Part, number: int | None, row: DeltaGenerator) -> None:  # noqa: ARG001 - as every panel
    """Draws the panel; its menu comes into `row`."""
    found, view = part.snapshot.reliability, part.view
    bars = Bars(BINS) if part.is_selection else bars_of(view, BINS, lambda place: ConfidenceBin(place, BINS))
    with row:
        bar_menu(bars)
    st.markdown(calibration_sentence(found))
    colours = palette()
    spec = calibration_spec(found, bars, colours.split(view.split), colours)  # type: ignore[arg-type]
    draw_bars(spec, "calibration", bars, alt=_spoken(found))
    st.caption(READ if part.is_selection else READ + CLICK)


def calibration_sentence(found: Reliability) -> str:
    """The expected calibration error, and how sure and how right the network is on the whole."""
    held = found.count > 0
    sure, right = (
        float(found.count[held] @ values[held] / found.count.sum()) for values in (found.confidence, found.accuracy)
    )
    return f"**Expected calibration error {found.error:.4f}**; on average {percent(sure)} sure, {percent(right)} right"


def calibration_spec(found: Reliability, bars: Bars, colour: str, colours: Palette) -> dict[str, Any]:
    """Accuracy over confidence with the diagonal, and below it how many images each bin holds.

    Args:
        found: what is drawn.
        bars: what can be chosen in it.
        colour: of the points, that of the split.
        colours: of the theme.
    """
    most = int(found.count.sum())
    upper, lower = {"xAxisIndex": 2, "yAxisIndex": 0}, {"xAxisIndex": 5, "yAxisIndex": 1}
    clicks = [
        columns_to_click(bars, axes, colours, height=height)
        for axes, height in ((upper, "column"), (lower, "count_column"))
    ]
    share = {"type": "value", "min": 0, "max": 1, "interval": 0.2, "splitLine": {"lineStyle": {"color": colours.grid}}}
    named = {"name": "share that is right", "nameLocation": "middle", "nameGap": 44}
    return {
        "animation": False,
        "dataset": {"source": _rows(found, bars.chosen, top_of(most))},
        "grid": [
            AS_GIVEN | {"left": 64, "right": 14, "top": 10, "height": 240},
            AS_GIVEN | {"left": 64, "right": 14, "bottom": 44, "height": 78},
        ],
        "xAxis": [
            *bin_axes(len(found.count), "", colours, labelled=False),
            *bin_axes(len(found.count), "confidence", colours, grid=1),
        ],
        "yAxis": [
            share | named | {"nameTextStyle": {"color": colours.muted}},
            log_axis(most, "images", colours) | {"gridIndex": 1},
        ],
        "tooltip": {"formatter": TOOLTIP, "confine": True},
        "series": [
            *(columns for columns, *_ in clicks),
            *(mark for _, *marks in clicks for mark in marks),
            _counts(colour, lower),
            _diagonal(colours),
            _intervals(found, colour),
            _points(found, colour, colours),
        ],
    }


TOOLTIP = "confidence {@range}<br><b>{@images}</b> images<br>{@right} right<br>mean confidence {@sure}"
AS_GIVEN = {"containLabel": False, "outerBoundsMode": "none"}
"""The two grids lie exactly below each other, however wide their labels are."""
SILENT = {"silent": True, "tooltip": {"show": False}}


def _rows(found: Reliability, chosen: int | None, top: int) -> list[dict[str, Any]]:
    return [
        {
            "bin": str(place),
            "column": 1 if number else None,
            "column_chosen": 1 if place == chosen else None,
            "count_column": top if number else None,
            "count_column_chosen": top if place == chosen else None,
            "count": number or None,
            "range": range_of(place, len(found.count)),
            "images": count(number),
            "right": percent(found.accuracy[place]),
            "sure": percent(found.confidence[place]),
        }
        for place, number in enumerate(found.count.tolist())
    ]


def _counts(colour: str, axes: dict[str, Any]) -> dict[str, Any]:
    style = {"color": colour, "opacity": 0.55}
    return axes | SILENT | {"xAxisIndex": 4, "type": "bar", "encode": {"x": "bin", "y": "count"}, "itemStyle": style}


def _diagonal(colours: Palette) -> dict[str, Any]:
    style = {"color": colours.muted, "width": 1, "type": "dashed"}
    return SILENT | {"type": "line", "data": [[0, 0], [1, 1]], "showSymbol": False, "lineStyle": style}


def _intervals(found: Reliability, colour: str) -> dict[str, Any]:
    """One upright line for each bin, parted by gaps."""
    data: list[list[float | None]] = []
    for place in np.flatnonzero(found.count).tolist():
        total = int(found.count[place])
        low, high = wilson_interval(round(float(found.accuracy[place]) * total), total)
        x = round(float(found.confidence[place]), 4)
        data += [[x, round(low, 4)], [x, round(high, 4)], [None, None]]
    style = {"color": colour, "width": 2, "opacity": 0.6}
    return SILENT | {"type": "line", "data": data, "showSymbol": False, "lineStyle": style}


def _points(found: Reliability, colour: str, colours: Palette) -> dict[str, Any]:
    held = found.count > 0
    data = np.column_stack([found.confidence[held], found.accuracy[held]]).round(4).tolist()
    style = {"color": colour, "borderColor": colours.background, "borderWidth": 1}
    return (
        SILENT
        | {"type": "line", "data": data, "symbolSize": 9, "symbol": "circle", "itemStyle": style}
        | {"lineStyle": {"color": colour, "width": 1.5}}
    )


def _spoken(found: Reliability) -> str:
    return f"Reliability diagram of {count(int(found.count.sum()))} images, calibration error {found.error:.4f}"
