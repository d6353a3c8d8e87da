"""The table of a run's epochs: what each one measured and how long it took, with a button that picks the epoch.

A row's selection is no use here: it would have to follow the cursor, and what a browser has of it may be late.
"""

from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any

import pandas as pd
import streamlit as st

from mnist_core.analysis.evaluation import wilson_interval
from pages.ui.curves.data import Curves
from pages.ui.format import count, interval
from pages.ui.guard import guarded

__all__ = ["CLICK_KEY", "draw_epoch_table", "epoch_table"]

TABLE_KEY, CLICK_KEY = "epochs_table", "epochs_table_clicked"
HERE, GO = "here", "go"
ROW, HEADER, MOST_ROWS = 35, 38, 12
PREFIX = {"training": "training", "evaluation": "evaluated", "validation": "validation", "test": "test"}


def epoch_table(curves: Curves, images: int | None) -> pd.DataFrame:
    """One row an epoch, the last first; accuracies in percent, losses in nats, NaN where nothing was measured.

    Args:
        curves: of the run.
        images: size of the validation split; without it there are no intervals.
    """
    columns: dict[str, Any] = {"epoch": curves.epochs}
    for name, held in curves.values["loss"].items():
        columns[f"{PREFIX[name]} loss"] = held
        columns[f"{PREFIX[name]} accuracy"] = 100 * curves.values["accuracy"][name]
    accuracy = curves.values["accuracy"]["validation"]
    columns["95 % interval"] = [_interval(one, images) for one in accuracy.tolist()]
    columns["gap"] = 100 * (curves.values["accuracy"]["evaluation"] - accuracy)
    for name, seconds in zip(("training", "evaluating", "recording"), curves.seconds, strict=True):
        columns[f"{name} (s)"] = seconds
    return pd.DataFrame(columns).iloc[::-1].reset_index(drop=True)


def _interval(accuracy: float, images: int | None) -> str | None:
    if not images or not isfinite(accuracy):
        return None
    return interval(wilson_interval(round(accuracy * images), images))


def draw_epoch_table(table: pd.DataFrame, *, epoch: int, on_pick: Callable[[int], None]) -> None:
    """Draws it, the row of the cursor marked.

    Args:
        table: as `epoch_table` makes it.
        epoch: where the cursor stands.
        on_pick: called with the epoch whose button was clicked, before the page runs again.
    """
    epochs = tuple(table["epoch"].tolist())
    shown = table.assign(cursor=[HERE if one == epoch else GO for one in epochs])
    columns = _columns(_on_row(epochs, on_pick))
    st.dataframe(
        shown,
        key=TABLE_KEY,
        column_config=columns,
        column_order=[name for name in columns if name in shown],
        hide_index=True,
        height=HEADER + ROW * min(len(table), MOST_ROWS),
        placeholder="",
        alt=f"{count(len(table))} epochs, last to first",
    )


def _on_row(epochs: tuple[int, ...], on_pick: Callable[[int], None]) -> Callable[[], None]:
    @guarded
    def picked() -> None:
        row = (st.session_state.get(CLICK_KEY) or {}).get("row")
        if isinstance(row, int) and not isinstance(row, bool) and 0 <= row < len(epochs):
            on_pick(epochs[row])

    return picked


def _columns(on_click: Callable[[], None]) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    loss, share, seconds = (partial(number, format=form) for form in ("%.4f", "%.2f %%", "%.2f"))
    return {
        "cursor": st.column_config.ButtonColumn(
            "cursor",
            type="tertiary",
            on_click=on_click,
            key=CLICK_KEY,
            pinned=True,
            help="Here: the epoch that all pages look at. Go: look at this one.",
        ),
        "epoch": number("epoch", help="0 is the untrained network.", pinned=True),
        "validation loss": loss("validation loss", help="Mean cross-entropy in nats."),
        "validation accuracy": share("validation accuracy"),
        "95 % interval": st.column_config.TextColumn(
            "95 % interval", help="Where the accuracy would be with other validation images, in percent (Wilson)."
        ),
        "evaluated loss": loss(
            "evaluated loss",
            help="Of a fixed sample of at most 10,000 training images after the epoch, measured like validation.",
        ),
        "evaluated accuracy": share("evaluated accuracy", help="Of the same sample."),
        "gap": number(
            "gap (points)",
            format="%+.2f",
            help="By how many percentage points the evaluated training images do better than the validation images.",
        ),
        "training loss": loss("training loss", help="Mean of what the epoch's steps measured."),
        "training accuracy": share("training accuracy", help="Mean of what the epoch's steps measured."),
        "test loss": loss("test loss"),
        "test accuracy": share("test accuracy"),
        "training (s)": seconds("training (s)", help="Seconds of the training steps."),
        "evaluating (s)": seconds("evaluating (s)", help="Seconds of evaluating all splits."),
        "recording (s)": seconds("recording (s)", help="Seconds of waiting until the epoch before was written."),
    }
