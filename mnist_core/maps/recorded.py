"""Maps in the archive: how a worker records them under its order, and how they are read again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding import Frame
from mnist_core.errors import EpochNotRecorded
from mnist_core.maps.request import MapRequest
from mnist_core.maps.result import FILES, LayerMap, MapResult
from mnist_core.maps.subject import Sample
from mnist_core.npz import Arrays, from_npz, to_npz
from mnist_core.runs import RUN_LEVEL, Archive, Lease, RunRecord

__all__ = ["MapFrame", "drop_frame", "keep_frame", "keep_map", "keep_sample", "read_frame", "read_maps"]

SAMPLE, FRAME = "sample", "frame"
FLOAT16_ENDS = float(np.finfo(np.float16).max)


class MapFrame(NamedTuple):
    """A map on its way.

    Attributes:
        place: of its source in the sequence.
        positions: float32 (n, 2), to 3 digits.
        iteration: how many iterations it has had.
        of: how many it will have.
    """

    place: int
    positions: NDArray[np.float32]
    iteration: int
    of: int


def keep_sample(archive: Archive, lease: Lease, sample: Sample) -> None:
    """Records which images are mapped.

    Raises:
        LeaseLost: the lease no longer holds the order.
    """
    archive.keep(lease, RUN_LEVEL, {SAMPLE: to_npz(sample._asdict())})


def keep_map(archive: Archive, lease: Lease, place: int, one: LayerMap) -> None:
    """Records the map of a source; the frames before it are forgotten.

    Raises:
        LeaseLost: the lease no longer holds the order.
    """
    archive.keep(lease, place, one.to_files())
    drop_frame(archive, lease)


def keep_frame(archive: Archive, lease: Lease, place: int, frame: Frame) -> None:
    """Records the newest frame in the place of the one before.

    Raises:
        LeaseLost: the lease no longer holds the order.
    """
    places = np.clip(frame.positions, -FLOAT16_ENDS, FLOAT16_ENDS).astype(np.float16)
    arrays: Arrays = {"positions": places, "counts": np.array([place, frame.iteration, frame.of], np.int32)}
    archive.keep(lease, RUN_LEVEL, {FRAME: to_npz(arrays)})


def drop_frame(archive: Archive, lease: Lease) -> None:
    """Forgets the frame.

    Raises:
        LeaseLost: the lease no longer holds the order.
    """
    archive.store.drop(lease, [(RUN_LEVEL, FRAME)])


def read_frame(archive: Archive, order: RunRecord) -> MapFrame | None:
    """The newest frame of the map under way; None where there is none."""
    if order.state.is_finished:
        return None
    try:
        arrays = from_npz(archive.read(order.id, RUN_LEVEL, FRAME))
    except EpochNotRecorded:
        return None
    place, iteration, of = arrays["counts"].tolist()
    return MapFrame(place, arrays["positions"].astype(np.float32), iteration, of)


def read_maps(archive: Archive, order: RunRecord, known: MapResult | None = None) -> MapResult:
    """The maps of an order that are made.

    Args:
        archive: where they are recorded.
        order: as `Jobs.map` answers it.
        known: what this answered before of the same order; what is in it is not read again.

    Raises:
        EpochNotRecorded: nothing is recorded yet.
    """
    there = sorted(one.epoch for one in archive.store.artifacts(order.id) if one.name == FILES[0])
    request = known.request if known else MapRequest.parse(order.spec)
    before = {one.source: one for one in known.maps} if known else {}
    maps = tuple(before.get(request.sources[place]) or _map(archive, order, place) for place in there)
    if known is not None:
        return MapResult(request, known.run, known.ids, known.labels, maps)
    sample = Sample(**from_npz(archive.read(order.id, RUN_LEVEL, SAMPLE)))
    return MapResult(request, order.source or "", sample.ids, sample.labels, maps)


def _map(archive: Archive, order: RunRecord, place: int) -> LayerMap:
    return LayerMap.from_files({name: archive.read(order.id, place, name) for name in FILES})
