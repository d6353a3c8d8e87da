"""The entrance: what it refuses, what it answers, and that every setting has its effect."""

import subprocess
import sys

import numpy as np
import pytest

from mnist_core.analysis import embed
from mnist_core.analysis.embedding import (
    METHODS,
    Context,
    PcaSettings,
    TsneSettings,
    UmapSettings,
    exact_neighbours,
)
from mnist_core.errors import InvalidInput
from mnist_core.part import field_docs
from tests.unit.analysis.embedding.points import hidden

X, LABELS = hidden(200)
QUICK = {
    "pca": PcaSettings(),
    "tsne": TsneSettings(iterations=60, early_iterations=40, perplexity=10),
    "umap": UmapSettings(epochs=20),
}
OTHER = {
    "components": 3, "perplexity": 12.0, "pca": 5, "iterations": 70, "early_iterations": 50, "early_exaggeration": 6.0,
    "exaggeration": 2.0, "learning_rate": 30.0, "seed": 1, "neighbours": 10, "min_distance": 0.5, "spread": 2.0,
    "epochs": 30, "repulsion": 2,
}  # fmt: skip
EACH = [(method, doc.path) for method in METHODS for doc in field_docs(METHODS[method].settings)]


@pytest.mark.parametrize(("method", "field"), EACH)
def test_every_setting_changes_the_map(method, field):
    other = QUICK[method].model_copy(update={field: OTHER[field]})
    one, changed = (embed(X, method, settings=settings).positions for settings in (QUICK[method], other))
    assert one.shape != changed.shape or not np.array_equal(one, changed)


@pytest.mark.parametrize(("method", "field"), EACH)
def test_every_setting_says_what_it_does_within_which_bounds(method, field):
    doc = next(doc for doc in field_docs(METHODS[method].settings) if doc.path == field)
    assert doc.help and not doc.required
    assert doc.choices or (doc.low is not None and doc.high is not None)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_input_gives_the_same_map(method):
    one, again = (embed(X, method, settings=QUICK[method], labels=LABELS) for _ in range(2))
    assert np.array_equal(one.positions, again.positions)
    assert one.quality == again.quality
    assert one.positions.dtype == np.float32
    assert one.neighbours.index.shape == (200, 15)
    assert {"layout", "quality", "total"} <= set(one.seconds)


@pytest.mark.parametrize("method", METHODS)
def test_known_neighbours_change_nothing(method):
    known = Context(neighbours=exact_neighbours(X, 15))
    one, again = (embed(X, method, settings=QUICK[method], context=c) for c in (None, known))
    assert np.array_equal(one.positions, again.positions)
    assert np.array_equal(one.neighbours.index, again.neighbours.index)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_start_is_where_the_map_starts(method):
    frames = []
    start = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    embed(X, method, settings=QUICK[method], context=Context(start=start, on_frame=frames.append))
    assert np.array_equal(frames[0].positions, start)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_whoever_follows_can_end_the_work(method):
    class Stopped(Exception):
        pass

    def stop(_):
        raise Stopped

    with pytest.raises(Stopped):
        embed(X, method, context=Context(on_frame=stop))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floating_numbers_do(method, dtype):
    assert np.isfinite(embed(X.astype(dtype), method, settings=QUICK[method]).positions).all()


@pytest.mark.parametrize("method", METHODS)
def test_duplicates_and_single_values_do(method):
    for x in (np.repeat(X[:20], 10, axis=0), X[:, :1], np.eye(200, dtype=np.float32)):
        if method == "pca" and x.shape[1] == 1:
            continue
        found = embed(x, method, settings=QUICK[method], labels=LABELS)
        assert np.isfinite(found.positions).all()
        assert 0 <= found.quality.neighbourhood_hit <= 1


NAN, INFINITE, HUGE = (np.where(np.arange(200)[:, None] == 3, value, X) for value in (np.nan, np.inf, 1e20))
BAD = {
    "whole": (X.astype(np.int64), "floating point numbers of shape (images, values), got int64 (200, 32)"),
    "flat": (X[0], "got float32 (32,)"),
    "list": (X.tolist(), "got list"),
    "two": (X[:2], "at least 3 images"),
    "nothing": (X[:, :0], "at least one value each"),
    "nan": (NAN, "those of 1 of 200 images hold NaN"),
    "infinite": (INFINITE, "those of 1 of 200 images hold NaN or infinity"),
    "huge": (HUGE, "within 1e+15 of 0, got 1e+20"),
    "constant": (np.full((200, 4), 0.3, np.float32), "the same 4 values for all 200 images"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", BAD)
def test_activations_that_cannot_be_mapped_are_refused(method, case):
    given, says = BAD[case]
    with pytest.raises(InvalidInput) as refused:
        embed(given, method)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "mds"}, "`method` must be one of pca, tsne, umap, got 'mds'"),
        ({"method": "tsne", "settings": PcaSettings()}, "`settings` must be TsneSettings for tsne, got PcaSettings"),
        ({"method": "tsne", "settings": TsneSettings(perplexity=67)}, "`perplexity` must be at most 66.33"),
        ({"method": "umap", "settings": UmapSettings(neighbours=200), "activations": X[:150]}, "at most 150"),
        ({"method": "pca", "settings": PcaSettings(components=3), "activations": X[:, :2]}, "at most 2"),
        ({"labels": LABELS[:5]}, "`labels` must be 200 whole numbers"),
        ({"labels": LABELS + 0.5}, "`labels` must be 200 whole numbers"),
        ({"context": Context(start=X[:, :3])}, "`start` must be finite and of shape (200, 2)"),
        ({"context": Context(neighbours=exact_neighbours(X[:50], 15))}, "those of 200 images, got 50"),
    ],
)
def test_what_does_not_fit_is_refused(settings, says):
    with pytest.raises(InvalidInput) as refused:
        embed(**{"activations": X} | settings)
    assert says in str(refused.value)


def test_importing_it_is_light():
    code = "import sys, mnist_core.analysis.embedding; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"scipy", "sklearn", "numba", "umap", "openTSNE", "tensorflow"} & set(loaded)
