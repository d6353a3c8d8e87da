"""UMAP against umap-learn: the same graph, the quality no worse, the same map each time."""

import numpy as np

from mnist_core.analysis.embedding import Context, UmapSettings, embed, exact_neighbours
from mnist_core.analysis.embedding.pairs import Points
from mnist_core.analysis.embedding.threads import crew
from mnist_core.analysis.embedding.trust import Layer, quality
from mnist_core.analysis.embedding.umap import fitted_curve, memberships, neighbour_graph
from tests.unit.analysis.embedding.points import hidden, plain_umap


def test_the_graph_is_that_of_umap_learn():
    x, _ = hidden()
    plain_umap(x[:50], n_epochs=11, n_neighbors=5)
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set

    nearest = exact_neighbours(x, 14)
    index = np.hstack([np.arange(len(x))[:, None], nearest.index])
    distance = np.hstack([np.zeros((len(x), 1)), nearest.distance]).astype(np.float32)
    theirs, *_ = fuzzy_simplicial_set(x, 15, None, "euclidean", knn_indices=index, knn_dists=distance)
    theirs = theirs.toarray() / theirs.max()
    starts, ends, often = neighbour_graph(memberships(nearest, 15), nearest.index, 10**6)
    ours = np.zeros_like(theirs)
    ours[np.repeat(np.arange(len(x)), np.diff(starts)), ends] = often
    assert np.allclose(ours, theirs, atol=1e-3)
    assert np.allclose(fitted_curve(1.0, 0.1), find_ab_params(1.0, 0.1), rtol=1e-3)


def test_the_quality_is_no_worse():
    x, labels = hidden(1500)
    ours = embed(x, "umap", labels=labels)
    plain = plain_umap(x, n_epochs=200)
    with crew(2, lambda: None) as hands:
        judged = quality(plain, Layer(Points(x), ours.neighbours, labels), hands)
    assert ours.quality.trustworthiness > judged.trustworthiness - 0.01
    assert ours.quality.continuity > judged.continuity - 0.01
    assert ours.quality.neighbourhood_hit > judged.neighbourhood_hit - 0.01


def test_the_number_of_threads_does_not_matter():
    x, _ = hidden()
    one, three = (embed(x, "umap", context=Context(threads=threads)).positions for threads in (1, 3))
    assert np.array_equal(one, three)


def test_duplicates_part():
    x = np.repeat(hidden(100)[0], 4, axis=0)
    positions = embed(x, "umap", settings=UmapSettings(neighbours=8)).positions
    assert np.isfinite(positions).all()
    assert len(np.unique(positions, axis=0)) == 400
