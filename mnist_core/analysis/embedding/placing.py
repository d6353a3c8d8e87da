"""Placing new points into a map that is there, without changing it: among their nearest neighbours' places.

The geometric median of these places, not their mean: where neighbours lie in two clusters, the mean lies between both,
where nothing like the point is; the median stays with the greater weight.
"""

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.records import Floats
from mnist_core.errors import InvalidInput

__all__ = ["place"]

NEIGHBOURS = 5
STEPS = 20


def place(new: Floats, activations: Floats, positions: Floats, *, k: int = NEIGHBOURS) -> Floats:
    """The weighted geometric median of the places of the k nearest neighbours in the layer (Weiszfeld 1937).

    A weight is the inverse of the squared distance, so that a point that is there already is placed on itself.

    Args:
        new: float32 (m, d), activations of the new points.
        activations: float32 (n, d), of the points of the map.
        positions: float32 (n, 2 or 3), the map.
        k: how many neighbours, at least 1; all n where there are fewer.

    Returns:
        float32 (m, 2 or 3).

    Raises:
        InvalidInput: shapes do not fit each other, or a value is not finite.
    """
    _check(new, activations, positions)
    if k < 1:
        raise InvalidInput(f"`k` must be at least 1, got {k}.")
    middle = activations.mean(axis=0, dtype=np.float64).astype(np.float32)  # far from 0, products would lose digits
    new, activations = new - middle, activations - middle
    squares = (activations**2).sum(axis=1)
    near = np.empty((len(new), min(k, len(activations))), np.int64)
    for start in range(0, len(new), 256):
        order = squares - 2 * (new[start : start + 256] @ activations.T)
        near[start : start + 256] = np.argpartition(order, near.shape[1] - 1, axis=1)[:, : near.shape[1]]
    distance = ((activations[near] - new[:, None, :]) ** 2).sum(axis=2, dtype=np.float64)
    weights = 1 / np.maximum(distance, 1e-9 * np.maximum(distance.max(axis=1, keepdims=True), 1e-30))
    weights /= weights.sum(axis=1, keepdims=True)
    return _medians(positions[near].astype(np.float64), weights)


def _medians(places: NDArray[np.float64], weights: NDArray[np.float64]) -> Floats:
    """Weighted geometric medians of float64 (m, k, c): float32 (m, c)."""
    least = 1e-4 * (np.ptp(places, axis=1).max(axis=1, keepdims=True) + np.finfo(np.float64).tiny)
    medians = np.einsum("mk,mkc->mc", weights, places)
    for _ in range(STEPS):
        pulls = weights / np.maximum(np.linalg.norm(places - medians[:, None], axis=2), least)
        medians = np.einsum("mk,mkc->mc", pulls, places) / pulls.sum(axis=1, keepdims=True)
    placed: Floats = medians.astype(np.float32)
    return placed


def _check(new: Floats, activations: Floats, positions: Floats) -> None:
    if new.ndim != 2 or activations.ndim != 2 or new.shape[1] != activations.shape[1]:
        raise InvalidInput(
            f"`new` must be of shape (m, d) with the d of `activations`, got {new.shape} and {activations.shape}."
        )
    if len(positions) != len(activations):
        raise InvalidInput(
            f"The map must have a place for each of {len(activations):,} points, got {len(positions):,}."
        )
    if not np.isfinite(new).all():
        raise InvalidInput("`new` must be finite numbers, got NaN or infinity; choose another image or epoch.")
