"""A run's loss and accuracy as two ECharts specifications, and what a click on them means.

All curves that have one value an epoch share a table, so that the tooltip tells everything about an epoch at once.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import smoothed, thinned
from mnist_core.palette import Palette
from pages.ui.clicks import clicked
from pages.ui.curves.axes import drawn, shown, x_axis, y_axis
from pages.ui.curves.data import CurveName, Curves, Quantity, Values
from pages.ui.curves.options import LABELS, Options
from pages.ui.format import count, duration, percent
from pages.ui.guard import guarded
from pages.ui.theme import palette

__all__ = ["HEIGHT", "Place", "chart_spec", "draw_chart", "epochs_table"]

HEIGHT = 400
FEW, MANY, MOST = 30, 80, 400
"""Up to so many epochs their points are large, or of middling size; above the last number not all are drawn."""
POINTS: tuple[CurveName, ...] = ("validation", "test", "evaluation")
"""Whose points can be clicked: the first of these that is shown."""
TITLES: dict[tuple[Quantity, bool], str] = {
    ("loss", False): "loss (nats)",
    ("loss", True): "loss (nats, log scale)",
    ("accuracy", False): "accuracy (%)",
    ("accuracy", True): "error (%, log scale)",
}


class Place(NamedTuple):
    """Where the cursor stands, and in which theme."""

    epoch: int
    colours: Palette


def draw_chart(
    curves: Curves, quantity: Quantity, options: Options, *, epoch: int, on_pick: Callable[[int], None]
) -> None:
    """Draws one chart; a click on an epoch's point picks it.

    Args:
        curves: of the run.
        quantity: "loss" or "accuracy".
        options: what is to be drawn.
        epoch: where the cursor stands.
        on_pick: called with the epoch that was clicked, before the page runs again.
    """
    key = f"curves:{quantity}"
    picks = _on_click(key, tuple(curves.epochs[_rows(curves)].tolist()), on_pick)
    st.echarts_chart(
        chart_spec(curves, quantity, options, Place(epoch, palette())),
        key=key,
        height=HEIGHT,
        on_select=picks if _clickable(shown(curves, quantity, options)) else "ignore",
        alt=_spoken(curves, quantity, options, epoch),
    )


def chart_spec(curves: Curves, quantity: Quantity, options: Options, place: Place) -> dict[str, Any]:
    """The chart: series 0 carries the tooltip and the rule at the epoch, then come the curves, the marks last."""
    colours = place.colours
    names = shown(curves, quantity, options)
    series = [_rule(curves, options, place), *_training(curves, quantity, options, colours)]
    series += [_line(name, names, len(_rows(curves)), colours) for name in names if name != "training"]
    minor = {"show": options.scale == "log", "lineStyle": {"color": colours.grid, "opacity": 0.6}}
    if "validation" in names:
        series += _marks(curves, quantity, options, colours)
    return {
        "animation": False,
        "title": {
            "text": TITLES[quantity, options.scale == "log"],
            "left": 0,
            "top": 3,
            "textStyle": {"fontSize": 14},
        },
        "legend": {
            "left": 0,
            "top": 27,
            "itemWidth": 18,
            "itemGap": 12,
            "selectedMode": False,
            "data": [LABELS[name] for name in names],
        },
        "grid": {"left": 6, "right": 44, "top": 78, "bottom": 26, "containLabel": True},
        "dataset": {"source": epochs_table(curves, quantity, options)},
        "tooltip": {"trigger": "axis", "confine": True, "formatter": _tip(names, colours)},
        "xAxis": x_axis(curves, options),
        "yAxis": y_axis(curves, quantity, options) | {"minorSplitLine": minor},
        "series": series,
    }


def epochs_table(curves: Curves, quantity: Quantity, options: Options) -> pd.DataFrame:
    """One row for each epoch that is drawn: its place, the curves' values, and how the tooltip writes them."""
    rows = _rows(curves)
    epochs = curves.epochs[rows]
    table: dict[str, Any] = {"x": curves.place(epochs, options.x), "head": _heads(curves, epochs)}
    for name in shown(curves, quantity, options):
        values = curves.values[quantity][name][rows]
        table[name] = drawn(values, quantity, options)
        table[f"{name}_text"] = [_text(value, quantity, options) for value in values.tolist()]
    return pd.DataFrame(table)


def _rows(curves: Curves) -> list[int]:
    """Places of the epochs that are drawn: all of them, unless there are very many."""
    always = [place for place, epoch in enumerate(curves.epochs.tolist()) if epoch in (curves.best, curves.kept)]
    return thinned(len(curves.epochs), always, most=MOST)


def _text(value: float, quantity: Quantity, options: Options) -> str:
    if not isfinite(value):
        return "not measured"
    if quantity == "loss":
        return f"{value:.4f}"
    return percent(1 - value) if options.scale == "log" else percent(value)


def _heads(curves: Curves, epochs: NDArray[np.int64]) -> list[str]:
    seconds = curves.place(epochs, "time").tolist()
    steps = curves.place(epochs, "steps").tolist() if curves.per_epoch else [None] * len(epochs)
    return [
        f"epoch {epoch}, {'' if at is None else f'{count(round(at))} steps, '}{duration(passed)}"
        for epoch, at, passed in zip(epochs.tolist(), steps, seconds, strict=True)
    ]


def _tip(names: Sequence[CurveName], colours: Palette) -> str:
    """Text for one epoch; the training line's own points lie between epochs, so its epoch's mean stands here."""
    lines = ["<b>{@head}</b>"]
    for name in names:
        label = "training, mean of the epoch" if name == "training" else LABELS[name]
        dot = f'<span style="color:{_colour(name, colours)}">&#9632;</span>'
        lines.append(f"{dot} {label}: <b>{{@{name}_text}}</b>")
    return "<br/>".join(lines)


def _colour(name: CurveName, colours: Palette) -> str:
    return {"validation": colours.validation, "test": colours.test}.get(name, colours.training)


def _rule(curves: Curves, options: Options, place: Place) -> dict[str, Any]:
    at = curves.place(np.array([place.epoch]), options.x).item()
    label = {"formatter": f"epoch {place.epoch}", "position": "end", "distance": 6} | _readable(place.colours)
    return {
        "type": "line",
        "encode": {"x": "x", "y": "none"},
        "symbol": "none",
        "lineStyle": {"width": 0},
        "markLine": {
            "silent": True,
            "symbol": "none",
            "data": [{"xAxis": at}],
            "lineStyle": {"color": place.colours.text, "width": 1, "type": "solid"},
            "label": label,
        },
    }


def _training(curves: Curves, quantity: Quantity, options: Options, colours: Palette) -> list[dict[str, Any]]:
    """The line of the steps; where it is smoothed, what was measured stands faint behind it."""
    if "training" not in options.show:
        return []
    steps = curves.steps
    measured = np.zeros(0) if steps is None else getattr(steps, quantity)
    at = np.zeros(0) if steps is None else curves.place(steps.epochs, options.x)
    kinds = [(smoothed(measured, options.smoothing), 1.0, 2)]
    if options.smoothing:
        kinds.insert(0, (measured, 0.35, 1))
    return [
        {
            "type": "line",
            "name": LABELS["training"] if width > 1 else "as measured",
            "data": _pairs(at, drawn(values, quantity, options)),
            "symbol": "circle" if len(at) == 1 else "none",
            "silent": True,
            "lineStyle": {"width": width, "opacity": opacity, "color": colours.training},
            "itemStyle": {"color": colours.training},
            "tooltip": {"show": False},
        }
        for values, opacity, width in kinds
    ]


def _pairs(at: Values, values: Values) -> list[list[float | None]]:
    """What has no place is left out; what has no value is a gap."""
    pairs = zip(at.round(4).tolist(), values.round(5).tolist(), strict=True)
    return [[x, y if isfinite(y) else None] for x, y in pairs if isfinite(x)]


def _line(name: CurveName, names: Sequence[CurveName], size: int, colours: Palette) -> dict[str, Any]:
    colour = _colour(name, colours)
    is_clickable = name == _clickable(names)
    hollow = {"color": colours.background, "borderColor": colour, "borderWidth": 1.5}
    style = {"color": colour} if is_clickable else hollow
    return {
        "type": "line",
        "name": LABELS[name],
        "encode": {"x": "x", "y": name, "itemName": "head"},
        "symbol": "circle",
        "symbolSize": 7 if size <= FEW and is_clickable else 5 if size <= MANY else 3,
        "showSymbol": is_clickable or size <= FEW,
        "selectedMode": "single" if is_clickable else False,
        "silent": not is_clickable,
        "lineStyle": {"width": 2, "color": colour, "type": "dashed" if name == "evaluation" else "solid"},
        "itemStyle": style,
        "select": {"itemStyle": style},
        "z": 3 if is_clickable else 2,
    }


def _clickable(names: Sequence[CurveName]) -> CurveName | None:
    return next((name for name in POINTS if name in names), None)


def _marks(curves: Curves, quantity: Quantity, options: Options, colours: Palette) -> list[dict[str, Any]]:
    """The best epoch as a filled mark, the kept one as a ring where it is another."""
    wanted = [(curves.best, "best, kept" if curves.kept == curves.best else "best", colours.validation)]
    if curves.kept != curves.best:
        wanted.append((curves.kept, "kept", colours.background))
    is_above = quantity == "loss" or options.scale == "log"
    found = []
    for epoch, word, fill in wanted:
        value = float("nan") if epoch is None else curves.at(epoch, quantity, "validation")
        height = drawn(np.array([value]), quantity, options).item()
        if epoch is not None and isfinite(height):
            at = [curves.place(np.array([epoch]), options.x).item(), height]
            label = {"formatter": f"{word} {epoch}", "position": "top" if is_above else "bottom"}
            found.append(_mark(at, fill, label, colours))
    return found


def _mark(at: list[float], fill: str, label: dict[str, Any], colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": label["formatter"],
        "data": [at],
        "silent": True,
        "symbolSize": 12,
        "itemStyle": {"color": fill, "borderColor": colours.validation, "borderWidth": 2},
        "label": label | {"show": True, "fontSize": 12, "distance": 9} | _readable(colours),
        "tooltip": {"show": False},
        "z": 6,
    }


def _readable(colours: Palette) -> dict[str, Any]:
    """Text that covers the curves and the rule behind it."""
    return {"color": colours.text, "backgroundColor": colours.background, "padding": [2, 4], "borderRadius": 3}


def _spoken(curves: Curves, quantity: Quantity, options: Options, epoch: int) -> str:
    values = [
        f"{LABELS[name]} {_text(curves.at(epoch, quantity, name), quantity, options)}"
        for name in shown(curves, quantity, options)
    ]
    best = "" if curves.best is None else f"; best epoch {curves.best}"
    title = TITLES[quantity, options.scale == "log"]
    return f"{title} over {options.x}, at epoch {epoch}: {', '.join(values) or 'no curve is shown'}{best}"


def _on_click(key: str, epochs: Sequence[int], on_pick: Callable[[int], None]) -> Callable[[], None]:
    @guarded
    def picked() -> None:
        epoch = clicked(key, epochs)
        if epoch is not None:
            on_pick(epoch)

    return picked
