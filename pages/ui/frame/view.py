"""What a page looks at: run, epoch, split and selection. The link is read once a run, and what it names handed on.

Pages get it from `looked_at()`, in fragments and callbacks too. What a link names and is not there is said in one
sentence, and the nearest thing that is there is shown.
"""

from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from mnist_core.analysis.history import History
from mnist_core.errors import RunNotFound
from mnist_core.run import Run
from mnist_core.runs import EpochRecord, RunRecord, RunState
from pages.ui.format import reason_of, state_word
from pages.ui.frame.address import remember
from pages.ui.frame.chosen import choose_epoch, find_run
from pages.ui.frame.link import Link, current_link, pin
from pages.ui.frame.prefetch import prefetch
from pages.ui.frame.run_bar import Bar, draw_run_bar
from pages.ui.frame.selected import Selected, clear_selection, resolve
from pages.ui.frame.split_gate import draw_gate, is_open
from pages.ui.frame.state_face import no_run_face, state_face
from pages.ui.frame.training_split import await_training_split
from pages.ui.guard import guarded
from pages.ui.recorded import classes_of, epochs_of
from pages.ui.services import services
from pages.ui.snapshot import Snapshot, load_history, load_snapshot, split_ids

__all__ = ["View", "frame", "looked_at", "page_header"]

VIEW_KEY, SEEN_KEY, SHOWN_KEY = "looked_at", "run_seen_last", "run_of_pages"
WATCH_SECONDS = 1


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
        selected: the images that are singled out, whatever split and epoch they were found in; None where none are.
        is_new_run: whether the page showed another run until now, of which its options in the link may still speak.
    """

    run: Run
    record: RunRecord
    epochs: list[EpochRecord]
    epoch: int
    split: str
    classes: tuple[str, ...]
    selected: Selected | None = None
    is_new_run: bool = False

    @property
    def snapshot(self) -> Snapshot:
        """What the run says of the split at the epoch."""
        return load_snapshot(self.run.id, self.epoch, self.split)

    @property
    def history(self) -> History | None:
        """What the run predicted of the split at every epoch; None for the training split, which is not recorded."""
        return load_history(self.record, self.split)


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
    link = current_link(page.url_path, pins=question is not None)
    if question is None:
        return
    runs = services().lab.archive.store.runs()
    if not runs:
        page_header(page.title, question)
        no_run_face(link.run)
        st.stop()
    record, problems = find_run(link, runs)
    link = pin(link, record.id, [_by_name(link.run, problem) for problem in problems])
    remember(page.url_path, record.id)
    st.session_state[SEEN_KEY] = (record.id, record.name)
    recorded = epochs_of(record)
    is_live = record.state.is_active and link.epoch in ("kept", "last")  # what counts of a run that trains moves anyway
    epoch, wrong_epoch = choose_epoch("last" if is_live else link.epoch, recorded)
    selected, lost = _selected(link, record, epoch)
    here = 0 if selected is None else len(selected.rows(split_ids(record.id, link.split)))
    draw_run_bar(Bar(record, recorded, epoch, is_live, link.split, selected, here), runs)
    page_header(page.title, question)
    for problem in [*link.problems, *wrong_epoch, *lost]:
        st.warning(problem, icon=":material/link_off:")
    if lost:
        st.button("Clear the selection", icon=":material/close:", on_click=clear_selection, shortcut="Esc")
    if record.state is RunState.FAILED and epoch is not None:
        st.error(
            f"{reason_of(record) or 'The run failed.'} What it recorded until then is shown.", icon=":material/error:"
        )
    if record.state.is_active:
        _watch(record.id, record.epoch, state_word(record))
    if epoch is None:
        state_face(record)
        st.stop()
    if link.split == "test" and not is_open(record.id):
        draw_gate(record)
        st.stop()
    elif link.split == "train":
        await_training_split(record, epoch)
    st.session_state[VIEW_KEY] = View(
        run=services().lab.run(record.id),
        record=record,
        epochs=list(recorded.epochs),
        epoch=epoch,
        split=link.split,
        classes=classes_of(record),
        selected=selected,
        is_new_run=_is_new(record.id, page.url_path),
    )
    prefetch(record.id, epoch, [one.epoch for one in recorded.epochs], link.split)


def _is_new(run: str, page: str) -> bool:
    """Whether the page showed another run when this session last saw it."""
    shown: dict[str, str] = st.session_state.setdefault(SHOWN_KEY, {})
    before, shown[page] = shown.get(page, run), run
    return before != run


def _by_name(ref: str, problem: str) -> str:
    """A sentence about a run that is gone, with the name under which this session saw it."""
    seen, name = st.session_state.get(SEEN_KEY, ("", ""))
    return problem.replace(f"No run answers to `{ref}`", f"Run `{name}` was deleted") if seen == ref else problem


def _selected(link: Link, record: RunRecord, epoch: int | None) -> tuple[Selected | None, list[str]]:
    if link.selection is None or epoch is None:
        return None, []
    selected, why_not = resolve(link.selection, services().lab.run(record.id), epoch)
    return selected, [why_not] if why_not else []


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
