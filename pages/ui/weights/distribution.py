"""How the weights of the chosen layer are spread, over the epochs: a column an epoch, the current one framed."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import thinned
from mnist_core.analysis.weight_history import Distribution
from mnist_core.palette import Palette
from mnist_core.runs.kept import nearest_epoch
from pages.ui.format import percent
from pages.ui.theme import palette
from pages.ui.weights.changes import HEIGHT
from pages.ui.weights.history import LayerCurve

__all__ = ["distribution_spec", "draw_distribution"]

FEWEST = 0.0005
"""Bins at both ends that hold a smaller share of the weights than this at every epoch are not drawn."""

MOST_COLUMNS = 60

READ = (
    "Each column is an epoch: the stronger the colour, the more of the layer's weights lie there. The epoch that you"
    " look at is framed."
)
NEAREST = "Epoch {epoch} is not among them; the frame is at epoch {shown}, the nearest."
OUTSIDE = "At most {share} of the weights lie outside."


def draw_distribution(curve: LayerCurve, epoch: int) -> None:
    """Draws it.

    Args:
        curve: the chosen layer over the epochs.
        epoch: the one that is looked at.
    """
    st.markdown(f"**Where the weights of {curve.layer.name} lie**")
    columns = thinned(len(curve.epochs), most=MOST_COLUMNS)
    epochs = curve.epochs[columns]
    shown = nearest_epoch(epochs.tolist(), epoch)
    counts, edges, outside = _seen(curve.layer.distribution, columns)
    st.echarts_chart(
        distribution_spec((counts, edges), epochs, shown, palette()),
        key="weights_distribution",
        height=HEIGHT,
        alt=f"Heat map: weights of {curve.layer.name} from {edges[0]:.3g} to {edges[-1]:.3g} at {len(epochs)} epochs",
    )
    said = [READ]
    if shown != epoch:
        said.append(NEAREST.format(epoch=epoch, shown=shown))
    if outside:
        said.append(OUTSIDE.format(share=percent(outside)))
    st.caption(" ".join(said))


def _seen(spread: Distribution, columns: list[int]) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """The bins that are drawn, symmetric around 0, their edges, and which share of an epoch's weights others hold."""
    limit = spread.limit or 1.0
    counts, bins = spread.counts[columns], spread.counts.shape[1]
    total = max(int(counts[0].sum()), 1)
    most = counts.max(axis=0) / total
    reach = np.maximum(most, most[::-1])[: bins // 2]
    first = int(np.argmax(reach >= FEWEST))
    first = min(first, bins // 2 - 2)
    kept = slice(first, bins - first)
    edges = np.linspace(-limit, limit, bins + 1)[first : bins - first + 1]
    outside = float(1 - (counts[:, kept].sum(axis=1) / total).min())
    return counts[:, kept], edges, outside


def distribution_spec(
    bins: tuple[NDArray[np.int64], NDArray[np.float64]], epochs: NDArray[np.int32], epoch: int, colours: Palette
) -> dict[str, Any]:
    """The chart: bins upwards, epochs to the right.

    Args:
        bins: int64 (epochs, bins), how many weights lie in each, and float64 (bins + 1,), the borders.
        epochs: int32 (epochs,).
        epoch: the one that is framed.
        colours: of the theme.
    """
    (counts, edges), columns = bins, epochs.tolist()
    place, size = columns.index(epoch), counts.shape[1]
    bare = {"type": "category", "axisTick": {"show": False}, "axisLine": {"show": False}}
    return {
        "animation": False,
        "dataset": {"source": _cells(counts, edges, columns)},
        "grid": {"left": 6, "right": 16, "top": 28, "bottom": 26, "containLabel": True},
        "xAxis": [
            bare | {"data": [str(one) for one in columns], "name": "epoch", "nameLocation": "middle", "nameGap": 24},
            {"type": "value", "show": False, "min": 0, "max": len(columns)},
        ],
        "yAxis": [
            {
                "type": "value",
                "min": float(edges[0]),
                "max": float(edges[-1]),
                "name": "weight",
                "nameGap": 10,
                "nameTextStyle": {"align": "left"},
                "splitLine": {"show": False},
                "axisLabel": {"showMinLabel": False, "showMaxLabel": False},
            },
            bare | {"show": False, "data": [str(one) for one in range(size)]},
            {"type": "value", "show": False, "min": 0, "max": size},
        ],
        "visualMap": {
            "show": False,
            "min": 0,
            "max": 1,
            "dimension": "level",
            "seriesIndex": 0,
            "inRange": {"color": list(colours.sequential)},
        },
        "tooltip": {
            "formatter": "epoch {@epoch}: <b>{@share} %</b> of the weights<br/>from {@low} to {@high}",
            "confine": True,
        },
        "series": [
            {
                "type": "heatmap",
                "progressive": 0,
                "xAxisIndex": 0,
                "yAxisIndex": 1,
                "encode": {"x": "column", "y": "bin", "value": "level"},
                "itemStyle": {"borderWidth": 0},
                "emphasis": {"itemStyle": {"borderColor": colours.text, "borderWidth": 1}},
            },
            _frame(place, size, colours),
        ],
    }


def _frame(place: int, size: int, colours: Palette) -> dict[str, Any]:
    corners = [[place, 0], [place + 1, 0], [place + 1, size], [place, size], [place, 0]]
    return {
        "type": "line",
        "xAxisIndex": 1,
        "yAxisIndex": 2,
        "data": corners,
        "silent": True,
        "showSymbol": False,
        "clip": False,
        "lineStyle": {"color": colours.text, "width": 2},
        "z": 3,
    }


def _cells(counts: NDArray[np.int64], edges: NDArray[np.float64], epochs: list[int]) -> pd.DataFrame:
    """One row for each epoch and bin; levels by the square root of the share, so that the tails are seen.

    All are numbers: to hand over as many texts takes ten times as long.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    columns, size = shares.shape
    low, high = (np.array([float(f"{edge:.3g}") for edge in some]) for some in (edges[:-1], edges[1:]))
    return pd.DataFrame(
        {
            "column": np.repeat(np.arange(columns), size),
            "bin": np.tile(np.arange(size), columns),
            "level": np.sqrt(shares / (shares.max() or 1.0)).ravel().round(4),
            "epoch": np.repeat(np.array(epochs), size),
            "share": (100 * shares).ravel().round(2),
            "low": np.tile(low, columns),
            "high": np.tile(high, columns),
        }
    )
