"""The selected images of a split as a snapshot of their own: metrics are recomputed for them."""

from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.errors import most_confident_errors
from mnist_core.analysis.evaluation import evaluate
from pages.ui.frame.view import View
from pages.ui.snapshot import Snapshot, load_snapshot

__all__ = ["selected_snapshot"]

Rows = NDArray[np.int64]


def selected_snapshot(view: View) -> Snapshot | None:
    """The selected images of the split as a snapshot of their own; None where there are none."""
    if view.selected is None:
        return None
    rows = view.selected.rows(view.snapshot.ids)
    if not len(rows):
        return None
    return _snapshot((view.run.id, view.epoch, view.split), view.selected.selection.text(), rows, view.classes)


@st.cache_resource(max_entries=32, show_spinner=False)
def _snapshot(place: tuple[str, int, str], selection: str, _rows: Rows, _classes: tuple[str, ...]) -> Snapshot:  # noqa: ARG001
    run, epoch, split = place
    whole = load_snapshot(run, epoch, split)
    labels, predictions = whole.labels[_rows], whole.predictions.take(_rows)
    evaluation = evaluate(labels, predictions, _classes, epoch=epoch, split=split)
    errors = most_confident_errors(labels, predictions)
    part = replace(
        whole, ids=whole.ids[_rows], labels=labels, predictions=predictions, evaluation=evaluation, errors=errors
    )
    for array in (part.ids, labels, predictions.predicted, predictions.loss, predictions.log_probabilities, errors):
        array.flags.writeable = False
    return part
