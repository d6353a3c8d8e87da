"""New points stand among their own class, and known ones on themselves."""

import numpy as np
import pytest

from mnist_core.analysis.embedding import embed, place
from mnist_core.errors import InvalidInput
from tests.unit.analysis.embedding.points import hidden


def test_new_points_stand_among_their_class():
    x, labels = hidden(900)
    known = embed(x[:600], "umap").positions
    placed = place(x[600:], x[:600], known)
    nearest = ((placed[:, None] - known[None]) ** 2).sum(2).argmin(1)
    layer = ((x[600:, None] - x[None, :600]) ** 2).sum(2).argmin(1)
    assert (labels[:600][nearest] == labels[600:]).mean() > (labels[:600][layer] == labels[600:]).mean() - 0.03


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_known_point_is_placed_on_itself(dimensions):
    x, _ = hidden()
    positions = np.random.default_rng(0).normal(size=(600, dimensions)).astype(np.float32)
    assert np.allclose(place(x[:300], x, positions), positions[:300], atol=1e-3)


def test_neighbours_in_two_clusters_do_not_place_it_between_them():
    x = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [90.0]], np.float32)
    positions = np.array([[0, 0], [0, 1], [1, 0], [50, 50], [50, 51], [9, 9]], np.float32)
    placed = place(np.array([[1.9]], np.float32), x, positions)
    assert np.linalg.norm(placed - positions[:3].mean(0)) < 1.5


def test_of_fewer_points_than_asked_for_all_count():
    x = np.array([[0.0], [2.0]], np.float32)
    assert np.allclose(place(np.array([[1.0]], np.float32), x, np.array([[0, 0], [4, 2]], np.float32)), [[2, 1]])


@pytest.mark.parametrize(
    ("new", "says"),
    [(np.zeros((1, 3), np.float32), "d of `activations`"), (np.full((1, 32), np.nan, np.float32), "must be finite")],
)
def test_what_cannot_be_placed_is_refused(new, says):
    x, _ = hidden()
    with pytest.raises(InvalidInput, match=says):
        place(new, x, x[:, :2])
    with pytest.raises(InvalidInput, match="a place for each of 600 points, got 5"):
        place(x[:1], x, x[:5, :2])


def test_far_from_zero_no_digits_are_lost():
    x, _ = hidden()
    positions = np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32)
    assert np.allclose(place(x[:300] + 1e4, x + 1e4, positions), positions[:300], atol=0.02)


def test_no_neighbours_are_too_few():
    x, _ = hidden()
    with pytest.raises(InvalidInput, match="`k` must be at least 1, got 0"):
        place(x[:1], x, x[:, :2], k=0)
