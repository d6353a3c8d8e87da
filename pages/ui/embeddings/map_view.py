"""A map on the page, in each of its states: not asked for, waiting, being made, made, stopped, failed."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_core.analysis.embedding import METHODS
from mnist_core.errors import RunNotFound
from mnist_core.maps import LayerMap, MapResult
from mnist_core.maps.recorded import MapFrame
from mnist_core.runs import RunRecord, RunState
from pages.ui.embeddings.asking import Wanted, known_order, order_maps, read_maps
from pages.ui.embeddings.drawing import HEIGHT, Drawn, Shown, draw_places, draw_shown, touched
from pages.ui.embeddings.look import Look
from pages.ui.format import count, reason_of
from pages.ui.frame.resting import rests
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.owner import current_owner
from pages.ui.services import services

__all__ = ["draw_map"]

LIVE_SECONDS, REST_SECONDS = 0.4, 0.5
BY_ITSELF = "pca"
"""The method that takes so little time that nobody need ask for it."""

UNASKED = 10_000
"""Images up to which that is so."""

UNDER_WAY, SHOWN = "map_under_way", "map_shown"
NOT_YET = "There is no {method} of `{layer}` at epoch {epoch} yet, of these images and with these settings."
PASSES = "It begins as soon as the cursor rests here."
WAITS = (
    "It waits for the view worker, which takes some seconds to start at the first need and does one thing at a time."
)
STILL = "This is still the map of epoch {epoch}."
STOPPED = (
    "It was stopped after {done} iterations, so it is not finished, and how far it can be trusted was not measured."
)


def draw_map(view: View, maps: Wanted, look: Look, *, key: str) -> Shown | None:
    """Draws the map, or what there is to say and do as long as there is none.

    Args:
        view: what is looked at.
        maps: what is asked for.
        look: how it is drawn.
        key: identity of the map on the page.
    """
    order = known_order(maps)
    if order is None:
        maps, order = _under_way(maps, key) or (maps, None)
    if order is None:
        return _without(view, maps, look, key)
    if order.state.is_active:
        st.session_state[f"{UNDER_WAY}:{key}"] = maps
        st.session_state.pop(touched(key), None)
        _live(view, maps, look, (order.id, key))
        return None
    if order.state is RunState.FAILED:
        st.error(reason_of(order) or "It failed without saying why; see the log.", icon=":material/error:")
        _button("Try again", maps, key)
        return None
    made = read_maps(order)
    here = made.of(maps.layer, maps.epoch) if made else None
    if made is None or here is None:
        with _frame():
            st.markdown(f":material/stop_circle: {reason_of(order)} This one was not made.", width="content")
            _button("Make them all" if len(maps.request.sources) > 1 else "Make it", maps, key)
        return None
    st.session_state[f"{SHOWN}:{key}"] = maps
    draw_shown(view, Shown(maps, made, here), look, key)
    if here.unfinished:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(STOPPED.format(done=count(here.iterations)), width="content")
            _button("Make it anew", maps, key)
    return Shown(maps, made, here)


def _is_like(one: Wanted, other: Wanted) -> bool:
    """Whether two maps differ by nothing but the epochs that they show."""
    parts = [
        (each.run, each.layer, each.request.model_copy(update={"sources": (), "anchor": 0})) for each in (one, other)
    ]
    return parts[0] == parts[1]


def _under_way(maps: Wanted, key: str) -> tuple[Wanted, RunRecord] | None:
    """What this session has made for another epoch of the same; nothing new is asked for before it is there."""
    last = st.session_state.get(f"{UNDER_WAY}:{key}")
    if not isinstance(last, Wanted) or not _is_like(last, maps):
        return None
    order = known_order(last)
    return (last, order) if order is not None and order.state.is_active else None


def _without(view: View, maps: Wanted, look: Look, key: str) -> Shown | None:
    """What there is to see and do where this very map is not there: the last one like it, and a way to make it."""
    shown = _last(maps, key)
    small = shown is not None
    if maps.request.method == BY_ITSELF and maps.request.points <= UNASKED:
        what = (view.run.id, maps.request.model_dump_json())
        if rests(f"map:{key}", what):
            order_maps(maps)
            st.rerun()
        _wait(key, what, small)
    else:
        _offer(maps, key, small=small)
    if shown is not None:
        draw_shown(view, shown, look, key)
    return shown


def _last(maps: Wanted, key: str) -> Shown | None:
    last = st.session_state.get(f"{SHOWN}:{key}")
    if not isinstance(last, Wanted) or not _is_like(last, maps):
        return None
    order = known_order(last)
    made = read_maps(order) if order is not None else None
    here = made.of(last.layer, last.epoch) if made is not None else None
    return Shown(last, made, here) if made is not None and here is not None else None


@st.fragment(run_every=REST_SECONDS)
@guarded
def _wait(key: str, what: tuple[str, str], small: bool) -> None:
    if small:
        st.caption(f":material/hourglass_top: {PASSES}")
    else:
        _face(PASSES)
    if rests(f"map:{key}", what):  # after the drawing: what a fragment does not draw is gone until the page is through
        st.rerun()


def _offer(maps: Wanted, key: str, *, small: bool) -> None:
    title, several = METHODS[maps.request.method].title, len(maps.request.sources)
    said = NOT_YET.format(method=title, layer=maps.layer, epoch=maps.epoch)
    with st.container(horizontal=True, vertical_alignment="center") if small else _frame():
        st.markdown(said, width="content")
        _button(f"Make the {title}", maps, key, is_first=True)
        if several > 1:
            st.caption(f"{several} maps in one frame of reference.", width="content")


def _frame() -> DeltaGenerator:
    """A place as high as a map."""
    return st.container(border=True, height=HEIGHT, vertical_alignment="center", horizontal_alignment="center")


def _face(said: str) -> None:
    with _frame():
        st.markdown(f":material/hourglass_top: {said}", width="content")


def _button(label: str, maps: Wanted, key: str, *, is_first: bool = False) -> None:
    st.button(
        label,
        key=f"make:{key}",
        type="primary" if is_first else "secondary",
        icon=":material/scatter_plot:",
        on_click=_order,
        args=(maps,),
    )


@guarded
def _order(maps: Wanted) -> None:
    order_maps(maps)


@st.fragment(run_every=LIVE_SECONDS)
@guarded
def _live(view: View, maps: Wanted, look: Look, work: tuple[str, str]) -> None:
    """The work as it goes on: how far it is, its newest frame, and a way to stop it."""
    order_id, key = work
    try:
        order = services().lab.archive.store.run(order_id)
    except RunNotFound:
        st.rerun()
    made, frame = read_maps(order), services().jobs.map_frame(order)
    here = _nearest(made, maps) if made else None
    positions = here.positions if here else None if frame is None else frame.positions
    if made is not None and positions is not None and positions.shape[1] == 2:
        draw_places(view, Drawn(maps, made, positions), look, key)
    else:
        _meanwhile(view, maps, look, (key, WAITS if order.state is RunState.QUEUED else "It is being made."))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(services().jobs.progress(order), text=_said(order, made, frame), width="stretch")
        st.button("Stop", key=f"stop:{key}", icon=":material/stop_circle:", on_click=_stop, args=(order_id,))
    if not order.state.is_active or st.session_state.get(touched(key)):
        st.rerun()


def _meanwhile(view: View, maps: Wanted, look: Look, said: tuple[str, str]) -> None:
    """What stands there until there are places: the last map like it, else a sentence."""
    key, sentence = said
    last = _last(maps, key)
    if last is None:
        _face(sentence)
    else:
        draw_shown(view, last, look, key)
        st.caption(STILL.format(epoch=last.here.source.epoch))


def _nearest(made: MapResult, maps: Wanted) -> LayerMap | None:
    """Of the maps that are made so far, the one that is wanted, or the nearest to it."""
    there = [one for one in made.maps if maps.layer == one.source.layer]
    return min(there, key=lambda one: abs(one.source.epoch - maps.epoch), default=None)


def _said(order: RunRecord, made: MapResult | None, frame: MapFrame | None) -> str:
    if order.wish:
        return "Stopping"
    if order.state is RunState.QUEUED:
        return "Waiting"
    several, done = (len(made.request.sources), len(made.maps)) if made else (1, 0)
    which = f"Map {min(done + 1, several)} of {several}: " if several > 1 else ""
    if frame is None:
        return f"{which}reading the layer" if which else "Reading the layer"
    if frame.iteration >= frame.of:
        return f"{which}measuring how far it can be trusted" if which else "Measuring how far it can be trusted"
    return f"{which}iteration {count(frame.iteration)} of {count(frame.of)}".capitalize()


@guarded
def _stop(order_id: str) -> None:
    services().jobs.stop(order_id, owner=current_owner())
