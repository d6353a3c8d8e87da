"""t-SNE against openTSNE: the same input, the objective and the quality no worse."""

import numpy as np
import pytest
from openTSNE import TSNEEmbedding
from openTSNE.affinity import PerplexityBasedNN
from openTSNE.nearest_neighbors import PrecomputedNeighbors
from openTSNE.tsne import kl_divergence_bh

from mnist_core.analysis.embedding import Context, TsneSettings, embed, exact_neighbours
from mnist_core.analysis.embedding.repulsion import read_off, repulsion_field
from mnist_core.analysis.embedding.threads import compiled, crew
from mnist_core.analysis.embedding.trust import Layer, quality
from mnist_core.analysis.embedding.tsne import affinities
from tests.unit.analysis.embedding.points import hidden, plain_tsne, squares

SETTINGS = TsneSettings(pca=0)


@pytest.fixture(scope="module")
def case():
    x, labels = hidden(1200)
    nearest = exact_neighbours(x, 90)
    index = PrecomputedNeighbors(nearest.index.astype(np.int64), nearest.distance.astype(np.float64))
    return x, labels, nearest, PerplexityBasedNN(knn_index=index, perplexity=30)


def objective(places, theirs):
    """The Kullback-Leibler divergence, by openTSNE, exactly."""
    embedding = TSNEEmbedding(places.astype(np.float64), theirs)
    return kl_divergence_bh(embedding, theirs.P, 1.0, {"theta": 0.0}, should_eval_error=True)[0]


def test_affinities_are_those_of_opentsne(case):
    *_, nearest, theirs = case
    with crew(2, lambda: None) as hands:
        starts, ends, strength = affinities(nearest, 30, hands)
    reference = theirs.P.tocsr()
    reference.sort_indices()
    assert np.array_equal(starts, reference.indptr) and np.array_equal(ends, reference.indices)
    assert np.allclose(strength, reference.data, rtol=2e-3, atol=1e-9)


def test_the_objective_and_the_quality_are_no_worse(case):
    x, labels, nearest, theirs = case
    ours = embed(x, "tsne", settings=SETTINGS, labels=labels)
    plain = plain_tsne(x, neighbors="exact")
    assert objective(ours.positions, theirs) < 1.02 * objective(np.asarray(plain), theirs)
    with crew(2, lambda: None) as hands:
        from mnist_core.analysis.embedding.pairs import Points

        judged = quality(np.asarray(plain, np.float32), Layer(Points(x), nearest, labels), hands)
    assert ours.quality.trustworthiness > judged.trustworthiness - 0.003
    assert ours.quality.continuity > judged.continuity - 0.003
    assert ours.quality.neighbourhood_hit > judged.neighbourhood_hit - 0.01


@pytest.mark.parametrize(("size", "bound"), [(1e-3, 1e-4), (3.0, 1e-2), (10.0, 0.15), (60.0, 0.3)])
def test_repulsion_is_that_of_all_pairs(size, bound):
    y = (np.random.default_rng(0).normal(size=(800, 2)) * size).astype(np.float32)
    out = np.empty((800, 3), np.float32)
    with crew(2, lambda: None) as hands:
        compiled(read_off)(y, repulsion_field(y, hands), (0, 800), out)
    near = 1 / (1 + np.where(np.isinf(squares(y)), 0, squares(y)))
    push = (near[..., None] ** 2 * (y[:, None] - y[None])).sum(1)
    assert np.abs(out[:, 0] - near.sum(1)).mean() < bound * near.sum(1).mean()
    assert np.abs(out[:, 1:] - push).mean() < bound * np.abs(push).mean()


def test_frames_are_copies_from_the_first_iteration_to_the_last(monkeypatch):
    monkeypatch.setattr("mnist_core.analysis.embedding.frames.FRAME_SECONDS", 0.0)
    frames = []
    short = TsneSettings(iterations=50, early_iterations=30)
    result = embed(hidden()[0], "tsne", settings=short, context=Context(on_frame=frames.append))
    assert [frame.iteration for frame in frames] == list(range(81))
    assert {frame.of for frame in frames} == {80}
    assert not np.array_equal(frames[40].positions, frames[41].positions)
    assert np.array_equal(frames[-1].positions, result.positions)
