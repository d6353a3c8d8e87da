"""A unit in two charts: what it gives for the images of each class, and with what weights the next layer hears it."""

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from mnist_core.analysis.outgoing import Outgoing, needed_weights, outgoing
from mnist_core.inspection import UnitResponses
from mnist_core.networks.shapes import plan
from mnist_core.npz import Arrays, from_npz
from mnist_core.palette import Palette, class_colour
from pages.ui.format import count, plain
from pages.ui.frame.view import View
from pages.ui.recent import Recent
from pages.ui.recorded import spec_of
from pages.ui.services import services
from pages.ui.theme import palette
from pages.ui.weights.layers import KernelLayer
from pages.ui.weights.reading import WEIGHTS

__all__ = ["CHART", "bars_spec", "draw_by_class", "draw_outgoing"]

CHART = 300
MOST_BARS = 16
MOST_BYTES = 300 * 2**20
"""Of outgoing weights in memory, for all sessions together."""

AGAINST, FOR = 2, -3
"""Places in the diverging scale."""

READ_CLASSES = "Its mean over the images of each class{filter}. Of a unit that tells classes apart the bars differ."
READ_FILTER = ", for each image its highest value over all places"
READ_OUTGOING = "To the right of 0 it speaks for {what}, to the left against it. The bars are its weights{sums}{norm}."
READ_AROUND = " `{layer}` leads it around these weights as well, which the bars do not show."


class Bar(NamedTuple):
    """A bar: what stands beside it, how long it is (None where nothing is known), and its colour."""

    name: str
    value: float | None
    colour: str


def draw_by_class(view: View, found: UnitResponses, unit: int, layer: KernelLayer) -> None:
    """Draws the mean answer to each class as bars.

    Args:
        view: what is looked at, at the epoch of the answer.
        found: how the units answer.
        unit: which of them.
        layer: the layer that they are of.
    """
    means = [None if np.isnan(mean) else float(mean) for mean in found.mean[unit]]
    named = enumerate(zip(view.classes, means, strict=True))
    bars = [Bar(name, mean, class_colour(number)) for number, (name, mean) in named]
    shown = bars if len(bars) <= MOST_BARS else _strongest(bars)
    st.markdown("**What it gives for each class**")
    _draw(shown, key="unit_by_class", alt=f"Bars: mean activation of unit {unit} for {len(shown)} classes")
    st.caption(READ_CLASSES.format(filter=READ_FILTER if layer.window else "") + _left_out(bars, shown))


def draw_outgoing(view: View, layer: str, unit: int) -> None:
    """Draws the weights to the units of the next layer with a kernel.

    Args:
        view: what is looked at, at an epoch whose weights are kept.
        layer: id of the unit's layer.
        unit: which of its units.
    """
    planned = plan(spec_of(view.record).network.layers)
    found = outgoing(_heard((view.run.id, view.epoch, layer), planned), planned, layer, unit)
    st.markdown(f"**Its weights to {plain(found.to)}**" if found.to else "**Its outgoing weights**")
    if found.values is None:
        with st.container(height=CHART, border=True, vertical_alignment="center", horizontal_alignment="center"):
            st.markdown(f":gray[{found.reason}]")
        return
    bars = _outgoing_bars(view, found)
    shown = bars if len(bars) <= MOST_BARS else _strongest(bars)
    _draw(shown, key="unit_outgoing", alt=f"Bars: weights of unit {unit} to {len(shown)} units of {found.to}")
    is_scaled = len(needed_weights(planned, layer)) > 1
    st.caption(_read_outgoing(found, is_scaled=is_scaled) + _left_out(bars, shown))


def bars_spec(bars: list[Bar], colours: Palette) -> dict[str, Any]:
    """The chart: a row for each bar, the first at the top.

    Args:
        bars: what is drawn.
        colours: of the theme.
    """
    muted = {"color": colours.muted}
    return {
        "animation": False,
        "grid": {"left": 6, "right": 16, "top": 6, "bottom": 6, "containLabel": True},
        "xAxis": {"type": "value", "splitLine": {"lineStyle": {"color": colours.grid}}, "axisLabel": muted},
        "yAxis": {
            "type": "category",
            "data": [bar.name for bar in bars],
            "inverse": True,
            "axisTick": {"show": False},
            "axisLine": {"show": False},
            "axisLabel": muted
            | {"interval": 0 if len(bars) <= MOST_BARS else "auto", "width": 78, "overflow": "truncate"},
        },
        "tooltip": {"trigger": "item", "formatter": "{b}: <b>{c}</b>", "confine": True},
        "series": [
            {
                "type": "bar",
                "barCategoryGap": "22%",
                "data": [{"value": _rounded(bar.value), "itemStyle": {"color": bar.colour}} for bar in bars],
            }
        ],
    }


def _draw(bars: list[Bar], *, key: str, alt: str) -> None:
    st.echarts_chart(bars_spec(bars, palette()), key=key, height=CHART, alt=alt)


def _outgoing_bars(view: View, found: Outgoing) -> list[Bar]:
    against, for_it = palette().diverging[AGAINST], palette().diverging[FOR]
    is_answer = found.to == "output"
    return [
        Bar(view.classes[number] if is_answer else f"unit {number}", total, for_it if total > 0 else against)
        for number, total in enumerate(found.sums.tolist())
    ]


def _read_outgoing(found: Outgoing, *, is_scaled: bool) -> str:
    places = 1 if found.values is None else found.values.shape[1] * found.values.shape[2]
    return READ_OUTGOING.format(
        what="a class" if found.to == "output" else f"a unit of {plain(found.to)}",
        sums=f", added up over {count(places)} places" if places > 1 else "",
        norm=", as batch norm on the way scales them" if is_scaled else "",
    ) + "".join(READ_AROUND.format(layer=layer) for layer in found.around)


def _strongest(bars: list[Bar]) -> list[Bar]:
    """The longest bars, in their order."""
    sizes = np.array([abs(bar.value or 0) for bar in bars])
    return [bars[place] for place in np.sort(np.argsort(-sizes, kind="stable")[:MOST_BARS]).tolist()]


def _left_out(bars: list[Bar], shown: list[Bar]) -> str:
    return f" The {len(shown)} strongest of {count(len(bars))}." if len(shown) < len(bars) else ""


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _heard(key: tuple[str, int, str], planned: Any) -> Arrays:
    """The weights between a layer and the next; mostly some hundred kB, 270 MB for the widest layers there can be."""
    run_id, epoch, layer = key

    def read() -> Arrays:
        return from_npz(services().lab.archive.read(run_id, epoch, WEIGHTS), needed_weights(planned, layer))

    return _recent().get(key, read)


@st.cache_resource(show_spinner=False)
def _recent() -> Recent[Arrays]:
    return Recent(MOST_BYTES)
