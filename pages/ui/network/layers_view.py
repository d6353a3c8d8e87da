"""The layers of one pass, or of two, in the order of the flow, each with its name, its picture and its numbers."""

from collections.abc import Sequence

import streamlit as st

from mnist_core.inspection import ImageInspection, LayerActivation
from mnist_core.networks.shapes import flat, plan
from pages.ui.format import count
from pages.ui.frame.link import link_query
from pages.ui.frame.view import View
from pages.ui.network.layer_picture import Room, layer_html
from pages.ui.recorded import spec_of
from pages.ui.theme import is_dark, palette

__all__ = ["MOST_LAYERS", "draw_layers"]

MOST_LAYERS = 24
"""Networks of more layers are folded to those that stand in no residual block."""

WIDTHS = {1: 640, 2: 320}
"""How wide a picture may be beside so many."""

WITH_KERNEL = ("conv", "dense")
WEIGHTS_PAGE, WEIGHTS_ICON = "weights.py", ":material/view_module:"
PASSING = {"flatten": "the same values, laid out in one line", "dropout": "passes everything on, outside of training"}
"""What such a layer does, where it is folded to a sentence."""

READ = (
    "Each tile is a channel, each cell a value, after the layer's activation function, in evaluation mode: dropout does"
    " nothing. Each layer has a scale of its own, from 0 where nothing is below it, else symmetric around 0."
)
FOLDED = "{count} layers inside residual blocks are folded."


def draw_layers(view: View, passes: Sequence[ImageInspection], *, folded: bool) -> None:
    """Draws them.

    Args:
        view: what is looked at.
        passes: of the network, one or two.
        folded: whether very wide layers, and layers inside residual blocks of deep networks, are folded.
    """
    hidden = _inside(view) if folded and len(passes[0].layers) > MOST_LAYERS else frozenset()
    room = Room(WIDTHS[len(passes)], folded)
    for place, layer in enumerate(passes[0].layers):
        if layer.name not in hidden:
            _draw(view, [one.layers[place] for one in passes], [(one.image, one.epoch) for one in passes], room)
    st.caption(" ".join(filter(None, (READ, FOLDED.format(count=count(len(hidden))) if hidden else ""))))


def _draw(view: View, layers: list[LayerActivation], passes: list[tuple[int, int]], room: Room) -> None:
    first = layers[0]
    with st.container(gap=None):
        if first.kind in WITH_KERNEL:
            address = link_query() | {"layer": first.name}
            st.page_link(WEIGHTS_PAGE, label=f"**{first.name}**", icon=WEIGHTS_ICON, query_params=address)
        elif room.is_folded and first.kind in PASSING:
            st.markdown(f"**{first.name}**: {PASSING[first.kind]}")
            return
        else:
            st.markdown(f"**{first.name}**")
        st.html(_html((view.run.id, first.name, tuple(passes)), room, is_dark(), layers))


@st.cache_resource(max_entries=1000, show_spinner=False)
def _html(
    of: tuple[str, str, tuple[tuple[int, int], ...]],  # noqa: ARG001 - the key
    room: Room,
    dark: bool,  # noqa: ARG001 - decides the palette
    _layers: list[LayerActivation],
) -> str:
    """About 10 kB each, 200 kB where all of a wide layer is shown."""
    return layer_html(_layers, room, palette())


def _inside(view: View) -> frozenset[str]:
    """The layers that stand in a residual block."""
    planned = plan(spec_of(view.record).network.layers)
    return frozenset(place.id for place in flat(planned)) - frozenset(place.id for place in planned)
