"""Where the points of a map stand before its first iteration."""

import numpy as np

from mnist_core.analysis.embedding.pca import principal_components, project
from mnist_core.analysis.embedding.records import Floats

__all__ = ["first_places"]


def first_places(x: Floats, seed: int) -> Floats:
    """The first two principal components, with a little noise that parts duplicates: float32 (n, 2), from -1 to 1."""
    places = np.zeros((len(x), 2), np.float32)
    components = principal_components(x, min(2, *x.shape))
    places[:, : len(components.basis)] = project(x, components)
    places /= np.abs(places).max(initial=np.finfo(np.float32).tiny)
    noise = np.random.default_rng(seed).normal(scale=1e-5, size=places.shape)
    return places + noise.astype(np.float32)
