"""How values of a run's curves are drawn: their scale, and the two axes of a chart that they ask for."""

from math import floor, log10
from typing import Any

import numpy as np

from mnist_core.analysis.curves import nice
from pages.ui.curves.data import CurveName, Curves, Quantity, Values
from pages.ui.curves.options import Options

__all__ = ["drawn", "shown", "x_axis", "y_axis"]

MARGIN, PARTS = 1.05, 5
UNITS = {"epochs": "epoch", "steps": "training steps", "time": "seconds of training steps"}


def shown(curves: Curves, quantity: Quantity, options: Options) -> list[CurveName]:
    """The curves that are asked for and can be seen."""
    return [name for name in options.show if name in curves.values[quantity]]


def drawn(values: Values, quantity: Quantity, options: Options) -> Values:
    """As the chart has them: nats, percent right or, on a log scale, percent wrong; NaN where a log scale ends."""
    if options.scale == "linear":
        return values if quantity == "loss" else 100 * values
    found = values if quantity == "loss" else 100 * (1 - values)
    return np.where(found > 0, found, np.nan)


def x_axis(curves: Curves, options: Options) -> dict[str, Any]:
    """To the last epoch of a short run that trains, else as far as the run has come."""
    over = "epochs" if curves.per_epoch is None and options.x == "steps" else options.x
    axis = {"type": "value", "name": UNITS[over], "nameLocation": "middle", "nameGap": 24, "min": 0}
    if over == "epochs":
        return axis | {"max": curves.limit, "minInterval": 1 if curves.limit > 1 else 0.25}
    return axis


def y_axis(curves: Curves, quantity: Quantity, options: Options) -> dict[str, Any]:
    """As the epochs from 1 on ask for; what is worse may lie outside of a linear axis, as it would flatten the rest."""
    values = _heights(curves, quantity, options)
    if options.scale == "log":
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.1, 1.0)
        return {"type": "log", "min": _below(low), "max": nice(high)}
    if quantity == "accuracy":
        span = min(nice(MARGIN * (100 - float(values.min()))), 100) if len(values) else 100
        return {"type": "value", "min": 100 - span, "max": 100, "interval": span / PARTS}
    high = nice(MARGIN * float(values.max())) if len(values) else 1.0
    return {"type": "value", "min": 0, "max": high, "interval": high / PARTS}


def _heights(curves: Curves, quantity: Quantity, options: Options) -> Values:
    """What the axis must hold: on a log scale all that is shown."""
    is_log = options.scale == "log"
    parts = [np.zeros(0)]
    for name in shown(curves, quantity, options):
        after = -1 if is_log else _first_steps(curves, name)
        parts.append(curves.values[quantity][name][curves.epochs > after])
    if curves.steps is not None and "training" in options.show and (is_log or curves.epochs[-1] < 1):
        parts.append(getattr(curves.steps, quantity))
    values = drawn(np.concatenate(parts), quantity, options)
    return values[np.isfinite(values)]


def _first_steps(curves: Curves, name: CurveName) -> int:
    """The epoch up to which a curve is still on its way from nothing; the first training mean has all of that in it."""
    last = int(curves.epochs[-1])
    return min(1 if name == "training" else 0, last - 1)


def _below(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten that is not above."""
    size = 10.0 ** floor(log10(value))
    return next(part * size for part in (5, 2, 1) if part * size <= value * (1 + 1e-9))
