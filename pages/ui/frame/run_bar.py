"""The run bar, on every page that looks at a run: the run, the epoch cursor, the split, the selection, the link.

Two lines on a desktop, of a fixed height each; it sticks below the menu.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import streamlit as st

from mnist_core.runs import RunRecord
from pages.ui.format import count, duration, percent, plain, state_badge
from pages.ui.frame.cursor import Track, epoch_cursor
from pages.ui.frame.link import go_to
from pages.ui.frame.selected import Selected, draw_selection
from pages.ui.frame.share import draw_share
from pages.ui.guard import guarded
from pages.ui.recorded import Recorded, parameters_of, spec_of
from pages.ui.theme import palette

__all__ = ["OFFERED_SPLITS", "Bar", "draw_run_bar"]

OFFERED_SPLITS = ("validation", "test", "train")
RUN_WIDTH = 340
STICKY = """
<style>
@media (min-width: 1200px) {{
  [data-testid="stLayoutWrapper"]:has(> .st-key-run_bar) {{
    position: sticky;
    top: 3.75rem;
    z-index: 90;
    padding-block: 0.25rem 0.5rem;
    background: {background};
  }}
  [data-testid="stMain"] {{
    scroll-padding-top: 10.5rem;
  }}
}}
@media (max-width: 1199.98px) {{
  [data-testid="stLayoutWrapper"]:has(> .st-key-run_bar), .st-key-run_bar {{
    display: contents;
  }}
  .st-key-run_bar > [data-testid="stLayoutWrapper"]:first-child {{
    position: sticky;
    top: 3.75rem;
    z-index: 90;
    padding-bottom: 0.25rem;
    background: {background};
  }}
  [data-testid="stMain"] {{
    scroll-padding-top: 11rem;
  }}
}}
@media (max-width: 640px) {{
  .st-key-run_bar > [data-testid="stLayoutWrapper"]:first-child, .st-key-run_bar .st-key-run_and_epoch {{
    display: contents;
  }}
  .st-key-run_and_epoch > * {{
    flex: none !important;
    max-width: 100%;
  }}
  [data-testid="stLayoutWrapper"]:has(> .st-key-run_summary), .st-key-nothing_selected {{
    display: none;
  }}
  .st-key-cursor {{
    position: sticky;
    top: 3.75rem;
    z-index: 90;
    background: {background};
  }}
}}
</style>
"""
"""What moves the epoch stays in sight below the menu: the whole bar where it fits two lines, else its first line, and
on a phone the cursor alone; there the bar is folded to what can be used. The pages' own layout has no means for it."""


class Bar(NamedTuple):
    """What the run bar shows.

    Attributes:
        record: the run that is looked at.
        recorded: its epochs.
        epoch: the one that is looked at; None where none is recorded yet.
        is_live: whether the newest epoch is followed.
        split: the split that is looked at.
        selected: what is selected.
        here: how many of the selected images are in that split.
    """

    record: RunRecord
    recorded: Recorded
    epoch: int | None
    is_live: bool
    split: str
    selected: Selected | None
    here: int


def draw_run_bar(bar: Bar, runs: Sequence[RunRecord]) -> None:
    """Draws both lines.

    Args:
        bar: what is looked at.
        runs: all that can be chosen.
    """
    record = bar.record
    with st.container(key="run_bar", gap="xxsmall"):
        with st.container(key="run_and_epoch", horizontal=True, vertical_alignment="center", gap="small"):
            _pick_run(record, runs)
            st.markdown(state_badge(record), width="content")
            if bar.epoch is not None:
                epoch_cursor(_track(bar), epoch=bar.epoch, is_live=bar.is_live, on_move=_mover(bar))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(key="run_summary", width="stretch"):
                st.caption(_summary(bar))
            if bar.epoch is not None:
                draw_selection(bar.selected, bar.here)
                _pick_split(record.id, bar.split)
            draw_share()
    st.html(STICKY.format(background=palette().background))


def _pick_run(record: RunRecord, runs: Sequence[RunRecord]) -> None:
    labels = {one.id: _label(one) for one in runs}
    st.session_state["frame_run"] = record.id
    st.selectbox(
        "Run",
        list(labels),
        format_func=lambda run_id: labels.get(run_id, run_id),
        key="frame_run",
        on_change=_run_picked,
        label_visibility="collapsed",
        filter_mode="contains",
        width=RUN_WIDTH,
    )


def _label(record: RunRecord) -> str:
    network, dataset = record.spec["network"]["preset"], record.spec["dataset"]["name"]
    return f"{record.name}: {network} on {dataset[:16]}"


@guarded
def _run_picked() -> None:
    go_to(run=str(st.session_state["frame_run"]), epoch="kept")


def _track(bar: Bar) -> Track:
    epochs = bar.recorded.epochs
    return Track(
        epochs=tuple(one.epoch for one in epochs),
        validation=tuple(one.metrics.get("val_loss") for one in epochs),
        training=tuple(one.metrics.get("loss") for one in epochs),
        best=bar.recorded.best,
        kept=bar.recorded.kept,
        planned=spec_of(bar.record).training.epochs,
        is_active=bar.record.state.is_active,
    )


def _mover(bar: Bar) -> Callable[[int | Literal["live"]], None]:
    """What a move of the cursor does: the kept epoch of a finished run is the default, and stays out of the link."""
    run_id, kept = bar.record.id, bar.recorded.kept if bar.record.state.is_finished else None

    def move(place: int | Literal["live"]) -> None:
        go_to(run=run_id, epoch="last" if place == "live" else "kept" if place == kept else str(place))

    return move


def _pick_split(run_id: str, split: str) -> None:
    st.session_state["frame_split"] = split
    st.segmented_control(
        "Split",
        OFFERED_SPLITS,
        key="frame_split",
        on_change=_split_picked,
        args=(run_id,),
        required=True,
        label_visibility="collapsed",
    )


@guarded
def _split_picked(run_id: str) -> None:
    if st.session_state["frame_split"] in OFFERED_SPLITS:
        go_to(run=run_id, split=st.session_state["frame_split"])


def _summary(bar: Bar) -> str:
    """One line of numbers: accuracy at the epoch, parameters, training time."""
    record, parts = bar.record, []
    if bar.epoch is not None:
        metrics = next(one.metrics for one in bar.recorded.epochs if one.epoch == bar.epoch)
        parts.append(f"{percent(metrics['val_accuracy'])} validation")
    parts.append(f"{count(parameters_of(record))} parameters")
    if record.state.is_finished and record.used is not None:
        parts.append(duration(record.used))
    if record.note:
        parts.append(plain(" ".join(record.note.split())[:80]))
    return ", ".join(parts)
