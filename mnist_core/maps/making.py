"""Making maps: what leaves each layer, then places for it, one source after the other in one frame of reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding import Context, Embedding, Frame
from mnist_core.analysis.embedding.compute import Asked
from mnist_core.analysis.embedding.sequence import JUDGES, Walk
from mnist_core.analysis.embedding.trust import ALL_POINTS
from mnist_core.inference.activations import Activations
from mnist_core.maps.request import MapRequest, Source
from mnist_core.maps.result import LayerMap, MapResult
from mnist_core.maps.subject import Sample, Subject

__all__ = ["NEIGHBOURS", "MapMaker", "Reader", "Studio", "compute"]

NEIGHBOURS = 15
"""How many neighbours of each image are kept."""

Reader = Callable[[Source], Activations]


@dataclass(frozen=True)
class Studio:
    """What maps are made with, and who follows.

    Attributes:
        read: gives what leaves a source's layer, for the images of the sample.
        on_frame: called with the place of a source in the sequence and its newest frame; may raise to end the work.
        between: called several times a second; may raise to end the work.
        threads: how many to use; None takes all cores that this process may use.
    """

    read: Reader
    on_frame: Callable[[int, Frame], None] | None = None
    between: Callable[[], object] = lambda: None
    threads: int | None = None


class MapMaker:
    """Makes the maps of a request, one at each step of an iteration over it.

    Args:
        request: what to make.
        sample: the images, as `run.sample` gives them for the request.
        studio: what it is made with.

    Attributes:
        place: of the source whose map is on its way, in the sequence.
    """

    def __init__(self, request: MapRequest, sample: Sample, studio: Studio) -> None:
        self._request, self._sample, self._studio = request, sample, studio
        self._frame: Frame | None = None
        self.place = request.anchor

    def __iter__(self) -> Iterator[tuple[int, LayerMap]]:
        """Makes them all: the anchor's, those before it, last to first, then those behind it; each with its place.

        Where a layer gives all images the same, as an untrained one may, they all lie in the middle.

        Raises:
            InvalidInput: the settings do not fit the images, or what leaves a layer cannot be mapped.
        """
        request, studio = self._request, self._studio
        context = Context(on_frame=self._follow, between=studio.between, threads=studio.threads)
        judges = JUDGES if len(request.sources) > 1 else ALL_POINTS
        walk = Walk(Asked(request.method, request.settings, self._sample.labels, judges), context)
        made: dict[int, Embedding] = {}
        before, behind = range(request.anchor, -1, -1), range(request.anchor + 1, len(request.sources))
        for place in (*before, *behind):
            self.place, self._frame, self._iterations = place, None, 0
            self._activations = studio.read(request.sources[place])
            values = self._activations.values
            if place == request.anchor:
                made[place] = walk.begin(values)
            else:
                beside = made[place + 1 if place < request.anchor else place - 1]
                if (values == values[0]).all():
                    made[place] = beside
                    yield place, self._in_the_middle(beside)
                    continue
                made[place] = walk.onwards(values, beside, alike=self._is_alike())
            yield place, self._finished(made[place])

    def unfinished(self) -> LayerMap | None:
        """The map at `place` as its last frame shows it; None where there was no frame yet."""
        frame = self._frame
        if frame is None:
            return None
        return self._bare(frame.positions, iterations=frame.iteration, unfinished=True)

    def _is_alike(self) -> bool:
        """Whether the values are those of the anchor's layer itself, not of its components, which differ each time."""
        sources, found = self._request.sources, self._activations
        is_same = sources[self.place].layer == sources[self._request.anchor].layer
        return is_same and found.width == found.values.shape[1]

    def _in_the_middle(self, beside: Embedding) -> LayerMap:
        middle = beside.positions.mean(axis=0, dtype=np.float64).astype(np.float32)
        return self._bare(np.broadcast_to(middle, beside.positions.shape).copy())

    def _bare(self, positions: NDArray[np.float32], *, iterations: int = 0, unfinished: bool = False) -> LayerMap:
        """A map of which nothing but the places is known."""
        return LayerMap(
            source=self._request.sources[self.place],
            positions=positions,
            neighbours=np.empty((len(positions), 0), np.int32),
            quality=None,
            components=None,
            width=self._activations.width,
            kept_variance=self._activations.kept_variance,
            seconds={},
            iterations=iterations,
            unfinished=unfinished,
        )

    def _follow(self, frame: Frame) -> None:
        self._frame, self._iterations = frame, frame.of if frame.of > 1 else 0
        if self._studio.on_frame:
            self._studio.on_frame(self.place, frame)

    def _finished(self, one: Embedding) -> LayerMap:
        return LayerMap(
            source=self._request.sources[self.place],
            positions=one.positions,
            neighbours=one.neighbours.first(NEIGHBOURS).index,
            quality=one.quality,
            components=one.components,
            width=self._activations.width,
            kept_variance=self._activations.kept_variance,
            seconds=one.seconds,
            iterations=self._iterations,
        )


def compute(run: Subject, request: MapRequest, *, threads: int | None = None) -> MapResult:
    """Makes the maps of a request in this process.

    Args:
        run: whose layers they show.
        request: what to make, as `fitted` returns it.
        threads: how many to use; None takes all cores that this process may use.

    Raises:
        InvalidInput: the settings do not fit the images, or what leaves a layer cannot be mapped.
        EpochNotRecorded: the weights of an epoch were not kept.
    """
    sample = run.sample(request.split, request.points, seed=request.sample_seed)

    def read(source: Source) -> Activations:
        return run.activations(source.layer, sample.ids, source.epoch).rounded

    made = dict(MapMaker(request, sample, Studio(read, threads=threads)))
    return MapResult(request, run.id, sample.ids, sample.labels, tuple(made[place] for place in sorted(made)))
