"""The two training curves as ECharts specifications: what a look at a run holds, as lines over epochs."""

from math import ceil, log
from typing import Any, Literal, NamedTuple

import numpy as np
import streamlit as st

from mnist_core.analysis.curves import Curve, nice, thinned
from mnist_core.palette import Palette
from mnist_core.runs import EpochRecord
from pages.ui.format import count
from pages.ui.theme import palette
from pages.ui.train.live import Look

__all__ = ["HEIGHT", "curve_spec", "draw_curves", "draw_empty_curves"]

HEIGHT = 250
MOST_SYMBOLS = 30
PARTS = 5
MARGIN = 1.05
MANY_EPOCHS, FEW_EPOCHS = 50, 10
"""Above so many epochs, the axis of epochs grows with the run, from so few on."""
EMPTY_EPOCHS, EMPTY_CLASSES = 10, 10

Quantity = Literal["loss", "accuracy"]


class _Kind(NamedTuple):
    title: str
    unit: str
    digits: int


KINDS: dict[Quantity, _Kind] = {"loss": _Kind("loss", "nats", 3), "accuracy": _Kind("accuracy", "%", 2)}


def draw_curves(look: Look) -> None:
    """Draws loss and accuracy side by side, at a height that is the same before the first point."""
    colours = palette()
    _draw({quantity: (curve_spec(look, quantity, colours), _alt(look, quantity)) for quantity in KINDS})


def draw_empty_curves() -> None:
    """Draws the two charts without a run, at the same height."""
    colours = palette()
    nothing = "{} of training and validation over epochs, no run yet"
    _draw({quantity: (_empty_spec(quantity, colours), nothing.format(kind.title)) for quantity, kind in KINDS.items()})


def _draw(charts: dict[Quantity, tuple[dict[str, Any], str]]) -> None:
    for column, (quantity, (spec, alt)) in zip(st.columns(2), charts.items(), strict=True):
        with column:
            st.echarts_chart(spec, key=f"curve:{quantity}", height=HEIGHT, alt=alt)


def curve_spec(look: Look, quantity: Quantity, colours: Palette) -> dict[str, Any]:
    """Training points in buckets, validation at the end of each epoch, the best epoch marked."""
    best = look.best
    validation = _validation(look, quantity)
    return _frame(quantity, _epoch_axis(look), _value_axis(look, quantity)) | {
        "series": [
            _line("training", _training(look.curve, quantity), colours.training) | {"showSymbol": False},
            _line("validation", validation, colours.validation)
            | {"showSymbol": len(validation) <= MOST_SYMBOLS, "symbolSize": 5, "z": 3},
            _mark([_place(best, quantity)] if best else [], colours),
        ],
    }


def _empty_spec(quantity: Quantity, colours: Palette) -> dict[str, Any]:
    epochs = {"max": EMPTY_EPOCHS, "minInterval": 1}
    lines = [_line("training", [], colours.training), _line("validation", [], colours.validation)]
    high = 100 if quantity == "accuracy" else nice(log(EMPTY_CLASSES))
    return _frame(quantity, epochs, _from_nothing(high)) | {"series": lines}


def _frame(quantity: Quantity, epochs: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    kind = KINDS[quantity]
    axis = {"type": "value", "name": "epoch", "nameLocation": "middle", "nameGap": 22, "min": 0}
    return {
        "animation": False,
        "title": {"text": f"{kind.title} ({kind.unit})", "left": 0, "top": 3, "textStyle": {"fontSize": 13}},
        "legend": {
            "right": 0,
            "top": 3,
            "icon": "roundRect",
            "itemWidth": 14,
            "itemHeight": 3,
            "data": ["training", "validation"],
        },
        "grid": {"left": 6, "right": 18, "top": 36, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "valueFormatter": f"%.{kind.digits}f"},
        "xAxis": axis | epochs,
        "yAxis": {"type": "value"} | values,
    }


def _epoch_axis(look: Look) -> dict[str, Any]:
    """To the last epoch; where there are many, only as far as the run has come, rounded up."""
    epochs = look.spec.training.epochs
    if epochs <= MANY_EPOCHS:
        return {"max": epochs, "minInterval": 1 if epochs > 1 else 0.25}
    return {"max": min(max(ceil(nice(look.done)), FEW_EPOCHS), epochs), "minInterval": 1}


def _value_axis(look: Look, quantity: Quantity) -> dict[str, Any]:
    """Until the first epoch from nothing to what guessing costs; then as the worst epoch asks for.

    What no epoch is as bad as, such as the first steps, may lie outside, as it would flatten all the rest.
    """
    if quantity == "accuracy":
        lowest = 0.0 if look.lowest_accuracy is None else look.lowest_accuracy * 100
        span = min(nice(MARGIN * (100 - lowest)), 100)
        return {"min": 100 - span, "max": 100, "interval": span / PARTS}
    if look.highest_loss is not None:
        return _from_nothing(nice(MARGIN * look.highest_loss))
    losses = [] if look.curve is None else look.curve.loss[np.isfinite(look.curve.loss)].tolist()
    return _from_nothing(nice(max(log(look.spec.classes), MARGIN * min(losses, default=0.0))))


def _from_nothing(high: float) -> dict[str, Any]:
    return {"min": 0, "max": high, "interval": high / PARTS}


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


def _validation(look: Look, quantity: Quantity) -> list[list[float | None]]:
    best = look.best
    always = (best.epoch - look.epochs[0].epoch,) if best else ()
    return [_place(look.epochs[place], quantity) for place in thinned(len(look.epochs), always)]


def _place(one: EpochRecord, quantity: Quantity) -> list[float | None]:
    """Where an epoch stands in the chart: (epoch, value)."""
    return [one.epoch, _rounded(one.metrics.get(f"val_{quantity}"), 1 if quantity == "loss" else 100)]


def _rounded(value: float | None, scale: int) -> float | None:
    return None if value is None else round(value * scale, 4)


def _alt(look: Look, quantity: Quantity) -> str:
    kind, best = KINDS[quantity], look.best
    if best is None:
        return f"{kind.title} of training and validation over epochs, nothing recorded yet"
    _, value = _place(best, quantity)
    return f"{kind.title} over epochs, validation {value:.{kind.digits}f} {kind.unit} at best epoch {count(best.epoch)}"
