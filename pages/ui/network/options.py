"""What a visitor asks of the network page: one image or the network, and how much of it; the URL holds it."""

from typing import Literal

import streamlit as st

from pages.ui.frame.option import Option, pick

__all__ = ["NETWORK", "WAY", "Part", "choose_part", "is_folded"]

Part = Literal["one image", "the network"]
WAY: Part = "one image"
NETWORK: Part = "the network"
UNFOLDED = "unfolded"
PART = Option("part", ("network",))


def choose_part() -> Part:
    """Draws the choice between an image on its way and the network itself."""
    chosen, problem = pick(PART, "part of the page", (WAY, NETWORK))
    if problem:
        st.warning(problem, icon=":material/link_off:")
    return NETWORK if chosen == NETWORK else WAY


def is_folded() -> bool:
    """Draws the switch, and says whether what is very wide or deep is folded."""
    return not st.toggle("show all layers, channels and values", key=UNFOLDED, bind="query-params")
