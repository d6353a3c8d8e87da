"""The report on each class as a table: its scores, how they changed, and their curves over the epochs.

A row can be chosen: the errors of its class are then selected.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import floor
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import thinned
from mnist_core.analysis.evaluation import class_scores
from mnist_core.analysis.history import History
from mnist_core.analysis.selection import Cell
from pages.ui.frame.selected import clear_selection, select
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.predictions.marked import Marked, marked
from pages.ui.predictions.part import Part

__all__ = ["MEASURES", "Changes", "class_report", "over_epochs", "report_table", "with_changes"]

Measure = Literal["F1", "precision", "recall"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
KEY = "class_report"
ROW, MOST_ROWS = 35, 12
MOST_POINTS = 59
AVERAGES = ("macro avg", "weighted avg")
READ = (
    "Low recall: the class is overlooked. Low precision: others are taken for it. Changes are in percentage points."
    " Sort by a column's head; choose a row to select the errors of its class."
)
NOT_RECORDED = " Of the training images no epoch but the chosen one is at hand, so there are no changes to show."


class Changes(NamedTuple):
    """What the changes in the table are of.

    Attributes:
        measure: which score.
        epoch: the epoch that is looked at.
        previous: the recorded epoch before it; None at the first.
        compared: another epoch to compare with; None where there is none.
    """

    measure: Measure
    epoch: int
    previous: int | None
    compared: int | None


def class_report(part: Part, compared_epoch: int | None) -> None:
    """Draws the table, its height fixed by the number of classes.

    Args:
        part: which images are counted.
        compared_epoch: an epoch to compare with besides the previous one; None, or one that is not recorded, is none.
    """
    view = part.view
    measure = st.segmented_control(
        "changes of", MEASURES, default="F1", required=True, key="measure", bind="query-params"
    )
    table, history = report_table(part.snapshot.evaluation.confusion, view.classes), part.history
    recorded = [view.epoch] if history is None else history.epochs.tolist()
    changes = Changes(
        measure if measure in MEASURES else "F1",
        view.epoch,
        previous=max((epoch for epoch in recorded if epoch < view.epoch), default=None),
        compared=compared_epoch if compared_epoch in recorded else None,
    )
    if history is not None:
        table = with_changes(table, history, changes)
    _keep_chosen(marked(view), len(table))
    st.dataframe(
        table,
        key=KEY,
        hide_index=True,
        height=ROW * (min(len(table), MOST_ROWS) + 1) + 3,
        column_config=_columns(changes, history),
        on_select=_on_choice(view),
        selection_mode="single-row",
        alt=f"Precision, recall and F1 of each class at epoch {view.epoch}",
        placeholder="",
    )
    st.caption(READ if history is not None else READ + NOT_RECORDED)


def report_table(confusion: NDArray[np.int64], classes: Sequence[str]) -> pd.DataFrame:
    """Precision, recall and F1 in percent, and support, of each class; then their averages, as scikit-learn has them.

    Args:
        confusion: int64 (classes, classes), rows true.
        classes: names of the classes.
    """
    scores = class_scores(confusion)
    averages = (scores.average(weighted=False), scores.average(weighted=True))
    shares = np.vstack([np.column_stack([scores.precision, scores.recall, scores.f1]), averages]) * 100
    return pd.DataFrame(
        {
            "class": [*classes, *AVERAGES],
            **dict(zip(("precision", "recall", "F1"), shares.T, strict=True)),
            "support": [*scores.support.tolist(), *[int(scores.support.sum())] * len(AVERAGES)],
        }
    )


def with_changes(table: pd.DataFrame, history: History, changes: Changes) -> pd.DataFrame:
    """The table with the changes of a score in percentage points, and its curve over at most 60 epochs in percent."""
    scores = over_epochs(history, changes.measure)
    now = scores[history.place(changes.epoch)]
    columns: dict[str, Any] = {"previous": _change(now, history, scores, changes.previous)}
    if changes.compared is not None:
        columns["compared"] = _change(now, history, scores, changes.compared)
    columns["curve"] = scores[_drawn(history)].T.round(3).tolist()
    return table.assign(**columns)


def over_epochs(history: History, measure: Measure) -> NDArray[np.float64]:
    """A score of each class and its two averages at each epoch in percent: float64 (E, classes + 2)."""
    scores = {"F1": history.f1, "precision": history.precision, "recall": history.recall}[measure]
    support = np.bincount(history.labels, minlength=history.classes)
    weighted = np.average(scores, axis=1, weights=support)
    return np.column_stack([scores, scores.mean(axis=1), weighted]) * 100


def _change(
    now: NDArray[np.float64], history: History, scores: NDArray[np.float64], since: int | None
) -> NDArray[np.float64]:
    return np.full(len(now), np.nan) if since is None else now - scores[history.place(since)]


def _drawn(history: History) -> list[int]:
    """Places of the epochs that a curve shows; the untrained network would flatten all the rest."""
    first = 1 if len(history.epochs) > 2 else 0
    return [first + place for place in thinned(len(history.epochs) - first, most=MOST_POINTS)]


def _columns(changes: Changes, history: History | None) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    share = partial(number, format="%.2f %%")
    columns: dict[str, Any] = {
        "class": st.column_config.TextColumn(width=92, pinned=True),
        "precision": share(help="Of what was predicted as the class, how much is.", width=68),
        "recall": share(help="Of the class, how much was found.", width=62),
        "F1": share(help="The harmonic mean of precision and recall.", width=62),
        "support": number(help="How many of the images are of the class.", format="localized", width=60),
    }
    return columns if history is None else columns | _changing_columns(changes, history)


def _changing_columns(changes: Changes, history: History) -> dict[str, Any]:
    measure = changes.measure
    points = partial(st.column_config.NumberColumn, format="%+.2f", width=64)
    previous = (
        "Nothing is recorded before this epoch." if changes.previous is None else _help(measure, changes.previous)
    )
    places = _drawn(history)
    lowest = min(floor(float(over_epochs(history, measure)[places].min())), 99)
    first, last = history.epochs[places[0]], history.epochs[places[-1]]
    return {
        "previous": points(f"since {'–' if changes.previous is None else changes.previous}", help=previous),
        "compared": points(f"since {changes.compared}", help=_help(measure, changes.compared)),
        "curve": st.column_config.LineChartColumn(
            "over epochs",
            help=f"{measure} from epoch {first} to {last}, in every row on the scale from {lowest} % to 100 %.",
            y_min=lowest,
            y_max=100,
            width=100,
        ),
    }


def _help(measure: Measure, since: int | None) -> str:
    return f"Change of {measure} since epoch {since}, in percentage points."


def _keep_chosen(mark: Marked | None, rows: int) -> None:
    """The row that is marked is the one whose errors at this epoch are selected, however that came about."""
    row = _row_of(mark.rule, rows) if mark and mark.is_now and isinstance(mark.rule, Cell) else None
    chosen = [] if row is None else [row]
    if _rows_chosen() != chosen:
        st.session_state[KEY] = {"selection": {"rows": chosen, "columns": [], "cells": []}}


def _row_of(rule: Cell, rows: int) -> int | None:
    if rule.predicted is not None:
        return None
    if rule.true is None:
        return rows - len(AVERAGES)
    return rule.true if rule.true < rows - len(AVERAGES) else None


def _rows_chosen() -> list[int]:
    """The rows that the browser says are marked, whatever it says."""
    state = st.session_state.get(KEY)
    selection = state.get("selection") if isinstance(state, dict) else None
    rows = selection.get("rows") if isinstance(selection, dict) else None
    return [row for row in rows if isinstance(row, int)] if isinstance(rows, list) else []


def _on_choice(view: View) -> Callable[[], None]:
    run, epoch, split, classes = view.run.id, view.epoch, view.split, len(view.classes)

    @guarded
    def chosen() -> None:
        rows = _rows_chosen()
        if not rows:
            clear_selection()
        elif 0 <= rows[0] < classes + len(AVERAGES):
            select(Cell(rows[0] if rows[0] < classes else None, None), run, epoch, split)

    return chosen
