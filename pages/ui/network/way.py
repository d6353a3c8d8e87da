"""One image on its way through the network: every layer from the pixels to the probabilities, and what mattered."""

from html import escape
from typing import NamedTuple

import streamlit as st

from mnist_core.inspection import ImageInspection, ImageRequest
from mnist_core.runs import RunState
from mnist_core.runs.kept import nearest_epoch
from pages.ui.asked import asked
from pages.ui.frame.view import View
from pages.ui.guard import guard
from pages.ui.images import image_source, sprite_url
from pages.ui.network.beside import choose_beside
from pages.ui.network.layers_view import draw_layers
from pages.ui.network.options import is_folded
from pages.ui.network.probabilities import MOST_CLASSES, probabilities_html, said_of_it
from pages.ui.network.saliency_view import draw_saliency
from pages.ui.network.which_image import draw_lost_image, draw_steps, which_image
from pages.ui.recorded import thinned_said
from pages.ui.services import services
from pages.ui.theme import palette

__all__ = ["draw_way"]

END_HEIGHT, END_ROW = 54, 21
"""Of the end of a pass, in pixels: without classes, and of each class."""

LAST = "network_last"
SIDE, SMALL, BRIEF = 112, 84, 3
"""How large the image is, and beside names of more letters than a few."""

NO_WEIGHTS = (
    "No weights of this run are kept, so nothing can be sent through its network. Train it again, or look at another"
    " run; the network itself stands under `the network`."
)
READ_BARS = "How probable the network finds each class, at the end of the way."


class _Wanted(NamedTuple):
    """A pass that is wanted: what is asked for, what it is in words, and where it stands."""

    request: ImageRequest
    title: str
    key: str


class _Shown(NamedTuple):
    """The passes that are shown, of which run, and what they are."""

    run: str
    passes: list[ImageInspection]
    titles: list[str]


def draw_way(view: View) -> None:
    """Draws which image it is, and its way once a worker has sent it through.

    Args:
        view: what is looked at; the images are at hand.
    """
    epochs = _weights(view.run.id, view.epochs[-1].epoch, view.record.state)
    if not epochs:
        st.info(NO_WEIGHTS, icon=":material/folder_off:")
        return
    which, epoch = which_image(view), nearest_epoch(epochs, view.epoch)
    above, request = st.container(), ImageRequest(image=which.image, epoch=epoch)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        draw_steps(which)
        beside, problem = choose_beside(view, which, request=request, epochs=epochs)
    with above:
        draw_lost_image(which)
        if problem:
            st.warning(problem, icon=":material/link_off:")
    st.markdown(which.said)
    notes = [thinned_said(view.epoch, epoch)] if epoch != view.epoch else []
    notes += [beside.note] if beside is not None and beside.note else []
    if notes:
        st.caption(f":material/history: {' '.join(notes)}")
    wanted = [_Wanted(request, f"image {which.image}, epoch {epoch}", "")]
    if beside is not None:
        wanted.append(_Wanted(beside.request, beside.title, "beside"))
    left, right = st.container(key="way").columns([5, 7], gap="large")
    with left:
        shown = _ends(view, wanted)
    if shown is None:
        return
    with left, guard():
        st.subheader("Which pixels matter", anchor=False)
        draw_saliency(shown.passes, shown.titles, view.classes)
    with right, guard():
        st.subheader("From pixels to probabilities", anchor=False)
        st.caption(_said(shown, [one.title for one in wanted]))
        draw_layers(view, shown.passes, folded=is_folded())


def _ends(view: View, wanted: list[_Wanted]) -> _Shown | None:
    """Draws the end of each pass, or that it is on its way; what there is to show of them, maybe still of the last."""
    found = []
    for one in wanted:
        with st.container():
            what = f"{one.title[:1].upper()}{one.title[1:]}"
            passed = asked(one.request, view.run.id, what=what, height=_end_height(view), key=f"network:{one.key}")
            if passed is not None:
                _draw_end(view, passed, one.title)
                found.append(passed)
    st.caption(READ_BARS)
    if len(found) == len(wanted):
        st.session_state[LAST] = _Shown(view.run.id, found, [one.title for one in wanted])
    last: _Shown | None = st.session_state.get(LAST)
    return last if last is not None and last.run == view.run.id else None


def _said(shown: _Shown, wanted: list[str]) -> str:
    """What the layers are of; one line, whatever it says."""
    if shown.titles != wanted:
        return f"Still {' and '.join(shown.titles)}, until the next is there."
    if len(shown.titles) == 1:
        return f"{wanted[0][:1].upper()}{wanted[0][1:]}."
    return f"Left {wanted[0]}, right {wanted[1]}; each layer has one scale for both."


@st.cache_resource(max_entries=500, show_spinner=False)
def _weights(run_id: str, last: int, state: RunState) -> tuple[int, ...]:  # noqa: ARG001 - thinned as epochs come
    return services().lab.run(run_id).weight_epochs


def _draw_end(view: View, found: ImageInspection, title: str) -> None:
    """The image, and what the network says of it: one element, as what waits in its place is one."""
    snapshot, colours = view.snapshot, palette()
    source = image_source(snapshot.dataset, snapshot.version)
    address = escape(sprite_url(source, [found.image], 1), quote=True)
    side = SIDE if max(map(len, view.classes)) <= BRIEF else SMALL
    look = f"width:{side}px;height:{side}px;image-rendering:pixelated;display:block;flex:none"
    st.html(
        f'<div style="min-height:{_end_height(view)}px;color:{colours.text}">'
        f'<div style="margin-bottom:12px"><b>{title}</b>: {said_of_it(found, view.classes)}</div>'
        '<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">'
        f'<img src="{address}" alt="image {found.image}, enlarged" style="{look}">'
        f'<div style="flex:1 1 200px;min-width:0">{probabilities_html(found, view.classes, colours)}</div></div></div>'
    )


def _end_height(view: View) -> int:
    return END_HEIGHT + END_ROW * min(len(view.classes), MOST_CLASSES)
