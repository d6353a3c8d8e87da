"""The panels: what they draw is what scikit-learn and numpy count, and a click on a column selects what it counts."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from mnist_core.analysis.calibration import BINS as CONFIDENCE_BINS
from mnist_core.analysis.selection import Cell, ConfidenceBin, ProbabilityBin, Selection
from pages.ui import snapshot as snapshot_module
from pages.ui.predictions.panel_curves import curves_spec
from pages.ui.predictions.panel_probability import BINS
from pages.ui.predictions.panels import PANELS
from pages.ui.snapshot import CurvePoints
from tests.app.comparing import rival_of
from tests.app.numbers_shown import assert_sound, chart_of, mark, open_numbers, recorded, said, selection_of, text_of

CURVES = {"ROC": ("roc", roc_curve, roc_auc_score), "precision-recall": ("", None, average_precision_score)}


def source_of(app):
    return chart_of(app)["dataset"]["source"]


def series_of(app, **what):
    """The series of the chart that have these options."""
    spec = chart_of(app)
    series = spec.get("series") or spec["baseOption"]["series"]
    return [one for one in series if what.items() <= one.items()]


def sure_and_right(run, rows=slice(None)):
    labels, predicted, probabilities = (one[rows] for one in recorded(run))
    return probabilities[np.arange(len(labels)), predicted], labels == predicted


def points_of(app):
    (points,) = series_of(app, type="line", symbol="circle")
    return np.array(points["data"])


@pytest.mark.parametrize("selected", [False, True])
def test_calibration_is_that_of_scikit_learn(finished_run, selected):
    labels, _, _ = recorded(finished_run)
    rows = np.flatnonzero(labels == 8) if selected else np.arange(len(labels))
    ids = finished_run.split_file["validation_ids"][rows]
    link = {"selection": f"ids.{'.'.join(map(str, ids))}~2~validation~{finished_run.id}"} if selected else {}
    app = open_numbers(run=finished_run.id, of="selected images", **link)
    sure, right = sure_and_right(finished_run, rows)
    share, mean = calibration_curve(right, sure, n_bins=CONFIDENCE_BINS)
    assert points_of(app).tolist() == pytest.approx(np.column_stack([mean, share]), abs=1e-4)
    counts = [row["count"] or 0 for row in source_of(app)]
    assert counts == np.histogram(-sure, -np.linspace(1, 0, CONFIDENCE_BINS + 1))[0][::-1].tolist()
    error = np.abs(share - mean) @ np.array([count for count in counts if count]) / len(sure)
    assert f"**Expected calibration error {error:.4f}**" in said(app)
    assert f"{right.mean() * 100:.2f}\N{NO-BREAK SPACE}% right" in said(app)


@pytest.mark.parametrize("number", [None, 0, 8])
def test_the_histogram_counts_the_images_of_a_class_against_all_others(finished_run, number):
    app = open_numbers(run=finished_run.id, panel="probability", **({} if number is None else {"class": str(number)}))
    labels, _, probabilities = recorded(finished_run)
    own = labels[:, np.newaxis] == np.arange(10)
    chosen = slice(None) if number is None else slice(number, number + 1)
    edges = -np.linspace(1, 0, BINS + 1)
    for column, which in (("of_class", own), ("others", ~own)):
        expected = np.histogram(-probabilities[:, chosen][which[:, chosen]], edges)[0][::-1]
        assert [row[column] or 0 for row in source_of(app)] == expected.tolist()


@pytest.mark.parametrize("panel", CURVES)
def test_areas_are_those_of_scikit_learn(finished_run, panel):
    app = open_numbers(run=finished_run.id, panel=panel)
    labels, _, probabilities = recorded(finished_run)
    areas = [CURVES[panel][2](labels == number, probabilities[:, number]) for number in range(10)]
    assert [one["name"] for one in series_of(app)] == [f"{number}  {area:.4f}" for number, area in enumerate(areas)]
    assert f"over classes: {np.mean(areas):.4f}**; the lowest is {min(areas):.4f}, of {np.argmin(areas)}" in said(app)


@pytest.mark.parametrize("zoom", ["all of it", "the corner"])
@pytest.mark.parametrize("panel", CURVES)
def test_what_is_drawn_of_a_class_lies_on_scikit_learns_curve(finished_run, panel, zoom):
    app = open_numbers(run=finished_run.id, panel=panel, zoom=zoom, **{"class": "8"})
    labels, _, probabilities = recorded(finished_run)
    if panel == "ROC":
        x, y, _ = roc_curve(labels == 8, probabilities[:, 8], drop_intermediate=False)
    else:
        y, x, _ = precision_recall_curve(labels == 8, probabilities[:, 8])
    (line,) = series_of(app)
    drawn = set(map(tuple, line["data"]))
    whole = [tuple(point) for point in np.column_stack([x, y]).round(5).tolist()]
    assert {whole[0], whole[-1]} <= drawn <= set(whole)
    axes = chart_of(app)["baseOption"]
    low, high = ((0, 1), (0, 1)) if zoom == "all of it" else ((0, 0.1), (0.9, 1))
    bounds = [(axes[axis]["min"], axes[axis]["max"]) for axis in ("xAxis", "yAxis")]
    assert bounds == [pytest.approx(low if panel == "ROC" else high), pytest.approx(high)]


@pytest.mark.parametrize("series", [0, 1])
def test_a_click_selects_the_images_of_a_confidence_and_a_second_lets_them_go(finished_run, series):
    app = open_numbers(run=finished_run.id, epoch="2")
    place = max(range(CONFIDENCE_BINS), key=lambda one: source_of(app)[one]["count"] or 0)
    number = source_of(app)[place]["count"]
    mark(app, (series, place))
    assert selection_of(app) == text_of(finished_run, ConfidenceBin(place, CONFIDENCE_BINS))
    assert f"of {number} wrong**; the {number} selected" in said(app)
    assert [row["bin"] for row in source_of(app) if row["column_chosen"]] == [str(place)]
    assert app.selectbox("bar").value == place
    assert not selection_of(mark(app))


def test_a_click_in_the_other_half_of_the_chart_counts_too(finished_run):
    app = mark(open_numbers(run=finished_run.id), (0, 14))
    mark(app, (0, 14), (1, 13))
    assert selection_of(app) == text_of(finished_run, ConfidenceBin(13, CONFIDENCE_BINS))


def test_a_click_selects_the_images_of_a_probability(finished_run):
    app = open_numbers(run=finished_run.id, panel="probability", **{"class": "8"})
    counts = [row["of_class"] or 0 for row in source_of(app)]
    place = int(np.argmax(counts))
    number = counts[place] + (source_of(app)[place]["others"] or 0)
    mark(app, (0, place))
    assert selection_of(app) == text_of(finished_run, ProbabilityBin(8, place, BINS))
    assert f"the {number} selected" in said(app)
    assert [row["bin"] for row in source_of(app) if row["column_chosen"]] == [str(place)]
    app.selectbox("class").set_value(9).run()
    assert not [one for one in source_of(assert_sound(app)) if one["column_chosen"]]


def test_the_menu_selects_and_lets_go(finished_run):
    app = open_numbers(run=finished_run.id)
    app.selectbox("bar").set_value(12).run()
    assert selection_of(assert_sound(app)) == text_of(finished_run, ConfidenceBin(12, CONFIDENCE_BINS))
    app.selectbox("bar").set_value(-1).run()
    assert not selection_of(assert_sound(app))


def frames(app):
    """Kinds of line around the bars that are marked."""
    return {one["itemStyle"]["borderType"] for one in series_of(app, type="bar") if "borderType" in one["itemStyle"]}


def test_a_bar_of_another_epoch_is_dashed_and_can_be_selected_anew(finished_run):
    rule = ConfidenceBin(14, CONFIDENCE_BINS)
    app = open_numbers(run=finished_run.id, epoch="1", selection=text_of(finished_run, rule))
    assert frames(app) == {"dashed"}
    assert app.selectbox("bar").value == -1
    app.selectbox("bar").set_value(14).run()
    assert selection_of(assert_sound(app)) == text_of(finished_run, rule, epoch=1)
    assert frames(app) == {"solid"}
    assert app.selectbox("bar").value == 14


@pytest.mark.parametrize("split", ["validation", "train"])
def test_bars_of_another_run_or_split_are_not_marked(finished_run, split):
    rule = ConfidenceBin(14, CONFIDENCE_BINS)
    run = rival_of(finished_run).id if split == "validation" else finished_run.id
    app = open_numbers(run=run, selection=text_of(finished_run, rule, split=split))
    assert not frames(app)
    app.selectbox("bar").set_value(14).run()
    assert selection_of(assert_sound(app)) == Selection(rule, run, 2, "validation").text()


@pytest.mark.parametrize("marks", [((0, 15),), ((0, -1),), ((5, 3),), ()])
def test_a_mark_that_is_none_selects_nothing(finished_run, marks):
    assert not selection_of(mark(open_numbers(run=finished_run.id), *marks))


@pytest.mark.parametrize(
    ("query", "panel"),
    [
        ({}, "calibration"),
        ({"panel": "ROC"}, "ROC"),
        ({"panel": "other"}, "other"),
        ({"panel": "<b>", "class": "11", "zoom": "x", "of": "?", "measure": "9"}, "calibration"),
        ({"panel": "probability", "class": "-1"}, "probability"),
    ],
)
def test_the_link_says_which_panel_and_nonsense_says_nothing(finished_run, query, panel):
    app = open_numbers(run=finished_run.id, **query)
    assert app.segmented_control("panel").value == panel
    if panel == "other":
        assert "another panel" in said(app)
    else:
        assert app.selectbox("class").value == -1


def test_only_what_is_shown_is_computed(finished_run, monkeypatch):
    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(snapshot_module, "class_curves", refuse)
    for panel in ("calibration", "probability", "other"):
        open_numbers(run=finished_run.id, panel=panel)
    monkeypatch.undo()
    monkeypatch.setattr(snapshot_module, "reliability", refuse)
    open_numbers(run=finished_run.id, panel="ROC")


@pytest.mark.parametrize("panel", CURVES)
def test_a_class_without_images_says_so(finished_run, panel):
    link = {"selection": text_of(finished_run, Cell(8)), "of": "selected images", "panel": panel}
    app = open_numbers(run=finished_run.id, **link, **{"class": "3"})
    assert "**No curve**: of 3 there are no images here" in said(app)
    assert series_of(app)[0]["data"] == []
    of_all = said(open_numbers(run=finished_run.id, **link))
    assert (
        "**No curves**: all images here are of one class." if panel == "ROC" else "9 classes have no images"
    ) in of_all


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("epoch", ["0", "2"])
def test_every_panel_can_be_seen_of_the_selection(finished_run, panel, epoch):
    link = {"selection": text_of(finished_run, Cell()), "of": "selected images"}
    app = open_numbers(run=finished_run.id, epoch=epoch, panel=panel, **link)
    assert app.segmented_control("of").value == "selected images"
    assert not series_of(app, selectedMode="single")


def test_a_hundred_classes_can_be_drawn():
    names = tuple(f"a long name {number}" for number in range(100))
    line = np.linspace(0, 1, 40)
    curves = {number: CurvePoints(line, line, line, number / 100) for number in range(100)}
    spec = curves_spec("roc", curves, names, is_corner=False)["baseOption"]
    assert len({one["name"] for one in spec["series"]}) == len(spec["series"])
