"""ROC and precision-recall curves equal to scikit-learn's, ties included; thinning keeps to the curve."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from mnist_core.analysis.threshold_curves import class_curves, macro_average, precision_recall, roc, thinned
from tests.unit.analysis.sample_predictions import probabilities, sample_split

SCORES = st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.25, 0.5, 1.0])
JUDGED = st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=80).map(
    lambda pairs: (np.array([one for one, _ in pairs]), np.array([score for _, score in pairs], np.float32))
)
LINES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)


@given(JUDGED)
def test_the_roc_curve_is_that_of_scikit_learn(judged):
    positive, scores = judged
    assume(positive.any() and not positive.all())
    found = roc(positive, scores)
    false, true, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    assert np.array_equal(found.false_positive_rate, false)
    assert np.array_equal(found.true_positive_rate, true)
    assert np.array_equal(found.thresholds, thresholds)
    assert found.area == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


@given(JUDGED)
def test_the_precision_recall_curve_is_that_of_scikit_learn(judged):
    positive, scores = judged
    assume(positive.any())
    found = precision_recall(positive, scores)
    precision, recall, thresholds = precision_recall_curve(positive, scores)
    assert np.array_equal(found.precision, precision)
    assert np.array_equal(found.recall, recall)
    assert np.array_equal(found.thresholds, thresholds)
    assert found.average_precision == pytest.approx(average_precision_score(positive, scores), abs=1e-12)


def test_without_images_on_both_sides_there_is_no_area():
    scores = np.array([0.1, 0.4, 0.4], np.float32)
    for positive in (np.zeros(3, np.bool_), np.ones(3, np.bool_)):
        assert np.isnan(roc(positive, scores).area)
    assert np.isnan(precision_recall(np.zeros(3, np.bool_), scores).average_precision)
    assert precision_recall(np.ones(3, np.bool_), scores).average_precision == 1


@given(st.integers(0, 10**6), st.integers(60, 300), st.integers(2, 8))
def test_curves_of_all_classes_and_their_macro_average(seed, total, classes):
    labels, predictions = sample_split(seed, total, classes)
    assume(len(np.unique(labels)) == classes)
    scores = probabilities(predictions)
    found = class_curves(labels, predictions)
    one_hot = np.eye(classes, dtype=int)[labels]
    roc_area, average_precision = (
        macro_average(area)
        for area in (
            [one.roc.area for one in found],
            [one.precision_recall.average_precision for one in found],
        )
    )
    assert roc_area == pytest.approx(roc_auc_score(one_hot, scores, average="macro"), abs=1e-12)
    assert average_precision == pytest.approx(average_precision_score(one_hot, scores, average="macro"), abs=1e-12)
    assert np.array_equal(found[1].roc.thresholds[1:], np.unique(scores[:, 1])[::-1])


def test_classes_without_an_area_are_left_out_of_the_average():
    assert macro_average([0.5, float("nan"), 1.0]) == 0.75
    assert np.isnan(macro_average([float("nan")]))


@given(LINES)
def test_a_line_through_its_corners_is_the_same_line(points):
    x, y = np.array(points, np.float64).T
    kept = thinned(x, y, 100)
    assert kept[0] == 0
    assert kept[-1] == len(x) - 1
    assert (np.diff(kept) > 0).all()
    assert length(x[kept], y[kept]) == pytest.approx(length(x, y))
    for start, end in pairwise(kept):
        span = np.array([x[end] - x[start], y[end] - y[start]])
        for between in range(start, end):
            off = np.array([x[between] - x[start], y[between] - y[start]])
            assert span[0] * off[1] == span[1] * off[0]
            assert 0 <= span @ off <= span @ span


@given(st.integers(0, 10**6), st.integers(3, 2000), st.integers(2, 60))
def test_what_is_left_out_is_near_what_is_shown(seed, total, most):
    generator = np.random.default_rng(seed)
    curve = roc(generator.random(total) < 0.3, generator.random(total))
    assume(not np.isnan(curve.area))
    x, y = curve.false_positive_rate, curve.true_positive_rate
    kept = thinned(x, y, most)
    assert len(kept) <= most
    assert (kept[0], kept[-1]) == (0, len(x) - 1)
    along = np.append(0, np.hypot(np.diff(x), np.diff(y)).cumsum())
    gaps = np.abs(along[:, np.newaxis] - along[kept]).min(1)
    corner = np.isin(np.arange(len(x)), thinned(x, y, len(x)))
    assert gaps[corner].max() <= along[-1] / (most - 1) + 1e-9


def test_a_steep_start_keeps_its_knee():
    """Nearly all is found before the first false one: a thinning by x alone would cut this corner."""
    positive = np.append(np.ones(1000, np.bool_), np.arange(9000) % 9 == 0)
    curve = roc(positive, np.linspace(1, 0, 10_000))
    kept = thinned(curve.false_positive_rate, curve.true_positive_rate)
    assert len(kept) <= 200
    assert np.isclose(curve.true_positive_rate[kept], 0.5, atol=0.01).any()
    area = np.trapezoid(curve.true_positive_rate[kept], curve.false_positive_rate[kept])
    assert area == pytest.approx(curve.area, abs=1e-3)


def length(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.hypot(np.diff(x), np.diff(y)).sum())
