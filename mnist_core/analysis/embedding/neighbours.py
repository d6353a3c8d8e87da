"""Exact nearest neighbours by matrix product, a block of rows at a time.

The product finds candidates in float32, a few more than asked for; their distances are then computed anew by
differences, so that near-duplicates stand in their true order. Those at equal distances are ordered by row; of more
of them than fit, some are left out, the same ones every time.
"""

import numpy as np

from mnist_core.analysis.embedding.pairs import Nearest, Points, Ranks, visit_pairs
from mnist_core.analysis.embedding.records import Context, Floats, Integers, Neighbours
from mnist_core.analysis.embedding.threads import Crew, compiled, crew
from mnist_core.errors import InvalidInput

__all__ = ["KEPT_NEIGHBOURS", "agreement", "exact_neighbours", "search", "search_and_rank"]

KEPT_NEIGHBOURS = 15
"""Neighbours in the layer that a map keeps of each image."""


def exact_neighbours(x: Floats, k: int, *, context: Context | None = None) -> Neighbours:
    """The k nearest other points of each point, by Euclidean distance.

    Args:
        x: float32 (n, d), finite.
        k: from 1 to n - 1.
        context: its threads and what is called between blocks.

    Raises:
        InvalidInput: there are not that many other points.
    """
    if not 1 <= k < len(x):
        raise InvalidInput(f"`k` must be between 1 and {len(x) - 1} for {len(x):,} points, got {k}.")
    known = context or Context()
    with crew(known.threads, known.between) as hands:
        return search(Points(np.ascontiguousarray(x, np.float32)), k, hands)


def search(points: Points, k: int, hands: Crew) -> Neighbours:
    """`exact_neighbours` of points that are made ready, by threads that are there."""
    nearest = Nearest(points, _candidates(points, k))
    visit_pairs(points, [nearest], hands)
    return _refined(points, nearest, k, hands)


def search_and_rank(points: Points, k: int, marked: Integers, hands: Crew) -> tuple[Neighbours, Integers]:
    """The k nearest of each point, and the ranks of those that are marked, from one pass over all pairs.

    Args:
        points: all of them.
        k: from 1 to n - 1.
        marked: int32 (n, m), other points.
        hands: threads.

    Returns:
        The neighbours, and int32 (n, m), the ranks; 1 is the nearest.
    """
    nearest, ranks = Nearest(points, _candidates(points, k)), Ranks(points, marked)
    visit_pairs(points, [nearest, ranks], hands)
    return _refined(points, nearest, k, hands), ranks.ranks.T


def _candidates(points: Points, k: int) -> int:
    """A few more than asked for, as products tell near-duplicates apart less well than differences."""
    return min(len(points) - 1, k + max(4, k // 8))


def _refined(points: Points, nearest: Nearest, k: int, hands: Crew) -> Neighbours:
    index, distance = np.empty((len(points), k), np.int32), np.empty((len(points), k), np.float32)
    refine = compiled(_refine)

    def work(start: int, stop: int) -> None:
        refine(points.values, start, nearest.index[start:stop], index[start:stop], distance[start:stop])

    hands.over(len(points), work, most=1024)
    distance *= np.float32(points.scale)
    return Neighbours(index, distance)


def agreement(one: Neighbours, other: Neighbours) -> float:
    """The share of neighbours that two spaces have in common, the mean over all points, in [0, 1].

    Raises:
        InvalidInput: they are of different numbers of points.
    """
    if len(one.index) != len(other.index):
        raise InvalidInput(
            f"Both must hold the neighbours of the same points, got {len(one.index):,} and {len(other.index):,} points."
        )
    k = min(one.index.shape[1], other.index.shape[1])
    n = len(one.index)
    rows = np.arange(n, dtype=np.int64)[:, None] * n
    mine, theirs = (np.sort(rows + part.index[:, :k], axis=1).ravel() for part in (one, other))
    return float(np.isin(mine, theirs, assume_unique=True).mean())


def _refine(values: Floats, start: int, near: Integers, index: Integers, distance: Floats) -> None:
    """Computes distances by differences and keeps the nearest, nearest first, equal ones by row."""
    k = index.shape[1]
    found = np.empty(near.shape[1], np.float32)
    for row in range(near.shape[0]):
        for c in range(near.shape[1]):
            other = near[row, c]
            total = np.float32(0)
            for d in range(values.shape[1]):
                difference = values[start + row, d] - values[other, d]
                total += difference * difference
            place = c
            while place > 0 and (
                found[place - 1] > total or (found[place - 1] == total and near[row, place - 1] > other)
            ):
                found[place], near[row, place] = found[place - 1], near[row, place - 1]
                place -= 1
            found[place], near[row, place] = total, other
        for c in range(k):
            index[row, c] = near[row, c]
            distance[row, c] = np.sqrt(found[c])
