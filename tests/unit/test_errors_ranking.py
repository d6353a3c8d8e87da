"""Rankings against plain Python over the same numbers; draws that repeat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core.analysis.errors import most_confident_errors, random_rows
from mnist_core.inference.predictions import Predictions


def split(seed: int, total: int, classes: int) -> tuple[np.ndarray, Predictions]:
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(total, classes)) * 3
    log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    labels = generator.integers(0, classes, total).astype(np.uint8)
    predicted = logits.argmax(1).astype(np.uint8)
    return labels, Predictions(predicted, np.zeros(total, np.float32), log_probabilities.astype(np.float16))


def gap(labels, predictions, row: int) -> float:
    p = np.exp(predictions.log_probabilities[row].astype(np.float32))
    return max(p[predictions.predicted[row]] - p[labels[row]], 0)


SPLITS = st.builds(split, st.integers(0, 10**6), st.integers(1, 300), st.integers(2, 20))


@settings(max_examples=60, database=None)
@given(SPLITS, st.integers(0, 80))
def test_errors_come_by_how_much_more_probable_the_wrong_class_is(drawn, count):
    labels, predictions = drawn
    wrong = [row for row in range(len(labels)) if labels[row] != predictions.predicted[row]]
    reference = sorted(wrong, key=lambda row: (-gap(labels, predictions, row), row))
    assert most_confident_errors(labels, predictions, count).tolist() == reference[:count]
    assert most_confident_errors(labels, predictions).tolist() == reference


def test_equal_ones_come_by_row():
    same = np.log(np.array([[0.1, 0.9]] * 5)).astype(np.float16)
    predictions = Predictions(np.ones(5, np.uint8), np.zeros(5, np.float32), same)
    labels = np.array([0, 1, 0, 0, 1], np.uint8)
    assert most_confident_errors(labels, predictions).tolist() == [0, 2, 3]


@pytest.mark.parametrize(("total", "count"), [(100, 10), (5, 10), (1, 1)])
def test_a_draw_has_different_rows_and_repeats(total, count):
    rows = random_rows(total, count, 7)
    assert len(set(rows.tolist())) == min(total, count)
    assert set(rows.tolist()) <= set(range(total))
    assert rows.tolist() == random_rows(total, count, 7).tolist()
    if total > count:
        assert rows.tolist() != random_rows(total, count, 8).tolist()
