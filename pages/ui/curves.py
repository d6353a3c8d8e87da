"""The two training curves as ECharts specifications: what a look at a run holds, as lines over epochs."""

from collections.abc import Sequence
from math import floor, log, log10
from typing import Any, Literal, NamedTuple

import numpy as np
import streamlit as st

from mnist_core.analysis.curves import Curve
from mnist_core.runs import EpochRecord
from pages.ui.live import Look
from pages.ui.theme import Palette, palette

__all__ = ["HEIGHT", "curve_spec", "draw_curves"]

HEIGHT = 250
MOST_SYMBOLS = 30
PARTS = 5
SETTLED = 0.5
"""Half an epoch; what comes before may lie outside of the chart, as it would flatten all the rest."""

Quantity = Literal["loss", "accuracy"]


class _Kind(NamedTuple):
    title: str
    unit: str
    digits: int


KINDS: dict[Quantity, _Kind] = {"loss": _Kind("loss", "nats", 3), "accuracy": _Kind("accuracy", "%", 2)}


def draw_curves(look: Look) -> None:
    """Draws loss and accuracy side by side, at a height that is the same before the first point."""
    colours = palette()
    for column, quantity in zip(st.columns(2), KINDS, strict=True):
        with column:
            st.echarts_chart(
                curve_spec(look, quantity, colours),
                key=f"curve:{quantity}",
                height=HEIGHT,
                alt=_alt(look, quantity),
            )


def curve_spec(look: Look, quantity: Quantity, colours: Palette) -> dict[str, Any]:
    """Training points in buckets, validation at the end of each epoch, the best epoch marked."""
    kind = KINDS[quantity]
    validation = _validation(look.epochs, quantity)
    best = [[one.epoch, value] for one, (_, value) in zip(look.epochs, validation, strict=True) if one is look.best]
    symbols = len(validation) <= MOST_SYMBOLS
    return {
        "animation": False,
        "title": {"text": f"{kind.title} ({kind.unit})", "left": 0, "top": 3, "textStyle": {"fontSize": 13}},
        "legend": {"right": 0, "top": 3, "itemWidth": 14, "itemHeight": 8, "data": ["training", "validation"]},
        "grid": {"left": 6, "right": 14, "top": 36, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "valueFormatter": f"%.{kind.digits}f"},
        "xAxis": {
            "type": "value",
            "name": "epoch",
            "nameLocation": "middle",
            "nameGap": 22,
            "min": 0,
            "max": look.spec.training.epochs,
            "minInterval": 1 if look.spec.training.epochs > 1 else 0.25,
        },
        "yAxis": _value_axis(look, quantity),
        "series": [
            _line("training", _training(look.curve, quantity), colours.training) | {"showSymbol": False},
            _line("validation", validation, colours.validation) | {"showSymbol": symbols, "symbolSize": 5, "z": 3},
            _mark(best, colours),
        ],
    }


def _value_axis(look: Look, quantity: Quantity) -> dict[str, Any]:
    """Before any data, from nothing to what guessing costs; then as the data ask for."""
    axis = {"type": "value", "scale": True} | ({"max": 100} if quantity == "accuracy" else {"min": 0})
    if not look.has_begun:
        return axis | {"min": 0, "max": 100 if quantity == "accuracy" else _rounded_up(log(look.spec.classes))}
    start = min(SETTLED, look.done / 4)
    settled = [value for x, value in _points(look, quantity) if x >= start and x > 0 and value is not None]
    if not settled:
        return axis
    if quantity == "loss":
        high = _rounded_up(1.05 * max(settled))
        return axis | {"max": high, "interval": high / PARTS}
    span = min(_rounded_up(1.05 * (100 - min(settled))), 100)
    return axis | {"min": 100 - span, "interval": span / PARTS}


def _points(look: Look, quantity: Quantity) -> list[list[Any]]:
    return _training(look.curve, quantity) + _validation(look.epochs, quantity)


def _rounded_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten, so that an axis changes seldom and its fifths are round."""
    if value <= 0:
        return 1.0
    size = 10.0 ** floor(log10(value))
    return next(round(step * size, 9) for step in (1, 2, 2.5, 5, 10) if step * size >= value)


def _line(name: str, data: list[list[float | None]], colour: str) -> dict[str, Any]:
    style = {"lineStyle": {"width": 2, "color": colour}, "itemStyle": {"color": colour}}
    return {"type": "line", "name": name, "data": data, **style}


def _mark(best: list[list[Any]], colours: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": "best epoch",
        "data": best,
        "symbolSize": 11,
        "itemStyle": {"color": colours.validation, "borderColor": colours.background, "borderWidth": 2},
        "z": 4,
        "tooltip": {"show": False},
    }


def _training(curve: Curve | None, quantity: Quantity) -> list[list[float | None]]:
    if curve is None:
        return []
    values = curve.loss if quantity == "loss" else curve.accuracy * 100
    shown = [None if np.isnan(value) else value for value in values.round(4).tolist()]
    return [list(pair) for pair in zip(curve.epochs.round(3).tolist(), shown, strict=True)]


def _validation(epochs: Sequence[EpochRecord], quantity: Quantity) -> list[list[float | None]]:
    scale = 1 if quantity == "loss" else 100
    return [[one.epoch, _rounded(one.metrics.get(f"val_{quantity}"), scale)] for one in epochs]


def _rounded(value: float | None, scale: int) -> float | None:
    return None if value is None else round(value * scale, 4)


def _alt(look: Look, quantity: Quantity) -> str:
    kind = KINDS[quantity]
    if look.best is None:
        return f"{kind.title} of training and validation over epochs, nothing recorded yet"
    value = _rounded(look.best.metrics[f"val_{quantity}"], 1 if quantity == "loss" else 100)
    return f"{kind.title} over epochs, validation {value:.{kind.digits}f} {kind.unit} at best epoch {look.best.epoch}"
