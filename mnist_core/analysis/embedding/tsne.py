"""t-SNE (van der Maaten & Hinton 2008) of known neighbours, in two dimensions.

Affinities, phases, learning rate and steps are those of the openTSNE library; repulsion is interpolated as there. Sums
are made in the same order whatever the number of threads, so that the map is the same each time. Tests hold map and
objective against openTSNE.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.frames import Frames
from mnist_core.analysis.embedding.records import Context, Floats, Integers, Neighbours
from mnist_core.analysis.embedding.repulsion import read_off, repulsion_field
from mnist_core.analysis.embedding.settings import TsneSettings
from mnist_core.analysis.embedding.start import first_places
from mnist_core.analysis.embedding.threads import Crew, compiled

__all__ = ["affinities", "lay_out", "neighbours_for"]

SIZE = 3e-4
"""The largest coordinate before the first iteration: so near to each other that attraction decides."""

Graph = tuple[NDArray[np.int64], Integers, Floats]


def neighbours_for(perplexity: float) -> int:
    """How many neighbours a perplexity needs."""
    return int(3 * perplexity)


def lay_out(x: Floats, nearest: Neighbours, settings: TsneSettings, context: Context, hands: Crew) -> Floats:
    """Places for points whose neighbours are known.

    Args:
        x: float32 (n, d), the points, to start from where the context gives no places.
        nearest: `neighbours_for(settings.perplexity)` of each.
        settings: all of them but `pca`. The early iterations are left out where places are given.
        context: places to start from, and who follows.
        hands: threads.

    Returns:
        float32 (n, 2), around 0.
    """
    early = settings.early_iterations if context.start is None else 0
    frames = Frames(context, early + settings.iterations)
    places = SIZE * first_places(x, settings.seed) if context.start is None else context.start.astype(np.float32)
    frames.show(0, places)
    descent = _Descent(places, affinities(nearest, settings.perplexity, hands), hands)
    for iteration in range(early + settings.iterations):
        is_early = iteration < early
        exaggeration = settings.early_exaggeration if is_early else settings.exaggeration
        rate = settings.learning_rate or len(x) / exaggeration
        descent.step(exaggeration, rate, momentum=0.5 if is_early else 0.8)
        frames.show(iteration + 1, descent.places)
    return descent.places


def affinities(nearest: Neighbours, perplexity: float, hands: Crew) -> Graph:
    """How strongly each pair attracts, as the rows of a symmetric sparse matrix that adds up to 1."""
    from scipy.sparse import csr_array

    n, k = nearest.index.shape
    strength, kernel = np.empty((n, k), np.float32), compiled(_conditional)
    hands.over(n, lambda a, b: kernel(nearest.distance, np.float64(perplexity), (a, b), strength))
    directed = csr_array((strength.ravel(), nearest.index.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    joint = (directed + directed.T.tocsr()).tocsr()
    joint.sort_indices()
    return joint.indptr.astype(np.int64), joint.indices.astype(np.int32), (joint.data / (2 * n)).astype(np.float32)


class _Descent:
    """Gradient descent with momentum and a gain for each coordinate (Jacobs 1988)."""

    def __init__(self, places: Floats, graph: Graph, hands: Crew) -> None:
        self.places: Floats = places - places.mean(axis=0)
        self._graph, self._hands = graph, hands
        self._moved, self._gains = np.zeros_like(places), np.ones_like(places)
        self._pull, self._read = np.empty_like(places), np.empty((len(places), 3), np.float32)

    def step(self, exaggeration: float, rate: float, *, momentum: float) -> None:
        attract, read = compiled(_attract), compiled(read_off)
        field = repulsion_field(self.places, self._hands)

        def forces(start: int, stop: int) -> None:
            attract(self.places, self._graph, (start, stop), self._pull)
            read(self.places, field, (start, stop), self._read)

        self._hands.over(len(self.places), forces)
        total = float(self._read[:, 0].sum(dtype=np.float64)) - len(self.places)
        numbers = np.array([exaggeration, 1 / max(total, 1e-12), rate, momentum], np.float32)
        compiled(_descend)((self._pull, self._read), numbers, (self._moved, self._gains), self.places)
        self.places -= self.places.mean(axis=0, dtype=np.float64).astype(np.float32)


def _conditional(distance: Floats, perplexity: np.float64, span: tuple[int, int], strength: Floats) -> None:
    """Fills rows with exp(-precision d^2), normed, the precision such that they have the entropy log(perplexity)."""
    wanted, k = np.log(perplexity), distance.shape[1]
    for i in range(span[0], span[1]):
        nearest = np.float64(distance[i, 0]) ** 2
        mean = 0.0
        for j in range(k):
            mean += np.float64(distance[i, j]) ** 2 - nearest
        low, high = 0.0, 1e300
        precision = k / mean if mean > 0 else 1.0
        for _ in range(100):
            total, weighted = 0.0, 0.0
            for j in range(k):
                beyond = np.float64(distance[i, j]) ** 2 - nearest
                share = np.exp(-precision * beyond)
                total += share
                weighted += share * beyond
            entropy = np.log(total) + precision * weighted / total
            if abs(entropy - wanted) < 1e-5 or mean <= 0:
                break
            if entropy > wanted:
                low = precision
                precision = precision * 2 if high == 1e300 else (low + high) / 2
            else:
                high = precision
                precision = (low + high) / 2
        for j in range(k):
            strength[i, j] = np.exp(-precision * (np.float64(distance[i, j]) ** 2 - nearest)) / total


def _attract(places: Floats, graph: Any, span: tuple[int, int], pull: Floats) -> None:
    """Fills rows with the sum of p (y_i - y_j) / (1 + |y_i - y_j|^2) over the ties of each point."""
    starts, ends, strength = graph
    for i in range(span[0], span[1]):
        x, y = places[i, 0], places[i, 1]
        px, py = np.float32(0), np.float32(0)
        for tie in range(starts[i], starts[i + 1]):
            dx, dy = x - places[ends[tie], 0], y - places[ends[tie], 1]
            share = strength[tie] / (np.float32(1) + dx * dx + dy * dy)
            px += share * dx
            py += share * dy
        pull[i, 0], pull[i, 1] = px, py


def _descend(forces: tuple[Floats, Floats], numbers: Floats, state: tuple[Floats, Floats], places: Floats) -> None:
    """Moves each point against its gradient, by at most 5; gains grow where the direction turns."""
    pull, read = forces
    moved, gains = state
    exaggeration, norm, rate, momentum = numbers[0], numbers[1], numbers[2], numbers[3]
    longest = np.float32(5)
    for i in range(places.shape[0]):
        for axis in range(2):
            gradient = exaggeration * pull[i, axis] - norm * read[i, axis + 1]
            if np.sign(moved[i, axis]) != np.sign(gradient):
                gains[i, axis] += np.float32(0.2)
            else:
                gains[i, axis] = gains[i, axis] * np.float32(0.8) + np.float32(0.01)
            moved[i, axis] = momentum * moved[i, axis] - rate * gains[i, axis] * gradient
        length = np.sqrt(moved[i, 0] * moved[i, 0] + moved[i, 1] * moved[i, 1])
        share = longest / length if length > longest else np.float32(1)
        for axis in range(2):
            moved[i, axis] *= share
            places[i, axis] += moved[i, axis]
