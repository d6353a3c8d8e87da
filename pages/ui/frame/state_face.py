"""What stands in place of a page that has nothing to show yet: no run, or one without a committed epoch."""

import streamlit as st

from mnist_core.runs import RunRecord, RunState
from pages.ui.format import duration, reason_of
from pages.ui.frame.link import go_to, link_query
from pages.ui.guard import guard
from pages.ui.recorded import traceback_of
from pages.ui.services import services

__all__ = ["no_run_face", "state_face"]

TRAIN_PAGE, RUNS_PAGE = "train.py", "runs.py"


def no_run_face(wanted: str) -> None:
    """Says what to do where nothing was ever trained.

    Args:
        wanted: the run that the link names; empty where it names none.
    """
    if wanted:
        st.warning(f"Run `{wanted}` is not recorded here.", icon=":material/link_off:")
    st.info("Nothing is trained yet. Train a network first; a small one takes seconds.", icon=":material/school:")
    if st.button("Train a network", type="primary", icon=":material/play_circle:"):
        go_to(run="", epoch="kept", split="validation")
        st.switch_page(TRAIN_PAGE, query_params=link_query())


def state_face(record: RunRecord) -> None:
    """Says why a run has no epoch to show, and what can be done."""
    if record.state is RunState.FAILED:
        _failed(record)
    elif record.state.is_active:
        _active(record)
    else:
        reason = reason_of(record) or "It was stopped."
        st.info(f"{reason} No epoch was finished, so there is nothing to show.", icon=":material/stop_circle:")
        _ways_on()


def _failed(record: RunRecord) -> None:
    st.error(reason_of(record) or "The run failed.", icon=":material/error:")
    with guard():
        if traceback := traceback_of(record):
            with st.expander("Traceback"):
                st.code(traceback, language=None)
    _ways_on()


def _ways_on() -> None:
    """Where a run that ended early leaves something to do."""
    with st.container(horizontal=True):
        st.page_link(RUNS_PAGE, label="Choose another run", icon=":material/list:")
        st.page_link(TRAIN_PAGE, label="Train a network", icon=":material/play_circle:")


def _active(record: RunRecord) -> None:
    standing = services().jobs.standing(record)
    if standing.phase == "warming up":
        text = "A worker is warming up; the run begins in some seconds."
    elif record.state is RunState.QUEUED:
        place = f"number {standing.position} in the queue" if standing.position else "in the queue"
        start = f", expected to start in {duration(standing.starts_in)}" if standing.starts_in is not None else ""
        text = f"The run waits: {place}{start}."
    else:
        text = f"The run is {standing.phase}; its first epoch is not finished yet."
    st.info(text, icon=":material/hourglass_top:")
    if st.button("Watch it train", icon=":material/play_circle:"):
        go_to(run=record.id)
        st.switch_page(TRAIN_PAGE, query_params=link_query())
