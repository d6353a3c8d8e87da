"""The reliability diagram against scikit-learn's, and its error against the formula of the paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from mnist_core.analysis.calibration import bin_of_confidence, confidence, reliability
from mnist_core.inference.predictions import Predictions
from tests.unit.analysis.sample_predictions import from_probabilities, probabilities, sample_split

SPLITS = st.builds(sample_split, st.integers(0, 10**6), st.integers(1, 400), st.integers(2, 20))


@given(SPLITS, st.integers(1, 40))
def test_bins_are_those_of_scikit_learn(drawn, bins):
    labels, predictions = drawn
    sure = probabilities(predictions)[np.arange(len(labels)), predictions.predicted]
    right = (predictions.predicted == labels).astype(int)
    found = reliability(labels, predictions, bins)
    share, mean = calibration_curve(right, sure, n_bins=bins, pos_label=1)
    held = found.count > 0
    assert found.accuracy[held] == pytest.approx(share, abs=1e-12)
    assert found.confidence[held] == pytest.approx(mean, abs=1e-12)
    assert np.isnan(found.accuracy[~held]).all()
    assert np.isnan(found.confidence[~held]).all()
    weights = found.count[held] / len(labels)
    assert found.error == pytest.approx((weights * np.abs(share - mean)).sum(), abs=1e-12)


@given(SPLITS, st.integers(1, 40))
def test_the_images_of_a_bin_are_those_it_counts(drawn, bins):
    labels, predictions = drawn
    places = bin_of_confidence(predictions, bins)
    found = reliability(labels, predictions, bins)
    assert np.bincount(places, minlength=bins).tolist() == found.count.tolist()
    for place in np.flatnonzero(found.count):
        inside = confidence(predictions)[places == place]
        assert found.edges[place] <= inside.min() <= inside.max() <= found.edges[place + 1]
        assert found.confidence[place] == pytest.approx(inside.mean(dtype=np.float64))


def test_right_is_what_was_predicted_where_the_record_has_two_equal_ones():
    predictions = Predictions(np.array([1], np.uint8), np.zeros(1, np.float32), np.log([[0.5, 0.5]]).astype(np.float16))
    found = reliability(np.array([1], np.uint8), predictions, 2)
    assert np.nansum(found.accuracy) == 1
    assert reliability(np.array([0], np.uint8), predictions, 2).error == pytest.approx(0.5, abs=1e-3)


def test_sure_and_right_has_no_error_and_sure_and_wrong_has_all():
    sure = [[1.0, 0.0]] * 4
    assert reliability(*from_probabilities(sure, [0, 0, 0, 0])).error == 0
    assert reliability(*from_probabilities(sure, [1, 1, 1, 1])).error == 1
    assert reliability(*from_probabilities(sure, [0, 0, 0, 1])).error == pytest.approx(0.25)


def test_no_images_have_no_error():
    labels, predictions = sample_split(1, 0, 10)
    assert np.isnan(reliability(labels, predictions).error)
    assert reliability(labels, predictions).count.tolist() == [0] * 15
