"""Points like a hidden layer's, and the plain libraries that maps are held against."""

import sys
import types
import warnings
from functools import cache

import numpy as np


@cache
def hidden(n=600, d=32, classes=6, seed=0):
    """Rectified clusters that touch: float32 (n, d), and their classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    values = rng.normal(0, 1, (classes, d))[labels] + rng.normal(0, 0.9, (n, d))
    return np.maximum(values, 0).astype(np.float32), labels


def squares(x):
    """All squared distances, float64, a point's own infinite."""
    x = x.astype(np.float64)
    apart = ((x[:, None] - x[None]) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    return apart


def plain_umap(x, **settings):
    """The map of umap-learn; the stub keeps its parametric part from loading TensorFlow."""
    stub = types.ModuleType("umap.parametric_umap")
    stub.ParametricUMAP, stub.load_ParametricUMAP = type("ParametricUMAP", (), {}), None
    sys.modules.setdefault("umap.parametric_umap", stub)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        return umap.UMAP(random_state=0, **settings).fit_transform(x)


def plain_tsne(x, **settings):
    """The map of openTSNE, an `openTSNE.TSNEEmbedding`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import openTSNE

        return openTSNE.TSNE(random_state=0, n_jobs=2, **settings).fit(x)
