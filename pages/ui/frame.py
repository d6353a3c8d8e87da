"""The run bar: which run, epoch and split a page looks at. It reads the link once a run and hands on what it names.

Pages get it from `looked_at()`, in fragments and callbacks too. What a link names and is not there is said in one
sentence, and the nearest thing that is there is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from mnist_core.errors import RunNotFound
from mnist_core.run import Run
from mnist_core.runs import EpochRecord, RunRecord
from pages.ui.chosen import choose_epoch, find_run
from pages.ui.format import count, duration, percent, plain, state_badge, state_word
from pages.ui.guard import guarded
from pages.ui.link import current_link, go_to
from pages.ui.owner import current_owner
from pages.ui.recorded import Recorded, classes_of, epochs_of, parameters_of
from pages.ui.services import services
from pages.ui.state_face import no_run_face, state_face
from pages.ui.theme import palette
from pages.ui.training_split import await_training_split

__all__ = ["View", "frame", "looked_at", "page_header"]

VIEW_KEY = "looked_at"
OPENED_KEY = "opened_test_splits"
OFFERED_SPLITS = ("validation", "test", "train")
WATCH_SECONDS = 2
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
    scroll-padding-top: 9.5rem;
  }}
}}
</style>
"""
"""The run bar stays in sight below the menu, where its controls fit one line; the pages' own layout has no means."""
WHY_KNOWINGLY = (
    "The test split is for the end: whoever chooses networks or settings by it can no longer trust its accuracy."
    " Opening it is recorded with the run."
)


@dataclass(frozen=True)
class View:
    """What a page looks at; all of it exists.

    Attributes:
        run: the handle to the run.
        record: its row, as it was when the page began.
        epochs: its committed epochs, at least one.
        epoch: the number of the chosen one.
        split: "validation", "test" or "train"; the test split only after it was opened knowingly.
        classes: names of the classes.
    """

    run: Run
    record: RunRecord
    epochs: list[EpochRecord]
    epoch: int
    split: str
    classes: tuple[str, ...]


def looked_at() -> View:
    """What the page looks at; on pages that have the run bar."""
    view: View = st.session_state[VIEW_KEY]
    return view


def page_header(title: str, question: str) -> None:
    """A page's title, and the one question that it answers."""
    with st.container(gap=None):
        st.title(title, anchor=False)
        st.caption(question)


def frame(page: StreamlitPage, question: str | None) -> None:
    """Reads the link; on pages that look at a run, draws the run bar and the page's header.

    It ends the page where there is nothing to see.

    Args:
        page: the page that begins to run.
        question: what it answers of a run, for its header; None where it looks at none and draws its own.
    """
    link = current_link(page.url_path)
    if question is None:
        return
    runs = services().lab.archive.store.runs()
    if not runs:
        page_header(page.title, question)
        no_run_face(link.run)
        st.stop()
    record, problems = find_run(link, runs)
    recorded = epochs_of(record)
    epoch, wrong_epoch = choose_epoch("kept" if problems else link.epoch, recorded)
    split = link.split
    with st.container(key="run_bar", gap="xxsmall"):
        _draw_bar(record, runs, recorded=recorded, epoch=epoch, split=split)
    st.html(STICKY.format(background=palette().background))
    page_header(page.title, question)
    for problem in [*link.problems, *problems, *wrong_epoch]:
        st.warning(problem, icon=":material/link_off:")
    if record.state.is_active:
        _watch(record.id, record.epoch, state_word(record))
    if epoch is None:
        state_face(record)
        st.stop()
    if split == "test":
        _gate(record)
    elif split == "train":
        await_training_split(record, epoch)
    run = services().lab.run(record.id)
    st.session_state[VIEW_KEY] = View(run, record, list(recorded.epochs), epoch, split, classes_of(record))


def _draw_bar(
    record: RunRecord, runs: Sequence[RunRecord], *, recorded: Recorded, epoch: int | None, split: str
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _pick_run(record, runs)
        st.markdown(state_badge(record), width="content")
        if epoch is not None:
            _pick_epoch(record, recorded, epoch)
            _pick_split(record.id, split)
    st.caption(_summary(record, recorded, epoch))


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
        width=400,
    )


def _label(record: RunRecord) -> str:
    network, dataset = record.spec["network"]["preset"], record.spec["dataset"]["name"]
    return f"{record.name}: {network} on {dataset[:16]}, {state_word(record)}"


@guarded
def _run_picked() -> None:
    go_to(run=str(st.session_state["frame_run"]), epoch="kept")


def _pick_epoch(record: RunRecord, recorded: Recorded, epoch: int) -> None:
    numbers = [one.epoch for one in recorded.epochs]
    names = {numbers[-1]: ["last"]}
    for number, name in ((recorded.best, "best"), (recorded.kept, "kept")):
        if number is not None:
            names.setdefault(number, []).insert(0, name)
    labels = {n: f"epoch {n} of {numbers[-1]}" + (f" ({', '.join(names[n])})" if n in names else "") for n in numbers}
    st.session_state["frame_epoch"] = epoch
    st.selectbox(
        "Epoch",
        numbers,
        format_func=lambda number: labels.get(number, str(number)),
        key="frame_epoch",
        on_change=_epoch_picked,
        args=(record.id, tuple(numbers), recorded.kept if record.state.is_finished else None),
        label_visibility="collapsed",
        filter_mode="contains",
        width=230,
    )


@guarded
def _epoch_picked(run_id: str, numbers: tuple[int, ...], kept: int | None) -> None:
    number = st.session_state["frame_epoch"]
    if number in numbers:
        go_to(run=run_id, epoch="kept" if number == kept else str(number))


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


def _summary(record: RunRecord, recorded: Recorded, epoch: int | None) -> str:
    """One line of numbers: accuracy at the epoch, parameters, training time."""
    parts = []
    if epoch is not None:
        metrics = next(one.metrics for one in recorded.epochs if one.epoch == epoch)
        parts.append(f"{percent(metrics['val_accuracy'])} validation")
    parts.append(f"{count(parameters_of(record))} parameters")
    if record.state.is_finished and record.used is not None:
        parts.append(duration(record.used))
    if record.note:
        parts.append(plain(" ".join(record.note.split())[:80]))
    return ", ".join(parts)


@st.fragment(run_every=WATCH_SECONDS)
@guarded
def _watch(run_id: str, epoch: int | None, state: str) -> None:
    """Runs the page again once the run has another epoch or state."""
    try:
        now = services().lab.archive.store.run(run_id)
        changed = (now.epoch, state_word(now)) != (epoch, state)
    except RunNotFound:
        changed = True
    if changed:
        st.rerun()


def _gate(record: RunRecord) -> None:
    """Lets the test split be seen only by who has opened it in this session."""
    if record.id in st.session_state.get(OPENED_KEY, ()):
        return
    with st.container(border=True):
        st.markdown(WHY_KNOWINGLY)
        with st.container(horizontal=True):
            st.button("Open the test split", type="primary", on_click=_open_test_split, args=(record.id,))
            st.button("Stay with validation", on_click=_stay)
    st.stop()


@guarded
def _open_test_split(run_id: str) -> None:
    services().lab.archive.store.opened(run_id, current_owner())
    st.session_state[OPENED_KEY] = st.session_state.get(OPENED_KEY, frozenset()) | {run_id}


@guarded
def _stay() -> None:
    go_to(split="validation")
