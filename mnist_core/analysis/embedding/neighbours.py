"""Exact nearest neighbours by matrix product, a block of rows at a time.

The product finds candidates in float32, a few more than asked for; their distances are then computed anew by
differences, so that near-duplicates stand in their true order. Those at equal distances are ordered by row; of more
of them than fit, some are left out, the same ones every time.
"""

import numpy as np

from mnist_core.analysis.embedding.records import Context, Floats, Integers, Neighbours
from mnist_core.analysis.embedding.threads import Crew, compiled, crew
from mnist_core.errors import InvalidInput

__all__ = ["KEPT_NEIGHBOURS", "Points", "agreement", "exact_neighbours", "prepared", "search"]

KEPT_NEIGHBOURS = 15
"""Neighbours in the layer that a map keeps of each image."""

ROWS, COLUMNS = 1024, 1024
"""Of a block of products: large enough for the matrix product, small enough for the processor's cache."""

STRIP_BYTES = 16 * 2**20
"""Of the products of some rows with all points."""

LARGEST = np.float32(3e38)


class Points:
    """Points made ready for distances by matrix product.

    Attributes:
        values: float32 (n, d), around their mean and within [-1, 1].
        squares: float32 (n,), their squared lengths.
        scale: what a distance is multiplied with, to be in the units of the points.
    """

    def __init__(self, values: Floats) -> None:
        mean = values.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = values - mean
        self.scale = float(np.abs(centred).max(initial=0)) or 1.0
        centred /= np.float32(self.scale)
        self.values: Floats = centred
        self.squares: Floats = np.einsum("ij,ij->i", centred, centred)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def strip(self) -> int:
        """How many rows have their products with all points at once."""
        return max(16, STRIP_BYTES // (4 * len(self)))


def prepared(values: Floats) -> Points:
    """Makes points ready for distances."""
    return Points(values)


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
        return search(prepared(np.ascontiguousarray(x, np.float32)), k, hands)


def search(points: Points, k: int, hands: Crew) -> Neighbours:
    """`exact_neighbours` of points that are made ready, by threads that are there."""
    n = len(points)
    candidates = min(n - 1, k + max(4, k // 8))
    index, distance = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    select, refine = compiled(_select), compiled(_refine)

    def work(start: int, stop: int) -> None:
        near = np.zeros((stop - start, candidates), np.int32)
        worth = np.full((stop - start, candidates), LARGEST)
        room = np.empty((stop - start) * COLUMNS, np.float32)
        for column in range(0, n, COLUMNS):
            end = min(column + COLUMNS, n)
            products = room[: (stop - start) * (end - column)].reshape(stop - start, end - column)
            np.matmul(points.values[start:stop], points.values[column:end].T, out=products)
            select(products, points.squares, (start, column), near, worth)
        refine(points.values, start, near, index[start:stop], distance[start:stop])

    hands.over(n, work, most=ROWS)
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


def _select(products: Floats, squares: Floats, corner: tuple[int, int], near: Integers, worth: Floats) -> None:
    """Keeps the nearest points of each row so far: heaps of them in `near`, by `worth`, the farthest on top."""
    start, column = corner
    k, width = near.shape[1], products.shape[1]
    for row in range(products.shape[0]):
        top = worth[row, 0]
        for begin in range(0, width, 64):
            end = min(begin + 64, width)
            least = top
            for j in range(begin, end):
                least = min(least, squares[column + j] - np.float32(2) * products[row, j])
            if least >= top:
                continue
            for j in range(begin, end):
                value = squares[column + j] - np.float32(2) * products[row, j]
                if value >= top or column + j == start + row:
                    continue
                place = 0
                while True:
                    child = 2 * place + 1
                    if child >= k:
                        break
                    if child + 1 < k and worth[row, child + 1] > worth[row, child]:
                        child += 1
                    if worth[row, child] <= value:
                        break
                    worth[row, place], near[row, place] = worth[row, child], near[row, child]
                    place = child
                worth[row, place], near[row, place] = value, column + j
                top = worth[row, 0]


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
