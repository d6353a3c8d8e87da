"""The predictions page: the record's numbers, the rows' images, and no link or session breaks it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report, confusion_matrix

from mnist_core.errors import InvalidInput
from pages.ui import gallery as gallery_module
from pages.ui import images
from pages.ui.cell import Cell
from pages.ui.format import accuracy_sentence
from pages.ui.matrix import DIAGONAL, LEVELS, MODES, Look, cells, matrix_spec
from pages.ui.report import report_table
from pages.ui.snapshot import load_snapshot
from pages.ui.theme import DARK, LIGHT

MATRICES = st.integers(2, 30).flatmap(
    lambda k: st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=200).map(
        lambda pairs: (k, np.array(pairs).T)
    )
)


@pytest.fixture
def shown(monkeypatch):
    """What each gallery of the page was last given, by its key."""
    drawn = {}
    monkeypatch.setattr(gallery_module, "_COMPONENT", lambda *, key, data: drawn.update({key: data}))
    return drawn


@pytest.fixture
def opened(open_page, finished_run, shown):
    app = open_page("predictions", run=finished_run.id)
    assert_sound(app)
    return app


def assert_sound(app) -> None:
    assert not app.exception
    assert not [error.value for error in app.error]


def subheaders(app) -> list[str]:
    return [one.value for one in app.subheader]


def worst_cell(run) -> tuple[int, int]:
    """The cell off the diagonal with the most images."""
    confusion = run.evaluate("validation").confusion
    off = confusion - np.diag(np.diag(confusion))
    return tuple(int(at) for at in np.unravel_index(off.argmax(), off.shape))


def test_the_numbers_are_those_of_the_record(opened, finished_run):
    found = finished_run.evaluate("validation")
    total = len(finished_run.split_file["validation_ids"])
    sentence = accuracy_sentence(found.accuracy, found.interval, found.errors, total)
    assert any(sentence in one.value for one in opened.markdown)
    assert f"The most confident of {found.errors} errors" in subheaders(opened)


def test_errors_are_shown_with_their_own_ids_and_classes(opened, finished_run, shown, shared):
    record = dict(
        zip(finished_run.split_file["validation_ids"].tolist(), finished_run.predictions().predicted, strict=True)
    )
    labels = shared.lab.dataset("digits").labels
    data = shown["gallery_chosen"]
    assert data["items"]
    for item in data["items"]:
        assert item["true"] == str(labels[item["image"]])
        assert item["predicted"] == str(record[item["image"]])
        assert not item["right"]
        assert item["predicted"] == str(int(np.argmax(item["p"])))
    gaps = [item["p"][int(item["predicted"])] - item["p"][int(item["true"])] for item in data["items"]]
    assert all(one >= other - 2e-4 for one, other in pairwise(gaps))


def test_a_cell_chosen_by_the_menus_shows_its_images(opened, finished_run, shown):
    true, predicted = worst_cell(finished_run)
    opened.selectbox("cell_true").set_value(true).run()
    opened.selectbox("cell_predicted").set_value(predicted).run()
    assert_sound(opened)
    number = int(finished_run.evaluate("validation").confusion[true, predicted])
    assert f"{number} image{'s' * (number > 1)}: true {true}, predicted {predicted}" in subheaders(opened)
    items = shown["gallery_chosen"]["items"]
    assert len(items) == number
    assert {(item["true"], item["predicted"]) for item in items} == {(str(true), str(predicted))}
    assert "".join(opened.query_params["cell"]) == f"{true}-{predicted}"
    opened.button("clear").click().run()
    assert_sound(opened)
    assert "cell" not in opened.query_params
    assert opened.selectbox("cell_true").value == -1
    assert any(one.startswith("The most confident of") for one in subheaders(opened))


def test_one_menu_alone_shows_the_errors_of_its_class(opened, shown):
    opened.selectbox("cell_true").set_value(8).run()
    assert_sound(opened)
    assert {item["true"] for item in shown["gallery_chosen"]["items"]} <= {"8"}
    assert not any(item["right"] for item in shown["gallery_chosen"]["items"])


def test_a_link_chooses_the_cell(open_page, finished_run, shown):
    app = open_page("predictions", run=finished_run.id, cell="3-3")
    assert_sound(app)
    assert any(one.endswith("true 3, predicted 3") for one in subheaders(app))
    assert (app.selectbox("cell_true").value, app.selectbox("cell_predicted").value) == (3, 3)
    assert all(item["right"] for item in shown["gallery_chosen"]["items"])


@pytest.mark.parametrize("cell", ["10-3", "3-99", "x", "-", "3", "-1--1", "3-3-3", "\u0663-3", "9" * 999, "<b>"])
def test_a_cell_that_is_none_is_no_choice(open_page, finished_run, shown, cell):
    app = open_page("predictions", run=finished_run.id, cell=cell)
    assert_sound(app)
    assert "cell" not in app.query_params
    assert any(one.startswith("The most confident of") for one in subheaders(app))


@pytest.mark.parametrize("stale", ["99-99", 7, None, ["x"], "4-"])
def test_what_a_session_remembers_cannot_break_the_page(open_page, finished_run, shown, stale):
    app = open_page("predictions", run=finished_run.id)
    for key in ("cell", "errors_shown", "confusion_clicked"):
        app.session_state[key] = stale
    app.run()
    assert_sound(app)


def test_ten_others_are_drawn(opened, finished_run, shown):
    first = [item["image"] for item in shown["gallery_random"]["items"]]
    opened.button("draw").click().run()
    assert_sound(opened)
    second = [item["image"] for item in shown["gallery_random"]["items"]]
    assert len(set(first)) == len(set(second)) == 10
    assert first != second
    assert set(first + second) <= set(finished_run.split_file["validation_ids"].tolist())


def test_more_errors_up_to_sixty(opened, finished_run, shown):
    errors = finished_run.evaluate("validation").errors
    assert len(shown["gallery_chosen"]["items"]) == min(errors, 20)
    while any(button.key == "more" for button in opened.button):
        opened.button("more").click().run()
        assert_sound(opened)
    assert len(shown["gallery_chosen"]["items"]) == min(errors, 60)


@pytest.mark.parametrize("epoch", ["0", "1", "last", "best"])
def test_every_epoch_can_be_seen(open_page, finished_run, shown, epoch):
    app = open_page("predictions", run=finished_run.id, epoch=epoch)
    assert_sound(app)
    found = finished_run.evaluate("validation", epoch)
    assert any(f"{found.errors:,} of" in one.value and f"epoch {found.epoch}" in one.value for one in app.markdown)


@pytest.mark.parametrize("mode", MODES)
def test_the_matrix_can_be_read_by_row_and_column(opened, mode):
    opened.segmented_control("confusion_mode").set_value(mode).run()
    assert_sound(opened)


def test_without_images_all_that_needs_none_is_shown(open_page, finished_run, shown, shared, monkeypatch):
    monkeypatch.setattr(images.datasets, "available", lambda settings: ())
    app = open_page("predictions", run=finished_run.id)
    assert_sound(app)
    assert any("digits" in one.value for one in app.info)
    assert shown["gallery_chosen"]["sprite"] == ""
    assert shown["gallery_chosen"]["items"]
    assert app.dataframe


def test_the_test_split_is_seen_once_it_is_opened(open_page, finished_run, shown):
    app = open_page("predictions", run=finished_run.id, split="test")
    assert_sound(app)
    assert not shown
    next(one for one in app.button if one.label == "Open the test split").click().run()
    assert_sound(app)
    ids = set(finished_run.split_file["test_ids"].tolist())
    assert {item["image"] for item in shown["gallery_chosen"]["items"]} <= ids


def test_a_snapshot_is_read_only_and_of_what_is_there(finished_run):
    snapshot = load_snapshot(finished_run.id, 2, "validation")
    for array in (snapshot.ids, snapshot.labels, snapshot.predictions.predicted, snapshot.errors):
        assert not array.flags.writeable
    with pytest.raises(InvalidInput, match="being made"):
        load_snapshot(finished_run.id, 2, "train")


@settings(max_examples=40, database=None)
@given(MATRICES)
def test_the_report_is_that_of_scikit_learn(drawn):
    k, (true, predicted) = drawn
    names = [f"class {n}" for n in range(k)]
    reference = classification_report(
        true, predicted, labels=range(k), target_names=names, output_dict=True, zero_division=0.0
    )
    ours = report_table(confusion_matrix(true, predicted, labels=range(k)), names).set_index("class")
    for name, key in [(n, n) for n in names] + [(n, n) for n in ("macro avg", "weighted avg")]:
        row = ours.loc[name]
        expected = [reference[key][column] * 100 for column in ("precision", "recall", "f1-score")]
        assert row[["precision", "recall", "F1"]].tolist() == expected
        assert row["support"] == reference[key]["support"]


@settings(max_examples=40, database=None)
@given(MATRICES, st.sampled_from(MODES))
def test_cells_say_what_the_matrix_counts(drawn, mode):
    k, (true, predicted) = drawn
    confusion = confusion_matrix(true, predicted, labels=range(k))
    table = cells(confusion, [str(n) for n in range(k)], mode)
    assert table["count"].tolist() == confusion.ravel().tolist()
    assert table["cell"].is_unique
    diagonal = table["true"] == table["predicted"]
    assert (table["level"][diagonal] == DIAGONAL).all()
    off = table[~diagonal]
    assert ((off["level"] > 0) == (off["count"] > 0)).all()
    assert off["level"].between(0, LEVELS).all()
    if off["count"].any():
        assert off["level"].max() == LEVELS


@pytest.mark.parametrize("k", [2, 5, 10, 21, 100])
@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_chart_marks_the_chosen_cell(k, colours):
    confusion = np.arange(k * k).reshape(k, k)
    names = [f"a long name {n}" for n in range(k)]
    spec = matrix_spec(confusion, names, Look("counts", Cell(1, 0), colours))
    assert spec["series"][1]["data"][0][:2] == [0, 1]
    assert spec["series"][0]["label"]["show"] == (k <= 20)
    assert len(matrix_spec(confusion, names, Look("counts", Cell(1, None), colours))["series"]) == 1
