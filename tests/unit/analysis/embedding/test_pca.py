"""Principal components against scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mnist_core.analysis.embedding import Context, PcaSettings, embed
from mnist_core.analysis.embedding.pca import reduced
from tests.unit.analysis.embedding.points import hidden


@pytest.mark.parametrize("components", [2, 3])
@pytest.mark.parametrize("n", [20, 600])
def test_it_is_that_of_scikit_learn_up_to_sign(components, n):
    x = hidden()[0][:n]
    ours, theirs = embed(x, "pca", settings=PcaSettings(components=components)), PCA(components).fit(x)
    signs = np.sign((ours.components.basis * theirs.components_).sum(1))
    assert np.allclose(ours.components.basis, theirs.components_ * signs[:, None], atol=1e-3)
    assert np.allclose(ours.positions, theirs.transform(x) * signs, atol=1e-3)
    assert np.allclose(ours.components.variance_ratio, theirs.explained_variance_ratio_, atol=1e-5)
    assert ours.positions.dtype == np.float32


def test_the_largest_loading_is_positive():
    basis = embed(hidden()[0], "pca").components.basis
    assert (basis[np.arange(2), np.abs(basis).argmax(1)] > 0).all()


def test_a_reduction_keeps_what_it_can():
    x = hidden()[0]
    assert reduced(x, 0) is x
    assert reduced(x, 32) is x
    assert reduced(x, 5).shape == (600, 5)
    assert np.linalg.norm(reduced(x, 31)) == pytest.approx(np.linalg.norm(x - x.mean(0)), rel=3e-3)


def test_the_places_are_there_before_they_are_judged():
    x, labels = hidden()
    frames = []
    found = embed(x, "pca", labels=labels, context=Context(on_frame=frames.append))
    (frame,) = frames
    assert np.array_equal(frame.positions, found.positions)
    assert (frame.iteration, frame.of) == (1, 1)
