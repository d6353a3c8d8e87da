"""Your runs that wait or work, as a short list that keeps itself up to date, each a step away."""

import streamlit as st

from mnist_core.runs import RunRecord, RunState
from pages.ui.format import duration, plain, state_badge
from pages.ui.frame.link import go_to
from pages.ui.guard import guarded
from pages.ui.owner import current_owner
from pages.ui.services import services

__all__ = ["draw_active_runs"]

LOOK_SECONDS = 2.0
MOST_SHOWN = 8


def draw_active_runs(looked_at: str) -> None:
    """Draws the list where there is anything to list.

    Args:
        looked_at: id of the run that the page shows.
    """
    if _mine():
        _list(looked_at)


@st.fragment(run_every=LOOK_SECONDS)
@guarded
def _list(looked_at: str) -> None:
    mine = _mine()
    if not mine:
        return
    st.markdown("**Your runs at work**")
    for record in mine[:MOST_SHOWN]:
        _line(record, looked_at)
    if len(mine) > MOST_SHOWN:
        st.caption(f"and {len(mine) - MOST_SHOWN} more, on the page Runs.")


def _mine() -> list[RunRecord]:
    owner = current_owner()
    return [run for run in services().lab.archive.store.active() if run.kind == "train" and run.owner == owner]


def _line(record: RunRecord, looked_at: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{plain(record.name)} {state_badge(record)} {_place(record)}", width="stretch")
        if record.id == looked_at:
            st.markdown(":gray[shown]", width="content")
        elif st.button("Look", key=f"look:{record.id}"):
            go_to(run=record.id, epoch="kept")
            st.rerun()


def _place(record: RunRecord) -> str:
    """Where a run stands in the queue; how far one that works has come is said where it is shown."""
    if record.state is not RunState.QUEUED:
        return ""
    standing = services().jobs.standing(record)
    starts = f", starts in about {duration(standing.starts_in)}" if standing.starts_in else ""
    return f":gray[number {standing.position or 1}{starts}]"
