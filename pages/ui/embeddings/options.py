"""What a visitor asks of the embeddings page: which layer, by which method, of how many images; the URL holds it."""

from dataclasses import dataclass
from typing import Literal, get_args

import streamlit as st

from mnist_core.analysis.embedding import METHODS
from mnist_core.part import Part
from pages.ui.embeddings.layers import layer_label, layers_of
from pages.ui.embeddings.look import Look, choose_colouring, choose_images
from pages.ui.embeddings.settings_form import choose_settings
from pages.ui.frame.option import Option, shown_text
from pages.ui.frame.view import View
from pages.ui.guard import guarded

__all__ = ["ALONG", "POINTS", "Along", "Options", "choose_options"]

Along = Literal["this epoch", "all epochs", "all layers"]
ALONG: tuple[Along, ...] = get_args(Along)
POINTS = (1_000, 2_000, 5_000, 10_000, 20_000, 70_000)
FIRST_METHOD = "pca"
TITLES = {one.title: name for name, one in METHODS.items()}
"""What a bound widget offers is what the link says."""

LABEL_HEIGHT = 28
"""Of a menu, so that a button beside it stands on its line."""

LAYER = Option("layer", ("embeddings",))
WRONG_LAYER = "`layer` in the link must be one of {known}, got `{given}`; {shown} is shown."
HELP_LAYER = "What leaves this layer for each image, as a vector: that is what the map arranges."
HELP_POINTS = "At most so many images of the split, of each class its share; which ones is drawn once and stays."
HELP_ALONG = (
    "One map; or a map of each recorded epoch, or of each layer, in one frame of reference, so that the cursor, or the"
    " menu of layers, moves the points and they do not jump."
)
HELP_METHOD = "{title}: {note}"


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Attributes:
        layer: its id, or "pixels".
        method: a key of `METHODS`.
        settings: of the method; None where what was typed breaks a rule, which the form has said.
        points: how many images at most.
        along: whether one map is asked for, or several in one frame of reference.
        look: how maps are drawn.
        problems: what the link asks for that cannot be, as sentences.
    """

    layer: str
    method: str
    settings: Part | None
    points: int
    along: Along
    look: Look
    problems: tuple[str, ...] = ()


def choose_options(view: View) -> Options:
    """Draws the choices; whatever a browser sends, each is one that there is."""
    layer, wrong_layer = _pick_layer(view)
    method = st.segmented_control(
        "method",
        tuple(TITLES),
        default=METHODS[FIRST_METHOD].title,
        required=True,
        key="method",
        bind="query-params",
        help="  \n".join(HELP_METHOD.format(title=one.title, note=one.note) for one in METHODS.values()),
    )
    along = st.segmented_control(
        "maps of", ALONG, default=ALONG[0], required=True, key="along", bind="query-params", help=HELP_ALONG
    )
    chosen = TITLES.get(str(method), FIRST_METHOD)
    colouring = choose_colouring()
    with st.container(width="content", gap=None):
        st.space(LABEL_HEIGHT)
        with st.popover("Settings", icon=":material/tune:"):
            points, shows_images = _pick_points(), choose_images()
            st.divider()
            settings, problem = choose_settings(chosen)
    return Options(
        layer=layer,
        method=chosen,
        settings=settings,
        points=points,
        along=next((one for one in ALONG if one == along), ALONG[0]),
        look=Look(colouring, shows_images),
        problems=tuple(filter(None, (wrong_layer, problem))),
    )


def _pick_points() -> int:
    points = st.selectbox(
        "images of the split, at most",
        POINTS,
        index=POINTS.index(10_000),
        key="points",
        bind="query-params",
        help=HELP_POINTS,
        width=200,
    )
    return points if points in POINTS else 10_000


def _pick_layer(view: View) -> tuple[str, str]:
    """The menu of layers; a session keeps its choice by name, as far as the run has a layer of that name."""
    layers, problem = layers_of(view.record), ""
    asked = LAYER.asked or layers.last_hidden
    layer = asked if asked in layers.shapes else layers.last_hidden
    if layer == asked:
        LAYER.keep("" if layer == layers.last_hidden else layer)
    elif view.is_new_run:
        LAYER.leave_link()
    elif LAYER.is_in_link:
        problem = WRONG_LAYER.format(known=", ".join(layers.shapes), given=shown_text(asked), shown=layer)
    st.session_state[LAYER.menu] = layer
    st.selectbox(
        "layer",
        list(layers.shapes),
        format_func=lambda name: layer_label(name, layers),
        key=LAYER.menu,
        on_change=_layer_picked,
        args=(layers.last_hidden,),
        help=HELP_LAYER,
        width=170,
    )
    return layer, problem


@guarded
def _layer_picked(default: str) -> None:
    picked = str(st.session_state[LAYER.menu])
    LAYER.keep("" if picked == default else picked)
