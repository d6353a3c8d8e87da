"""Weights as pictures before and after, and how far each layer went over the epochs."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.weight_history import LayerHistory, WeightHistory
from mnist_core.figures.sheet import Figure, go, scale, sheet
from mnist_core.palette import LIGHT

__all__ = ["weight_changes", "weight_tiles"]

GAP = 0.06
PANELS = ("before", "now", "difference")

Tiles = NDArray[np.float32]
Measure = Literal["change", "update"]
DEEP_ENOUGH = LIGHT.sequential[3:]
"""The colours of layers, from the first to the last: those that can be seen on the background."""

READS = {"change": "change since epoch 0", "update": "change since the kept epoch before"}


def weight_tiles(
    before: Tiles, now: Tiles, *, order: NDArray[np.int64] | None = None, most: int = 64, title: str = ""
) -> Figure:
    """The units of a layer as tiles, before, now and the difference, on one scale that is symmetric around 0.

    Args:
        before: float32 (units, rows, columns), from `analysis.tiles`.
        now: float32 of the same shape.
        order: int64 (units,), from `analysis.units.unit_order`: the first one stands at the top left; None by index.
        most: how many units at most.
        title: stands above.
    """
    units = (np.arange(len(now)) if order is None else order)[:most]
    across = int(np.ceil(np.sqrt(len(units))))
    figure = sheet(title or f"Weights of {len(units)} of {len(now)} units", PANELS[0], "", height=480)
    shown = (before[units], now[units], now[units] - before[units])
    largest = max(float(np.abs(tiles).max(initial=0)) for tiles in shown) or 1.0
    width = (1 - 2 * GAP) / 3
    for place, (name, tiles) in enumerate(zip(PANELS, shown, strict=True)):
        axis = str(place + 1) if place else ""
        trace = go.Heatmap(z=_mosaic(tiles, across), text=_mosaic_names(tiles, across, units), name=name)
        trace.update(xaxis=f"x{axis}", yaxis=f"y{axis}", zmin=-largest, zmax=largest, colorscale=scale(LIGHT.diverging))
        trace.update(hovertemplate=f"%{{text}}<br>{name} %{{z:.4f}}<extra></extra>", hoverongaps=False)
        trace.update(colorbar={"title": {"text": "weight"}}, showscale=place == 2)
        figure.add_trace(trace)
        left = place * (width + GAP)
        figure.layout[f"xaxis{axis}"] = _bare(name) | {
            "anchor": f"y{axis}",
            "domain": [left, left + width],
            "side": "top",
        }
        figure.layout[f"yaxis{axis}"] = _bare("") | {
            "anchor": f"x{axis}",
            "autorange": "reversed",
            "scaleanchor": f"x{axis}",
        }
    figure.layout.yaxis.title.text = "units, in rows"
    return figure


def weight_changes(history: WeightHistory, *, measure: Measure = "change", title: str = "") -> Figure:
    """How far each layer's kernel went, a curve a layer, the deeper the darker: as a share of its norm at epoch 0.

    A layer that starts at 0 has no such share; its curve is the norm of the change itself.

    Args:
        history: from `analysis.weight_history`.
        measure: "change" since epoch 0, or "update" since the kept epoch before.
        title: stands above; default says the measure.
    """
    figure = sheet(title or f"Weights over epochs: {READS[measure]}", "epoch", "share of the norm at epoch 0")
    if any(layer.relative_change is None for layer in history.layers):
        figure.update_yaxes(title={"text": "share of the norm at epoch 0, or the norm of the change itself"})
    for place, layer in enumerate(history.layers):
        values, name = _curve(layer, measure)
        figure.add_trace(
            go.Scatter(
                x=history.epochs,
                y=values,
                mode="lines+markers",
                name=name,
                line={"color": _colour(place / max(len(history.layers) - 1, 1)), "width": 2},
                marker={"size": 4},
                hovertemplate=f"{name}, epoch %{{x}}<br>%{{y:.4f}}<extra></extra>",
            )
        )
    return figure


def _colour(depth: float) -> str:
    return DEEP_ENOUGH[round(depth * (len(DEEP_ENOUGH) - 1))]


def _curve(layer: LayerHistory, measure: Measure) -> tuple[NDArray[np.float64], str]:
    if layer.relative_change is None:
        return getattr(layer, measure), f"{layer.name} (absolute, as it starts at 0)"
    if measure == "change":
        return layer.relative_change, layer.name
    return layer.update / layer.kernel_norm[0], layer.name


def _mosaic(tiles: Tiles, across: int) -> NDArray[np.float32]:
    """The tiles in rows, with a gap of a pixel between them: NaN where there is nothing."""
    units, rows, columns = tiles.shape
    down = -(-units // across)
    filled = np.full((down * across, rows + 1, columns + 1), np.nan, np.float32)
    filled[:units, :rows, :columns] = tiles
    laid = filled.reshape(down, across, rows + 1, columns + 1).swapaxes(1, 2)
    return laid.reshape(down * (rows + 1), across * (columns + 1))[:-1, :-1]


def _mosaic_names(tiles: Tiles, across: int, units: NDArray[np.int64]) -> list[list[str]]:
    """The name of the unit at each pixel of the mosaic."""
    numbers = _mosaic(np.broadcast_to(units[:, None, None], tiles.shape).astype(np.float32), across)
    return [["" if np.isnan(one) else f"unit {one:.0f}" for one in row] for row in numbers.tolist()]


def _bare(title: str) -> dict[str, Any]:
    return {
        "title": {"text": title},
        "showgrid": False,
        "zeroline": False,
        "showticklabels": False,
        "ticks": "",
        "constrain": "domain",
    }
