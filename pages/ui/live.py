"""What is known of a run while it trains, read once for all who look: points after a cursor, epochs when one is new.

Nothing here draws. A feed is shared by all sessions of this server; each look costs a read of the run's row, and one of
its new points.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import Curve, Stretch, binned, follow, steps_per_second
from mnist_core.errors import EpochNotRecorded
from mnist_core.runs import EpochRecord, PointRecord, RunRecord
from mnist_core.spec import LbfgsSpec, RunSpec
from pages.ui.recorded import Recorded, epochs_of
from pages.ui.services import services

__all__ = ["Feed", "Look", "feed", "split_labels"]

LATELY = 5


@dataclass(frozen=True)
class Look:
    """A run at one moment.

    Attributes:
        record: its row.
        spec: its specification.
        curve: its training points; None before the first.
        recorded: its committed epochs, 0 to n.
        done: epochs that are trained, as a number between 0 and all of them.
        images_per_second: as last measured; None before.
        seconds_left: until its end, by what this run has taken so far; None before anything is measured.
    """

    record: RunRecord
    spec: RunSpec
    curve: Curve | None
    recorded: Recorded
    done: float
    images_per_second: float | None
    seconds_left: float | None

    @property
    def epochs(self) -> tuple[EpochRecord, ...]:
        """Its committed epochs, 0 to n."""
        return self.recorded.epochs

    @property
    def best(self) -> EpochRecord | None:
        """The epoch with the lowest validation loss."""
        return self._epoch(self.recorded.best)

    @property
    def kept(self) -> EpochRecord | None:
        """The epoch that counts."""
        return self._epoch(self.recorded.kept)

    @property
    def last(self) -> EpochRecord | None:
        """The last committed epoch, the untrained network included."""
        return self.epochs[-1] if self.epochs else None

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to draw."""
        return self.curve is not None or len(self.epochs) > 0

    def _epoch(self, number: int | None) -> EpochRecord | None:
        return next((one for one in self.epochs if one.epoch == number), None)


class Feed:
    """Follows one run; safe to use from several sessions at once.

    Args:
        run_id: its full id.
    """

    def __init__(self, run_id: str) -> None:
        self._id = run_id
        self._lock = threading.Lock()
        self._cursor = -1
        self._stretches: list[Stretch] = []
        self._recorded = Recorded((), None, None)
        self._seen: tuple[Any, ...] | None = None
        self._curve: Curve | None = None
        self._spec: RunSpec | None = None

    def look(self) -> Look:
        """The run as it is now.

        Raises:
            RunNotFound: it is gone.
        """
        store = services().lab.archive.store
        with self._lock:
            record = store.run(self._id)
            if self._spec is None:
                self._spec = RunSpec.parse(record.spec)
            version = (record.epoch, record.attempt, record.state)
            new = [] if self._seen == version and record.state.is_finished else store.points(self._id, self._cursor)
            if self._seen != version:
                self._recorded = epochs_of(record)
            self._seen = version
            self._take(new)
            return self._look(record, self._spec)

    def _take(self, points: Sequence[tuple[int, PointRecord]]) -> None:
        for seq, point in points:
            self._cursor = max(self._cursor, seq)
            self._stretches = follow(self._stretches, _stretch(point))
        per_epoch = self._steps_per_epoch() if points else None
        if per_epoch:
            self._curve = binned(self._stretches, per_epoch)

    def _look(self, record: RunRecord, spec: RunSpec) -> Look:
        per_epoch = self._steps_per_epoch()
        taken = self._stretches[-1].end / per_epoch if self._stretches and per_epoch else 0.0
        done = max(taken, float(record.epoch or 0))
        return Look(
            record=record,
            spec=spec,
            curve=self._curve,
            recorded=self._recorded,
            done=min(done, float(spec.training.epochs)),
            images_per_second=self._images_per_second(),
            seconds_left=self._seconds_left(spec.training.epochs - done),
        )

    def _steps_per_epoch(self) -> int | None:
        images = _train_images(self._id) if self._stretches else None
        if images is None or self._spec is None:
            return None
        return 1 if isinstance(self._spec.optimizer, LbfgsSpec) else ceil(images / self._spec.training.batch_size)

    def _images_per_second(self) -> float | None:
        images, per_epoch = _train_images(self._id) if self._stretches else None, self._steps_per_epoch()
        if images is None or per_epoch is None:
            return None
        seconds = [one.seconds for one in self._recorded.epochs if one.epoch > 1][-LATELY:] or [
            one.seconds for one in self._recorded.epochs if one.epoch == 1
        ]
        if seconds:
            return images / median(seconds) if median(seconds) > 0 else None
        speed = steps_per_second(self._stretches)
        return speed * images / per_epoch if speed else None

    def _seconds_left(self, epochs: float) -> float | None:
        """The first epoch holds the compilation, and counts only while there is no other."""
        trained = [one for one in self._recorded.epochs if one.epoch > 0]
        lately = trained[1:][-LATELY:] or trained
        if lately:
            return epochs * median(one.seconds + one.evaluation_seconds + one.recording_seconds for one in lately)
        speed, per_epoch = steps_per_second(self._stretches), self._steps_per_epoch()
        return epochs * per_epoch / speed if speed and per_epoch else None


@st.cache_resource(max_entries=64, show_spinner=False)
def feed(run_id: str) -> Feed:
    """The feed of a run, the same for all sessions."""
    return Feed(run_id)


def _stretch(point: PointRecord) -> Stretch:
    loss, accuracy = (np.array(point.values[name], np.float32) for name in ("loss", "accuracy"))
    return Stretch(point.epoch, point.step, point.t, loss, accuracy)


def split_labels(run_id: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]] | None:
    """Image ids and true classes of a run's validation split; None before they are recorded."""
    known = _splits(run_id)
    return known and known[1:]


def _train_images(run_id: str) -> int | None:
    known = _splits(run_id)
    return known and known[0]


def _splits(run_id: str) -> tuple[int, NDArray[np.int32], NDArray[np.uint8]] | None:
    try:
        return _read_splits(run_id)
    except EpochNotRecorded:  # not kept by the cache: they come with the run's start
        return None


@st.cache_resource(max_entries=64, show_spinner=False)
def _read_splits(run_id: str) -> tuple[int, NDArray[np.int32], NDArray[np.uint8]]:
    arrays = services().lab.run(run_id).split_file
    return (
        len(arrays["train_ids"]),
        arrays["validation_ids"].astype(np.int32, copy=False),
        arrays["validation_labels"].astype(np.uint8, copy=False),
    )
