"""Top-k accuracy against scikit-learn's, and where the record knows more than the probabilities."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from mnist_core.analysis.evaluation import evaluate, wilson_interval
from mnist_core.analysis.top_k import top_k
from mnist_core.inference.predictions import Predictions
from tests.unit.analysis.sample_predictions import from_probabilities, sample_split

SPLITS = st.builds(sample_split, st.integers(0, 10**6), st.integers(1, 200), st.integers(3, 12))


@given(SPLITS)
def test_counts_are_those_of_scikit_learn_where_no_classes_are_equal(drawn):
    labels, predictions = drawn
    logs = predictions.log_probabilities
    assume(all(len(np.unique(row)) == len(row) for row in logs))
    classes = logs.shape[1]
    for k in range(1, classes):
        reference = top_k_accuracy_score(labels, logs.astype(np.float64), k=k, labels=range(classes), normalize=False)
        assert top_k(labels, predictions, k).right == reference
    assert top_k(labels, predictions, classes).right == len(labels)


@given(SPLITS)
def test_the_first_place_is_the_accuracy_and_later_ones_only_add(drawn):
    labels, predictions = drawn
    classes = predictions.log_probabilities.shape[1]
    whole = evaluate(labels, predictions, [str(number) for number in range(classes)], epoch=1, split="test")
    first = top_k(labels, predictions, 1)
    assert (first.accuracy, first.interval) == (whole.accuracy, whole.interval)
    rights = [top_k(labels, predictions, k).right for k in range(1, classes + 1)]
    assert rights == sorted(rights)


def test_equal_ones_are_told_apart_by_what_was_predicted():
    labels = np.array([0, 1], np.uint8)
    equal = np.log([[0.5, 0.5, 0.0001]] * 2).astype(np.float16)
    predictions = Predictions(np.array([0, 0], np.uint8), np.zeros(2, np.float32), equal)
    assert [top_k(labels, predictions, k).right for k in (1, 2, 3)] == [1, 2, 2]


def test_a_network_that_knows_nothing_is_right_by_chance():
    labels = np.arange(100, dtype=np.uint8) % 10
    equal = np.full((100, 10), np.log(0.1), np.float16)
    predictions = Predictions(np.zeros(100, np.uint8), np.zeros(100, np.float32), equal)
    assert [top_k(labels, predictions, k).accuracy for k in (1, 3, 5, 10)] == [0.1, 0.3, 0.5, 1.0]


def test_the_third_place_counts_from_three_on():
    labels, predictions = from_probabilities([[0.5, 0.3, 0.2]] * 4, [2, 2, 1, 0])
    assert [top_k(labels, predictions, k).right for k in (1, 2, 3)] == [1, 2, 4]
    found = top_k(labels, predictions, 2)
    assert (found.k, found.accuracy) == (2, 0.5)
    assert found.interval == pytest.approx(wilson_interval(2, 4))


def test_probabilities_too_small_for_floats_keep_their_places():
    logs = np.array([[0, -200, -300, -400]], np.float16)
    predictions = Predictions(np.zeros(1, np.uint8), np.full(1, 400, np.float32), logs)
    assert [top_k(np.array([3], np.uint8), predictions, k).right for k in (1, 2, 3, 4)] == [0, 0, 0, 1]
