"""Which images numbers are about: all of the split that is looked at, or those of it that are selected."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.history import History
from mnist_core.runs import RunRecord
from pages.ui.frame.view import View
from pages.ui.selection.selected_snapshot import selected_snapshot
from pages.ui.snapshot import Snapshot, load_history

__all__ = ["ALL", "SELECTED", "Part", "choose_part"]

ALL, SELECTED = "all images", "selected images"
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """The images that a view's numbers are about.

    Attributes:
        view: what is looked at.
        is_selection: whether only the selected images count; False for the whole split.
    """

    view: View
    is_selection: bool = False

    @property
    def snapshot(self) -> Snapshot:
        """Their predictions at the epoch that is looked at."""
        return (selected_snapshot(self.view) if self.is_selection else None) or self.view.snapshot

    @property
    def history(self) -> History | None:
        """What was predicted of them at every epoch; None for training images, of which that is not recorded."""
        selected = self.view.selected
        if not self.is_selection or selected is None:
            return self.view.history
        view, selection = self.view, selected.selection
        at = view.epoch if selection.epoch is None else selection.epoch
        key = (view.run.id, view.split, selection.text(), at, view.record.epoch)
        return _history(key, view.record, selected.rows(view.snapshot.ids))


def choose_part(view: View) -> Part:
    """Draws the choice between all images and the selected ones, open where some of these are in the split."""
    can_choose = selected_snapshot(view) is not None
    asked = st.segmented_control(
        "numbers of",
        (ALL, SELECTED),
        default=ALL,
        required=True,
        key="of",
        bind="query-params",
        disabled=not can_choose,
        label_visibility="collapsed",
        help="What the matrix, the report and the panels below count.",
    )
    return Part(view, can_choose and asked == SELECTED)


@st.cache_resource(max_entries=16, show_spinner=False)
def _history(key: tuple[str, str, str, int, int | None], _record: RunRecord, _rows: Rows) -> History | None:
    whole = load_history(_record, key[1])
    if whole is None:
        return None
    return replace(whole, labels=whole.labels[_rows], predicted=whole.predicted[:, _rows])
