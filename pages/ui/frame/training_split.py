"""The training split at an epoch: nobody records its predictions, so a worker makes them when someone first asks."""

import streamlit as st

from mnist_core.errors import RunNotFound
from mnist_core.runs import RunRecord, RunState
from pages.ui.format import reason_of
from pages.ui.frame.resting import rests
from pages.ui.guard import guarded
from pages.ui.owner import current_owner
from pages.ui.services import services

__all__ = ["await_training_split"]

ORDERS_KEY = "training_split_orders"
LOOK_SECONDS = 0.5
PASSES = "It begins as soon as the cursor rests here."
WAITS = "It waits for the view worker, which takes some seconds to start at the first need."
WORKS = "It is at work."


def await_training_split(record: RunRecord, epoch: int) -> None:
    """Returns once the predictions are there; until then, says what happens and ends the page."""
    key, jobs = (record.id, epoch), services().jobs
    order = _ordered(key) or jobs.known_predictions(record.id, "train", epoch)
    if order is None and not rests("training split", key):
        _wait(key)
        st.stop()
    order = order or jobs.predictions(record.id, "train", epoch, owner=current_owner())
    st.session_state[ORDERS_KEY] = st.session_state.get(ORDERS_KEY, {}) | {key: order.id}
    if order.state is RunState.DONE:
        return
    if order.state.is_active:
        _watch(order.id)
    else:
        st.error(reason_of(order) or "It was stopped.", icon=":material/error:")
        st.button("Try again", on_click=_forget, args=(key,))
    st.stop()


@st.fragment(run_every=LOOK_SECONDS)
@guarded
def _wait(key: tuple[str, int]) -> None:
    _box(PASSES)
    if rests("training split", key):
        st.rerun()


def _ordered(key: tuple[str, int]) -> RunRecord | None:
    """What this session asked for before; None where it has not, or it is gone."""
    known = st.session_state.get(ORDERS_KEY, {}).get(key)
    try:
        return services().lab.archive.store.run(known) if known else None
    except RunNotFound:
        return None


@guarded
def _forget(key: tuple[str, int]) -> None:
    st.session_state.get(ORDERS_KEY, {}).pop(key, None)


@st.fragment(run_every=LOOK_SECONDS)
@guarded
def _watch(order_id: str) -> None:
    try:
        order = services().lab.archive.store.run(order_id)
    except RunNotFound:
        st.rerun()
    _box(WAITS if order.state is RunState.QUEUED else WORKS)
    if not order.state.is_active:
        st.rerun()


def _box(now: str) -> None:
    with st.container(border=True):
        st.markdown(":material/hourglass_top: **A worker looks at the training images**")
        st.caption(
            "Predictions are recorded of the validation and test images; those of the training images are made when"
            f" they are asked for, once for each epoch. {now}"
        )
