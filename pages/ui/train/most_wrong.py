"""The validation images that a run is most wrong about, at its last epoch while it trains, then at the kept one."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from mnist_core.analysis.errors import most_confident_errors
from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.errors import EpochNotRecorded
from mnist_core.inference.predictions import Predictions
from mnist_core.npz import from_npz
from mnist_core.runs import RunRecord, RunState
from pages.ui.format import count
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.images import ImageSource, image_source
from pages.ui.recorded import classes_of
from pages.ui.services import services
from pages.ui.train.live import Look, split_labels

__all__ = ["MOST_WRONG", "Validated", "draw_most_wrong", "validated", "wrong_said"]

MOST_WRONG = 10
COLUMNS = 5
BEFORE = "After its first look at the validation images, the ten that it is most wrong about stand here."


class Validated(NamedTuple):
    """How a run did on its validation split at one epoch.

    Attributes:
        epoch: which epoch.
        errors: how many images are wrong.
        total: of how many.
        accuracy: share that is right, in [0, 1].
        interval: Wilson's 95 % interval of it, (low, high).
        worst: the errors that it is surest about, by p(predicted) - p(true).
    """

    epoch: int
    errors: int
    total: int
    accuracy: float
    interval: tuple[float, float]
    worst: tuple[GalleryItem, ...]


def draw_most_wrong(look: Look) -> None:
    """Draws the images, once there are any."""
    is_active = look.record.state.is_active
    kept = look.kept
    epoch = look.shown if is_active else kept and kept.epoch
    if epoch is None:
        if look.record.state is RunState.RUNNING:
            st.caption(BEFORE)
        return
    found = validated(look, epoch)
    if found is None:
        return
    st.markdown("**Wrong right now**" if is_active else "**Most wrong**")
    if found.worst:
        source = _source(look.record.id, look.spec.dataset.name)
        gallery(found.worst, dataset=source, key="most_wrong", label="images it is most wrong about", columns=COLUMNS)
    st.caption(wrong_said(found))


def wrong_said(found: Validated) -> str:
    """How many images are wrong, and which of them stand here, as a sentence."""
    at = f"after epoch {count(found.epoch)}" if found.epoch else "before training"
    if found.errors == 0:
        return f"No validation image is wrong, {at}."
    if found.errors == 1:
        return f"The one validation image that is wrong, {at}."
    if found.errors <= len(found.worst):
        return f"The {found.errors} validation images that are wrong, {at}; the one that it is surest about first."
    return f"The {len(found.worst)} that it is surest about, of {count(found.errors)} wrong validation images, {at}."


def validated(look: Look, epoch: int) -> Validated | None:
    """How the run did at a committed epoch; None where its predictions are not recorded."""
    try:
        return _validated(look.record.id, epoch, look.record)
    except EpochNotRecorded:
        return None


@st.cache_resource(ttl=5.0, show_spinner=False)
def _source(run_id: str, dataset: str) -> ImageSource:
    return image_source(dataset, _version(run_id))


@st.cache_resource(max_entries=256, show_spinner=False)
def _version(run_id: str) -> str:
    """The content hash of the images that a run sees; it is recorded before its first epoch."""
    facts = services().lab.run(run_id).facts
    return facts.dataset.content_hash if facts else ""


@st.cache_resource(max_entries=256, show_spinner=False)
def _validated(run_id: str, epoch: int, _record: RunRecord) -> Validated:
    known = split_labels(run_id)
    if known is None:
        raise EpochNotRecorded("The run has not recorded its splits.")
    ids, labels = known
    recorded = services().lab.archive.read(run_id, epoch, "predictions")
    predictions = Predictions.from_arrays(from_npz(recorded), "validation")
    classes = classes_of(_record)
    rows = most_confident_errors(labels, predictions, MOST_WRONG)
    chances = predictions.probabilities(rows)
    worst = tuple(
        GalleryItem(
            image=int(ids[row]),
            true=classes[labels[row]],
            predicted=classes[predictions.predicted[row]],
            right=False,
            probabilities=tuple(chance.tolist()),
        )
        for row, chance in zip(rows, chances, strict=True)
    )
    right = int(np.count_nonzero(labels == predictions.predicted))
    total = len(labels)
    return Validated(epoch, total - right, total, right / total, wilson_interval(right, total), worst)
