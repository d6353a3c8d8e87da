"""What is asked of the view lane for a page: asked for once the cursor rests, waited for in a place of a fixed height.

The answer is kept, so that whoever comes back to it finds it ready.
"""

import time
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_core.errors import BlobMissing, EpochNotRecorded, RunNotFound
from mnist_core.inspection import Request
from mnist_core.inspection.request import Result
from mnist_core.runs import RunRecord, RunState
from pages.ui.format import duration, reason_of
from pages.ui.frame.resting import rests
from pages.ui.guard import guarded
from pages.ui.owner import current_owner
from pages.ui.recent import Recent
from pages.ui.services import services

__all__ = ["asked"]

LOOK_SECONDS = 0.25
PATIENCE = 2.0
"""Seconds after which the time is told, and a stop offered."""

MOST_BYTES = 200 * 2**20
"""Of answers in memory, for all sessions together."""

ORDERS = "asked_orders"
PASSES = "Begins as soon as the cursor rests here."
FACES = {
    "queued": "Waits for the view worker, which does one thing at a time.",
    "warming up": "Waits for the view worker to start, which takes some seconds at the first need.",
    "working": "At work.",
    "stopping": "Stopping.",
    "finished": "Ready.",
}

Key = tuple[str, str, str]


class _Order(NamedTuple):
    """What this session knows of something that it asked for: which order it is, since when, and whether it is done."""

    id: str
    since: float
    is_done: bool


class _Place(NamedTuple):
    """Where on the page an answer is waited for."""

    name: str
    what: str
    height: int


def asked(request: Request[Result], run_id: str, *, what: str, height: int, key: str = "") -> Result | None:
    """The answer to a request; while it is not there, draws a place that says why, and returns None.

    It asks once the session has rested at the request's epoch, follows the work, and runs the page again when the
    answer is there. After 2 seconds the work can be stopped.

    Args:
        request: what is asked for.
        run_id: id of the run.
        what: what is asked for, in a few words, as a heading.
        height: of the place, in pixels.
        key: identity of the place, where the page has several for the same kind of request.

    Raises:
        InvalidInput: the run has not what is asked for.
        EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
        QueueFull: this visitor waits for too much already.
    """
    asks = (run_id, request.KIND, request.model_dump_json())
    place = _Place(f"asked:{key or request.KIND}", what, height)
    stays = (run_id, getattr(request, "epoch", None))
    is_resting = rests(place.name, stays)
    mine: _Order | None = st.session_state.get(ORDERS, {}).get(asks)
    if mine and mine.is_done:
        with suppress(RunNotFound, EpochNotRecorded, BlobMissing):  # old answers make room for new ones
            return _answer(mine.id, request)
        _forget(asks)
        mine = None
    order = _order_of(request, run_id, mine)
    if order is None:
        services().jobs.expect_views()
        if not is_resting:
            _wait(place, stays)
            return None
        order = services().jobs.ask(request, run_id, owner=current_owner())
    return _given(request, order, asks, place)


def _order_of(request: Request[Any], run_id: str, mine: _Order | None) -> RunRecord | None:
    """The work that answers: what this session asked for, however it ended, or what anybody did."""
    if mine:
        with suppress(RunNotFound):
            return services().lab.archive.store.run(mine.id)
    return services().jobs.known(request, run_id)


def _given(request: Request[Result], order: RunRecord, asks: Key, place: _Place) -> Result | None:
    """The answer, or what there is to say of the work."""
    orders: dict[Key, _Order] = st.session_state.get(ORDERS, {})
    since = orders[asks].since if asks in orders and orders[asks].id == order.id else time.monotonic()
    st.session_state[ORDERS] = orders | {asks: _Order(order.id, since, order.state is RunState.DONE)}
    if order.state.is_active:
        _follow(order.id, since, place)
        return None
    if order.state is not RunState.DONE:
        _ended(order, asks, place)
        return None
    try:
        return _answer(order.id, request)
    except BlobMissing:  # it is made again at the next look
        services().lab.archive.store.delete(order.id)
        _forget(asks)
        raise


def _answer(order_id: str, request: Request[Result]) -> Result:
    """0.3 MB for an ablation of 10,000 images or an image in a small network, 20 MB for one in the largest."""
    jobs, store = services().jobs, services().lab.archive.store
    answer: Result = _recent().get(order_id, lambda: jobs.answer(request, store.run(order_id)))
    return answer


@st.cache_resource(show_spinner=False)
def _recent() -> Recent[Any]:
    return Recent(MOST_BYTES)


@st.fragment(run_every=LOOK_SECONDS)
@guarded
def _wait(place: _Place, stays: tuple[str, int | None]) -> None:
    _say(_box(place), PASSES)
    if rests(place.name, stays):  # after the drawing: what a fragment does not draw is gone until the page is through
        st.rerun()


@st.fragment(run_every=LOOK_SECONDS)
@guarded
def _follow(order_id: str, since: float, place: _Place) -> None:
    box = _box(place)  # before the look: a page that runs again meanwhile would find nothing in its place
    try:
        order = services().lab.archive.store.run(order_id)
    except RunNotFound:
        st.rerun()
    taken = time.monotonic() - since
    said = FACES.get(services().jobs.standing(order).phase, FACES["working"])
    _say(box, f"{said} {duration(taken)}" if taken >= PATIENCE else said)
    with box:
        if taken >= PATIENCE and not order.wish and services().jobs.may_change(order, current_owner()):
            st.button("Stop", key=f"stop:{place.name}", icon=":material/stop_circle:", on_click=_stop, args=(order_id,))
    if not order.state.is_active:
        st.rerun()


def _ended(order: RunRecord, asks: Key, place: _Place) -> None:
    """Work that failed or was stopped, and a way to ask again."""
    is_failed = order.state is RunState.FAILED
    said = reason_of(order) or ("It failed without saying why; see the log." if is_failed else "It was stopped.")
    box = _box(place)
    _say(box, said, icon="error" if is_failed else "stop_circle")
    with box:
        st.button("Try again", key=f"again:{place.name}", icon=":material/refresh:", on_click=_forget, args=(asks,))


def _box(place: _Place) -> DeltaGenerator:
    """A place of its height with a heading; more can be put under it."""
    box = st.container(
        border=True, height=place.height, vertical_alignment="center", horizontal_alignment="center", gap="small"
    )
    box.markdown(f"**{place.what}**", width="content")
    return box


def _say(box: DeltaGenerator, said: str, *, icon: str = "hourglass_top") -> None:
    box.markdown(f":material/{icon}: {said}", width="content")


@guarded
def _stop(order_id: str) -> None:
    services().jobs.stop(order_id, owner=current_owner())


@guarded
def _forget(asks: Key) -> None:
    st.session_state.get(ORDERS, {}).pop(asks, None)
