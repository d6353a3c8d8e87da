"""Trust scores against scikit-learn and against counting."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from mnist_core.analysis.embedding import exact_neighbours
from mnist_core.analysis.embedding.pairs import Points
from mnist_core.analysis.embedding.threads import crew
from mnist_core.analysis.embedding.trust import Layer, looked_at, neighbourhood_hit, quality
from tests.unit.analysis.embedding.points import hidden


def judged(positions, x, labels=None, **settings):
    with crew(2, lambda: None) as hands:
        return quality(positions, Layer(Points(x), exact_neighbours(x, min(15, len(x) - 1)), labels), hands, **settings)


@pytest.mark.parametrize("n", [5, 30, 600])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_trustworthiness_and_continuity_are_those_of_scikit_learn(n, dimensions):
    x = hidden()[0][:n]
    positions = np.random.default_rng(1).normal(size=(n, dimensions)).astype(np.float32) + 5 * x[:, :dimensions]
    found, k = judged(positions, x), looked_at(n)
    assert found.trustworthiness == pytest.approx(trustworthiness(x, positions, n_neighbors=k), abs=1e-6)
    assert found.continuity == pytest.approx(trustworthiness(positions, x, n_neighbors=k), abs=1e-6)
    assert (found.neighbours, found.points, found.neighbourhood_hit) == (k, n, None)


def test_a_sample_of_the_points_comes_near_to_all():
    x, _ = hidden()
    positions = x[:, :2]
    sample, whole = judged(positions, x, most=200), judged(positions, x)
    assert (sample.points, whole.points) == (200, 600)
    assert sample.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.03)
    assert sample.trustworthiness != whole.trustworthiness


def test_a_map_that_is_the_layer_is_perfect():
    x = hidden()[0][:, :2] + np.random.default_rng(0).normal(size=(600, 2)).astype(np.float32)
    found = judged(x, x)
    assert found.trustworthiness == found.continuity == 1


def test_the_hit_is_the_accuracy_of_leave_one_out():
    x, labels = hidden(300)
    plain = cross_val_predict(KNeighborsClassifier(1), x, labels, cv=LeaveOneOut())
    assert neighbourhood_hit(labels, exact_neighbours(x, 1).index) == (plain == labels).mean()
    two = labels % 2
    plain = cross_val_predict(KNeighborsClassifier(9), x, two, cv=LeaveOneOut())
    assert neighbourhood_hit(two, exact_neighbours(x, 9).index) == (plain == two).mean()


def test_equal_votes_are_decided_by_the_nearest():
    labels = np.array([1, 1, 2, 2])
    assert neighbourhood_hit(labels, np.array([[1, 2], [2, 0], [3, 0], [0, 2]])) == 0.5
