"""The panels of the predictions page, one at a time: calibration, probabilities, ROC, precision-recall, and others.

Only what is shown is computed.
"""

from collections.abc import Callable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.frame.view import View
from pages.ui.predictions.panel_calibration import draw_calibration
from pages.ui.predictions.panel_curves import draw_precision_recall, draw_roc
from pages.ui.predictions.panel_probability import draw_probability
from pages.ui.predictions.part import Part

__all__ = ["PANELS", "draw_panels"]

Draw = Callable[[Part, int | None, DeltaGenerator], None]
PANELS: dict[str, Draw] = {
    "calibration": draw_calibration,
    "probability": draw_probability,
    "ROC": draw_roc,
    "precision-recall": draw_precision_recall,
}
OF_NO_CLASS = ("calibration",)
EVERY = -1


def draw_panels(part: Part, others: Mapping[str, Callable[[], None]] | None = None) -> None:
    """Draws the choice of a panel, and the one that is chosen.

    Args:
        part: which images are counted.
        others: further panels by name, drawn by themselves.
    """
    more = others or {}
    names = (*PANELS, *more)
    asked = st.segmented_control(
        "panel", names, default=names[0], required=True, key="panel", bind="query-params", label_visibility="collapsed"
    )
    if asked in more:
        more[asked]()
        return
    panel = asked if asked in PANELS else names[0]
    row = st.container(horizontal=True, vertical_alignment="top")
    with row:
        number = _choose_class(part.view, disabled=panel in OF_NO_CLASS)
    PANELS[panel](part, number, row)


def _choose_class(view: View, *, disabled: bool) -> int | None:
    number = st.selectbox(
        "class",
        range(EVERY, len(view.classes)),
        key="class",
        format_func=lambda number: "all" if number == EVERY else view.classes[number],
        bind="query-params",
        disabled=disabled,
        width=120,
    )
    return number if isinstance(number, int) and 0 <= number < len(view.classes) else None
