"""Exact neighbours against all distances, written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.embedding import Context, agreement, exact_neighbours
from mnist_core.analysis.embedding.records import Neighbours
from mnist_core.errors import InvalidInput
from tests.unit.analysis.embedding.points import hidden, squares


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e10])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_they_are_those_of_all_distances(scale, shift):
    x = ((hidden(1500, 20)[0] + np.float32(shift)) * np.float32(scale)).astype(np.float32)
    found = exact_neighbours(x, 25)
    apart = squares(x / scale)
    order = np.argsort(apart, axis=1, kind="stable")[:, :25]
    assert (found.index == order).mean() > 0.999  # near-ties within float32
    wanted = np.sqrt(np.take_along_axis(apart, order, axis=1))
    assert np.allclose(found.distance / scale, wanted, rtol=1e-4, atol=1e-4)


@given(st.integers(1, 7), st.integers(0, 100))
def test_duplicates_and_ties_are_found_and_ordered_by_row(k, seed):
    x = np.random.default_rng(seed).integers(0, 2, (8, 2)).astype(np.float32)
    found, apart = exact_neighbours(x, k), squares(x)
    assert np.allclose(found.distance, np.sqrt(np.sort(apart, axis=1)[:, :k]), atol=1e-6)
    assert np.allclose(found.distance, np.sqrt(np.take_along_axis(apart, found.index, axis=1)), atol=1e-6)
    level = found.distance[:, 1:] == found.distance[:, :-1]
    assert (np.diff(found.index, axis=1)[level] > 0).all()


def test_the_number_of_threads_does_not_matter():
    x, _ = hidden(2500)
    one, three = (exact_neighbours(x, 12, context=Context(threads=threads)) for threads in (1, 3))
    assert np.array_equal(one.index, three.index) and np.array_equal(one.distance, three.distance)


@pytest.mark.parametrize("k", [0, 5])
def test_more_than_there_are_is_refused(k):
    with pytest.raises(InvalidInput, match="`k` must be between 1 and 4 for 5 points"):
        exact_neighbours(np.eye(5, dtype=np.float32), k)


def test_what_is_called_between_may_end_the_search():
    def end():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exact_neighbours(hidden()[0], 3, context=Context(between=end))


@given(st.integers(0, 1000))
def test_agreement_is_the_mean_share_of_common_neighbours(seed):
    rng = np.random.default_rng(seed)
    one, other = (np.stack([rng.permutation(9)[:4] for _ in range(9)]).astype(np.int32) for _ in range(2))
    far = np.zeros((9, 4), np.float32)
    wanted = np.mean([len({*a} & {*b}) / 4 for a, b in zip(one.tolist(), other.tolist(), strict=True)])
    assert agreement(Neighbours(one, far), Neighbours(other, far)) == pytest.approx(wanted)


def test_agreement_of_other_points_is_refused():
    x = hidden()[0]
    with pytest.raises(InvalidInput, match="the same points, got 600 and 500"):
        agreement(exact_neighbours(x, 3), exact_neighbours(x[:500], 3))
