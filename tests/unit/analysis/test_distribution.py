"""Histograms of a class's probability, against pandas' bins and plain counting."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.distribution import bin_of, bin_of_probability, class_histogram, pooled_histogram
from tests.unit.analysis.sample_predictions import from_probabilities, probabilities, sample_split


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50), st.integers(1, 60))
def test_bins_hold_their_right_border(values, bins):
    drawn = np.array([*values, 0, 1], np.float32)
    reference = pd.cut(drawn.astype(np.float64), np.linspace(0, 1, bins + 1), labels=False, include_lowest=True)
    assert np.array_equal(bin_of(drawn, bins), reference)


def test_a_border_belongs_to_the_bin_below_it():
    borders = np.linspace(0, 1, 11)
    assert bin_of(borders, 10).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(2, 12), st.integers(1, 40))
def test_every_image_is_counted_once_and_where_its_probability_is(seed, total, classes, bins):
    labels, predictions = sample_split(seed, total, classes)
    number = seed % classes
    found = class_histogram(labels, predictions, number, bins)
    own = probabilities(predictions)[:, number]
    for counts, chosen in ((found.of_class, labels == number), (found.others, labels != number)):
        assert counts.sum() == chosen.sum()
        assert np.array_equal(np.bincount(bin_of(own[chosen], bins), minlength=bins), counts)
    place = seed % bins
    rows = np.flatnonzero(bin_of_probability(predictions, number, bins) == place)
    assert len(rows) == found.of_class[place] + found.others[place]
    assert (own[rows] <= found.edges[place + 1]).all()
    assert (own[rows] >= found.edges[place]).all()


@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(2, 12), st.integers(1, 40))
def test_the_pooled_histogram_is_the_sum_of_those_of_the_classes(seed, total, classes, bins):
    labels, predictions = sample_split(seed, total, classes)
    each = [class_histogram(labels, predictions, number, bins) for number in range(classes)]
    found = pooled_histogram(labels, predictions, bins)
    assert np.array_equal(found.edges, each[0].edges)
    assert np.array_equal(found.of_class, sum(one.of_class for one in each))
    assert np.array_equal(found.others, sum(one.others for one in each))
    assert (found.of_class.sum(), found.others.sum()) == (total, total * (classes - 1))


def test_certainty_falls_into_the_outer_bins():
    labels, predictions = from_probabilities([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [0, 1, 1])
    found = class_histogram(labels, predictions, 0, 4)
    assert found.of_class.tolist() == [0, 0, 0, 1]
    assert found.others.tolist() == [1, 0, 0, 1]
    assert found.edges == pytest.approx([0, 0.25, 0.5, 0.75, 1])
