"""A map on the page, in each of its states: not asked for, waiting, being made, made, stopped, failed."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.embedding import METHODS
from mnist_core.analysis.selection import Lassoed
from mnist_core.errors import RunNotFound
from mnist_core.maps import LayerMap, MapResult
from mnist_core.maps.recorded import MapFrame
from mnist_core.runs import RunRecord, RunState
from pages.ui.embeddings.asking import Wanted, known_order, order_maps, read_maps
from pages.ui.embeddings.look import Look
from pages.ui.embeddings.points import bounds_of, points_of
from pages.ui.embeddings.solid import draw_solid
from pages.ui.format import count, reason_of
from pages.ui.frame.resting import rests
from pages.ui.frame.selected import clear_selection, select
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.images import image_source
from pages.ui.map import MapLook, embedding_map
from pages.ui.owner import current_owner
from pages.ui.selection.biography import choose_image
from pages.ui.services import services

__all__ = ["HEIGHT", "Shown", "draw_map"]

HEIGHT = 560
LIVE_SECONDS, REST_SECONDS = 0.4, 0.5
BY_ITSELF = "pca"
"""The method that takes so little time that nobody need ask for it."""

TOUCHED = "map_touched"
NOT_YET = "There is no {method} of `{layer}` at epoch {epoch} yet, of these images and with these settings."
PASSES = "It begins as soon as the cursor rests here."
WAITS = "It waits for the view worker, which takes some seconds to start at the first need."
STOPPED = (
    "It was stopped after {done} iterations, so it is not finished, and how far it can be trusted was not measured."
)


@dataclass(frozen=True)
class Shown:
    """The map that is on the page.

    Attributes:
        wanted: what was asked for.
        maps: all that was made.
        here: the one that is shown.
    """

    wanted: Wanted
    maps: MapResult
    here: LayerMap


class Drawn(NamedTuple):
    """Places on their way to the screen.

    Attributes:
        wanted: what was asked for.
        maps: which images they are, and the maps that are made.
        positions: float32 (n, 2).
    """

    wanted: Wanted
    maps: MapResult
    positions: NDArray[np.float32]


def draw_map(view: View, maps: Wanted, look: Look, *, key: str) -> Shown | None:
    """Draws the map, or what there is to say and do as long as there is none.

    Args:
        view: what is looked at.
        maps: what is asked for.
        look: how it is drawn.
        key: identity of the map on the page.
    """
    order = known_order(maps) or _by_itself(view, maps, key)
    if order is None:
        _offer(maps, key)
        return None
    if order.state.is_active:
        st.session_state.pop(_touched(key), None)
        _live(view, maps, look, (order.id, key))
        return None
    if order.state is RunState.FAILED:
        st.error(reason_of(order) or "It failed without saying why; see the log.", icon=":material/error:")
        _button("Try again", maps, key)
        return None
    made = read_maps(order)
    here = made.of(maps.layer, maps.epoch) if made else None
    if made is None or here is None:
        st.info(f"{reason_of(order)} Nothing was made of this one.", icon=":material/stop_circle:")
        _button("Make it now", maps, key)
        return None
    _draw(view, Shown(maps, made, here), look, key)
    if here.unfinished:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(STOPPED.format(done=count(here.iterations)), width="content")
            _button("Make it anew", maps, key)
    return Shown(maps, made, here)


def _by_itself(view: View, maps: Wanted, key: str) -> RunRecord | None:
    """Orders what takes no time, once the cursor rests."""
    if maps.request.method != BY_ITSELF:
        return None
    text = maps.request.model_dump_json()
    if not rests(f"map:{key}", (view.run.id, text)):
        _wait(key, (view.run.id, text))
        return None
    return order_maps(maps)


@st.fragment(run_every=REST_SECONDS)
@guarded
def _wait(key: str, what: tuple[str, str]) -> None:
    _face(PASSES)  # before the rerun: what a fragment does not draw is gone until the page is through
    if rests(f"map:{key}", what):
        st.rerun()


def _offer(maps: Wanted, key: str) -> None:
    if maps.request.method == BY_ITSELF:
        return
    title = METHODS[maps.request.method].title
    with st.container(border=True, height=HEIGHT, vertical_alignment="center", horizontal_alignment="center"):
        st.markdown(NOT_YET.format(method=title, layer=maps.layer, epoch=maps.epoch), width="content")
        _button(f"Make the {title}", maps, key, is_first=True)
        several = len(maps.request.sources)
        if several > 1:
            st.caption(f"{several} maps in one frame of reference.", width="content")


def _face(said: str) -> None:
    with st.container(border=True, height=HEIGHT, vertical_alignment="center", horizontal_alignment="center"):
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
    here = made.of(maps.layer, maps.epoch) if made else None
    positions = here.positions if here else None if frame is None else frame.positions
    if made is not None and positions is not None and positions.shape[1] == 2:
        _embed(view, Drawn(maps, made, positions), look, key)
    else:
        _face(WAITS if order.state is RunState.QUEUED else "It is being made.")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(services().jobs.progress(order), text=_said(order, maps, frame), width="stretch")
        st.button("Stop", key=f"stop:{key}", icon=":material/stop_circle:", on_click=_stop, args=(order_id,))
    if not order.state.is_active or st.session_state.get(_touched(key)):
        st.rerun()


def _said(order: RunRecord, maps: Wanted, frame: MapFrame | None) -> str:
    if order.wish:
        return "Stopping"
    if order.state is RunState.QUEUED:
        return "Waiting"
    if frame is None:
        return "Computing"
    several = len(maps.request.sources)
    which = f"Map {frame.place + 1} of {several}, iteration" if several > 1 else "Iteration"
    return f"{which} {count(frame.iteration)} of {count(frame.of)}"


@guarded
def _stop(order_id: str) -> None:
    services().jobs.stop(order_id, owner=current_owner())


def _draw(view: View, shown: Shown, look: Look, key: str) -> None:
    if shown.here.positions.shape[1] == 2:
        _embed(view, Drawn(shown.wanted, shown.maps, shown.here.positions), look, key)
        return
    draw_solid(view, shown.maps, shown.here, look, key)


def _embed(view: View, drawn: Drawn, look: Look, key: str) -> None:
    maps, wanted = drawn.maps, drawn.wanted
    points = points_of(view, maps, drawn.positions)
    method, layer = maps.request.method, wanted.layer

    def chosen(ids: tuple[int, ...]) -> None:
        st.session_state[_touched(key)] = True
        if len(ids) == 1:
            choose_image(ids[0])
        elif ids:
            select(Lassoed(method, layer, ids), view.run.id, view.epoch, view.split)
        else:
            clear_selection()

    embedding_map(
        points,
        MapLook(
            classes=view.classes,
            colour_by=look.colouring if points.offers(look.colouring) else "true class",
            frame=f"{wanted.run}:{wanted.request.model_dump_json()}",
            bounds=bounds_of(list(maps.maps)) if len(maps.maps) > 1 else None,
            show_images=look.pictures,
            height=HEIGHT,
            label=f"{METHODS[method].title} of {layer}, {count(len(maps.ids))} images",
        ),
        key=key,
        source=image_source(view.snapshot.dataset, view.snapshot.version),
        selected=None if view.selected is None else view.selected.ids,
        on_select=chosen,
    )


def _touched(key: str) -> str:
    return f"{TOUCHED}:{key}"
