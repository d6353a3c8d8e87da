"""The ROC and the precision-recall panel: each class against all others, at every threshold of its probability."""

from math import isnan
from typing import Any, Literal, NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_core.analysis.threshold_curves import macro_average
from mnist_core.palette import class_colour
from pages.ui.format import plain
from pages.ui.predictions.panel_bars import HEIGHT
from pages.ui.predictions.part import Part
from pages.ui.snapshot import CORNER, CurvePoints
from pages.ui.theme import palette

__all__ = ["curves_spec", "draw_precision_recall", "draw_roc"]

SHOWN = ("all of it", "the corner")
WIDE_ENOUGH, LONGEST_NAME = 520, 10
Kind = Literal["roc", "precision_recall"]


class _Words(NamedTuple):
    area: str
    x: str
    y: str
    read: str


WORDS: dict[Kind, _Words] = {
    "roc": _Words(
        "area under the curve",
        "false positive rate",
        "true positive rate",
        "Each point is a threshold of the probability: upwards, how much of the class is found; to the right, how much"
        " of all others is taken for it. The nearer to the upper left corner, the better.",
    ),
    "precision_recall": _Words(
        "average precision",
        "recall",
        "precision",
        "Each point is a threshold of the probability: to the right, how much of the class is found; upwards, how much"
        " of what is found is of the class. The nearer to the upper right corner, the better.",
    ),
}


def draw_roc(part: Part, number: int | None, row: DeltaGenerator) -> None:
    """Draws the ROC curve of a class, or of each; its choice comes into `row`."""
    _draw("roc", part, number, row)


def draw_precision_recall(part: Part, number: int | None, row: DeltaGenerator) -> None:
    """Draws the precision-recall curve of a class, or of each; its choice comes into `row`."""
    _draw("precision_recall", part, number, row)


def _draw(kind: Kind, part: Part, number: int | None, row: DeltaGenerator) -> None:
    with row:
        shown = st.segmented_control("show", SHOWN, default=SHOWN[0], required=True, key="zoom", bind="query-params")
    names = part.view.classes
    curves = [getattr(one, kind) for one in part.snapshot.curves]
    said = _sentence(kind, curves, names, number)
    st.markdown(said)
    wanted = range(len(names)) if number is None else [number]
    spec = curves_spec(kind, {one: curves[one] for one in wanted}, names, is_corner=shown == SHOWN[1])
    st.echarts_chart(spec, key=f"curves_{kind}", height=HEIGHT, alt=said.replace("*", ""))
    st.caption(WORDS[kind].read)


def curves_spec(
    kind: Kind, curves: dict[int, CurvePoints], names: tuple[str, ...], *, is_corner: bool
) -> dict[str, Any]:
    """The curves in the colours of their classes, their areas in the legend.

    Args:
        kind: which curves these are.
        curves: by the number of the class.
        names: of all classes.
        is_corner: whether only the corner is shown that good networks come near.
    """
    words, colours = WORDS[kind], palette()
    labels = {number: f"{_short(names[number])}  {_area(curve.area)}" for number, curve in curves.items()}
    legend = {"type": "scroll", "data": list(labels.values()), "icon": "roundRect", "itemWidth": 14, "itemHeight": 4}
    axis = {"type": "value", "nameLocation": "middle", "splitLine": {"lineStyle": {"color": colours.grid}}}
    axis |= {"nameTextStyle": {"color": colours.muted}}
    high, low = {"min": 1 - CORNER if is_corner else 0, "max": 1}, {"min": 0, "max": CORNER if is_corner else 1}
    return {
        "animation": False,
        "baseOption": {
            "animation": False,
            "legend": legend,
            "grid": {"left": 8, "top": 10, "bottom": 8},
            "tooltip": {"trigger": "item", "confine": True},
            "xAxis": axis | {"name": words.x, "nameGap": 26} | (low if kind == "roc" else high),
            "yAxis": axis | {"name": words.y, "nameGap": 44} | high,
            "series": [_line(labels[number], curve, class_colour(number)) for number, curve in curves.items()],
        },
        "media": [
            {"query": {"minWidth": WIDE_ENOUGH}, "option": WIDE},
            {"option": NARROW},
        ],
    }


WIDE = {"legend": {"orient": "vertical", "right": 0, "top": 10, "bottom": 46}, "grid": {"right": 124, "bottom": 8}}
NARROW = {"legend": {"orient": "horizontal", "left": 0, "right": 0, "bottom": 0}, "grid": {"right": 14, "bottom": 40}}


def _line(label: str, curve: CurvePoints, colour: str) -> dict[str, Any]:
    return {
        "type": "line",
        "name": label,
        "data": np.column_stack([curve.x, curve.y]).round(5).tolist(),
        "showSymbol": False,
        "lineStyle": {"width": 2, "color": colour},
        "itemStyle": {"color": colour},
        "emphasis": {"focus": "series"},
    }


def _short(name: str) -> str:
    """A name that leaves room for the number behind it."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _area(area: float) -> str:
    return "none" if isnan(area) else f"{area:.4f}"


def _sentence(kind: Kind, curves: list[CurvePoints], names: tuple[str, ...], number: int | None) -> str:
    what = WORDS[kind].area
    areas = [curve.area for curve in curves]
    if number is not None and isnan(areas[number]):
        return f"**No curve**: of {plain(names[number])} there are no images here, or no others."
    mean = macro_average(areas)
    if number is not None:
        return f"**{what.capitalize()} of {plain(names[number])}: {areas[number]:.4f}**; mean over classes {mean:.4f}"
    if isnan(mean):
        return "**No curves**: all images here are of one class."
    lowest = min((area, place) for place, area in enumerate(areas) if not isnan(area))
    said = f"**Mean {what} over classes: {mean:.4f}**; the lowest is {lowest[0]:.4f}, of {plain(names[lowest[1]])}"
    missing = sum(map(isnan, areas))
    return (
        said if not missing else f"{said}; {missing} {'class has' if missing == 1 else 'classes have'} no images here"
    )
