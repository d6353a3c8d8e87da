"""The confusion matrix: scikit-learn's numbers, each cell the images that it selects, and clicks that select."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from mnist_core.analysis.selection import Cell, Judged, Selection
from mnist_core.inference.predictions import Predictions
from mnist_core.palette import DARK, LIGHT
from pages.ui.predictions.matrix_cells import (
    DIAGONAL,
    LEVELS,
    MARGIN,
    MODES,
    ZERO,
    Matrix,
    cell_at,
    cells,
    levels,
    place_of,
)
from pages.ui.predictions.matrix_chart import Mark, matrix_spec
from tests.app.comparing import click, click_again, open_matrix, rival_of, spec_of_chart

DRAWN = st.integers(2, 30).flatmap(
    lambda k: st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=200).map(
        lambda pairs: (k, np.array(pairs, np.uint8).T)
    )
)


def names(k: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(k))


def matrix_of(drawn, mode="counts") -> Matrix:
    k, (true, predicted) = drawn
    return Matrix(confusion_matrix(true, predicted, labels=range(k)), names(k), mode)


@settings(max_examples=30, database=None)
@given(DRAWN)
def test_each_cell_counts_the_images_that_it_selects(drawn):
    k, (true, predicted) = drawn
    judged = Judged(np.arange(len(true)), true, Predictions(predicted, np.zeros(len(true)), np.zeros((len(true), k))))
    counted = cells(matrix_of(drawn))["images"].tolist()
    assert counted == [len(cell_at(place, k).rows(judged, None)) for place in range((k + 1) ** 2)]
    assert all(divmod(place, k + 1) == place_of(cell_at(place, k), k) for place in range((k + 1) ** 2))


@settings(max_examples=30, database=None)
@given(DRAWN, st.sampled_from([("by row", "true", 1), ("by column", "pred", 0)]))
def test_shares_are_those_of_scikit_learn(drawn, case):
    mode, normalize, axis = case
    k, (true, predicted) = drawn
    matrix = matrix_of(drawn, mode)
    said = cells(matrix)["said"].to_numpy().reshape(k + 1, k + 1)
    reference = 100 * confusion_matrix(true, predicted, labels=range(k), normalize=normalize)
    shares = np.array([[float(one.split(", ")[-1].split(" %")[0]) for one in row] for row in said])
    np.testing.assert_allclose(shares[:-1, :-1], reference, atol=0.051)
    wrong = (reference - np.diag(np.diag(reference))).sum(axis)
    np.testing.assert_allclose(shares[:-1, -1] if axis else shares[-1, :-1], wrong, atol=0.051)
    mine, others = (predicted, true) if axis else (true, predicted)
    of_others = [100 * np.mean(mine[others != one] == one) if (others != one).any() else 0 for one in range(k)]
    np.testing.assert_allclose(shares[-1, :-1] if axis else shares[:-1, -1], of_others, atol=0.051)
    assert shares[-1, -1] == pytest.approx(100 * np.mean(true != predicted), abs=0.051)


@settings(max_examples=30, database=None)
@given(DRAWN, st.sampled_from(MODES[:3]))
def test_errors_are_shaded_and_the_diagonal_stands_back(drawn, mode):
    matrix = matrix_of(drawn, mode)
    table = cells(matrix)
    inside = table[(table["row"] < len(matrix.classes)) & (table["column"] < len(matrix.classes))]
    diagonal = inside["row"] == inside["column"]
    assert (inside["level"][diagonal] == DIAGONAL).all()
    off = inside[~diagonal]
    assert ((off["level"] > 0) == (off["images"] > 0)).all()
    assert off["level"].between(0, LEVELS).all()
    assert off["level"].max() == (LEVELS if off["images"].any() else 0)
    assert table["place"].is_unique


@settings(max_examples=30, database=None)
@given(DRAWN, DRAWN)
def test_differences_are_shaded_alike_on_both_sides_of_nothing(one, other):
    k = max(one[0], other[0])
    difference = np.subtract(*(confusion_matrix(*drawn[1], labels=range(k)) for drawn in (one, other)))
    there, back = (
        levels(with_sign, Matrix(with_sign[:-1, :-1], names(k), "difference")) for with_sign in _both(difference)
    )
    off = ~np.eye(k, dtype=bool)
    assert (there[:-1, :-1][off] + back[:-1, :-1][off] == 2 * ZERO).all()
    assert ((there[:-1, :-1][off] == ZERO) == (difference[off] == 0)).all()
    assert (np.diag(there)[:-1] == DIAGONAL).all()
    texts = cells(Matrix(difference, names(k), "difference"))
    assert all(
        said.endswith(f": {number:+,}" if number else ": 0") for said, number in texts[["said", "images"]].to_numpy()
    )


def _both(difference):
    padded = np.pad(difference, ((0, 1), (0, 1)))
    return padded, -padded


@pytest.mark.parametrize("k", [2, 10, 21, 100])
@pytest.mark.parametrize("colours", [LIGHT, DARK])
@pytest.mark.parametrize("mode", MODES)
def test_the_chart_marks_what_is_selected(k, colours, mode):
    matrix = Matrix(np.arange(k * k).reshape(k, k), names(k), mode)
    cell, mark = matrix_spec(matrix, Mark(Cell(1, 0), is_now=True), colours)["series"]
    assert mark["data"][0][:2] == [0, 1]
    assert cell["label"]["show"] == (k <= 20)
    spec = matrix_spec(matrix, Mark(Cell(None, 1), is_now=False), colours)
    assert spec["series"][1]["data"][0][:2] == [1, k]
    assert spec["series"][1]["itemStyle"]["borderType"] == "dashed" != mark["itemStyle"]["borderType"]
    assert len(matrix_spec(matrix, None, colours)["series"]) == 1
    known = {piece["value"] for piece in spec["visualMap"]["pieces"]}
    assert set(spec["dataset"]["source"]["level"]) <= known
    assert ((spec["dataset"]["source"]["level"] == MARGIN).sum() > 1) == (k <= 20)


def worst_cell(run) -> tuple[int, int]:
    """The cell off the diagonal with the most images, at the kept epoch."""
    confusion = run.evaluate("validation").confusion
    off = confusion - np.diag(np.diag(confusion))
    return tuple(int(at) for at in np.unravel_index(off.argmax(), off.shape))


def selected(app) -> Selection | None:
    return Selection.parse(app.query_params["selection"]) if "selection" in app.query_params else None


def marks(app) -> list[tuple[list[int], str]]:
    return [(one["data"][0][:2], one["itemStyle"]["borderType"]) for one in spec_of_chart(app)["series"][1:]]


def assert_sound(app) -> None:
    assert not app.exception
    assert not app.error


def test_a_click_selects_and_the_same_again_clears(finished_run):
    app = open_matrix(run=finished_run.id)
    true, predicted = worst_cell(finished_run)
    for row, column, rule in [
        (true, predicted, Cell(true, predicted)),
        (true, 10, Cell(true, None)),
        (10, predicted, Cell(None, predicted)),
        (10, 10, Cell()),
    ]:
        click(app, row, column)
        assert_sound(app)
        assert selected(app) == Selection(rule, finished_run.id, 2, "validation")
        assert marks(app) == [([column, row], "solid")]
    click_again(app)
    assert selected(app) is None
    assert not marks(app)


def test_a_cell_of_another_epoch_stays_marked_and_can_be_selected_anew(finished_run):
    cell = worst_cell(finished_run)
    made = Selection(Cell(*cell), finished_run.id, 1, "validation")
    app = open_matrix(run=finished_run.id, selection=made.text())
    assert_sound(app)
    assert marks(app) == [([cell[1], cell[0]], "dashed")]
    assert [app.selectbox(key).value for key in ("cell_true", "cell_predicted")] == [-1, -1]
    click(app, *cell)
    assert selected(app) == Selection(Cell(*cell), finished_run.id, 2, "validation")
    assert [app.selectbox(key).value for key in ("cell_true", "cell_predicted")] == [*cell]


def test_cells_of_another_run_are_not_marked(finished_run):
    made = Selection(Cell(*worst_cell(finished_run)), finished_run.id, 1, "validation")
    app = open_matrix(run=rival_of(finished_run).id, selection=made.text())
    assert_sound(app)
    assert not marks(app)


@pytest.mark.parametrize("rule", [Cell(99, 3), Cell(None, 10)])
def test_a_class_that_is_none_is_not_marked(finished_run, rule):
    app = open_matrix(run=finished_run.id, selection=Selection(rule, finished_run.id, 2, "validation").text())
    assert_sound(app)
    assert not marks(app)


def test_the_menus_select_like_a_click(finished_run):
    app = open_matrix(run=finished_run.id)
    true, predicted = worst_cell(finished_run)
    app.selectbox("cell_true").set_value(true).run()
    assert selected(app).rule == Cell(true, None)
    app.selectbox("cell_predicted").set_value(predicted).run()
    assert selected(app).rule == Cell(true, predicted)
    click(app, 3, 3)
    assert (app.selectbox("cell_true").value, app.selectbox("cell_predicted").value) == (3, 3)
    app.selectbox("cell_true").set_value(-1).run()
    app.selectbox("cell_predicted").set_value(-1).run()
    assert selected(app) is None
    app.button("all_errors").click().run()
    assert selected(app).rule == Cell()
    assert_sound(app)


@pytest.mark.parametrize("numbers", ["by row", "by column", "difference", "nothing", ""])
def test_what_the_numbers_say_is_in_the_link(finished_run, numbers):
    app = open_matrix(run=finished_run.id, numbers=numbers, against="first")
    assert_sound(app)
    assert (app.segmented_control(key="numbers").value or "counts") == (numbers if numbers in MODES else "counts")


def test_the_matrix_of_the_selected_images_alone(finished_run):
    made = Selection(Cell(), finished_run.id, 1, "validation")
    app = open_matrix(run=finished_run.id, selection=made.text(), of="selected images")
    assert_sound(app)
    wrong = finished_run.evaluate("validation", 1).errors
    assert any(f"Of the {wrong} selected images alone." in one.value for one in app.caption)
    before = finished_run.predictions("validation", 1).predicted != finished_run.split_file["validation_labels"]
    now = finished_run.predictions("validation", 2).predicted != finished_run.split_file["validation_labels"]
    (chart,) = app.get("echarts_chart")
    assert f"matrix of {wrong} images, {int((before & now).sum())} wrong" in chart.proto.alt
    app.selectbox(key="against_epoch_menu").set_value("1").run()
    app.segmented_control(key="numbers").set_value("difference").run()
    assert_sound(app)
    (chart,) = app.get("echarts_chart")
    fixed = int((before & ~now).sum())
    assert f"{-fixed:+,} errors" in chart.proto.alt
