"""UMAP (McInnes, Healy & Melville 2018) of known neighbours, in two dimensions.

The graph is that of the umap-learn library. The layout differs in one thing: within a round every point looks at where
the others stood before it, so that the points can be moved by several threads and the map is the same each time,
however many there are. Tests hold it against umap-learn.
"""

from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.frames import Frames
from mnist_core.analysis.embedding.records import Context, Floats, Integers, Neighbours
from mnist_core.analysis.embedding.settings import UmapSettings
from mnist_core.analysis.embedding.start import first_places
from mnist_core.analysis.embedding.threads import Crew, compiled

__all__ = ["lay_out", "memberships", "neighbour_graph"]

SIZE = 10.0
"""The largest coordinate before the first round."""

WARM_RATE = 0.25
"""The learning rate where places are given: they settle, but do not leave their surroundings."""

SMALLEST_SCALE = 1e-3
"""A scale is at least this share of the mean distance."""

BISECTIONS = 48

Graph = tuple[NDArray[np.int64], Integers, Floats]
Rates = tuple[np.float32, np.float32, np.float32]


def lay_out(x: Floats, nearest: Neighbours, settings: UmapSettings, context: Context, hands: Crew) -> Floats:
    """Places for points whose neighbours are known.

    Args:
        x: float32 (n, d), the points, to start from where the context gives no places.
        nearest: their `settings.neighbours` - 1 nearest.
        settings: all of them but `pca`.
        context: places to start from, and who follows.
        hands: threads.

    Returns:
        float32 (n, 2).
    """
    graph = neighbour_graph(memberships(nearest, settings.neighbours), nearest.index, settings.epochs)
    places = SIZE * first_places(x, settings.seed) if context.start is None else context.start.astype(np.float32)
    rate = 1.0 if context.start is None else WARM_RATE
    curve = fitted_curve(settings.spread, settings.min_distance)
    frames = Frames(context, settings.epochs)
    after = places.copy()
    for epoch in range(settings.epochs):
        frames.show(epoch, places)
        alpha = np.float32(rate * (1 - epoch / settings.epochs))
        numbers = np.array([epoch, settings.seed, settings.repulsion], np.int64)
        hands.over(len(x), partial(_moved, (places, after), graph, (*curve, alpha), numbers))
        places, after = after, places
    return places


def memberships(nearest: Neighbours, neighbours: int) -> Floats:
    """How strongly each point holds each of its neighbours: float32 (n, k) in [0, 1], 1 for the nearest.

    The scale of each point is such that its strengths add up to log2 of `neighbours`.
    """
    distance = nearest.distance.astype(np.float64)
    gap = np.where(distance > 0, distance, np.inf).min(axis=1, keepdims=True)
    gap[~np.isfinite(gap)] = 0.0
    beyond = np.maximum(distance - gap, 0)
    wanted, low = np.log2(neighbours), np.zeros((len(distance), 1))
    scale, high = np.ones_like(low), np.full_like(low, np.inf)
    for _ in range(BISECTIONS):
        too_much = np.exp(-beyond / scale).sum(axis=1, keepdims=True) > wanted
        high, low = np.where(too_much, scale, high), np.where(too_much, low, scale)
        scale = np.where(np.isinf(high), scale * 2, (low + high) / 2)
    least = np.where(gap > 0, distance.mean(axis=1, keepdims=True), distance.mean())
    scale = np.maximum(scale, np.maximum(SMALLEST_SCALE * least, np.finfo(np.float64).tiny))
    strength: Floats = np.exp(-beyond / scale).astype(np.float32)
    return strength


def neighbour_graph(strength: Floats, index: Integers, epochs: int) -> Graph:
    """Ties in both directions, as the rows of a sparse matrix: starts, other ends, and how often a round they pull.

    Two strengths of a pair are joined to a + b - ab. Ties that would not pull in so many rounds are left out.
    """
    from scipy.sparse import csr_array

    n, k = index.shape
    directed = csr_array((strength.ravel(), index.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    turned = directed.T.tocsr()
    graph = (directed + turned - directed.multiply(turned)).tocsr()
    graph.data /= graph.data.max()
    graph.data[graph.data < 1 / epochs] = 0
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data.astype(np.float32)


@cache
def fitted_curve(spread: float, min_distance: float) -> tuple[np.float32, np.float32]:
    """The a and b of 1 / (1 + a d^2b) that come nearest to how near points shall lie."""
    from scipy.optimize import curve_fit

    distance = np.linspace(0, 3 * spread, 300)
    wanted = np.where(distance < min_distance, 1.0, np.exp(-(distance - min_distance) / spread))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), distance, wanted)
    return np.float32(a), np.float32(b)


def _moved(places: tuple[Floats, Floats], graph: Graph, rates: Rates, numbers: NDArray[np.int64], *span: int) -> None:
    """A round for a span of points."""
    compiled(_move)(span, graph, places, rates, numbers)


def _move(
    span: tuple[int, int],
    graph: Graph,
    places: tuple[Floats, Floats],
    rates: Rates,
    numbers: NDArray[np.int64],
) -> None:
    """One round for a span of points: those tied to a point pull, random others push; each coordinate by at most 4.

    A tie pulls twice, once for each of its directions. Random numbers follow from seed, round and point.
    """
    starts, ends, often = graph
    before, after = places
    a, b, alpha = rates
    epoch, n = numbers[0], before.shape[0]
    four, zero, one, two = np.float32(4), np.float32(0), np.float32(1), np.float32(2)
    for i in range(span[0], span[1]):
        x, y = before[i, 0], before[i, 1]
        state = np.uint64(numbers[1] + 1) * np.uint64(0x9E3779B97F4A7C15)
        state ^= np.uint64(epoch + 1) * np.uint64(0xBF58476D1CE4E5B9)
        state ^= np.uint64(i + 1) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state |= np.uint64(1)
        for edge in range(starts[i], starts[i + 1]):
            if np.floor(epoch * often[edge]) == np.floor((epoch - 1) * often[edge]):
                continue
            dx, dy = x - before[ends[edge], 0], y - before[ends[edge], 1]
            square = dx * dx + dy * dy
            if square > zero:
                power = square**b
                pull = -two * a * b * power / (square * (one + a * power))
                x += two * alpha * min(max(pull * dx, -four), four)
                y += two * alpha * min(max(pull * dy, -four), four)
            px, py = zero, zero
            for _ in range(numbers[2]):
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                other = np.int64(((state >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
                dx, dy = x - before[other, 0], y - before[other, 1]
                square = dx * dx + dy * dy
                if other != i and square > zero:
                    push = two * b / ((np.float32(0.001) + square) * (one + a * square**b))
                    px += min(max(push * dx, -four), four)
                    py += min(max(push * dy, -four), four)
            x += alpha * px
            y += alpha * py
        after[i, 0], after[i, 1] = x, y
