"""The layers of a network in numbers: shape, parameters, multiply-adds, memory, and share of the time."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from mnist_core.networks.layer_costs import LayerCost, LayerCosts, layer_costs
from mnist_core.spec import RunSpec
from pages.ui.format import count, percent
from pages.ui.network.diagram import detail_of
from pages.ui.services import services

__all__ = ["costs_of", "draw_table", "memory"]

INSIDE = "\u2003"
"""Stands before the name of a layer for each residual layer that it is in."""

ROW, HEADER, MOST_HEIGHT = 35, 37, 420
TOTALS = (
    "**{parameters}** parameters take **{stored}**; one image takes **{multiply_adds}** multiply-adds forward, and what"
    " leaves the layers for it takes **{left}**."
)
READ = (
    "Parameters: what is stored, batch norm statistics too. Memory: of the parameters in float32, and of what leaves"
    " the layer for one image{width}. Time: estimated share of a training step ({basis}), not measured; {rest} of it"
    " belongs to no layer. A residual layer's row is the sum alone; its body and shortcut stand below it."
)


def draw_table(spec: RunSpec, *, key: str) -> None:
    """Draws the totals, the table, and what its columns mean.

    Args:
        spec: whose network.
        key: identity of the table on the page.
    """
    costs = costs_of(spec)
    st.markdown(
        TOTALS.format(
            parameters=count(costs.parameters),
            stored=memory(costs.parameter_bytes),
            multiply_adds=count(costs.multiply_adds),
            left=memory(costs.activation_bytes),
        )
    )
    st.dataframe(
        _columns(costs.layers),
        hide_index=True,
        key=key,
        height=min(HEADER + ROW * len(costs.layers), MOST_HEIGHT),
        column_config=_formats(),
        alt="The layers of the network with shapes, parameters, multiply-adds, memory and time",
    )
    width = " in bfloat16" if spec.precision == "bfloat16" else " in float32"
    st.caption(READ.format(width=width, basis=costs.basis, rest=percent(costs.rest)))


def costs_of(spec: RunSpec) -> LayerCosts:
    """What the layers of a network cost."""
    return _costs(spec.model_dump_json())


@st.cache_resource(max_entries=64, ttl=60.0, show_spinner=False)
def _costs(spec: str) -> LayerCosts:
    return layer_costs(RunSpec.model_validate_json(spec), services().lab.settings.home)


def memory(size: int) -> str:
    """A number of bytes: "312 B", "31.4 kB", "13.1 MB"."""
    if size < 1000:
        return f"{size}\u00a0B"
    return f"{size / 1e3:,.1f}\u00a0kB" if size < 1_000_000 else f"{size / 1e6:,.1f}\u00a0MB"


def _columns(layers: Sequence[LayerCost]) -> dict[str, list[Any]]:
    places = [one.place for one in layers]
    return {
        "layer": [INSIDE * one.level + one.place.id for one in layers],
        "kind": [place.layer.kind.replace("_", " ") for place in places],
        "what": [detail_of(place) for place in places],
        "output": [" x ".join(map(count, place.output_shape)) for place in places],
        "parameters": [place.parameters for place in places],
        "multiply_adds": [place.multiply_adds for place in places],
        "stored": [round(one.parameter_bytes / 1e3, 2) for one in layers],
        "left": [round(one.activation_bytes / 1e3, 2) for one in layers],
        "time": [100 * one.time_share for one in layers],
    }


def _formats() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "layer": st.column_config.TextColumn(pinned=True),
        "what": st.column_config.TextColumn("what it does"),
        "output": st.column_config.TextColumn("output shape", help="rows, columns and channels, or values"),
        "parameters": number(format="localized"),
        "multiply_adds": number("multiply-adds", format="localized", help="of one image's forward pass"),
        "stored": number("memory of parameters (kB)", format="localized"),
        "left": number("of activations, one image (kB)", format="localized"),
        "time": number("time (%), estimated", format="%.1f"),
    }
