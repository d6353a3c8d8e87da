"""How far each layer went over the epochs, from its start and in each step. A curve a layer; deep ones are strong."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.palette import LIGHT, Palette
from pages.ui.format import count
from pages.ui.theme import palette
from pages.ui.weights.history import Followed, LayerCurve

__all__ = ["HEIGHT", "Cursors", "changes_spec", "draw_changes", "reading_said"]

HEIGHT = 320
MANY = 40
"""Above so many epochs points are not drawn."""

VISIBLE = {True: 3, False: 4}
"""By whether the theme is light: of the sequential colours, the first that is told from the background."""

MEASURES = ("change", "update")
TITLES = {"change": "Change since epoch 0", "update": "Step in an epoch"}
SHARE, ABSOLUTE = "% of the norm at epoch 0", "norm"
READ = "How far each layer's weights are from where they started, and how large each step was{share}."
SHARE_SAID = ", as a share of their norm at epoch 0"
FROM_ZERO = "{layers} start{s} at 0, so there is no share: its dashed line is the norm of the change itself."
THINNED = "{kept} of {recorded} epochs still have the weights of all layers."
GAPS = "Where epochs lie between two that were read, a step is the way between them, divided by the number of epochs."
EVENLY = "Of {kept} epochs {read} were read, evenly."


class Cursors(NamedTuple):
    """Where the page stands.

    Attributes:
        epoch: that is looked at.
        before: that of the second cursor.
        last: where the axes end: the last one of the run, or of those that are planned while it trains.
        layer: the one that is chosen.
    """

    epoch: int
    before: int
    last: int
    layer: str


def draw_changes(followed: Followed, cursors: Cursors) -> None:
    """Draws both charts and how to read them.

    Args:
        followed: the layers over the epochs.
        cursors: where the page stands.
    """
    for column, measure in zip(st.columns(2, gap="large"), MEASURES, strict=True):
        with column:
            st.markdown(f"**{TITLES[measure]}** ({_units(followed.layers)})")
            st.echarts_chart(
                changes_spec(followed.layers, measure, cursors, palette()),
                key=f"weights_{measure}",
                height=HEIGHT,
                alt=_spoken(followed, measure),
            )
    zero = [one.layer.name for one in followed.layers if one.layer.relative_change is None]
    said = [READ.format(share=SHARE_SAID if len(zero) < len(followed.layers) else "")]
    if zero:
        said.append(FROM_ZERO.format(layers=", ".join(zero), s="s" if len(zero) == 1 else ""))
    st.caption(" ".join([*said, *reading_said(followed)]))


def reading_said(followed: Followed) -> list[str]:
    """What of the run is in the curves, as sentences."""
    said = []
    read = max((len(one.epochs) for one in followed.layers[1:] or followed.layers), default=0)
    if followed.kept < followed.recorded:
        said.append(THINNED.format(kept=count(followed.kept), recorded=count(followed.recorded)))
    if followed.is_complete and read < followed.kept and not followed.trouble:
        said.append(EVENLY.format(kept=count(followed.kept), read=count(read)))
    if any((np.diff(one.epochs) > 1).any() for one in followed.layers):
        said.append(GAPS)
    return [*said, *filter(None, [followed.trouble])]


def changes_spec(layers: Sequence[LayerCurve], measure: str, cursors: Cursors, colours: Palette) -> dict[str, Any]:
    """One chart: a line a layer, and rules at both cursors.

    Args:
        layers: over the epochs.
        measure: "change" or "update".
        cursors: where the page stands.
        colours: of the theme.
    """
    lines = [_line(layers, place, measure, cursors, colours) for place in range(len(layers))]
    return {
        "animation": False,
        "legend": {"type": "scroll", "left": 0, "top": 0, "itemWidth": 18, "itemGap": 12, "selectedMode": False},
        "grid": {"left": 6, "right": 36, "top": 60, "bottom": 26, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueDesc"},
        "xAxis": {
            "type": "value",
            "name": "epoch",
            "nameLocation": "middle",
            "nameGap": 24,
            "min": 0,
            "max": max(cursors.last, 1),
            "minInterval": 1,
        },
        "yAxis": _y_axes(layers),
        "series": [*lines, _rules(cursors, colours)],
    }


def _kinds(layers: Sequence[LayerCurve]) -> tuple[bool, bool]:
    """Whether there are layers with a share, and layers without one."""
    is_absolute = [one.layer.relative_change is None for one in layers]
    return not all(is_absolute), any(is_absolute)


def _units(layers: Sequence[LayerCurve]) -> str:
    shares, norms = _kinds(layers)
    return f"{SHARE}; dashed: {ABSOLUTE}, right" if shares and norms else SHARE if shares else ABSOLUTE


def _y_axes(layers: Sequence[LayerCurve]) -> list[dict[str, Any]]:
    """One of shares, or one of norms where a layer starts at 0; where there are both, that stands to the right."""
    axis = {"type": "value", "min": 0}
    return [axis, axis | {"position": "right", "splitLine": {"show": False}}] if all(_kinds(layers)) else [axis]


def _line(layers: Sequence[LayerCurve], place: int, measure: str, cursors: Cursors, colours: Palette) -> dict[str, Any]:
    one = layers[place]
    values, is_share = _values(one, measure)
    is_chosen = one.layer.name == cursors.layer
    colour = _shade(place / max(len(layers) - 1, 1), colours)
    return {
        "type": "line",
        "name": one.layer.name,
        "data": _pairs(one.epochs, values),
        "yAxisIndex": 1 if all(_kinds(layers)) and not is_share else 0,
        "symbol": "circle",
        "symbolSize": 5,
        "showSymbol": len(one.epochs) <= MANY,
        "lineStyle": {"width": 3 if is_chosen else 1.5, "color": colour, "type": "solid" if is_share else "dashed"},
        "itemStyle": {"color": colour},
        "tooltip": {"valueFormatter": "%.2f %%" if is_share else "%.4f"},
        "z": 4 if is_chosen else 3,
    }


def _values(one: LayerCurve, measure: str) -> tuple[NDArray[np.float64], bool]:
    """Percent of the norm at epoch 0, and True; where that is 0 the norm itself, and False."""
    layer = one.layer
    values = layer.change
    if measure == "update":
        values = layer.update / np.diff(one.epochs, prepend=one.epochs[0] - 1)
    if layer.relative_change is None:
        return values, False
    return 100 * values / layer.kernel_norm[0], True


def _pairs(epochs: NDArray[np.int32], values: NDArray[np.float64]) -> list[list[float | None]]:
    pairs = zip(epochs.tolist(), values.tolist(), strict=True)
    return [[epoch, float(f"{value:.6g}") if np.isfinite(value) else None] for epoch, value in pairs]


def _shade(depth: float, colours: Palette) -> str:
    """The first layer faint, the last one strong."""
    shades = colours.sequential[VISIBLE[colours is LIGHT] :]
    return shades[round(depth * (len(shades) - 1))]


def _rules(cursors: Cursors, colours: Palette) -> dict[str, Any]:
    """A line at the epoch that is looked at, and a dashed one at the second cursor."""
    label = {"color": colours.text, "backgroundColor": colours.background, "padding": [2, 4], "distance": 8}
    solid = {"color": colours.text, "width": 1, "type": "solid"}
    rules = [{"xAxis": cursors.epoch, "lineStyle": solid, "label": label | {"formatter": f"epoch {cursors.epoch}"}}]
    if cursors.before != cursors.epoch:
        rules.append({"xAxis": cursors.before, "lineStyle": solid | {"type": "dotted"}, "label": {"show": False}})
    return {
        "type": "line",
        "data": [],
        "silent": True,
        "markLine": {"silent": True, "symbol": "none", "data": rules},
    }


def _spoken(followed: Followed, measure: str) -> str:
    said = []
    for one in followed.layers:
        values, is_share = _values(one, measure)
        last = values[-1]
        said.append(f"{one.layer.name} {last:.4g}{' %' if is_share else ''}" if np.isfinite(last) else one.layer.name)
    return f"{TITLES[measure]} over {len(followed.layers)} layers, at the last epoch read: {', '.join(said)}."
