"""What the pages read of one finished epoch, kept between reruns: finished epochs never change."""

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.calibration import Reliability, reliability
from mnist_core.analysis.errors import most_confident_errors
from mnist_core.analysis.evaluation import Evaluation, evaluate
from mnist_core.analysis.history import History
from mnist_core.analysis.threshold_curves import PrecisionRecall, RocCurve, class_curves, thinned
from mnist_core.analysis.top_k import TopK, top_k
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inference.predictions import Predictions
from mnist_core.run import RECORDED_SPLITS, Run
from mnist_core.runs import RunRecord, RunState
from pages.ui.services import services

__all__ = ["CORNER", "ClassPoints", "CurvePoints", "Snapshot", "load_history", "load_snapshot", "split_ids"]

NOT_MADE = (
    "The predictions of the training images at epoch {epoch} are not made yet; look at the training split at that"
    " epoch first."
)


MOST_POINTS, FEWEST_POINTS = 1600, 40
"""Points of the curves of all classes together, and of one class where there are many."""
CORNER = 0.1
"""How far from its corner the magnified part of a curve's chart reaches."""


class CurvePoints(NamedTuple):
    """A curve of one class against all others, thinned for a chart.

    Attributes:
        x: float64 (m,), rising; false positive rate, or recall.
        y: float64 (m,), true positive rate, or precision.
        threshold: float64 (m,), the probability from which an image counts as of the class; infinite where none does.
        area: the area under the whole curve, or the average precision; NaN where no image, or every one, is of the
            class, and then there are no points.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    threshold: NDArray[np.float64]
    area: float


class ClassPoints(NamedTuple):
    """Both curves of one class."""

    roc: CurvePoints
    precision_recall: CurvePoints


@dataclass(frozen=True)
class Snapshot:
    """The predictions of one split at one epoch, and what follows from them; arrays are read-only, ordered by image id.

    What is computed at the first look is kept.

    Attributes:
        ids: int32 (n,), the images' rows in the dataset.
        labels: uint8 (n,), the true classes.
        predictions: of the same n images.
        evaluation: how right they are.
        errors: int64 (wrong,), rows of the errors, the most confident first.
        dataset: name of the dataset, or the sha256 of own data.
        version: the content hash of the images that the run saw; empty where it is not recorded.
    """

    ids: NDArray[np.int32]
    labels: NDArray[np.uint8]
    predictions: Predictions
    evaluation: Evaluation
    errors: NDArray[np.int64]
    dataset: str
    version: str

    @cached_property
    def reliability(self) -> Reliability:
        """How right the network is by how sure it is."""
        return reliability(self.labels, self.predictions)

    @cached_property
    def top_k(self) -> TopK | None:
        """How often the true class is among the first 3, of over 20 classes 5; None where that says nothing."""
        classes = self.predictions.log_probabilities.shape[1]
        k = 5 if classes > 20 else min(3, classes - 1)
        return top_k(self.labels, self.predictions, k) if k > 1 else None

    @cached_property
    def curves(self) -> tuple[ClassPoints, ...]:
        """The curves of each class (about 10 ms for 10,000 images of 10 classes)."""
        found = class_curves(self.labels, self.predictions)
        most = max(MOST_POINTS // len(found), FEWEST_POINTS)
        return tuple(
            ClassPoints(_roc_points(one.roc, most), _recall_points(one.precision_recall, most)) for one in found
        )


@st.cache_resource(max_entries=256, show_spinner=False)
def load_snapshot(run_id: str, epoch: int, split: str) -> Snapshot:
    """Reads a split at a committed epoch (about 20 ms the first time, for 10,000 images).

    Of 10,000 images each takes 0.34 MB with 10 classes and 2.4 MB with 100, so all together 90 to 600 MB; the training
    split, whose predictions are made one epoch at a time when somebody wants them, takes six times as much.

    Raises:
        InvalidInput: the split's predictions are not there yet.
        EpochNotRecorded: the run has no such epoch.
    """
    run = services().lab.run(run_id)
    predictions = run.predictions(split, epoch) if split in RECORDED_SPLITS else _made_later(run_id, epoch, split)
    ids, labels = _split(run, split)
    facts = run.facts
    classes = facts.dataset.classes if facts else run.classes
    evaluation = evaluate(labels, predictions, classes, epoch=epoch, split=split)
    errors = most_confident_errors(labels, predictions)
    for array in (predictions.predicted, predictions.loss, predictions.log_probabilities, errors, evaluation.confusion):
        array.flags.writeable = False
    version = facts.dataset.content_hash if facts else ""
    return Snapshot(ids, labels, predictions, evaluation, errors, run.spec.dataset.name, version)


def _roc_points(curve: RocCurve, most: int) -> CurvePoints:
    x, y = curve.false_positive_rate, curve.true_positive_rate
    kept = _kept(x, y, most, corner=0)
    return CurvePoints(x[kept], y[kept], curve.thresholds[kept], curve.area)


def _recall_points(curve: PrecisionRecall, most: int) -> CurvePoints:
    x, y, thresholds = curve.recall[::-1], curve.precision[::-1], np.append(curve.thresholds, np.inf)[::-1]
    kept = _kept(x, y, most, corner=1)
    return CurvePoints(x[kept], y[kept], thresholds[kept], curve.average_precision)


def _kept(x: NDArray[np.float64], y: NDArray[np.float64], most: int, *, corner: int) -> NDArray[np.int64]:
    """Which points are drawn: half of them over the whole curve, half in the corner that good networks come near."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return np.zeros(0, np.int64)
    near = np.flatnonzero((np.abs(x - corner) <= CORNER) & (y >= 1 - CORNER))
    return np.unique(np.concatenate([thinned(x, y, most // 2), near[thinned(x[near], y[near], most // 2)]]))


class _Growing:
    """The history of one split of one run, which grows while the run trains; shared by all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: History | None = None

    def until(self, last: int, run_id: str, split: str) -> History:
        """All epochs up to the last committed one, at least; what is known already is not read again."""
        with self._lock:
            if self._known is None or self._known.epochs[-1] < last:
                self._known = services().lab.run(run_id).history(split, self._known)
            return self._known


@st.cache_resource(max_entries=64, show_spinner=False)
def _histories(run_id: str, split: str) -> _Growing:  # noqa: ARG001 - the key
    """Of 10,000 images 0.3 MB for 30 epochs; for 1,000 epochs of 100 classes 14 MB, so all together 0.9 GB at worst.

    This holds as long as no page asks for the matrices of all epochs, another 40 MB then.
    """
    return _Growing()


def load_history(record: RunRecord, split: str) -> History | None:
    """What a run predicted of a split at each committed epoch; None for the training split and before epoch 0.

    The first look costs about 2 ms an epoch of 10,000 images, later ones what is new.
    """
    if split not in RECORDED_SPLITS or record.epoch is None:
        return None
    return _histories(record.id, split).until(record.epoch, record.id, split)


def split_ids(run_id: str, split: str) -> NDArray[np.int32]:
    """The images of a split: int32, ascending; none where the run has not recorded its splits."""
    try:
        ids = _split_file(run_id)[f"{split}_ids"]
    except EpochNotRecorded:
        return np.zeros(0, np.int32)
    return ids.astype(np.int32, copy=False)


def _made_later(run_id: str, epoch: int, split: str) -> Predictions:
    """Reads what the view lane has made; ordering it is the affair of whoever opens that split."""
    jobs = services().jobs
    order = jobs.known_predictions(run_id, split, epoch)
    if order is None or order.state is not RunState.DONE:
        raise InvalidInput(NOT_MADE.format(epoch=epoch))
    return jobs.predicted(order)


def _split(run: Run, split: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    arrays = _split_file(run.id)
    return arrays[f"{split}_ids"].astype(np.int32, copy=False), arrays[f"{split}_labels"].astype(np.uint8, copy=False)


@st.cache_resource(max_entries=128, show_spinner=False)
def _split_file(run_id: str) -> dict[str, NDArray[np.generic]]:
    """0.35 MB of 70,000 images, so all together 45 MB."""
    arrays = services().lab.run(run_id).split_file
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
