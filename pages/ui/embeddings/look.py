"""How a map is drawn: what its colours say, and whether images stand at their places. Both stand in the URL."""

from dataclasses import dataclass

import streamlit as st

from pages.ui.map import COLOURINGS, Colouring

__all__ = ["Look", "choose_look"]

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


def choose_look() -> Look:
    """Draws the choices."""
    colouring = st.selectbox("colour", COLOURINGS, key="colour", bind="query-params", help=HELP_COLOUR, width=150)
    shows = st.segmented_control(
        "points", SHOWS, default=SHOWS[0], required=True, key="shows", bind="query-params", help=HELP_PICTURES
    )
    return Look(next((one for one in COLOURINGS if one == colouring), COLOURINGS[0]), shows == SHOWS[1])
