"""Principal components, exactly, by the eigenvectors of the covariance, with the same signs every time."""

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.records import Components, Floats

__all__ = ["principal_components", "project", "reduced", "seen_along"]

ROWS = 8192
"""Points that are turned into float64 at a time."""


def principal_components(x: Floats, k: int) -> Components:
    """The k directions of largest variance of points.

    Args:
        x: float32 (n, d), finite, not all equal.
        k: from 1 to min(n, d).
    """
    mean = x.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), ROWS):
        centred = x[start : start + ROWS] - mean
        covariance += centred.T @ centred
    variances, vectors = np.linalg.eigh(covariance)
    order = np.argsort(variances)[::-1][:k]
    basis = vectors.T[order]
    basis *= np.sign(basis[np.arange(k), np.abs(basis).argmax(axis=1)])[:, None]
    ratio = np.maximum(variances[order], 0) / np.trace(covariance)
    return Components(mean.astype(np.float32), basis.astype(np.float32), ratio.astype(np.float32))


def seen_along(x: Floats, components: Components) -> Components:
    """Components of other points, with the shares of these points' own variance along them."""
    whole = float(x.var(axis=0, dtype=np.float64).sum()) or 1.0
    along = project(x, components).var(axis=0, dtype=np.float64) / whole
    return components._replace(variance_ratio=along.astype(np.float32))


def project(x: Floats, components: Components) -> Floats:
    """The places of points along components: float32 (n, k)."""
    shift: NDArray[np.float32] = components.basis @ components.mean
    return x @ components.basis.T - shift


def reduced(x: Floats, dimensions: int) -> Floats:
    """Points along so many principal components; as they are where they have no more, or 0 is asked for."""
    if not 0 < dimensions < x.shape[1]:
        return x
    return project(x, principal_components(x, min(dimensions, len(x))))
