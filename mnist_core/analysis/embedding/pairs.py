"""All pairs of points, a block of products at a time: who is near whom, and at which rank.

The product of a pair serves both of its points, so half of the matrix product is enough. What is found does not depend
on the order in which threads come to the blocks: of equal distances, the lower row is nearer.
"""

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import combinations_with_replacement
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.records import Floats, Integers
from mnist_core.analysis.embedding.threads import Crew, compiled

__all__ = ["Nearest", "Points", "Ranks", "visit_pairs", "visit_rows"]

SIDE = 1024
"""Of a block of products: large enough for the matrix product, small enough for the processor's cache."""

LARGEST = np.float32(3e38)

Rows = NDArray[np.int64]


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


class Visitor(Protocol):
    """Who looks at the products of some points with others."""

    def meet(self, products: Floats, rows: Rows, column: int, *, both: bool) -> None:
        """Takes in a block.

        Args:
            products: float32 (r, c), of the points `rows` with the c points from `column` on.
            rows: int64 (r,), ascending.
            column: the first of the other points.
            both: whether the block is to be looked at from the other points' side as well.
        """


def visit_pairs(points: Points, visitors: Iterable[Visitor], hands: Crew) -> None:
    """Shows all pairs of points to visitors, each once, from both sides."""
    starts = range(0, len(points), SIDE)
    pairs = sorted(combinations_with_replacement(starts, 2), key=lambda pair: (pair[1] - pair[0], pair))
    locks = {start: threading.Lock() for start in starts}
    every, known = np.arange(len(points)), tuple(visitors)

    def work(first: int, last: int) -> None:
        for start, column in pairs[first:last]:
            products = points.values[start : start + SIDE] @ points.values[column : column + SIDE].T
            with ExitStack() as held:
                for block in sorted({start, column}):
                    held.enter_context(locks[block])
                for visitor in known:
                    visitor.meet(products, every[start : start + SIDE], column, both=start != column)

    hands.over(len(pairs), work, most=1)


def visit_rows(points: Points, rows: Rows, visitors: Iterable[Visitor], hands: Crew) -> None:
    """Shows some points' products with all others to visitors, from the side of these points alone."""
    known = tuple(visitors)

    def work(first: int, last: int) -> None:
        some = rows[first:last]
        values = points.values[some]
        for column in range(0, len(points), SIDE):
            products = values @ points.values[column : column + SIDE].T
            for visitor in known:
                visitor.meet(products, some, column, both=False)

    hands.over(len(rows), work, most=SIDE)


class Nearest:
    """Keeps the nearest points of each point: heaps, the farthest on top.

    Args:
        points: all of them.
        k: how many to keep of each.

    Attributes:
        index: int32 (n, k), their rows, in no order.
    """

    def __init__(self, points: Points, k: int) -> None:
        self._squares, self._kernel = points.squares, compiled(_keep_nearest)
        self.index: Integers = np.full((len(points), k), len(points), np.int32)
        self._worth: Floats = np.full((len(points), k), LARGEST)

    def meet(self, products: Floats, rows: Rows, column: int, *, both: bool) -> None:
        """Takes in a block."""
        self._kernel(products, self._squares, rows, (column, both), (self.index, self._worth))


class Ranks:
    """Ranks points by their distance from others; rank 1 is the nearest.

    Args:
        points: all of them.
        marked: int32 (n, m), the points that each point ranks.

    Attributes:
        ranks: int32 (m, n), once all others were met; of points that were met from their own side only, theirs.
    """

    def __init__(self, points: Points, marked: Integers) -> None:
        self._squares, self._kernel, self._marked = points.squares, compiled(_count_nearer), marked
        self._limits: Floats = np.empty(marked.shape[::-1], np.float32)
        compiled(_distances)(points.values, points.squares, marked, self._limits)
        self.ranks: Integers = np.ones(marked.shape[::-1], np.int32)

    def meet(self, products: Floats, rows: Rows, column: int, *, both: bool) -> None:
        """Takes in a block."""
        self._kernel(products, self._squares, rows, (column, both), (self._marked, self._limits, self.ranks))


def _keep_nearest(  # noqa: PLR0912 - a kernel calls no other
    products: Floats, squares: Floats, rows: Rows, where: tuple[int, bool], heaps: tuple[Integers, Floats]
) -> None:
    (column, both), (index, worth) = where, heaps
    k, width = index.shape[1], products.shape[1]
    tops, others = worth[column : column + width, 0].copy(), squares[column : column + width]
    for place in range(rows.shape[0]):
        row, line = rows[place], products[place]
        mine, top = squares[row], worth[row, 0]
        for begin in range(0, width, 64):
            end = min(begin + 64, width)
            near = np.int32(0)
            for j in range(begin, end):
                near += np.int32(others[j] - np.float32(2) * line[j] <= top)
            if both:
                for j in range(begin, end):
                    near += np.int32(mine - np.float32(2) * line[j] <= tops[j])
            if near == 0:
                continue
            for j in range(begin, end):
                twice = np.float32(2) * line[j]
                for side in range(2 if both else 1):
                    one, other = (row, column + j) if side == 0 else (column + j, row)
                    value = (others[j] if side == 0 else mine) - twice
                    limit = worth[one, 0]
                    if one == other or value > limit or (value == limit and other >= index[one, 0]):
                        continue
                    hole = 0
                    while True:
                        child = 2 * hole + 1
                        if child >= k:
                            break
                        if child + 1 < k:
                            left, right = worth[one, child], worth[one, child + 1]
                            if right > left or (right == left and index[one, child + 1] > index[one, child]):
                                child += 1
                        if worth[one, child] < value or (worth[one, child] == value and index[one, child] < other):
                            break
                        worth[one, hole], index[one, hole] = worth[one, child], index[one, child]
                        hole = child
                    worth[one, hole], index[one, hole] = value, other
                    if side == 0:
                        top = worth[row, 0]
                    else:
                        tops[j] = worth[one, 0]


def _count_nearer(  # noqa: PLR0912 - a kernel calls no other
    products: Floats, squares: Floats, rows: Rows, where: tuple[int, bool], ranking: tuple[Integers, Floats, Integers]
) -> None:
    (column, both), (marked, limits, ranks) = where, ranking
    m, width = marked.shape[1], products.shape[1]
    values, others = np.empty(width, np.float32), squares[column : column + width]
    for place in range(rows.shape[0]):
        row, line = rows[place], products[place]
        for j in range(width):
            values[j] = others[j] - np.float32(2) * line[j]
        if column <= row < column + width:
            values[row - column] = np.float32(3e38)
        for a in range(m):
            limit, nearer = limits[a, row], np.int32(0)
            for j in range(width):
                nearer += np.int32(values[j] < limit)
            wanted = marked[row, a] - column
            if 0 <= wanted < width and values[wanted] < limit:  # the point itself, by another rounding
                nearer -= np.int32(1)
            ranks[a, row] += nearer
        if not both:
            continue
        for j in range(width):
            values[j] = squares[row] - np.float32(2) * line[j]
        for a in range(m):
            theirs, found = limits[a, column : column + width], ranks[a, column : column + width]
            for j in range(width):  # over slices, without an index, it is seven times as fast
                if values[j] < theirs[j]:
                    found[j] += np.int32(1)
    if both:
        first, last = rows[0], rows[-1]
        for j in range(width):
            for a in range(m):
                wanted = marked[column + j, a]
                if first <= wanted <= last:
                    value = squares[wanted] - np.float32(2) * products[wanted - first, j]
                    ranks[a, column + j] -= np.int32(value < limits[a, column + j])


def _distances(values: Floats, squares: Floats, marked: Integers, out: Floats) -> None:
    """Squared distances of marked points, less the squared length of who marked them: float32 (m, n)."""
    for row in range(marked.shape[0]):
        for a in range(marked.shape[1]):
            other, product = marked[row, a], np.float32(0)
            for d in range(values.shape[1]):
                product += values[row, d] * values[other, d]
            out[a, row] = squares[other] - np.float32(2) * product
