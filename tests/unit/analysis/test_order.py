"""Orders of looking against Python's sort over the same numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.errors import most_confident_errors
from mnist_core.analysis.order import ORDERS, ordered
from mnist_core.errors import InvalidInput
from tests.unit.analysis.sample_predictions import probabilities, sample_split

SPLITS = st.builds(sample_split, st.integers(0, 10**6), st.integers(1, 60), st.integers(2, 10))


def keys(labels, predictions, wrong_for):
    """What each order sorts by, as a function of the row."""
    p = probabilities(predictions)

    def confident(row):
        true, predicted = labels[row], predictions.predicted[row]
        return (1, -p[row, true]) if true == predicted else (0, -max(p[row, predicted] - p[row, true], 0))

    return {
        "most confident": confident,
        "highest loss": lambda row: -predictions.loss[row],
        "longest wrong": lambda row: -int(wrong_for[row]),
    }


@given(SPLITS, st.data(), st.sampled_from([np.uint8, np.int32, np.int64]))
def test_rows_come_by_their_order_and_equal_ones_by_row(drawn, data, kind):
    labels, predictions = drawn
    total = len(labels)
    wrong_for = np.random.default_rng(total).integers(0, 4, total).astype(kind)
    rows = np.array(data.draw(st.lists(st.integers(0, total - 1), unique=True)), kind)
    reference = keys(labels, predictions, wrong_for)
    assert set(reference) == set(ORDERS)
    for order in ORDERS:
        found = ordered(rows, order, labels=labels, predictions=predictions, wrong_for=wrong_for)
        assert found.tolist() == sorted(sorted(rows.tolist()), key=reference[order]), order
        assert found.dtype == np.int64


def test_the_most_confident_errors_are_those_of_the_ranking():
    labels, predictions = sample_split(3, 300, 10)
    everything = np.arange(300)
    found = ordered(everything, ORDERS[0], labels=labels, predictions=predictions, wrong_for=everything)
    errors = most_confident_errors(labels, predictions)
    assert 0 < len(errors) < 300
    assert np.array_equal(found[: len(errors)], errors)
    assert (labels[found[len(errors) :]] == predictions.predicted[found[len(errors) :]]).all()


def test_an_unknown_order_gets_a_sentence():
    labels, predictions = sample_split(1, 5, 3)
    with pytest.raises(InvalidInput, match=r"^`order` must be one of most confident, .*, got 'oldest'\.$"):
        ordered(np.arange(5), "oldest", labels=labels, predictions=predictions, wrong_for=np.zeros(5, np.int32))
