"""What pages read of recorded runs again and again, kept by run: committed epochs never change, there only come more.

The epochs of a run are one list, which all sessions share and which grows while the run trains.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mnist_core.errors import BlobMissing
from mnist_core.run import SPLITS
from mnist_core.runs import RUN_LEVEL, EpochRecord, RunRecord, best_epoch, kept_epoch
from mnist_core.spec import RunSpec
from pages.ui.services import services

__all__ = [
    "Recorded",
    "classes_of",
    "continued",
    "epochs_of",
    "parameters_of",
    "sizes_of",
    "spec_of",
    "thinned_said",
    "traceback_of",
]

THINNED = "The weights of epoch {wanted} were thinned out; {which} is epoch {epoch}, the nearest that is kept."


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


NOTHING = Recorded((), None, None)


def epochs_of(record: RunRecord) -> Recorded:
    """The committed epochs of a run, as of this record: none that came later, each read once."""
    if record.epoch is None:
        return NOTHING
    return _growing(record.id, record.source).until(record.epoch)


def thinned_said(wanted: int, epoch: int, which: str = "this") -> str:
    """Why other weights are shown than those that were asked for, as a sentence.

    Args:
        wanted: the epoch that was asked for.
        epoch: the nearest one whose weights are kept.
        which: what is shown of it.
    """
    return THINNED.format(wanted=wanted, epoch=epoch, which=which)


class _Growing:
    """The committed epochs of one run; shared by all sessions."""

    def __init__(self, run_id: str) -> None:
        self._id = run_id
        self._lock = threading.Lock()
        self._known = NOTHING

    def until(self, last: int) -> Recorded:
        """Those up to an epoch; what is known already is not read again."""
        spec = _spec(self._id)
        with self._lock:
            newest = self._known.epochs[-1].epoch if self._known.epochs else -1
            if newest < last:
                new = services().lab.archive.store.epochs(self._id, after=newest)
                self._known = continued(self._known, new, spec)
            known = self._known
        if not known.epochs or known.epochs[-1].epoch <= last:
            return known
        return continued(NOTHING, [one for one in known.epochs if one.epoch <= last], spec)


@st.cache_resource(max_entries=1000, show_spinner=False)
def _growing(run_id: str, source: str | None) -> _Growing:  # noqa: ARG001 - who stops following may go on otherwise
    """About 1 kB an epoch: 20 MB for 1,000 runs of 20 epochs, 1 GB for as many of 1,000."""
    return _Growing(run_id)


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
