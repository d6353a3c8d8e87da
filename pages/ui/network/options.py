"""What a visitor asks of the network page: one image or the network, and how much of it; the URL holds it."""

from typing import Literal

import streamlit as st

__all__ = ["NETWORK", "WAY", "Part", "choose_part", "is_folded"]

Part = Literal["one image", "the network"]
WAY: Part = "one image"
NETWORK: Part = "the network"
UNFOLDED = "unfolded"


def choose_part() -> Part:
    """Draws the choice between an image on its way and the network itself."""
    chosen = st.segmented_control(
        "part of the page",
        (WAY, NETWORK),
        default=WAY,
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    return NETWORK if chosen == NETWORK else WAY


def is_folded() -> bool:
    """Draws the switch, and says whether what is very wide or deep is folded."""
    return not st.toggle("show all layers, channels and values", key=UNFOLDED, bind="query-params")
