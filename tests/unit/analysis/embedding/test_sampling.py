"""Every class has its share of a sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.embedding import stratified_sample
from mnist_core.errors import InvalidInput

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=200).map(lambda them: np.array(them, np.uint8))


@given(LABELS, st.integers(1, 250), st.integers(0, 5))
def test_each_class_has_its_share_to_one_point(labels, points, seed):
    rows = stratified_sample(labels, points, seed)
    assert len(rows) == min(points, len(labels))
    assert rows.dtype == np.int64
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, stratified_sample(labels, points, seed))
    share = len(rows) / len(labels)
    for number in np.unique(labels):
        assert abs((labels[rows] == number).sum() - share * (labels == number).sum()) < 2


def test_another_seed_is_another_sample():
    labels = np.arange(1000) % 10
    assert not np.array_equal(stratified_sample(labels, 100, 0), stratified_sample(labels, 100, 1))


def test_no_point_at_all_is_refused():
    with pytest.raises(InvalidInput, match="`points` must be at least 1, got 0"):
        stratified_sample(np.arange(5), 0, 0)
