"""The table of runs: one row each, its numbers from the run's record; sorting is the table's own, filtering is here."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from mnist_core.runs import RunRecord
from pages.ui.format import STATE_WORDS, count, interval, state_word
from pages.ui.frame.link import go_to
from pages.ui.guard import guarded
from pages.ui.recorded import epochs_of, parameters_of
from pages.ui.services import services

__all__ = ["STATES", "draw_table", "fitting", "row_of", "watch_active"]

STATES = tuple(STATE_WORDS.values())
"""The words that runs are filtered by."""

TABLE_KEY = "runs_table"
SHOWN_KEY = "runs_in_table"
ROW, HEADER, MOST_ROWS = 35, 38, 12
WATCH_SECONDS = 2
STATE_COLOURS = {
    "queued": "gray",
    "running": "blue",
    "stopping": "orange",
    "finished": "green",
    "failed": "red",
    "stopped": "orange",
}
SMALL = 75


def fitting(records: Iterable[RunRecord], text: str, states: Sequence[str]) -> list[RunRecord]:
    """The runs that hold every word of a text in name, network, dataset or note, and are in one of these states.

    Args:
        records: the runs to choose from.
        text: words, in any case; an empty text fits all.
        states: some of `STATES`; none fits all.
    """
    words = text.casefold().split()
    return [
        record
        for record in records
        if (not states or STATE_WORDS[record.state] in states) and all(word in _searched(record) for word in words)
    ]


def _searched(record: RunRecord) -> str:
    return " ".join((record.name, _network(record), _dataset(record), record.note, record.id)).casefold()


def _network(record: RunRecord) -> str:
    return str(record.spec["network"]["preset"])


def _dataset(record: RunRecord) -> str:
    return str(record.spec["dataset"]["name"])[:16]


def row_of(record: RunRecord, owner: str) -> dict[str, Any]:
    """What the table shows of a run; None where nothing is recorded yet."""
    test = (record.result or {}).get("test") or {}
    return {
        "name": record.name,
        "state": [state_word(record)],
        "dataset": _dataset(record),
        "network": _network(record),
        **_numbers(record.id, record.epoch, record.state.is_finished, _record=record),
        "test": 100 * test["accuracy"] if test else None,
        "interval": interval(test["interval"]) if test else None,
        "errors": test.get("errors"),
        "duration": record.used,
        "created": datetime.fromtimestamp(record.created, UTC),
        "mine": record.owner == owner,
        "note": record.note,
    }


@st.cache_resource(max_entries=2000, show_spinner=False)
def _numbers(run_id: str, last: int | None, finished: bool, *, _record: RunRecord) -> dict[str, Any]:  # noqa: ARG001
    """What follows from the committed epochs; kept, as it is the same until there is one more."""
    recorded = epochs_of(_record)
    kept = next((one for one in recorded.epochs if one.epoch == recorded.kept), None)
    return {
        "parameters": parameters_of(_record),
        "validation": kept and 100 * kept.metrics["val_accuracy"],
        "curve": [one.metrics["val_accuracy"] for one in recorded.epochs[1:]],
        "kept": recorded.kept,
        "best": recorded.best,
    }


def draw_table(records: Sequence[RunRecord], *, selected: str, owner: str, show_owner: bool) -> None:
    """Draws the table; a click on a row chooses that run for every page.

    Args:
        records: the runs, newest first.
        selected: id of the run whose row is marked; empty for none.
        owner: who looks.
        show_owner: whether there is more than one owner, so that the own runs are marked.
    """
    shown = tuple(record.id for record in records)
    st.session_state[SHOWN_KEY] = shown
    st.session_state[TABLE_KEY] = {"selection": {"rows": [shown.index(selected)] if selected in shown else []}}
    columns = _columns()
    hidden = {"created" if any(record.note for record in records) else "note"}  # there is no room for both
    if not show_owner:
        hidden.add("mine")
    table = pd.DataFrame([row_of(record, owner) for record in records])
    st.dataframe(
        table,
        key=TABLE_KEY,
        column_config=columns,
        column_order=[name for name in columns if name not in hidden],
        hide_index=True,
        height=HEADER + ROW * min(len(records), MOST_ROWS),
        on_select=_row_picked,
        selection_mode="single-row",
        placeholder="",
        alt=f"{count(len(records))} runs, newest first",
    )


@guarded
def _row_picked() -> None:
    rows = st.session_state[TABLE_KEY]["selection"]["rows"]
    shown = st.session_state.get(SHOWN_KEY, ())
    picked = rows[0] if isinstance(rows, list) and rows else None
    known = isinstance(picked, int) and 0 <= picked < len(shown)
    go_to(run=shown[picked] if known else "", epoch="kept")


def watch_active(records: Iterable[RunRecord]) -> None:
    """Keeps the page up to date while any of these runs, all there are, waits or works."""
    seen = _fingerprint(record for record in records if record.state.is_active)
    if seen:
        _watch(seen)


@st.fragment(run_every=WATCH_SECONDS)
@guarded
def _watch(seen: frozenset[tuple[Any, ...]]) -> None:
    """Runs the page again once an active run has another epoch or state, or there is another active run."""
    if _fingerprint(services().lab.archive.store.active()) != seen:
        st.rerun()


def _fingerprint(active: Iterable[RunRecord]) -> frozenset[tuple[Any, ...]]:
    return frozenset((record.id, record.epoch, state_word(record)) for record in active if record.kind == "train")


def _columns() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    share = partial(number, format="%.2f %%", alignment="left")  # under its head, which stands left
    return {
        "name": text("name", help="A friendly name; it can be changed."),
        "validation": share("validation", help="Share of validation images that the kept epoch gets right."),
        "state": st.column_config.MultiselectColumn(
            "state", options=list(STATE_COLOURS), color=list(STATE_COLOURS.values()), width=SMALL + 15
        ),
        "dataset": text("dataset"),
        "network": text("network", help="The preset that the network was made from."),
        "parameters": number("parameters", format="%,d", help="Numbers that the network learns."),
        "test": share("test", help="Share of test images that the kept epoch gets right."),
        "interval": text("95 % interval", help="Where the test accuracy would be with other test images, in percent."),
        "errors": number("errors", format="%,d", help="Test images that the kept epoch gets wrong."),
        "curve": st.column_config.LineChartColumn(
            "curve", width=SMALL, help="Validation accuracy of each epoch, from its lowest to its highest value."
        ),
        "kept": number("kept", width=SMALL - 27, alignment="left", help="The epoch whose weights count."),
        "best": number("best", width=SMALL - 29, alignment="left", help="The epoch with the lowest validation loss."),
        "duration": number("duration (s)", format="%,.1f", help="Seconds that training took."),
        "created": st.column_config.DatetimeColumn("created", format="distance"),
        "mine": st.column_config.CheckboxColumn("mine", width=SMALL - 15, help="Only its owner may change a run."),
        "note": text("note", width=SMALL + 30, help="Choose the row to read it whole."),
    }
