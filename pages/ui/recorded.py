"""What pages read of recorded runs again and again, kept by run and last committed epoch: none of it ever changes."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mnist_core.errors import BlobMissing
from mnist_core.run import SPLITS
from mnist_core.runs import RUN_LEVEL, EpochRecord, RunRecord, best_epoch, kept_epoch
from mnist_core.spec import RunSpec
from pages.ui.services import services

__all__ = ["Recorded", "classes_of", "continued", "epochs_of", "parameters_of", "sizes_of", "spec_of", "traceback_of"]


@dataclass(frozen=True)
class Recorded:
    """The committed epochs of a run.

    Attributes:
        epochs: first to last.
        best: the epoch with the lowest validation loss; None before epoch 1.
        kept: the epoch that counts; None before epoch 1.
    """

    epochs: tuple[EpochRecord, ...]
    best: int | None
    kept: int | None


def epochs_of(record: RunRecord) -> Recorded:
    """The committed epochs of a run, as of this record."""
    if record.epoch is None:
        return Recorded((), None, None)
    return _epochs(record.id, record.epoch, record.state.is_finished)


@st.cache_resource(max_entries=2000, show_spinner=False)
def _epochs(run_id: str, last: int, finished: bool) -> Recorded:  # noqa: ARG001 - part of the key
    lab = services().lab
    epochs = [one for one in lab.archive.store.epochs(run_id) if one.epoch <= last]
    return Recorded(tuple(epochs), best_epoch(epochs), kept_epoch(_spec(run_id), epochs))


def continued(known: Recorded, new: Sequence[EpochRecord], spec: RunSpec) -> Recorded:
    """The committed epochs of a run with new ones behind them; what is known already is not looked through again."""
    if not new:
        return known
    before = () if known.best is None else (known.epochs[known.best - known.epochs[0].epoch],)
    judged = (*before, *new)
    return Recorded((*known.epochs, *new), best_epoch(judged), kept_epoch(spec, judged))


def spec_of(record: RunRecord) -> RunSpec:
    """The specification of a run."""
    return _spec(record.id)


@st.cache_resource(max_entries=2000, show_spinner=False)
def _spec(run_id: str) -> RunSpec:
    return services().lab.run(run_id).spec


def parameters_of(record: RunRecord) -> int:
    """Number of parameters of a run's network."""
    return _parameters(record.id)


@st.cache_resource(max_entries=2000, show_spinner=False)
def _parameters(run_id: str) -> int:
    return services().lab.run(run_id).parameters


def classes_of(record: RunRecord) -> tuple[str, ...]:
    """Names of a run's classes; their numbers before it has started."""
    return _classes(record.id) if record.epoch is not None else services().lab.run(record.id).classes


@st.cache_resource(max_entries=2000, show_spinner=False)
def _classes(run_id: str) -> tuple[str, ...]:
    return services().lab.run(run_id).classes


def sizes_of(record: RunRecord) -> dict[str, int]:
    """Number of images of each split; empty where the run has not recorded its splits."""
    return _sizes(record.id) if record.epoch is not None else {}


@st.cache_resource(max_entries=500, show_spinner=False)
def _sizes(run_id: str) -> dict[str, int]:
    lab = services().lab
    if not lab.archive.has(run_id, RUN_LEVEL, "splits"):
        return {}
    try:
        file = lab.run(run_id).split_file
    except BlobMissing:
        return {}
    return {name: len(file[f"{name}_ids"]) for name in SPLITS}


def traceback_of(record: RunRecord) -> str:
    """The traceback that a failed run left; empty where there is none, or where strangers may look."""
    lab = services().lab
    if lab.settings.profile != "local" or not lab.archive.has(record.id, RUN_LEVEL, "traceback"):
        return ""
    return lab.archive.read(record.id, RUN_LEVEL, "traceback").decode(errors="replace")
