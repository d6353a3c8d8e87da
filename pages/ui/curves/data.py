"""The numbers behind a run's curves: one value per recorded epoch and curve, and the training steps between them.

Nothing here draws. What follows from finished epochs is kept, as it never changes.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, get_args

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import Curve, seconds_at
from mnist_core.npz import from_npz
from mnist_core.runs import EpochRecord, RunRecord
from mnist_core.spec import LbfgsSpec
from pages.ui.recorded import Recorded, epochs_of, sizes_of, spec_of
from pages.ui.services import services
from pages.ui.snapshot import load_history
from pages.ui.train.live import Look, feed

__all__ = ["CURVES", "QUANTITIES", "X_AXES", "CurveName", "Curves", "Quantity", "XAxis", "load_curves"]

CurveName = Literal["training", "evaluation", "validation", "test"]
CURVES: tuple[CurveName, ...] = get_args(CurveName)
Quantity = Literal["loss", "accuracy"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
XAxis = Literal["epochs", "steps", "time"]
X_AXES: tuple[XAxis, ...] = get_args(XAxis)

MANY_EPOCHS = 50
"""Above so many planned epochs, the axis of a run that trains ends where the run is."""

Values = NDArray[np.float64]
RECORDED: dict[CurveName, str] = {"training": "", "evaluation": "train_eval_", "validation": "val_"}
"""How the curves that each epoch's record holds are called in it; those of the test split are in its predictions."""


@dataclass(frozen=True, eq=False)
class Curves:
    """A run as curves; arrays have one value for each recorded epoch and are read-only, NaN where nothing is known.

    Attributes:
        epochs: int64 (E,), ascending; 0 is the untrained network.
        values: of each quantity and each curve that can be seen: float64 (E,), loss in nats, accuracy in [0, 1].
        seconds: float64 (3, E), of training, evaluating and recording.
        steps: means of the true values of consecutive training steps; None before the first.
        per_epoch: how many steps make an epoch; None where the run has not recorded its splits.
        ahead: seconds that the epoch at work takes, by the speed so far; None where that is not known.
        limit: how many epochs the axis shows.
        best: the epoch with the lowest validation loss; None before epoch 1.
        kept: the epoch that counts; None before epoch 1.
    """

    epochs: NDArray[np.int64]
    values: Mapping[Quantity, Mapping[CurveName, Values]]
    seconds: Values
    steps: Curve | None
    per_epoch: int | None
    ahead: float | None
    limit: float
    best: int | None
    kept: int | None

    def place(self, epochs: NDArray[np.int64] | Values, axis: XAxis) -> Values:
        """Where epochs, whole or in part, lie on an axis: float64, in epochs, steps or seconds."""
        at = np.asarray(epochs, np.float64)
        if axis == "time":
            return seconds_at(at, self.seconds[0, self.epochs > 0].tolist(), ahead=self.ahead)
        return at * (self.per_epoch or 1) if axis == "steps" else at

    def at(self, epoch: int, quantity: Quantity, curve: CurveName) -> float:
        """One value; NaN where there is none."""
        where = np.flatnonzero(self.epochs == epoch)
        held = self.values[quantity].get(curve)
        return float(held[where[0]]) if held is not None and len(where) else float("nan")


def load_curves(record: RunRecord, *, with_test: bool) -> Curves:
    """The curves of a run with at least one recorded epoch.

    Args:
        record: its row.
        with_test: whether to read the test split's, which may be done only after it was opened.

    Raises:
        EpochNotRecorded: of the test split nothing is recorded.
        BlobMissing: or it is gone.
    """
    recorded = epochs_of(record)
    look = feed(record.id).look()
    known = _from_records(record.id, record.epoch, record.state.is_finished, _recorded=recorded)
    values = known.values
    if with_test:
        test = _test(record, tuple(known.epochs.tolist()))
        values = {quantity: {**values[quantity], "test": test[quantity]} for quantity in QUANTITIES}
    return Curves(
        epochs=known.epochs,
        values=values,
        seconds=known.seconds,
        steps=look.curve,
        per_epoch=_steps_per_epoch(record),
        ahead=_ahead(look),
        limit=_limit(record, look),
        best=recorded.best,
        kept=recorded.kept,
    )


@dataclass(frozen=True, eq=False)
class _Known:
    epochs: NDArray[np.int64]
    values: dict[Quantity, dict[CurveName, Values]]
    seconds: Values


@st.cache_resource(max_entries=200, show_spinner=False)
def _from_records(run_id: str, last: int | None, finished: bool, *, _recorded: Recorded) -> _Known:  # noqa: ARG001
    epochs = _recorded.epochs
    seconds = [[one.seconds, one.evaluation_seconds, one.recording_seconds] for one in epochs]
    return _Known(
        epochs=_read_only(np.array([one.epoch for one in epochs], np.int64)),
        values={quantity: {name: _column(epochs, name, quantity) for name in RECORDED} for quantity in QUANTITIES},
        seconds=_read_only(np.array(seconds, np.float64).reshape(-1, 3).T.copy()),
    )


def _column(epochs: Sequence[EpochRecord], curve: CurveName, quantity: Quantity) -> Values:
    found = [one.metrics.get(RECORDED[curve] + quantity) for one in epochs]
    return _read_only(np.array([np.nan if value is None else value for value in found], np.float64))


def _steps_per_epoch(record: RunRecord) -> int | None:
    images, spec = sizes_of(record).get("train"), spec_of(record)
    if images is None:
        return None
    return 1 if isinstance(spec.optimizer, LbfgsSpec) else ceil(images / spec.training.batch_size)


def _ahead(look: Look) -> float | None:
    """An epoch that is begun and not finished has no time of its own yet."""
    images = sizes_of(look.record).get("train")
    return images / look.images_per_second if images and look.images_per_second else None


def _limit(record: RunRecord, look: Look) -> float:
    """To the last planned epoch while a short run trains, else as far as it has come."""
    planned = spec_of(record).training.epochs
    if record.state.is_active and planned <= MANY_EPOCHS:
        return planned
    return max(ceil(look.done), 1)


class _TestLosses:
    """Mean loss of the test split by epoch, which grows while the run trains; shared by all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, float] = {}

    def at(self, run_id: str, epochs: Sequence[int]) -> list[float]:
        """What is known already is not read again."""
        with self._lock:
            if not self._known.keys() >= set(epochs):
                self._read(run_id)
            return [self._known.get(epoch, float("nan")) for epoch in epochs]

    def _read(self, run_id: str) -> None:
        archive = services().lab.archive
        for one in archive.store.artifacts(run_id):
            if one.name == "predictions" and one.epoch not in self._known:
                losses = from_npz(archive.blobs.get(one.sha), ["test_loss"])["test_loss"]
                self._known[one.epoch] = float(losses.mean(dtype=np.float64))


@st.cache_resource(max_entries=32, show_spinner=False)
def _test_losses(run_id: str) -> _TestLosses:  # noqa: ARG001 - the key
    return _TestLosses()


def _test(record: RunRecord, epochs: tuple[int, ...]) -> dict[Quantity, Values]:
    """From the recorded predictions: about 4 ms an epoch of 10,000 images, once."""
    losses = np.array(_test_losses(record.id).at(record.id, epochs), np.float64)
    history = load_history(record, "test")
    right = {} if history is None else dict(zip(history.epochs.tolist(), history.accuracy.tolist(), strict=True))
    accuracy = np.array([right.get(epoch, np.nan) for epoch in epochs], np.float64)
    return {"loss": _read_only(losses), "accuracy": _read_only(accuracy)}


def _read_only(array: Values) -> Values:
    array.flags.writeable = False
    return array
