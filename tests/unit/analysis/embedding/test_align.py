"""Turning a map back after it was turned, mirrored, shifted and scaled."""

import numpy as np
import pytest

from mnist_core.analysis.embedding import aligned
from mnist_core.errors import InvalidInput

MAP = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32) * (3, 1)
TURNS = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in (0.3, 2.0)]


@pytest.mark.parametrize("turn", [*TURNS, *(turn @ np.diag((1, -1)) for turn in TURNS)])
def test_a_turned_map_is_turned_back(turn):
    assert np.allclose(aligned(MAP @ turn + (5, -2), MAP), MAP, atol=1e-5)
    assert np.allclose(aligned(7 * MAP @ turn + (5, -2), MAP, scale=True), MAP, atol=1e-5)


def test_distances_stay_without_scale():
    other = np.random.default_rng(1).normal(size=(50, 2))
    turned = aligned(MAP, other)
    assert np.allclose(
        np.linalg.norm(turned[1:] - turned[:-1], axis=1), np.linalg.norm(MAP[1:] - MAP[:-1], axis=1), atol=1e-5
    )
    assert np.linalg.norm(turned - other) <= np.linalg.norm(MAP - MAP.mean(0) + other.mean(0) - other) + 1e-5


def test_other_points_are_refused():
    with pytest.raises(InvalidInput, match=r"same shape, got \(50, 2\) and \(49, 2\)"):
        aligned(MAP, MAP[1:])
