"""How far a map can be trusted: trustworthiness and continuity (Venna & Kaski 2001), and the neighbourhood hit.

Both of the first are exact sums of ranks over all points up to `ALL_POINTS`; beyond, over a sample of that many, each
still ranked among all points. Only those neighbours are ranked that one side has and the other has not.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.pairs import Points, Ranks, visit_pairs, visit_rows
from mnist_core.analysis.embedding.records import Floats, Integers, Neighbours, Quality
from mnist_core.analysis.embedding.threads import Crew, compiled

__all__ = ["ALL_POINTS", "NEIGHBOURS", "Labels", "Layer", "looked_at", "map_neighbours", "neighbourhood_hit", "quality"]

NEIGHBOURS = 10
ALL_POINTS = 10_000
SAMPLE_SEED = 0

Labels = NDArray[np.integer]


def looked_at(n: int) -> int:
    """How many nearest points the quality of a map of n points looks at; ranks are defined below half of them."""
    return max(1, min(NEIGHBOURS, (n - 1) // 2))


class Layer(NamedTuple):
    """What a map is compared with.

    Attributes:
        points: of the layer.
        nearest: in the layer, at least `looked_at(n)` of each point.
        labels: integers (n,), the classes; None leaves out the hits.
        in_map: int32 (n, `looked_at(n)`), the nearest of each point in the map; None where they are not known yet.
        ranks: int32 of the same shape, their ranks in the layer; None where they are not known yet.
    """

    points: Points
    nearest: Neighbours
    labels: Labels | None = None
    in_map: Integers | None = None
    ranks: Integers | None = None


def quality(positions: Floats, layer: Layer, hands: Crew, *, most: int = ALL_POINTS) -> Quality:
    """Compares a map with the layer.

    Args:
        positions: float32 (n, 2 or 3), the map.
        layer: what it shows.
        hands: threads.
        most: over how many points trustworthiness and continuity are computed at most.
    """
    n, labels = len(positions), layer.labels
    k = looked_at(n)
    in_layer = np.ascontiguousarray(layer.nearest.index[:, :k])
    in_map = map_neighbours(positions, k, hands) if layer.in_map is None else layer.in_map
    rows = _asked(n, most)
    ranks = _ranks(layer, in_map, rows, hands) if layer.ranks is None else layer.ranks
    far_in_layer = _excess(ranks[rows], in_map[rows], in_layer[rows])
    far_in_map = _excess_in_map(positions, (in_layer, in_map), rows, hands)
    worst = len(rows) * k * (2 * n - 3 * k - 1) / 2
    return Quality(
        trustworthiness=1 - far_in_layer / worst,
        continuity=1 - far_in_map / worst,
        neighbourhood_hit=None if labels is None else neighbourhood_hit(labels, in_map),
        neighbourhood_hit_layer=None if labels is None else neighbourhood_hit(labels, in_layer),
        neighbours=k,
        points=len(rows),
    )


def neighbourhood_hit(labels: Labels, nearest: Integers) -> float:
    """Accuracy of the majority class of the nearest points, in [0, 1]; of equal ones, that of the nearest of them.

    Args:
        labels: integers (n,), the classes.
        nearest: int32 (n, k), nearest first, without the point itself.
    """
    around = labels[nearest]
    votes = (around[:, :, None] == around[:, None, :]).sum(axis=2, dtype=np.int16)
    majority = around[np.arange(len(around)), votes.argmax(axis=1)]
    return float((majority == labels).mean())


def map_neighbours(positions: Floats, k: int, hands: Crew) -> Integers:
    """The k nearest other points of each point in the map: int32 (n, k), nearest first."""
    from scipy.spatial import cKDTree

    _, found = cKDTree(positions).query(positions, k + 1, workers=hands.threads)
    is_self = found == np.arange(len(positions))[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # among many at the very same place, the point itself may be missing
    nearest: Integers = found[~is_self].reshape(len(positions), k).astype(np.int32)
    return nearest


def _asked(n: int, most: int) -> NDArray[np.int64]:
    """The points whose neighbours are ranked, ascending."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SAMPLE_SEED).choice(n, most, replace=False))


def _ranks(layer: Layer, in_map: Integers, rows: NDArray[np.int64], hands: Crew) -> Integers:
    """The ranks in the layer of neighbours in the map: int32 (n, k), of the asked rows at least."""
    ranks = Ranks(layer.points, in_map)
    if len(rows) == len(in_map):
        visit_pairs(layer.points, [ranks], hands)
    else:
        visit_rows(layer.points, rows, [ranks], hands)
    return ranks.ranks.T


def _excess(ranks: Integers, mine: Integers, theirs: Integers) -> int:
    """Sums what ranks exceed k by; neighbours on both sides exceed it by nothing, whatever their rank by products."""
    is_shared = (mine[:, :, None] == theirs[:, None, :]).any(axis=2)
    return int(np.where(is_shared, 0, np.maximum(ranks - mine.shape[1], 0)).sum(dtype=np.int64))


def _excess_in_map(positions: Floats, nearest: tuple[Integers, Integers], rows: NDArray[np.int64], hands: Crew) -> int:
    """Sums what the ranks in the map of neighbours in the layer exceed k by."""
    in_layer, in_map = nearest
    kernel, sums = compiled(_rank_by_places), list[int]()
    places = np.ascontiguousarray(positions.T, np.float32)
    hands.over(len(rows), lambda start, stop: sums.append(kernel(places, rows[start:stop], in_layer, in_map)), most=512)
    return sum(sums)


def _rank_by_places(places: Floats, rows: NDArray[np.int64], mine: Integers, theirs: Integers) -> int:
    """Sums what the ranks of `mine` in the map exceed k by; `places` is float32 (2 or 3, n)."""
    n, k, total = places.shape[1], mine.shape[1], 0
    values = np.empty(n, np.float32)
    for row in rows:
        filled = False
        for a in range(k):
            wanted = mine[row, a]
            known = False
            for b in range(k):
                known |= theirs[row, b] == wanted
            if known:
                continue
            if not filled:
                values[:] = np.float32(0)
                for axis in range(places.shape[0]):
                    here = places[axis, row]
                    for j in range(n):
                        difference = places[axis, j] - here
                        values[j] += difference * difference
                filled = True
                values[row] = np.float32(3e38)
            limit, rank = values[wanted], np.int32(1)
            for j in range(n):
                rank += np.int32(values[j] < limit)
            total += max(rank - k, 0)
    return total
