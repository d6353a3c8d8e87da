"""What the pages read of one finished epoch, kept between reruns: finished epochs never change."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.errors import most_confident_errors
from mnist_core.analysis.evaluation import Evaluation, evaluate
from mnist_core.errors import InvalidInput
from mnist_core.inference.predictions import Predictions
from mnist_core.run import Run
from mnist_core.runs import RunState
from pages.ui.owner import current_owner
from pages.ui.services import services

__all__ = ["RECORDED_SPLITS", "Snapshot", "load_snapshot"]

RECORDED_SPLITS = ("validation", "test")
"""The splits whose predictions are recorded each epoch."""


@dataclass(frozen=True)
class Snapshot:
    """The predictions of one split at one epoch, and what follows from them; arrays are read-only, ordered by image id.

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


@st.cache_resource(max_entries=64, show_spinner=False)
def load_snapshot(run_id: str, epoch: int, split: str) -> Snapshot:
    """Reads a split at a committed epoch (about 20 ms the first time, for 10,000 images).

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


def _made_later(run_id: str, epoch: int, split: str) -> Predictions:
    jobs = services().jobs
    order = jobs.predictions(run_id, split, epoch, owner=current_owner())
    if order.state is not RunState.DONE:
        raise InvalidInput(f"The predictions of the {split} images at epoch {epoch} are being made; look again soon.")
    return jobs.predicted(order)


def _split(run: Run, split: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    arrays = _split_file(run.id)
    return arrays[f"{split}_ids"].astype(np.int32, copy=False), arrays[f"{split}_labels"].astype(np.uint8, copy=False)


@st.cache_resource(max_entries=16, show_spinner=False)
def _split_file(run_id: str) -> dict[str, NDArray[np.generic]]:
    arrays = services().lab.run(run_id).split_file
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
