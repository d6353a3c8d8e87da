"""The gate before the test split: it is opened knowingly, once a session and run, and recorded with the run."""

import streamlit as st

from mnist_core.runs import Opening, RunRecord
from pages.ui.format import count
from pages.ui.frame.link import go_to
from pages.ui.guard import guarded
from pages.ui.owner import current_owner
from pages.ui.services import services

__all__ = ["OPENED_KEY", "WHY_KNOWINGLY", "draw_gate", "is_open", "openings_sentence"]

OPENED_KEY = "opened_test_splits"
WHY_KNOWINGLY = (
    "The test split is for the end: whoever chooses networks or settings by it can no longer trust its accuracy."
    " Opening it is recorded with the run."
)


def is_open(run_id: str) -> bool:
    """Whether this session has opened the test split of a run."""
    return run_id in st.session_state.get(OPENED_KEY, ())


def draw_gate(record: RunRecord) -> None:
    """Says what opening it means, how often that was done, and offers it."""
    with st.container(border=True):
        st.markdown(WHY_KNOWINGLY)
        st.caption(openings_sentence(services().lab.archive.store.openings(record.id), current_owner()))
        with st.container(horizontal=True):
            st.button("Open the test split", type="primary", on_click=_open, args=(record.id,))
            st.button("Stay with validation", on_click=_stay)


def openings_sentence(openings: list[Opening], visitor: str) -> str:
    """How often the test split was looked at, how often of that before training had ended, and how often by others.

    Args:
        openings: the looks at it.
        visitor: who reads this.
    """
    if not openings:
        return "Nobody has looked at the test split of this run yet."
    early = sum(one.state.is_active for one in openings)
    parts = [_times(early) + " before training ended" if early else "never before training ended"]
    others = sum(one.by != visitor for one in openings)
    if others:
        parts.append(f"{_times(others)} by others")
    return f"Looks at the test split of this run: {count(len(openings))} in all, {', '.join(parts)}."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{count(number)} times")


@guarded
def _open(run_id: str) -> None:
    services().lab.archive.store.opened(run_id, current_owner())
    st.session_state[OPENED_KEY] = st.session_state.get(OPENED_KEY, frozenset()) | {run_id}


@guarded
def _stay() -> None:
    go_to(split="validation")
