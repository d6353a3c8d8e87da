"""Each figure shows the numbers it was given, with names and units on its axes, in the colours of the app."""

import inspect
import json

import numpy as np
import plotly.graph_objects as go
import pytest

from mnist_core import figures
from mnist_core.analysis.biography import biography, moment
from mnist_core.analysis.calibration import reliability
from mnist_core.analysis.change import change
from mnist_core.analysis.distribution import class_histogram
from mnist_core.analysis.evaluation import class_scores, confusion_matrix
from mnist_core.analysis.history import History
from mnist_core.analysis.threshold_curves import class_curves
from mnist_core.analysis.weight_history import weight_history
from mnist_core.palette import CLASS_COLOURS
from mnist_core.runs import EpochRecord
from tests.unit.analysis.sample_predictions import sample_split
from tests.unit.analysis.sample_weights import drawn, stack

CLASSES = tuple("0123456789")
LABELS, AFTER = sample_split(1, 400, 10, skill=4)
BEFORE = sample_split(1, 400, 10, skill=1)[1]
MATRIX = confusion_matrix(LABELS, AFTER.predicted, 10)
CHANGE = change(LABELS, BEFORE.predicted, AFTER.predicted, 10)
HISTORY = History(np.array([0, 3], np.int32), LABELS, np.stack([BEFORE.predicted, AFTER.predicted]), 10)
CURVES = class_curves(LABELS, AFTER)
LIFE = biography(77, int(LABELS[5]), [moment(0, BEFORE, 5), moment(1, AFTER, 5)])
PLACES = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)
METRICS = [
    {"loss": None, "val_loss": 2.0, "train_eval_loss": 1.9},
    {"loss": 0.5, "val_loss": 0.4, "train_eval_loss": 0.3},
]
EPOCHS = [EpochRecord(number, one, 1.0, 0.1, 0.0) for number, one in enumerate(METRICS)]
BEFORE_TILES, NOW_TILES = np.random.default_rng(2).normal(size=(2, 7, 5, 4)).astype(np.float32)
NETWORK = stack({"kind": "conv", "filters": 2})
WEIGHTS = {epoch: drawn(NETWORK, epoch) for epoch in (0, 1, 4)}
WEIGHTS[0]["output/kernel"][:] = 0
MOVED = weight_history(WEIGHTS.items(), NETWORK)
DRAWN = {
    "confusion": figures.confusion(MATRIX, CLASSES),
    "confusion_difference": figures.confusion_difference(CHANGE, CLASSES),
    "class_report": figures.class_report(class_scores(MATRIX), CLASSES),
    "class_scores_over_epochs": figures.class_scores_over_epochs(HISTORY, CLASSES, score="recall"),
    "reliability_diagram": figures.reliability_diagram(reliability(LABELS, AFTER)),
    "roc_curves": figures.roc_curves(CURVES, CLASSES),
    "precision_recall_curves": figures.precision_recall_curves(CURVES, CLASSES),
    "probability_histogram": figures.probability_histogram(class_histogram(LABELS, AFTER, 4), "4", number=4),
    "biography_strip": figures.biography_strip(LIFE, CLASSES),
    "embedding": figures.embedding(PLACES, LABELS, CLASSES),
    "training_curves": figures.training_curves(EPOCHS, best=1),
    "weight_changes": figures.weight_changes(MOVED),
    "weight_tiles": figures.weight_tiles(BEFORE_TILES, NOW_TILES),
}


def traces(name):
    return {trace.name: trace for trace in DRAWN[name].data}


@pytest.mark.parametrize("name", figures.__all__)
def test_it_has_a_title_named_axes_and_survives_json(name):
    figure = DRAWN[name]
    assert isinstance(figure, go.Figure)
    assert figure.layout.title.text
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    assert len(json.loads(figure.to_json())["data"]) == len(figure.data) > 0
    assert all(trace.hovertemplate or trace.hoverinfo == "skip" or trace.name == "best epoch" for trace in figure.data)
    parameters = inspect.signature(getattr(figures, name)).parameters
    assert len(parameters) <= 5


def test_the_matrix_holds_counts_or_shares_and_errors_set_its_scale():
    (cells,) = DRAWN["confusion"].data
    assert np.array_equal(cells.z, MATRIX)
    assert cells.zmax == MATRIX[~np.eye(10, dtype=bool)].max()
    assert (cells.y[0], DRAWN["confusion"].layout.yaxis.autorange) == ("0", "reversed")
    by_row, by_column = (figures.confusion(MATRIX, CLASSES, by=by).data[0] for by in ("row", "column"))
    assert np.allclose(by_row.z.sum(1), 1)
    assert np.allclose(by_column.z.sum(0), 1)
    assert np.array_equal(by_row.customdata, MATRIX)


def test_a_matrix_without_errors_and_one_without_images_can_be_drawn():
    for matrix in (np.diag(np.arange(3)), np.zeros((3, 3), np.int64)):
        for by in ("count", "row", "column"):
            (cells,) = figures.confusion(matrix, ("a", "b", "c"), by=by).data
            assert cells.zmax > 0
            assert np.isfinite(cells.z).all()


def test_a_difference_is_symmetric_around_zero():
    (cells,) = DRAWN["confusion_difference"].data
    assert np.array_equal(cells.z, CHANGE.confusion)
    assert -cells.zmin == cells.zmax == np.abs(CHANGE.confusion).max()


def test_scores_stand_at_their_classes_and_epochs():
    scores = class_scores(MATRIX)
    assert np.array_equal(traces("class_report")["recall"].x, scores.recall)
    assert list(traces("class_report")["F1"].y) == list(CLASSES)
    over = traces("class_scores_over_epochs")
    assert list(over) == list(CLASSES)
    assert list(over["7"].x) == [0, 3]
    assert np.array_equal(over["7"].y, HISTORY.recall[:, 7])
    assert over["7"].line.color == CLASS_COLOURS[7]


def test_the_reliability_diagram_leaves_empty_bins_out_and_says_its_error():
    found = reliability(LABELS, AFTER)
    held = found.count > 0
    bars = traces("reliability_diagram")["accuracy"]
    assert np.array_equal(bars.y, found.accuracy[held])
    assert np.array_equal([one[2] for one in bars.customdata], found.count[held])
    assert f"{found.error:.4f}" in DRAWN["reliability_diagram"].layout.title.text


def test_curves_keep_their_ends_and_name_their_areas():
    for name, wanted in (("roc_curves", 1), ("precision_recall_curves", 0)):
        drawn = list(DRAWN[name].data)[:10]
        assert [trace.line.color for trace in drawn] == list(CLASS_COLOURS)
        assert all(len(trace.x) <= 200 for trace in drawn)
        assert {(trace.x.max(), trace.x.min()) for trace in drawn} == {(1, 0)}
        assert all(
            trace.y[trace.x.argmax()] == pytest.approx(wanted, abs=1 if not wanted else 1e-12) for trace in drawn
        )
    assert f"3 ({CURVES[3].roc.area:.4f})" in traces("roc_curves")
    assert f"3 ({CURVES[3].precision_recall.average_precision:.4f})" in traces("precision_recall_curves")


def test_a_class_without_images_has_no_curve():
    few = LABELS != 3
    curves = class_curves(LABELS[few], type(AFTER)(AFTER.predicted[few], AFTER.loss[few], AFTER.log_probabilities[few]))
    for draw in (figures.roc_curves, figures.precision_recall_curves):
        names = [trace.name for trace in draw(curves, CLASSES).data]
        assert not [name for name in names if name.startswith("3 ")]
        assert [name for name in names if name.startswith("4 ")]


def test_the_histogram_is_logarithmic_and_counts_every_image():
    figure = DRAWN["probability_histogram"]
    assert figure.layout.yaxis.type == "log"
    assert sum(trace.y.sum() for trace in figure.data) == 400
    assert figure.data[0].y.sum() == np.count_nonzero(LABELS == 4)


def test_the_strip_marks_what_was_predicted():
    cells, marks = DRAWN["biography_strip"].data
    assert np.array_equal(cells.z, LIFE.probabilities.T)
    assert list(marks.y) == [CLASSES[one] for one in LIFE.predicted]
    assert list(marks.marker.symbol) == ["circle" if right else "x" for right in LIFE.right]
    (frame,) = DRAWN["biography_strip"].layout.shapes
    assert (frame.y0 + frame.y1) / 2 == LIFE.label


def test_training_curves_leave_a_gap_where_nothing_was_measured():
    drawn = traces("training_curves")
    assert list(drawn["training"].y) == [None, 0.5]
    assert list(drawn["validation"].y) == [2.0, 0.4]
    assert (list(drawn["best epoch"].x), list(drawn["best epoch"].y)) == ([1], [0.4])
    assert "nats" in DRAWN["training_curves"].layout.yaxis.title.text
    assert "best epoch" not in {trace.name for trace in figures.training_curves(EPOCHS).data}


def test_a_map_has_each_image_once_and_what_is_selected_stands_out():
    for number in range(10):
        trace = traces("embedding")[str(number)]
        assert np.array_equal(np.stack([trace.x, trace.y], 1), PLACES[number == LABELS])
        assert trace.marker.color == CLASS_COLOURS[number]
    chosen = np.arange(400) < 40
    solid = figures.embedding(np.c_[PLACES, PLACES[:, :1]], LABELS, CLASSES, selected=chosen)
    assert {trace.type for trace in solid.data} == {"scatter3d"}
    bright = [trace for trace in solid.data if trace.marker.opacity == 1]
    assert sum(len(trace.x) for trace in bright) == 40
    assert sum(len(trace.x) for trace in solid.data) == 400


def tile_at(trace, place, across=3, shape=(5, 4)):
    """The tile at a place of the mosaic, which has a gap of a pixel between tiles."""
    row, column = place // across * (shape[0] + 1), place % across * (shape[1] + 1)
    return trace.z[row : row + shape[0], column : column + shape[1]], trace.text[row][column]


def test_tile_k_is_unit_k_on_one_scale_for_all():
    order = np.array([4, 0, 6, 2, 1, 5, 3])
    for figure, units in (
        (DRAWN["weight_tiles"], np.arange(7)),
        (figures.weight_tiles(BEFORE_TILES, NOW_TILES, order=order), order),
    ):
        shown = (BEFORE_TILES, NOW_TILES, NOW_TILES - BEFORE_TILES)
        assert {(trace.zmin, trace.zmax) for trace in figure.data} == {
            (-np.abs(np.stack(shown)).max(), np.abs(np.stack(shown)).max())
        }
        assert sum(trace.showscale for trace in figure.data) == 1
        for trace, tiles, name in zip(figure.data, shown, ("before", "now", "difference"), strict=True):
            assert trace.name == name
            for place, unit in enumerate(units):
                assert np.array_equal(tile_at(trace, place)[0], tiles[unit])
                assert tile_at(trace, place)[1] == f"unit {unit}"
            assert np.isfinite(trace.z).sum() == tiles.size
        assert len({(trace.xaxis, trace.yaxis) for trace in figure.data}) == 3


@pytest.mark.parametrize("units", [1, 2, 3000])
def test_any_number_of_units_can_be_drawn_and_the_title_says_how_many_are(units):
    tiles = np.zeros((units, 3, 3), np.float32)
    figure = figures.weight_tiles(tiles, tiles, most=50)
    assert f"{min(units, 50)} of {units} unit" in figure.layout.title.text
    assert figure.data[0].zmax > 0
    assert np.isfinite(figure.data[0].z).sum() == min(units, 50) * 9


def test_layers_stand_as_a_share_and_one_that_starts_at_0_as_it_is():
    conv, output = DRAWN["weight_changes"].data
    assert (list(conv.x), conv.name) == ([0, 1, 4], "conv_1")
    assert np.array_equal(conv.y, MOVED.layers[0].relative_change)
    assert np.array_equal(output.y, MOVED.layers[1].change)
    assert "absolute" in output.name
    assert conv.line.color != output.line.color
    steps, absolute = figures.weight_changes(MOVED, measure="update").data
    assert steps.y[1:] == pytest.approx(MOVED.layers[0].update[1:] / MOVED.layers[0].kernel_norm[0])
    assert np.array_equal(absolute.y, MOVED.layers[1].update, equal_nan=True)
