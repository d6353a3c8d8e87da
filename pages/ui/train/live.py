"""What is known of a run while it trains, read once for all who look: the points and epochs after the last known ones.

Nothing here draws. A feed is shared by all sessions of this server; each look is one read of the run's row and of what
is new.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite
from statistics import median

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import Curve, Stretch, binned, follow, joined, steps_per_second
from mnist_core.errors import EpochNotRecorded
from mnist_core.runs import EpochRecord, PointRecord, RunRecord
from mnist_core.spec import LbfgsSpec, RunSpec
from pages.ui.recorded import Recorded, continued
from pages.ui.services import services

__all__ = ["Feed", "Look", "feed", "split_labels"]

LATELY = 5
SHOWN_SECONDS = 1.0


@dataclass(frozen=True)
class Look:
    """A run at one moment.

    Attributes:
        record: its row.
        spec: its specification.
        curve: its training points; None before the first.
        recorded: its committed epochs, 0 to n.
        lowest_accuracy: the lowest of any epoch in [0, 1], validation from 1 on, training from 2 on; None before.
        highest_loss: the highest likewise, in nats.
        shown: the committed epoch whose images are shown while it trains; another one at most once a second, and the
            same for all who look. None before the first.
        done: epochs that are trained, as a number between 0 and all of them.
        images_per_second: as last measured; None before.
        seconds_left: until its end, by what this run has taken so far; None before anything is measured.
    """

    record: RunRecord
    spec: RunSpec
    curve: Curve | None
    recorded: Recorded
    lowest_accuracy: float | None
    highest_loss: float | None
    shown: int | None
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
        return None if number is None else self.epochs[number - self.epochs[0].epoch]


class Feed:
    """Follows one run; safe to use from several sessions at once.

    Args:
        run_id: its full id.
    """

    def __init__(self, run_id: str) -> None:
        self._id = run_id
        self._lock = threading.Lock()
        self._spec: RunSpec | None = None
        self._forget()

    def _forget(self) -> None:
        self._cursor = -1
        self._stretches: list[Stretch] = []
        self._curve: Curve | None = None
        self._recorded = Recorded((), None, None)
        self._lowest_accuracy: float | None = None
        self._highest_loss: float | None = None
        self._images: int | None = None
        self._source: str | None = None
        self._shown: int | None = None
        self._shown_at = -inf

    def look(self) -> Look:
        """The run as it is now.

        Raises:
            RunNotFound: it is gone.
        """
        with self._lock:
            record, points, epochs = self._news()
            if record.source != self._source:  # it goes on without the run that it followed, or after another
                self._forget()
                self._source = record.source
                record, points, epochs = self._news()
            if self._spec is None:
                self._spec = RunSpec.parse(record.spec)
            self._take_epochs(epochs, self._spec)
            self._take_points(points)
            return self._look(record, self._spec)

    def _news(self) -> tuple[RunRecord, Sequence[tuple[int, PointRecord]], Sequence[EpochRecord]]:
        last = self._recorded.epochs[-1].epoch if self._recorded.epochs else -1
        return services().lab.archive.store.news(self._id, points=self._cursor, epochs=last)

    def _take_epochs(self, new: Sequence[EpochRecord], spec: RunSpec) -> None:
        if not new:
            return
        self._recorded = continued(self._recorded, new, spec)
        self._lowest_accuracy = min(_values(new, "accuracy", self._lowest_accuracy), default=None)
        self._highest_loss = max(_values(new, "loss", self._highest_loss), default=None)

    def _take_points(self, points: Sequence[tuple[int, PointRecord]]) -> None:
        for seq, point in points:
            self._cursor = max(self._cursor, seq)
            self._stretches = follow(self._stretches, _stretch(point))
        self._stretches = joined(self._stretches) if points else self._stretches
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
            lowest_accuracy=self._lowest_accuracy,
            highest_loss=self._highest_loss,
            shown=self._shown_epoch(),
            done=min(done, float(spec.training.epochs)),
            images_per_second=self._images_per_second(),
            seconds_left=self._seconds_left(spec.training.epochs - done),
        )

    def _shown_epoch(self) -> int | None:
        last = self._recorded.epochs[-1].epoch if self._recorded.epochs else None
        now = time.monotonic()
        if last != self._shown and now >= self._shown_at + SHOWN_SECONDS:
            self._shown, self._shown_at = last, now
        return self._shown

    def _train_images(self) -> int | None:
        if self._images is None and self._stretches:
            known = _splits(self._id)
            self._images = known and known[0]
        return self._images

    def _steps_per_epoch(self) -> int | None:
        images = self._train_images()
        if images is None or self._spec is None:
            return None
        return 1 if isinstance(self._spec.optimizer, LbfgsSpec) else ceil(images / self._spec.training.batch_size)

    def _images_per_second(self) -> float | None:
        images, per_epoch = self._train_images(), self._steps_per_epoch()
        if images is None or per_epoch is None:
            return None
        if lately := self._lately():
            seconds = median(one.seconds for one in lately)
            return images / seconds if seconds > 0 else None
        speed = steps_per_second(self._stretches)
        return speed * images / per_epoch if speed else None

    def _seconds_left(self, epochs: float) -> float | None:
        if lately := self._lately():
            return epochs * median(one.seconds + one.evaluation_seconds + one.recording_seconds for one in lately)
        speed, per_epoch = steps_per_second(self._stretches), self._steps_per_epoch()
        return epochs * per_epoch / speed if speed and per_epoch else None

    def _lately(self) -> list[EpochRecord]:
        """The last epochs; the first one holds the compilation, and counts only while there is no other."""
        trained = [one for one in self._recorded.epochs[-LATELY:] if one.epoch > 0]
        return [one for one in trained if one.epoch > 1] or trained


@st.cache_resource(max_entries=64, show_spinner=False)
def feed(run_id: str) -> Feed:
    """The feed of a run, the same for all sessions."""
    return Feed(run_id)


def _stretch(point: PointRecord) -> Stretch:
    loss, accuracy = (np.array(point.values[name], np.float32) for name in ("loss", "accuracy"))
    return Stretch(point.epoch, point.step, point.t, loss, accuracy)


def _values(epochs: Sequence[EpochRecord], quantity: str, *known: float | None) -> list[float]:
    """What is known, and the finite values of new epochs: validation from epoch 1 on, training from epoch 2 on."""
    validation = [one.metrics.get(f"val_{quantity}") for one in epochs if one.epoch > 0]
    training = [one.metrics.get(quantity) for one in epochs if one.epoch > 1]
    return [float(value) for value in (*known, *validation, *training) if value is not None and isfinite(value)]


def split_labels(run_id: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]] | None:
    """Image ids and true classes of a run's validation split; None before they are recorded."""
    known = _splits(run_id)
    return known and known[1:]


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
