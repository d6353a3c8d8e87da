"""The strip of a biography: the probability of each class at each epoch; a click on an epoch moves the cursor there."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mnist_core.analysis.biography import Biography
from mnist_core.palette import Palette
from pages.ui.clicks import clicked
from pages.ui.frame.link import go_to
from pages.ui.guard import guarded
from pages.ui.theme import palette

__all__ = ["draw_strip", "strip_spec"]

KEY = "biography_strip"
ROW, AXIS, LEAST, MOST = 17, 46, 140, 520
BARE = {"type": "category", "axisTick": {"show": False}, "axisLine": {"show": False}}
READ_STRIP = (
    "Each column is an epoch, each row a class: the stronger the colour, the more probable. The true class and the"
    " epoch that you look at are framed; click a column to go to its epoch."
)


def draw_strip(told: Biography, classes: Sequence[str], epoch: int) -> None:
    """Draws it, and how to read it.

    Args:
        told: the image's biography.
        classes: names of the classes.
        epoch: the one that is looked at.
    """
    st.echarts_chart(
        strip_spec(told, classes, epoch, palette()),
        key=KEY,
        height=min(max(ROW * len(classes), LEAST), MOST) + AXIS,
        on_select=_on_click(told.epochs.tolist(), len(classes)),
        alt=f"Heat map: the probability of each class for image {told.image} at {len(told.epochs)} epochs",
    )
    st.caption(READ_STRIP)


def strip_spec(told: Biography, classes: Sequence[str], epoch: int, colours: Palette) -> dict[str, Any]:
    """The probabilities of the classes (rows) over the epochs (columns), the true class and the epoch framed."""
    epochs, k = told.epochs.tolist(), len(classes)
    edge = {"borderColor": colours.background, "borderWidth": 1 if len(epochs) <= 30 and k <= 30 else 0}
    shades = {"show": False, "min": 0, "max": 1, "dimension": "p", "seriesIndex": 0}
    cells = {
        "type": "heatmap",
        "selectedMode": "single",
        "encode": {"x": "epoch", "y": "class", "value": "p", "itemName": "cell"},
        "itemStyle": edge,
        "emphasis": {"itemStyle": {"borderColor": colours.text, "borderWidth": 1}},
        "select": {"itemStyle": edge},
    }
    series = [cells, _frame((0, len(epochs)), (told.label, told.label + 1), colours.right)]
    if epoch in epochs:
        place = epochs.index(epoch)
        series.append(_frame((place, place + 1), (0, k), colours.text))
    return {
        "animation": False,
        "dataset": {"source": _cells(told, classes)},
        "grid": {"left": 4, "right": 8, "top": 4, "bottom": 24, "containLabel": True},
        "xAxis": [_epoch_axis(epochs, colours), {"type": "value", "show": False, "min": 0, "max": len(epochs)}],
        "yAxis": [
            _class_axis(classes, told.label, colours),
            {"type": "value", "show": False, "min": 0, "max": k, "inverse": True},
        ],
        "visualMap": shades | {"inRange": {"color": list(colours.sequential)}},
        "tooltip": {"formatter": "epoch {@epoch}: {@class} with <b>{@text}</b>", "confine": True},
        "series": series,
    }


def _epoch_axis(epochs: Sequence[int], colours: Palette) -> dict[str, Any]:
    return BARE | {
        "data": [str(epoch) for epoch in epochs],
        "axisLabel": {"color": colours.text},
        "name": "epoch",
        "nameLocation": "middle",
        "nameGap": 24,
        "nameTextStyle": {"color": colours.muted},
    }


def _class_axis(classes: Sequence[str], true: int, colours: Palette) -> dict[str, Any]:
    rows: list[str | dict[str, Any]] = list(classes)
    rows[true] = {"value": classes[true], "textStyle": {"color": colours.right, "fontWeight": "bold"}}
    every = 0 if len(classes) <= 20 else "auto"
    names = {"color": colours.text, "interval": every, "width": 80, "overflow": "truncate"}
    return BARE | {"data": rows, "inverse": True, "axisLabel": names}


def _frame(columns: tuple[int, int], rows: tuple[int, int], colour: str) -> dict[str, Any]:
    """A line around cells, from the first column and row to the second; on axes that count cells."""
    (left, right), (top, bottom) = columns, rows
    return {
        "type": "line",
        "xAxisIndex": 1,
        "yAxisIndex": 1,
        "data": [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]],
        "silent": True,
        "showSymbol": False,
        "clip": False,
        "lineStyle": {"color": colour, "width": 2},
        "z": 3,
    }


def _cells(told: Biography, classes: Sequence[str]) -> pd.DataFrame:
    """One row for each epoch and class, epochs outermost."""
    epochs, k = len(told.epochs), len(classes)
    chances = told.probabilities.ravel()
    return pd.DataFrame(
        {
            "epoch": np.repeat(told.epochs.astype(str).astype(object), k),
            "class": np.tile(np.asarray(classes, object), epochs),
            "p": chances.round(4),
            "text": [f"{100 * value:.1f} %" for value in chances.tolist()],
            "cell": [str(place) for place in range(epochs * k)],
        }
    )


def _on_click(epochs: Sequence[int], classes: int) -> Callable[[], None]:
    """A click on any cell of an epoch goes there."""

    @guarded
    def chosen() -> None:
        epoch = clicked(KEY, [epoch for epoch in epochs for _ in range(classes)], series=(0,))
        if epoch is not None:
            go_to(epoch=str(epoch))

    return chosen
