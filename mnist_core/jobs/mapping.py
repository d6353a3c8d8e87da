"""Carries out an order for maps: the newest frame while it works, each map as soon as it is made, a stop at once."""

from functools import partial
from time import monotonic

from mnist_core.analysis.embedding import Frame
from mnist_core.inference.activations import Activations
from mnist_core.jobs.shelf import ActivationShelf, make_room
from mnist_core.jobs.stopping import StopRequested, StopWatch
from mnist_core.lab import Lab
from mnist_core.machine import machine_name
from mnist_core.maps import MapMaker, MapRequest, Source, Studio
from mnist_core.maps.recorded import drop_frame, keep_frame, keep_map, keep_sample
from mnist_core.runs import Archive, Lease, PointRecord, RunRecord, RunState

__all__ = ["embed"]

POINT_SECONDS = 1.0
FRAME_SECONDS, FRAME_POINTS = 0.33, 20_000
"""Frames are written so often up to so many points, and the less often the more points there are."""

READING_SHARE = 0.1
"""How much of a source's progress reading its activations is."""

STOPPED = "Stopped on request; the maps until then are kept."


def embed(lab: Lab, lease: Lease, record: RunRecord) -> None:
    """Makes and records the maps that an order asks for."""
    request = MapRequest.parse(record.spec)
    run, threads, began = lab.run(record.source or ""), lab.settings.training_threads, monotonic()
    shelf = ActivationShelf(lab, run, record, request)
    report = _Report(lab.archive, lease, len(request.sources))
    drop_frame(lab.archive, lease)
    keep_sample(lab.archive, lease, shelf.sample)
    studio = Studio(partial(_read, shelf, report), report.frame, report.between, threads)
    maker, state, made = MapMaker(request, shelf.sample, studio), RunState.DONE, 0
    try:
        for place, one in maker:
            keep_map(lab.archive, lease, place, one)
            made += 1
    except StopRequested:
        state = RunState.STOPPED
        if last := maker.unfinished():
            keep_map(lab.archive, lease, maker.place, last)
    result = {"seconds": monotonic() - began, "threads": threads, "machine": machine_name(), "maps": made}
    reason = STOPPED if state is RunState.STOPPED else None
    lab.archive.store.finish(lease, state, reason=reason, result=result)
    make_room(lab, record.kind)


def _read(shelf: ActivationShelf, report: "_Report", source: Source) -> Activations:
    report.look()
    return shelf.read(source, between=report.between)


class _Report:
    """Says how far the work is, shows its frames, and hears of a wish to stop; none of it too often."""

    def __init__(self, archive: Archive, lease: Lease, sources: int) -> None:
        self._archive, self._lease, self._sources = archive, lease, sources
        self._watch, self._began = StopWatch(archive, lease), monotonic()
        self._pointed = self._framed = self._began - max(POINT_SECONDS, FRAME_SECONDS * 10)
        self._begun, self._done = 0, 0.0
        self._place: int | None = None

    def frame(self, place: int, frame: Frame) -> None:
        """Takes the newest frame of a source."""
        if place != self._place:
            self._begun += 1
        self._place = place
        self._done = READING_SHARE + (1 - READING_SHARE) * frame.iteration / max(frame.of, 1)
        every = FRAME_SECONDS * max(len(frame.positions) / FRAME_POINTS, 1)
        if monotonic() - self._framed >= every:
            self.look()
            keep_frame(self._archive, self._lease, place, frame)
            self._framed = monotonic()
        self.between()

    def between(self) -> None:
        """Looks whether a stop is wished, if the last look is not too young.

        Raises:
            StopRequested: it is.
        """
        if self._watch.is_due:
            self.look()

    def look(self) -> None:
        """Looks now, and says how far the work is.

        Raises:
            StopRequested: a stop is wished.
        """
        now = monotonic()
        points = []
        if now - self._pointed >= POINT_SECONDS:
            fraction = (max(self._begun - 1, 0) + self._done) / self._sources
            points = [PointRecord(0, 0, now - self._began, {"fraction": [fraction]})]
            self._pointed = now
        self._watch.look(points)
