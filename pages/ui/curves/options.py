"""What a visitor chooses on the curves page: which curves, over what, how smooth. All of it stands in the URL."""

from typing import Literal, NamedTuple, get_args

import streamlit as st

from mnist_core.analysis.curves import MOST_SMOOTHING
from pages.ui.curves.data import CURVES, X_AXES, CurveName, XAxis

__all__ = ["LABELS", "SCALES", "Options", "Scale", "choose_options"]

Scale = Literal["linear", "log"]
SCALES: tuple[Scale, ...] = get_args(Scale)
LABELS: dict[CurveName, str] = {
    "training": "training",
    "evaluation": "training, evaluated",
    "validation": "validation",
    "test": "test",
}
HELP_SHOW = (
    "Training: what the steps themselves measured, on the weights as they were and with dropout and augmentation on."
    " Training, evaluated: a fixed sample of at most 10,000 training images at the end of each epoch, measured like"
    " validation, with dropout and augmentation off."
)
HELP_X = (
    "Steps: batches since the start. Time: seconds spent on training steps; evaluating and recording are not counted,"
    " and neither is what an interruption lost."
)
HELP_SMOOTHING = (
    "Of the training curve: an exponential moving average over the points that are drawn, with TensorBoard's bias"
    " correction. 0 draws them as they are. All other curves are exact."
)
HELP_SCALE = "Log shows small differences near the end; it draws the error in place of the accuracy."


class Options(NamedTuple):
    """What is to be drawn, and how.

    Attributes:
        show: the curves.
        x: what they run over.
        scale: of both charts.
        smoothing: weight of what was before, in [0, 0.99].
    """

    show: tuple[CurveName, ...] = CURVES
    x: XAxis = "epochs"
    scale: Scale = "linear"
    smoothing: float = 0.0


def choose_options() -> Options:
    """Draws the choices on one line; whatever a browser sends, each is one that there is."""
    with st.container(horizontal=True, gap="medium"):
        show = st.multiselect(
            "curves",
            CURVES,
            CURVES,
            format_func=lambda name: LABELS.get(name, name),
            key="show",
            bind="query-params",
            help=HELP_SHOW,
            placeholder="Choose a curve",
            width=460,
            wrap=True,
        )
        x = st.segmented_control(
            "over", X_AXES, default="epochs", required=True, key="x", bind="query-params", help=HELP_X
        )
        scale = st.segmented_control(
            "scale", SCALES, default="linear", required=True, key="scale", bind="query-params", help=HELP_SCALE
        )
        smoothing = st.slider(
            "smoothing",
            0.0,
            MOST_SMOOTHING,
            0.0,
            0.01,
            key="smoothing",
            bind="query-params",
            help=HELP_SMOOTHING,
            width=220,
        )
    return _checked(show, x, scale, smoothing)


def _checked(show: object, x: object, scale: object, smoothing: object) -> Options:
    default = Options()
    asked = show if isinstance(show, list | tuple) else ()
    is_weight = isinstance(smoothing, int | float) and 0 <= smoothing <= MOST_SMOOTHING
    return Options(
        show=tuple(name for name in CURVES if name in asked),
        x=next((one for one in X_AXES if one == x), default.x),
        scale=next((one for one in SCALES if one == scale), default.scale),
        smoothing=float(smoothing) if is_weight else default.smoothing,  # type: ignore[arg-type]
    )
