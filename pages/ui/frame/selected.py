"""What is selected: resolved to image ids once, said in the run bar, and the same for every view of a page.

Views choose by `select(rule)` in a callback, and read `View.selected`.
"""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.selection import Changed, Judged, Rule, Selection, phrase_of
from mnist_core.errors import MnistLabError, RunNotFound
from mnist_core.run import Run
from pages.ui.format import count, plain
from pages.ui.frame.link import go_to, link_now
from pages.ui.frame.split_gate import is_open
from pages.ui.guard import guarded, said_of
from pages.ui.services import services
from pages.ui.snapshot import load_snapshot

__all__ = ["Selected", "clear_selection", "draw_selection", "resolve", "select"]

CHIP_WIDTH = 300
NONE = ":gray[nothing selected]"
NOTHING_HELP = "Click a cell of the matrix, a bar or an image: what you select is shown on every page, at every epoch."
HELP = "{said}: {count} images. They stay selected while you change epoch, run or page. Press Esc, or here, to clear."
SEALED = "The selection is of the test split, which is not opened here; open it to see the selected images."
OTHER_RUN = "The selection compares runs of other images or classes, so it is not shown here."
OTHER_GONE = "The run with which the selection compares is not here any more, so nothing is selected."
NO_CLASS = "The selection names a class that run `{name}` does not have, so nothing is selected."
OTHER_DATA = "The selection is of other images than those of this run, so it is not shown here."


@dataclass(frozen=True)
class Selected:
    """A selection, resolved.

    Attributes:
        selection: the rule, and where it was made.
        ids: int32 (n,), the images, ascending; read-only.
        phrase: what it is, in words, plain text.
    """

    selection: Selection
    ids: NDArray[np.int32]
    phrase: str

    def rows(self, ids: NDArray[np.int32]) -> NDArray[np.int64]:
        """Rows of those of its images that are among `ids` (ascending): int64."""
        return np.flatnonzero(np.isin(ids, self.ids, assume_unique=True))


def resolve(selection: Selection, run: Run, epoch: int) -> tuple[Selected | None, str]:
    """What a selection holds; None and a sentence where it cannot be had, or must not be seen here.

    Args:
        selection: what the link says.
        run: the run that is looked at.
        epoch: the epoch that is looked at.
    """
    try:
        origin = services().lab.run(selection.run)
        selection = replace(selection, run=origin.id)
        others = _others(selection.rule)
        if not all(map(_is_there, others)):
            return None, OTHER_GONE
        if not selection.rule.fits(len(origin.classes)):
            return None, NO_CLASS.format(name=origin.record.name)
        judges = [origin.id, *others] if selection.rule.reads_predictions else []
        if selection.split == "test" and not all(map(is_open, judges)):
            return None, SEALED
        if not _of_same_images(origin, run):
            return None, OTHER_DATA
        if not all(_judges_alike(services().lab.run(one), origin) for one in others):
            return None, OTHER_RUN
        ids = _ids(selection.text(), epoch if selection.epoch is None else selection.epoch)
        return Selected(selection, ids, plain(phrase_of(selection, origin.classes))), ""
    except RunNotFound:
        return None, "The run in which the selection was made is not here any more, so nothing is selected."
    except MnistLabError as error:
        return None, f"The selection cannot be read: {said_of(error)}"


def select(rule: Rule, run: str, epoch: int | None, split: str) -> None:
    """Selects images, on every page; for callbacks. The same again clears it."""
    wanted = Selection(rule, run, epoch, split)
    go_to(selection=None if link_now().selection == wanted else wanted)


@guarded
def clear_selection() -> None:
    """Selects nothing; for callbacks."""
    go_to(selection=None)


def draw_selection(selected: Selected | None, here: int) -> None:
    """Says what is selected, as a button that clears it, in a place of a fixed width.

    Args:
        selected: what is selected.
        here: how many of its images are in the split that is looked at.
    """
    if selected is None:
        with st.container(key="nothing_selected", width=CHIP_WIDTH):
            st.markdown(NONE, help=NOTHING_HELP)
        return
    total = len(selected.ids)
    st.button(
        _chip(selected.phrase, here, total),
        key="clear_selection",
        icon=":material/close:",
        help=HELP.format(said=selected.phrase, count=count(total)),
        on_click=clear_selection,
        shortcut="Esc",
        width=CHIP_WIDTH,
    )


def _chip(phrase: str, here: int, total: int) -> str:
    """The count comes first, as a long phrase is cut; "3 chosen images" says it already."""
    if here != total:
        return f"{count(here)} of {count(total)} in this split: {phrase}"
    return phrase if phrase.startswith(f"{count(total)} ") else f"{count(total)}: {phrase}"


def _others(rule: Rule) -> list[str]:
    """The runs that a rule reads besides the one that it was made in."""
    return [rule.run] if isinstance(rule, Changed) and rule.run else []


def _is_there(run: str) -> bool:
    try:
        services().lab.archive.store.run(run)
    except RunNotFound:
        return False
    return True


def _of_same_images(one: Run, other: Run) -> bool:
    return one.id == other.id or one.shares_images_with(other)


def _judges_alike(one: Run, other: Run) -> bool:
    """Whether what two runs say of an image can be compared."""
    return _of_same_images(one, other) and one.classes == other.classes


@st.cache_resource(max_entries=256, show_spinner=False)
def _ids(text: str, epoch: int) -> NDArray[np.int32]:
    ids = Selection.parse(text).ids(_judged, epoch)
    ids.flags.writeable = False
    return ids


def _judged(run: str, epoch: int, split: str) -> Judged:
    snapshot = load_snapshot(run, epoch, split)
    return Judged(snapshot.ids, snapshot.labels, snapshot.predictions)
