"""The report: scikit-learn's numbers at every epoch and for every selection, their changes, and what a row selects."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import classification_report

from mnist_core.analysis.history import History
from mnist_core.analysis.selection import Cell, Ids, Selection
from pages.ui.predictions.part import Part
from pages.ui.predictions.report import KEY, MEASURES, NOT_RECORDED, Changes, over_epochs, report_table, with_changes
from tests.app.comparing import rival_of
from tests.app.numbers_shown import (
    assert_sound,
    choose_rows,
    open_numbers,
    recorded,
    said,
    selection_of,
    table_of,
    text_of,
)

COLUMNS = {"precision": "precision", "recall": "recall", "F1": "f1-score"}
ROWS = [*map(str, range(10)), "macro avg", "weighted avg"]


def reference(run, epoch, rows=slice(None)):
    """scikit-learn's report in percent: one row for each class, then the averages."""
    labels, predicted, _ = recorded(run, epoch)
    found = classification_report(labels[rows], predicted[rows], labels=range(10), output_dict=True, zero_division=0.0)
    shares = {name: [found[row][key] * 100 for row in ROWS] for name, key in COLUMNS.items()}
    return pd.DataFrame(shares | {"support": [found[row]["support"] for row in ROWS]}, index=ROWS)


def assert_same(table, expected):
    assert table.index.tolist() == ROWS
    for column in expected:
        assert table[column].tolist() == pytest.approx(expected[column].tolist(), abs=1e-9)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_the_table_is_that_of_scikit_learn(finished_run, epoch):
    app = open_numbers(run=finished_run.id, epoch=str(epoch))
    assert_same(table_of(app), reference(finished_run, epoch))


@pytest.mark.parametrize("measure", MEASURES)
def test_changes_are_differences_of_scikit_learns_numbers(finished_run, measure):
    app = open_numbers(compared=0, run=finished_run.id, epoch="2", measure=measure)
    then, before, now = (reference(finished_run, epoch)[measure] for epoch in (0, 1, 2))
    table = table_of(app)
    assert table["previous"].tolist() == pytest.approx((now - before).tolist(), abs=1e-9)
    assert table["compared"].tolist() == pytest.approx((now - then).tolist(), abs=1e-9)
    curves = np.stack(table["curve"].to_numpy())
    assert curves.T.tolist() == pytest.approx(np.stack([before, now]), abs=1e-3)


def test_before_the_first_epoch_nothing_has_changed(finished_run):
    table = table_of(open_numbers(run=finished_run.id, epoch="0"))
    assert table["previous"].isna().all()
    assert "compared" not in table


@pytest.mark.parametrize("compared", [99, -1])
def test_an_epoch_that_is_not_there_is_not_compared_with(finished_run, compared):
    assert "compared" not in table_of(open_numbers(compared=compared, run=finished_run.id))


def test_the_selected_images_have_a_report_of_their_own(finished_run):
    labels, predicted, _ = recorded(finished_run, epoch=1)
    rows = np.flatnonzero((labels == 8) & (predicted != 8))
    link = {"run": finished_run.id, "selection": text_of(finished_run, Cell(8), epoch=1)}
    app = open_numbers(compared=0, **link)
    assert_same(table_of(app), reference(finished_run, 2))
    app.segmented_control("of").set_value("selected images").run()
    table, now = table_of(assert_sound(app)), reference(finished_run, 2, rows)
    assert_same(table, now)
    for column, epoch in (("previous", 1), ("compared", 0)):
        change = now["F1"] - reference(finished_run, epoch, rows)["F1"]
        assert table[column].tolist() == pytest.approx(change.tolist(), abs=1e-9)
    assert_same(table_of(open_numbers(of="selected images", **link)), now)


def test_a_choice_of_selected_images_waits_for_one_that_is_here(finished_run):
    elsewhere = text_of(finished_run, Ids((int(finished_run.split_file["test_ids"][0]),)))
    app = open_numbers(run=finished_run.id, of="selected images", selection=elsewhere)
    assert app.segmented_control("of").disabled
    assert_same(table_of(app), reference(finished_run, 2))


def test_a_row_selects_the_errors_of_its_class_and_lets_them_go(finished_run):
    app = choose_rows(open_numbers(run=finished_run.id, epoch="1"), [8])
    assert selection_of(app) == text_of(finished_run, Cell(8), epoch=1)
    assert not selection_of(choose_rows(app, []))


@pytest.mark.parametrize("row", [10, 11])
def test_an_average_selects_all_errors(finished_run, row):
    app = choose_rows(open_numbers(run=finished_run.id), [row])
    assert selection_of(app) == text_of(finished_run, Cell())


@pytest.mark.parametrize("rows", [[12], [-1], ["x"], [None], 3, {}])
def test_a_row_that_is_none_selects_nothing(finished_run, rows):
    app = open_numbers(run=finished_run.id)
    assert not selection_of(choose_rows(app, rows))


@pytest.mark.parametrize(("rule", "rows"), [(Cell(8), [8]), (Cell(), [10]), (Cell(8, 3), []), (Cell(None, 3), [])])
def test_the_row_whose_errors_are_selected_is_marked(finished_run, rule, rows):
    app = choose_rows(open_numbers(run=finished_run.id), [5])
    app.query_params["selection"] = text_of(finished_run, rule)
    app.run()
    assert assert_sound(app).session_state[KEY]["selection"]["rows"] == rows


@pytest.mark.parametrize(("epoch", "rows"), [("2", [8]), ("1", [])])
def test_a_link_marks_its_row_at_once_and_only_at_its_epoch(finished_run, epoch, rows):
    app = open_numbers(run=finished_run.id, epoch=epoch, selection=text_of(finished_run, Cell(8)))
    assert app.session_state[KEY]["selection"]["rows"] == rows
    shown = app.dataframe[0].proto.selection_state
    assert (json.loads(shown)["selection"]["rows"] if shown else []) == rows
    choose_rows(app, [8] if not rows else [])
    assert selection_of(app) == (text_of(finished_run, Cell(8), epoch=1) if not rows else "")


@pytest.mark.parametrize("rule", [Cell(8), Cell()])
def test_rows_of_another_run_or_split_are_not_marked(finished_run, rule):
    rival = rival_of(finished_run)
    for run, split in ((rival.id, "validation"), (finished_run.id, "train")):
        app = open_numbers(run=run, selection=text_of(finished_run, rule, split=split))
        assert app.session_state[KEY]["selection"]["rows"] == []
        choose_rows(app, [8])
        assert selection_of(app) == Selection(Cell(8), run, 2, "validation").text()


def test_without_a_history_there_are_scores_and_a_sentence(finished_run, monkeypatch):
    monkeypatch.setattr(Part, "history", None)
    app = open_numbers(run=finished_run.id)
    assert_same(table_of(app), reference(finished_run, 2))
    assert not {"previous", "curve"} & set(table_of(app))
    assert NOT_RECORDED in said(app)


@pytest.mark.parametrize("epochs", [1, 2, 3, 60, 61, 500])
def test_a_curve_has_at_most_sixty_points_and_ends_at_the_last_epoch(epochs):
    generator = np.random.default_rng(epochs)
    labels, predicted = generator.integers(0, 3, 20), generator.integers(0, 3, (epochs, 20))
    history = History(np.arange(epochs, dtype=np.int32), labels.astype(np.uint8), predicted.astype(np.uint8), 3)
    table = report_table(history.confusion[-1], ["a", "b", "c"])
    table = with_changes(table, history, Changes("recall", epochs - 1, None, None))
    curves = np.stack(table["curve"].to_numpy())
    assert curves.shape[1] == epochs - (epochs > 2) if epochs <= 60 else 30 <= curves.shape[1] <= 60
    assert curves[:, -1] == pytest.approx(over_epochs(history, "recall")[-1], abs=1e-3)
    assert curves[:, -1] == pytest.approx(table["recall"].to_numpy(), abs=1e-3)
