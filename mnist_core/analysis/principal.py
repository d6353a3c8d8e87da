"""Principal components of a few very long vectors: the first ones, by way of the vectors' scalar products."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Basis", "principal_basis"]

SMALLEST_SHARE = 1e-10
"""A component with less of the first one's variance is rounding."""


class Basis(NamedTuple):
    """Where principal components are measured from, and along which directions.

    Attributes:
        mean: float32 (d,), of the sample.
        directions: float32 (d, k), of length 1 and at right angles, the largest variance first.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]


def principal_basis(sample: NDArray[np.float32], components: int) -> Basis:
    """The directions in which a sample varies most.

    Of n vectors with d values, n far less than d, the directions are sums of the n vectors themselves, so that an
    eigenproblem of size n is enough (Turk and Pentland, "Eigenfaces for recognition", 1991).

    Args:
        sample: float32 (n, d), finite, at least 2 vectors; it is centred in place.
        components: how many directions at most; there are fewer where the sample varies in fewer, but at least one.
    """
    from scipy.linalg import eigh

    mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    sample -= mean
    products = (sample @ sample.T).astype(np.float64)
    last = len(sample) - 1
    values, vectors = eigh(products, subset_by_index=(max(len(sample) - components, 0), last))
    values, vectors = values[::-1], vectors[:, ::-1]
    varies = values > max(values[0], 0.0) * SMALLEST_SHARE
    if not varies.any():
        return Basis(mean, np.zeros((sample.shape[1], 1), np.float32))
    scaled = (vectors[:, varies] / np.sqrt(values[varies])).astype(np.float32)
    return Basis(mean, sample.T @ scaled)
