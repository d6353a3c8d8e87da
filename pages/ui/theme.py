"""Which of the two palettes the browser shows.

What Streamlit itself draws with stands in `.streamlit/config.toml`; a test holds it to the palettes.
"""

import streamlit as st

from mnist_core.palette import DARK, LIGHT, Palette

__all__ = ["is_dark", "palette"]


def is_dark() -> bool:
    """Whether the browser shows the dark theme."""
    return st.context.theme.type == "dark"


def palette() -> Palette:
    """The colours of the theme that the browser shows."""
    return DARK if is_dark() else LIGHT
