"""What a view is compared with: another epoch of its run, or another run of the same images. Two menus, two buttons."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.change import Change, change, common_rows
from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.analysis.history import History
from mnist_core.analysis.selection import Changed, Selection
from mnist_core.errors import MnistLabError
from mnist_core.runs import RunRecord
from pages.ui.format import count, interval, percent, plain
from pages.ui.frame.selected import select
from pages.ui.frame.split_gate import is_open
from pages.ui.frame.view import View
from pages.ui.guard import guarded, said_of
from pages.ui.predictions.against import EPOCH_MENU, NONE, PREVIOUS, RUN_MENU, SAME, Asked, against_now, keep_against
from pages.ui.recorded import epochs_of
from pages.ui.services import services
from pages.ui.snapshot import load_history, split_ids

__all__ = ["Compared", "compare_menus", "draw_changes"]

HOW = "Choose an epoch to see what is fixed since then, and what is newly broken; or another run."
TRAINING = "Of the training images no history is recorded, so they cannot be compared; choose validation or test."
SEALED = "The test split of run {name} is not opened in this session; open it there first. Nothing is compared."
OTHER_IMAGES = "Run {name} saw other images than this one, so nothing is compared."
APART = "The two runs have no image of this split in common, so nothing is compared."
NOT_THERE = "Run {name} has no epoch {epoch}, so nothing is compared."
NO_PREVIOUS = "Epoch {epoch} has no previous one, so nothing is compared."
NONE_YET = "Run {name} has no {epoch} epoch yet, so nothing is compared."


@dataclass(frozen=True, eq=False)
class Compared:
    """Another look at the images of a view's snapshot: at another epoch, or by another run.

    Attributes:
        run_id: id of the other run; empty for the same one.
        name: name of the other run; empty for the same one.
        epoch: the epoch there.
        rows: int64 (common,), rows of the view's snapshot whose images both know.
        predicted: uint8 (common,), what is predicted there.
        change: from there to the view, over the common images; its rows are rows of the snapshot.
        errors: how many of the common images are wrong there.
        errors_here: how many of them are wrong in the view.
    """

    run_id: str
    name: str
    epoch: int
    rows: NDArray[np.int64]
    predicted: NDArray[np.uint8]
    change: Change
    errors: int
    errors_here: int

    @property
    def common(self) -> int:
        """How many images both know; at least 1."""
        return len(self.rows)

    @property
    def there(self) -> str:
        """What it is, in words, as Markdown: "epoch 3", "epoch 3 of quiet-otter"."""
        return f"epoch {self.epoch}" + (f" of {plain(self.name)}" if self.name else "")


def compare_menus(view: View) -> Compared | None:
    """Draws the menus and one line that says what is compared, or why nothing is.

    Args:
        view: what is looked at.
    """
    others = _others(view)
    asked = against_now().checked(view.record, others)
    keep_against(asked)
    _menus(view, asked, others)
    for problem in asked.problems:
        st.warning(problem, icon=":material/link_off:")
    found = TRAINING if view.split == "train" else _compare(view, asked, others)
    if isinstance(found, str):
        st.caption(found)
        return None
    st.caption(_said(found, len(view.snapshot.ids)))
    return found


def draw_changes(view: View, compared: Compared) -> None:
    """Draws the two buttons that select what is fixed and what is newly broken; a second press clears.

    Args:
        view: what is looked at.
        compared: what `compare_menus` gave for it.
    """
    there, kinds = compared.there, (("fixed", compared.change.fixed), ("newly broken", compared.change.broken))
    with st.container(horizontal=True):
        for label, rows in kinds:
            is_fixed = label == "fixed"
            rule = Changed(is_fixed, compared.epoch, compared.run_id)
            origin = (rule, view.run.id, view.epoch, view.split)
            is_pressed = view.selected is not None and view.selected.selection == Selection(*origin)
            st.button(
                f"{label}: {count(len(rows))}",
                key=f"changed_{label}",
                type="primary" if is_pressed else "secondary",
                icon=":material/check:" if is_fixed else ":material/heart_broken:",
                help=f"{'Wrong' if is_fixed else 'Right'} at {there}, {'right' if is_fixed else 'wrong'} here.",
                disabled=not len(rows) and not is_pressed,
                on_click=guarded(select),
                args=origin,
            )


def _others(view: View) -> dict[str, RunRecord]:
    """The other runs that say anything of a dataset of this name, in the same groups."""
    wanted = _dataset(view.record)
    runs = services().lab.archive.store.runs()
    return {one.id: one for one in runs if one.id != view.run.id and one.epoch is not None and _dataset(one) == wanted}


def _dataset(record: RunRecord) -> tuple[object, object]:
    named = record.spec["dataset"]
    return named["name"], named.get("grouping")


def _menus(view: View, asked: Asked, others: Mapping[str, RunRecord]) -> None:
    is_off = view.split == "train"
    names = {"": "this run"} | {one.id: f"{one.name}: {one.spec['network']['preset']}" for one in others.values()}
    labels = _epoch_labels(others.get(asked.run, view.record), is_same_run=not asked.run)
    st.session_state[RUN_MENU], st.session_state[EPOCH_MENU] = asked.run, asked.epoch
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("Compare with", width="content")
        st.selectbox(
            "epoch to compare with",
            list(labels),
            key=EPOCH_MENU,
            format_func=lambda name: labels.get(name, name),
            on_change=_chosen,
            disabled=is_off,
            label_visibility="collapsed",
            width=170,
        )
        st.selectbox(
            "run to compare with",
            list(names),
            key=RUN_MENU,
            format_func=lambda run_id: names.get(run_id, run_id),
            on_change=_run_chosen,
            disabled=is_off or len(names) == 1,
            filter_mode="contains",
            label_visibility="collapsed",
            width=260,
        )


def _epoch_labels(other: RunRecord, *, is_same_run: bool) -> dict[str, str]:
    recorded = epochs_of(other)
    relative = {PREVIOUS: "previous epoch"} if is_same_run else {SAME: "same epoch"}
    named = {"kept": f"kept epoch ({recorded.kept})", "best": f"best epoch ({recorded.best})"}
    numbers = [one.epoch for one in recorded.epochs]
    labels = {NONE: "nothing"} | relative | (named if recorded.best is not None else {})
    return labels | {"first": f"first epoch ({numbers[0]})"} | {str(one): f"epoch {one}" for one in numbers}


@guarded
def _chosen() -> None:
    keep_against(Asked.parse(str(st.session_state[EPOCH_MENU]), str(st.session_state[RUN_MENU])))


@guarded
def _run_chosen() -> None:
    """Numbers and the previous epoch belong to one run: another one is looked at at its kept epoch first."""
    run, epoch = str(st.session_state[RUN_MENU]), str(st.session_state[EPOCH_MENU])
    if run:
        epoch = "kept" if epoch in (NONE, PREVIOUS) or epoch.isdigit() else epoch
    elif epoch == SAME or epoch.isdigit():
        epoch = PREVIOUS
    keep_against(Asked.parse(epoch, run))


def _compare(view: View, asked: Asked, others: Mapping[str, RunRecord]) -> Compared | str:
    """The comparison, or the sentence that says why there is none."""
    if asked.epoch == NONE:
        return HOW
    other = others.get(asked.run, view.record)
    if asked.run and view.split == "test" and not is_open(other.id):
        return SEALED.format(name=plain(other.name))
    epoch = _epoch_there(asked.epoch, view.epoch, other)
    if isinstance(epoch, str):
        return epoch
    try:
        if asked.run and _version(other.id) != view.snapshot.version:
            return OTHER_IMAGES.format(name=plain(other.name))
        history = load_history(other, view.split) if asked.run else view.history
        return _compared(view, other, history, epoch) if history else HOW
    except MnistLabError as error:
        return f"Nothing is compared: {said_of(error)}"


def _epoch_there(wanted: str, here: int, other: RunRecord) -> int | str:
    recorded = epochs_of(other)
    numbers = [one.epoch for one in recorded.epochs]
    if wanted == PREVIOUS:
        before = [number for number in numbers if number < here]
        return before[-1] if before else NO_PREVIOUS.format(epoch=here)
    named = {SAME: here, "kept": recorded.kept, "best": recorded.best, "first": numbers[0]}
    number = named[wanted] if wanted in named else int(wanted)
    if number is None:
        return NONE_YET.format(epoch=wanted, name=plain(other.name))
    if number not in numbers:
        return NOT_THERE.format(epoch=number, name=plain(other.name))
    return number


def _compared(view: View, other: RunRecord, history: History, epoch: int) -> Compared | str:
    here, is_same_run = view.snapshot, other.id == view.run.id
    theirs_ids = here.ids if is_same_run else split_ids(other.id, view.split)
    mine, theirs = common_rows(here.ids, theirs_ids)
    if not len(mine):
        return APART
    labels, now = here.labels[mine], here.predictions.predicted[mine]
    before = history.predicted[history.place(epoch)][theirs]
    found = change(labels, before, now, len(view.classes))
    return Compared(
        run_id="" if is_same_run else other.id,
        name="" if is_same_run else other.name,
        epoch=epoch,
        rows=mine,
        predicted=before,
        change=replace(found, fixed=mine[found.fixed], broken=mine[found.broken]),
        errors=int(np.count_nonzero(before != labels)),
        errors_here=int(np.count_nonzero(now != labels)),
    )


@st.cache_resource(max_entries=500, show_spinner=False)
def _version(run_id: str) -> str:
    """The content hash of the images that a run sees; recorded before its first epoch."""
    facts = services().lab.run(run_id).facts
    return facts.dataset.content_hash if facts else ""


def _said(compared: Compared, total: int) -> str:
    there, here = (_accuracy(wrong, compared.common) for wrong in (compared.errors, compared.errors_here))
    which = "all" if compared.common == total else "the"
    said = f"At {compared.there}: {there}. Here: {here}, of {which} {count(compared.common)} images"
    if compared.common == total:
        return f"{said}."
    return f"{said} that the two splits share; the other {count(total - compared.common)} are not compared."


def _accuracy(wrong: int, total: int) -> str:
    right = total - wrong
    return f"{percent(right / total)} ({interval(wilson_interval(right, total))})"
