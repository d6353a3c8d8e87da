"""The configuration of a network's layers as text, every field written out, to be read and copied."""

import json
from typing import Any

import streamlit as st

from mnist_core.networks.shapes import PlannedLayer, flat, plan
from mnist_core.spec import RunSpec

__all__ = ["configuration", "draw_configuration"]

ALL = "all layers"
HEIGHT = 420
READ_ALL = (
    "All layers as a specification holds them, defaults written out: `network.layers` takes this text as it stands."
)
READ_ONE = "All fields of `{layer}`, defaults written out; it stands at `{path}` in the specification{made}."
MADE = ", and is made from the residual layer there"


def draw_configuration(spec: RunSpec, *, key: str) -> None:
    """Draws a menu of the layers, and the chosen one's fields.

    Args:
        spec: whose network.
        key: identity of the menu on the page.
    """
    places = {place.id: place for place in flat(plan(spec.network.layers))}
    chosen = st.selectbox("configuration of", [ALL, *places], key=key, filter_mode="contains", width=240)
    place = places.get(str(chosen))
    st.code(configuration(spec, place), language="json", height=HEIGHT)
    if place is None:
        st.caption(READ_ALL)
        return
    is_shortcut = place.path.endswith(".shortcut")
    st.caption(READ_ONE.format(layer=place.id, path=place.path, made=MADE if is_shortcut else ""))


def configuration(spec: RunSpec, place: PlannedLayer | None = None) -> str:
    """The fields of one layer, or of all in their order, as JSON.

    Args:
        spec: whose network.
        place: the layer; None takes all.
    """
    plain: Any = (
        spec.network.model_dump(mode="json")["layers"] if place is None else place.layer.model_dump(mode="json")
    )
    return json.dumps(plain, indent=2)
