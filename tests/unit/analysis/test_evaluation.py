"""Matrices, reports and intervals equal to scikit-learn's and scipy's, to the last digit where both count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, classification_report
from sklearn.metrics import confusion_matrix as reference_matrix

from mnist_core.analysis.evaluation import confusion_matrix, evaluate, wilson_interval
from mnist_core.inference.predictions import Predictions

PAIRS = st.integers(2, 100).flatmap(
    lambda classes: st.tuples(
        st.just(classes),
        st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1)), min_size=1, max_size=200),
    )
)


def predictions(predicted):
    losses = np.linspace(0, 3, len(predicted), dtype=np.float32)
    return Predictions(predicted, losses, np.zeros((len(predicted), 10), np.float16))


@settings(max_examples=100, deadline=None, database=None)
@given(PAIRS)
def test_the_matrix_is_that_of_scikit_learn(drawn):
    classes, pairs = drawn
    true, predicted = np.array(pairs, np.uint8).T
    ours = confusion_matrix(true, predicted, classes)
    assert ours.dtype == np.int64
    assert np.array_equal(ours, reference_matrix(true, predicted, labels=range(classes)))


@settings(max_examples=25, deadline=None, database=None)
@given(PAIRS)
def test_report_and_accuracy_are_those_of_scikit_learn(drawn):
    classes, pairs = drawn
    names = [f"class {label}" for label in range(classes)]
    true, predicted = np.array(pairs, np.uint8).T
    result = evaluate(true, predictions(predicted), names, epoch=2, split="test")
    assert result.report == classification_report(
        true, predicted, labels=range(classes), target_names=names, output_dict=True, zero_division=0.0
    )
    assert result.accuracy == accuracy_score(true, predicted)
    assert result.errors == np.count_nonzero(true != predicted)
    assert (result.epoch, result.split) == (2, "test")
    assert result.loss == pytest.approx(predictions(predicted).loss.mean())


def test_the_answer_is_plain_data():
    true, predicted = np.array([[0, 1, 1, 2], [0, 1, 2, 2]], np.uint8)
    plain = evaluate(true, predictions(predicted), ["a", "b", "c"], epoch=1, split="validation").to_json()
    assert plain["confusion"] == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert plain["accuracy"] == 0.75
    assert isinstance(plain["confusion"][0][0], int)
    assert set(plain) == {"epoch", "accuracy", "interval", "confusion", "report"}


@settings(max_examples=200, deadline=None, database=None)
@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons(drawn):
    right, total = drawn
    reference = binomtest(right, total).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, total) == pytest.approx((reference.low, reference.high), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("right", "total"), [(0, 1), (1, 1), (0, 10_000), (10_000, 10_000)])
def test_the_interval_stays_between_zero_and_one_and_holds_the_share(right, total):
    low, high = wilson_interval(right, total)
    assert 0 <= low <= right / total + 1e-15
    assert right / total - 1e-15 <= high <= 1
