"""The network itself, from its specification alone: diagram, table and configuration."""

import streamlit as st

from mnist_core.spec import RunSpec
from pages.ui.network.configuration import draw_configuration
from pages.ui.network.diagram import draw_diagram
from pages.ui.network.table import draw_table

__all__ = ["draw_network", "draw_network_in_tabs"]

TABS = ("diagram", "numbers", "configuration")


def draw_network(spec: RunSpec, *, key: str) -> None:
    """Draws all of it below each other, for a page.

    Args:
        spec: whose network.
        key: begins the keys of what is drawn.
    """
    st.subheader("The network", anchor=False)
    draw_diagram(spec, key=f"{key}:diagram")
    st.subheader("In numbers", anchor=False)
    draw_table(spec, key=f"{key}:table")
    st.subheader("Configuration", anchor=False)
    draw_configuration(spec, key=f"{key}:configuration")


def draw_network_in_tabs(spec: RunSpec, *, key: str) -> None:
    """Draws all of it in tabs, for a narrow place.

    Args:
        spec: whose network.
        key: begins the keys of what is drawn.
    """
    drawing = (draw_diagram, draw_table, draw_configuration)
    for tab, name, draw in zip(st.tabs(TABS), TABS, drawing, strict=True):
        with tab:
            draw(spec, key=f"{key}:{name}")
