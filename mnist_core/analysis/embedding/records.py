"""What goes into a map and what comes out of it: neighbours, frames, quality, and the map itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.settings import Settings

__all__ = ["Components", "Context", "Embedding", "Floats", "Frame", "Integers", "Neighbours", "Quality"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


class Neighbours(NamedTuple):
    """The nearest other points of each point, nearest first.

    Attributes:
        index: int32 (n, k), their rows.
        distance: float32 (n, k), how far they are, in the units of the points.
    """

    index: Integers  # type: ignore[assignment]  # hides what finds a value in a tuple, which nobody needs here
    distance: Floats

    def first(self, k: int) -> "Neighbours":
        """The k nearest of them."""
        return Neighbours(self.index[:, :k], self.distance[:, :k])


class Frame(NamedTuple):
    """A map on its way.

    Attributes:
        positions: float32 (n, 2), a copy.
        iteration: how many iterations it has had.
        of: how many it will have.
    """

    positions: Floats
    iteration: int
    of: int


class Components(NamedTuple):
    """Principal components.

    Attributes:
        mean: float32 (d,), of the points.
        basis: float32 (k, d), orthonormal rows, the one with the largest variance first; the largest entry of each is
            positive.
        variance_ratio: float32 (k,), the share of the variance along each, in [0, 1].
    """

    mean: Floats
    basis: Floats
    variance_ratio: Floats


class Quality(NamedTuple):
    """How far a map can be trusted; shares in [0, 1], 1 is best.

    Attributes:
        trustworthiness: whether neighbours in the map are near in the layer (Venna & Kaski 2001).
        continuity: whether neighbours in the layer are near in the map (Venna & Kaski 2001).
        neighbourhood_hit: accuracy of the majority class of the nearest points in the map, each point left out once,
            over all points; None without labels.
        neighbourhood_hit_layer: the same by the nearest points in the layer.
        neighbours: how many nearest points all of them look at.
        points: over how many points trustworthiness and continuity were computed.
    """

    trustworthiness: float
    continuity: float
    neighbourhood_hit: float | None
    neighbourhood_hit_layer: float | None
    neighbours: int
    points: int


class Embedding(NamedTuple):
    """A map of points, with what was found on the way.

    Attributes:
        positions: float32 (n, 2), or (n, 3) of three principal components.
        method: the key of its method.
        settings: those that it was made with.
        neighbours: of each point in the layer itself, at least as many as the quality looks at.
        quality: how far it can be trusted.
        components: the principal components where they are the axes.
        seconds: how long each step took, by its name, and `total`.
    """

    positions: Floats
    method: str
    settings: Settings
    neighbours: Neighbours
    quality: Quality
    components: Components | None
    seconds: dict[str, float]


def _nothing() -> None:
    """What happens between two steps where nobody asks for more."""


@dataclass(frozen=True, eq=False)
class Context:
    """What a map may start from, and who follows it on its way.

    Attributes:
        start: float32 (n, 2), places to start from; None starts at the principal components.
        neighbours: of these very activations, if they are known; without the point itself, nearest first.
        on_frame: called with frames, the first one at once, then a few times a second; may raise to end the work.
        between: called several times a second during everything else; may raise to end the work.
        threads: how many to use; None takes all cores that this process may use.
    """

    start: Floats | None = None
    neighbours: Neighbours | None = None
    on_frame: Callable[[Frame], None] | None = None
    between: Callable[[], object] = _nothing
    threads: int | None = None
