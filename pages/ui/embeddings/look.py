"""How a map is drawn: what its colours say, and whether images stand at their places. Both stand in the URL."""

from dataclasses import dataclass

import streamlit as st

from pages.ui.map import COLOURINGS, Colouring

__all__ = ["Look", "choose_colouring", "choose_images"]

HELP_COLOUR = (
    "Predicted class, right or wrong, confidence and loss are those of the epoch that is looked at; `epoch learnt` is"
    " the one since which an image is right without interruption."
)
SHOWS = ("dots", "images")
HELP_PICTURES = "Draws the images themselves where at most 300 are in sight: zoom in."


@dataclass(frozen=True)
class Look:
    """How the maps are drawn.

    Attributes:
        colouring: what the colours say.
        pictures: whether images stand at their places where few are in sight.
    """

    colouring: Colouring
    pictures: bool


def choose_colouring() -> Colouring:
    """Draws the menu of colourings."""
    chosen = st.selectbox("colour", COLOURINGS, key="colour", bind="query-params", help=HELP_COLOUR, width=150)
    return next((one for one in COLOURINGS if one == chosen), COLOURINGS[0])


def choose_images() -> bool:
    """Draws the choice between dots and images; whether it is images."""
    shows = st.segmented_control(
        "points", SHOWS, default=SHOWS[0], required=True, key="shows", bind="query-params", help=HELP_PICTURES
    )
    return shows == SHOWS[1]
