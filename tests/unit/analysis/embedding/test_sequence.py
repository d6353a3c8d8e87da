"""Maps of a layer over epochs: one frame of reference, points that move less than without."""

from itertools import pairwise

import numpy as np
import pytest

from mnist_core.analysis.embedding import TsneSettings, UmapSettings, aligned, embed, embed_sequence
from mnist_core.errors import InvalidInput
from tests.unit.analysis.embedding.points import hidden

X, LABELS = hidden()
TURNED = [X, (X + 0.1 * hidden(seed=1)[0]).astype(np.float32), (X + 0.2 * hidden(seed=1)[0]).astype(np.float32)]
FEW = {"tsne": TsneSettings(iterations=250), "umap": UmapSettings(epochs=100)}


def moved(one, other):
    return float(np.linalg.norm(one - other, axis=1).mean())


@pytest.mark.parametrize("method", ["tsne", "umap"])
@pytest.mark.parametrize("anchor", [0, 2])
def test_points_move_less_than_between_single_maps(method, anchor):
    maps = list(embed_sequence(TURNED, method, settings=FEW[method], labels=LABELS, anchor=anchor))
    single = [embed(x, method, settings=FEW[method].model_copy(update={"seed": at})) for at, x in enumerate(TURNED)]
    apart = [aligned(b.positions, a.positions) for a, b in pairwise(single)]
    for place in range(2):
        here = moved(maps[place].positions, maps[place + 1].positions)
        assert here < 0.7 * moved(apart[place], single[place].positions)
    cold = embed(TURNED[anchor], method, settings=FEW[method])
    assert np.array_equal(maps[anchor].positions, cold.positions)
    assert all(one.quality.neighbourhood_hit > cold_hit(method) - 0.05 for one in maps)


def cold_hit(method):
    return embed(X, method, settings=FEW[method], labels=LABELS).quality.neighbourhood_hit


def test_pca_shows_all_along_the_components_of_the_anchor():
    maps = list(embed_sequence(TURNED, "pca", anchor=1))
    anchor = embed(TURNED[1], "pca")
    for x, one in zip(TURNED, maps, strict=True):
        wanted = (x - anchor.components.mean) @ anchor.components.basis.T
        assert np.allclose(one.positions, wanted, atol=1e-3)
        shares = wanted.var(0) / x.var(0).sum()
        assert np.allclose(one.components.variance_ratio, shares, atol=1e-4)


def test_layers_of_other_widths_are_turned_onto_the_one_before():
    one, other = embed_sequence([X, 5 * X[:, :20]], "pca")
    single = embed(5 * X[:, :20], "pca").positions
    assert np.allclose(other.positions, aligned(single, one.positions, scale=True), atol=1e-3)
    assert len(list(embed_sequence([X, X[:, :20]], "umap", settings=FEW["umap"]))) == 2


def test_layers_of_one_width_that_are_not_alike_are_turned_onto_the_one_before_too():
    mirrored = -X[:, ::-1].copy()  # the same points, by units of which none means what it meant
    one, other = embed_sequence([X, mirrored], "pca", alike=False)
    assert np.allclose(one.positions, other.positions, atol=1e-2)
    crossed = list(embed_sequence([X, mirrored], "pca"))[1]
    assert moved(one.positions, crossed.positions) > 1


def test_they_come_one_at_a_time_in_their_order():
    asked = []
    maps = embed_sequence((asked.append(at) or x for at, x in enumerate(TURNED)), "pca")
    next(maps)
    assert asked == [0]
    next(maps)
    assert asked == [0, 1]


@pytest.mark.parametrize("anchor", [-1, 3])
def test_an_anchor_that_is_not_there_is_refused(anchor):
    with pytest.raises(InvalidInput, match="`anchor` must be a place in the sequence"):
        embed_sequence(TURNED, "pca", anchor=anchor)


def test_sources_of_other_points_are_refused():
    with pytest.raises(InvalidInput, match="the same 600 images, got 500"):
        list(embed_sequence([X, X[:500]], "pca"))
