"""Turning one map onto another: rotation, reflection and shift (orthogonal Procrustes), and size where asked for."""

import numpy as np

from mnist_core.analysis.embedding.records import Floats
from mnist_core.errors import InvalidInput

__all__ = ["aligned"]


def aligned(positions: Floats, to: Floats, *, scale: bool = False) -> Floats:
    """A map turned, mirrored and shifted so that its points lie as near as can be to where they lie in another map.

    Distances within the map stay as they are, or all grow by one factor where `scale` is set (Schoenemann 1966).

    Args:
        positions: float32 (n, d).
        to: float32 (n, d), the same points.
        scale: whether its size may change too; where two maps have no common unit.

    Raises:
        InvalidInput: the maps are of different points or dimensions.
    """
    if positions.shape != to.shape:
        raise InvalidInput(f"Both maps must have the same shape, got {positions.shape} and {to.shape}.")
    here, there = positions.mean(axis=0, dtype=np.float64), to.mean(axis=0, dtype=np.float64)
    mine, theirs = positions - here, to - there
    left, sizes, right = np.linalg.svd(mine.T @ theirs)
    factor = sizes.sum() / max(float((mine**2).sum()), np.finfo(np.float64).tiny) if scale else 1.0
    turned: Floats = (factor * (mine @ (left @ right)) + there).astype(np.float32)
    return turned
