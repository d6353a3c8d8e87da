"""What pushes the points of a t-SNE map apart, by interpolation on a grid (Linderman et al. 2019).

Every point pushes every other one with (y_i - y_j) / (1 + |y_i - y_j|^2)^2. The points' weights are spread over the
four by four nodes of a grid around each (cubic interpolation), convolved with the kernels by fast Fourier transforms,
and read off at the points. The distance of nodes stays while the map grows, so that the transformed kernels are used
again and again.
"""

from functools import lru_cache
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.records import Floats
from mnist_core.analysis.embedding.threads import Crew, compiled

__all__ = ["Field", "read_off", "repulsion_field"]

SPACING = 0.7
"""The largest distance of two nodes; the kernel is one unit wide."""

FEWEST, MOST = 108, 1800
"""Nodes along a side."""

STEP = 12
GROWTH = 1.15
"""Small maps take the next spacing in steps of this factor, large ones the next grid in steps of `STEP` nodes."""

Field = tuple[Floats, NDArray[np.float32], np.float32]
"""Potentials float32 (3, nodes, nodes), the corner of the grid float32 (2,), the distance of its nodes."""


def repulsion_field(places: Floats, hands: Crew) -> Field:
    """Potentials on the grid: the sum of 1 / (1 + d^2), and both coordinates of the push."""
    from scipy import fft

    low, high = places.min(axis=0), places.max(axis=0)
    nodes, spacing = _grid(float((high - low).max()))
    corner = ((low + high - np.float32(spacing * (nodes - 1))) / 2).astype(np.float32)
    weights = np.zeros((nodes, nodes), np.float32)
    compiled(_spread)(places, corner, np.float32(spacing), weights)
    spectrum = fft.rfft2(weights, (2 * nodes, 2 * nodes), workers=hands.threads)
    product = spectrum[None] * _kernels(nodes, spacing)
    potentials = fft.irfft2(product, (2 * nodes, 2 * nodes), overwrite_x=True, workers=hands.threads)
    return np.ascontiguousarray(potentials[:, :nodes, :nodes]), corner, np.float32(spacing)


def _grid(side: float) -> tuple[int, float]:
    """How many nodes a side has, and their distance, in steps; three nodes are left for the borders."""
    side = max(side, 1e-12) * 1.001
    if side > (FEWEST - 4) * SPACING:
        nodes = ceil((side / SPACING + 4) / STEP) * STEP
        return (nodes, SPACING) if nodes <= MOST else (MOST, side / (MOST - 4))
    return FEWEST, min(GROWTH ** ceil(log(side / (FEWEST - 4), GROWTH)), SPACING)


@lru_cache(maxsize=2)
def _kernels(nodes: int, spacing: float) -> NDArray[np.complex64]:
    """The transforms of 1 / (1 + d^2) and of both coordinates of d / (1 + d^2)^2: (3, 2 nodes, nodes + 1)."""
    from scipy import fft

    steps = np.arange(2 * nodes)
    apart = np.where(steps < nodes, steps, steps - 2 * nodes) * spacing
    near = 1 / (1 + apart[:, None] ** 2 + apart[None, :] ** 2)
    push = apart[:, None] * near**2
    kernels: NDArray[np.complex64] = fft.rfft2(np.stack([near, push, push.T]).astype(np.float32))
    return kernels


def _spread(places: Floats, corner: Floats, spacing: np.float32, weights: Floats) -> None:
    """Adds one to the grid for each point, over the sixteen nodes around it."""
    one, two, six = np.float32(1), np.float32(2), np.float32(6)
    last = weights.shape[0] - 3
    shares = np.empty((2, 4), np.float32)
    begin = np.empty(2, np.int64)
    for i in range(places.shape[0]):
        for axis in range(2):
            along = (places[i, axis] - corner[axis]) / spacing
            begin[axis] = min(max(int(along), 1), last) - 1
            t = along - np.float32(begin[axis] + 1)
            shares[axis, 0], shares[axis, 1] = -t * (t - one) * (t - two) / six, (t * t - one) * (t - two) / two
            shares[axis, 2], shares[axis, 3] = -t * (t + one) * (t - two) / two, t * (t * t - one) / six
        for a in range(4):
            for b in range(4):
                weights[begin[0] + a, begin[1] + b] += shares[0, a] * shares[1, b]


def read_off(places: Floats, field: Field, span: tuple[int, int], out: Floats) -> None:
    """Fills a span of rows of float32 (n, 3) with what the potentials are at these points; a kernel."""
    potentials, corner, spacing = field
    one, two, six = np.float32(1), np.float32(2), np.float32(6)
    last = potentials.shape[1] - 3
    shares = np.empty((2, 4), np.float32)
    begin = np.empty(2, np.int64)
    for i in range(span[0], span[1]):
        for axis in range(2):
            along = (places[i, axis] - corner[axis]) / spacing
            begin[axis] = min(max(int(along), 1), last) - 1
            t = along - np.float32(begin[axis] + 1)
            shares[axis, 0], shares[axis, 1] = -t * (t - one) * (t - two) / six, (t * t - one) * (t - two) / two
            shares[axis, 2], shares[axis, 3] = -t * (t + one) * (t - two) / two, t * (t * t - one) / six
        for kind in range(3):
            total = np.float32(0)
            for a in range(4):
                for b in range(4):
                    total += shares[0, a] * shares[1, b] * potentials[kind, begin[0] + a, begin[1] + b]
            out[i, kind] = total
