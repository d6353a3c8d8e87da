"""The validation images that a run is most wrong about, at its last epoch while it trains, then at the kept one."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from mnist_core.analysis.errors import most_confident_errors
from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.errors import EpochNotRecorded
from mnist_core.run import Run
from pages.ui.format import count
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.images import ImageSource, image_source
from pages.ui.live import Look, split_labels
from pages.ui.recorded import classes_of
from pages.ui.services import services

__all__ = ["MOST_WRONG", "Validated", "draw_most_wrong", "validated"]

MOST_WRONG = 10
COLUMNS = 5


class Validated(NamedTuple):
    """How a run did on its validation split at one epoch.

    Attributes:
        errors: how many images are wrong.
        total: of how many.
        accuracy: share that is right, in [0, 1].
        interval: Wilson's 95 % interval of it, (low, high).
        worst: the errors that it is surest about, by p(predicted) - p(true).
    """

    errors: int
    total: int
    accuracy: float
    interval: tuple[float, float]
    worst: tuple[GalleryItem, ...]


def draw_most_wrong(look: Look) -> None:
    """Draws the images, in a place that keeps its height while the run has none yet."""
    is_active = look.record.state.is_active
    epoch = look.last if is_active else look.kept
    if epoch is None:
        if is_active:
            st.markdown("**Wrong right now**")
            st.caption("After its first look at the validation images, the ten that it is most wrong about stand here.")
        return
    found = validated(look, epoch.epoch)
    if found is None:
        return
    st.markdown("**Wrong right now**" if is_active else "**Most wrong**")
    if found.worst:
        source = _source(look.spec.dataset.name)
        gallery(found.worst, dataset=source, key="most_wrong", label="images it is most wrong about", columns=COLUMNS)
    shown = f"The {len(found.worst)} that it is surest about, of {count(found.errors)} wrong validation images"
    st.caption(f"{shown if found.worst else 'No validation image is wrong'}, after epoch {epoch.epoch}.")


def validated(look: Look, epoch: int) -> Validated | None:
    """How the run did at a committed epoch; None where its predictions are not recorded."""
    try:
        return _validated(look.record.id, epoch, classes_of(look.record))
    except EpochNotRecorded:
        return None


@st.cache_resource(ttl=5.0, show_spinner=False)
def _source(dataset: str) -> ImageSource:
    return image_source(dataset)


@st.cache_resource(max_entries=256, show_spinner=False)
def _validated(run_id: str, epoch: int, classes: tuple[str, ...]) -> Validated:
    run: Run = services().lab.run(run_id)
    known = split_labels(run_id)
    if known is None:
        raise EpochNotRecorded("The run has not recorded its splits.")
    ids, labels = known
    predictions = run.predictions("validation", epoch)
    rows = most_confident_errors(labels, predictions, MOST_WRONG)
    chances = np.exp(predictions.log_probabilities[rows].astype(np.float32))
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
    return Validated(total - right, total, right / total, wilson_interval(right, total), worst)
