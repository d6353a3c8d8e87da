"""The confusion matrix as a chart: errors are shaded, the diagonal stands back, and a click on a cell is an answer."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.ui.cell import Cell, choose_cell
from pages.ui.format import count
from pages.ui.guard import guarded
from pages.ui.theme import Palette, palette

__all__ = ["MODES", "Mode", "cells", "confusion_chart", "matrix_spec"]

Mode = Literal["counts", "by row", "by column"]
MODES: tuple[Mode, ...] = get_args(Mode)
LEVELS = 9
DIAGONAL, CHOSEN = LEVELS + 1, LEVELS + 2
MOST_LABELLED = 20
HEIGHT = 480
CLICKED = "confusion_clicked"
KEY = "confusion"


class Look(NamedTuple):
    """How the matrix is to be shown: the quantity, the chosen cell, the colours."""

    mode: Mode
    cell: Cell
    colours: Palette


def confusion_chart(confusion: NDArray[np.int64], classes: Sequence[str], *, mode: Mode, cell: Cell) -> None:
    """Draws the matrix; a click on a cell chooses it, a second one clears it.

    Args:
        confusion: int64 (classes, classes), rows true.
        classes: names of the classes.
        mode: what the numbers are.
        cell: what is chosen, and marked.
    """
    st.echarts_chart(
        matrix_spec(confusion, classes, Look(mode, cell, palette())),
        key=KEY,
        height=HEIGHT,
        on_select=_on_click(len(classes)),
        alt=_spoken(confusion, classes),
    )


def cells(confusion: NDArray[np.int64], classes: Sequence[str], mode: Mode) -> pd.DataFrame:
    """One row per cell, true classes outermost: names, count, the text in it, and its level of shade.

    Levels are 0 where there is nothing, 1 to 9 in equal steps up to the largest error, 10 on the diagonal.
    """
    k = len(classes)
    values = _values(confusion, mode)
    off = np.where(np.eye(k, dtype=np.bool_), 0, values)
    level = np.ceil(LEVELS * off / (off.max() or 1)).astype(np.int64)
    level[np.diag_indices(k)] = DIAGONAL
    names = np.asarray(classes, object)
    return pd.DataFrame(
        {
            "true": np.repeat(names, k),
            "predicted": np.tile(names, k),
            "count": confusion.ravel(),
            "text": _texts(values, mode),
            "level": level.ravel(),
            "cell": [f"{true}>{predicted}" for true in range(k) for predicted in range(k)],
        }
    )


def matrix_spec(confusion: NDArray[np.int64], classes: Sequence[str], look: Look) -> dict[str, Any]:
    """The chart; a unique name for each cell keeps a click from marking its whole column."""
    k, colours = len(classes), look.colours
    shown = k <= MOST_LABELLED
    long = max(map(len, classes)) > 3
    pieces = [{"value": level, "color": colour} for level, colour in enumerate(colours.sequential)]
    pieces += [{"value": DIAGONAL, "color": colours.grid}, {"value": CHOSEN, "color": "rgba(0,0,0,0)"}]
    edge = {"borderColor": colours.background, "borderWidth": 1 if shown else 0}
    unit = "" if look.mode == "counts" else f" ({{@text}} % {look.mode})"
    series: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "selectedMode": "single",
            "label": {"show": shown, "formatter": "{@text}", "fontSize": 12 if k <= 10 else 9},
            "encode": {"x": "predicted", "y": "true", "value": "level", "itemName": "cell"},
            "itemStyle": edge,
            "emphasis": {"itemStyle": {"borderColor": colours.text, "borderWidth": 2}},
            "select": {"itemStyle": edge},
        }
    ]
    if look.cell.is_one:
        series.append(_mark(look.cell, colours, large=shown))
    names = {"interval": 0 if shown else "auto", "color": colours.text}
    common = {"type": "category", "data": list(classes), "nameLocation": "middle", "axisTick": {"show": False}}
    common |= {"axisLine": {"show": False}, "nameTextStyle": {"color": colours.muted, "fontSize": 13}}
    return {
        "animation": False,
        "dataset": {"source": cells(confusion, classes, look.mode)},
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8},
        "xAxis": common | {"name": "predicted", "nameGap": 72 if long else 30, "axisLabel": names | _tilt(long)},
        "yAxis": common
        | {"name": "true", "nameGap": 80 if long else 34, "inverse": True, "axisLabel": names | _cut(long)},
        "visualMap": {"type": "piecewise", "show": False, "dimension": "level", "pieces": pieces},
        "tooltip": {"formatter": f"true {{@true}}, predicted {{@predicted}}: <b>{{@count}}</b>{unit}", "confine": True},
        "series": series,
    }


def _values(confusion: NDArray[np.int64], mode: Mode) -> NDArray[np.float64]:
    if mode == "counts":
        return confusion.astype(np.float64)
    whole = confusion.sum(1, keepdims=True) if mode == "by row" else confusion.sum(0, keepdims=True)
    shares: NDArray[np.float64] = 100 * confusion / np.maximum(whole, 1)
    return shares


def _texts(values: NDArray[np.float64], mode: Mode) -> list[str]:
    if mode == "counts":
        return [count(int(value)) if value else "" for value in values.ravel().tolist()]
    return [f"{value:.1f}" if value else "" for value in values.ravel().tolist()]


def _mark(cell: Cell, colours: Palette, *, large: bool) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "silent": True,
        "data": [[cell.predicted, cell.true, CHOSEN]],
        "itemStyle": {
            "borderColor": colours.right if cell.is_right else colours.wrong,
            "borderWidth": 3 if large else 2,
        },
    }


def _tilt(long: bool) -> dict[str, Any]:
    return {"rotate": 40, "width": 78, "overflow": "truncate"} if long else {}


def _cut(long: bool) -> dict[str, Any]:
    return {"width": 70, "overflow": "truncate"} if long else {}


def _spoken(confusion: NDArray[np.int64], classes: Sequence[str]) -> str:
    off = confusion - np.diag(np.diag(confusion))
    said = f"Confusion matrix of {count(int(confusion.sum()))} images, {count(int(off.sum()))} wrong"
    true, predicted = (int(at) for at in np.unravel_index(off.argmax(), off.shape))
    if not off[true, predicted]:
        return f"{said}."
    times = count(int(off[true, predicted]))
    return f"{said}; most often {classes[true]} is taken for {classes[predicted]}, {times} times."


def _on_click(classes: int) -> Callable[[], None]:
    """The chart forgets a cell that is clicked twice and knows nothing of the menus beside it; both are mended here."""

    @guarded
    def clicked() -> None:
        index = _first_index(st.session_state[KEY].get("selection", {}).get("selected"))
        if not isinstance(index, int) or not 0 <= index < classes * classes:
            index = st.session_state.get(CLICKED)
        if not isinstance(index, int) or not 0 <= index < classes * classes:
            return
        st.session_state[CLICKED] = index
        choose_cell(Cell(*divmod(index, classes)), toggle=True)

    return clicked


def _first_index(groups: object) -> object:
    """The first cell among what the browser says is selected, whatever that is; None where there is none."""
    known = [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    chosen = [group.get("data_indices") for group in known if group.get("series_index") == 0]
    return next((one[0] for one in chosen if isinstance(one, list) and one), None)
