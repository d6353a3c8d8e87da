"""The weights of a run over its epochs: read a little at a time, kept for all sessions, and grown while the run trains.

A long run is thinned evenly, so that what is read stays bounded. First layers are kept longer than the others, so where
weights were thinned out, the first layer has epochs of its own.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.curves import thinned
from mnist_core.analysis.weight_history import LayerHistory, WeightHistory, weight_history
from mnist_core.errors import EpochNotRecorded
from mnist_core.npz import Arrays, from_npz
from mnist_core.runs import RunRecord
from pages.ui.services import services
from pages.ui.weights.layers import planned_layers
from pages.ui.weights.reading import FIRST, WEIGHTS, kept_files, list_anew

__all__ = ["Followed", "LayerCurve", "follow"]

MOST_EPOCHS, FEWEST_EPOCHS = 120, 4
MOST_BYTES = 384 * 2**20
"""Of one kind of file of a run, read at the first look."""

PATIENCE = 0.1
"""Seconds of reading before the page goes on."""

NOT_FINITE = "At epoch {epoch} weights are not finite numbers, so the curves end before it."


@dataclass(frozen=True, eq=False)
class LayerCurve:
    """A layer over the epochs at which it was read.

    Attributes:
        epochs: int32 (E,), ascending from 0.
        layer: its numbers at each of them.
    """

    epochs: NDArray[np.int32]
    layer: LayerHistory


@dataclass(frozen=True, eq=False)
class Followed:
    """What is known so far.

    Attributes:
        layers: those with a kernel, in network order; empty before anything was read.
        done: how many files were read.
        of: how many are to be read.
        kept: how many epochs still have weights of all layers.
        recorded: how many epochs the run has.
        trouble: why reading ended early, as a sentence; empty where it did not.
    """

    layers: tuple[LayerCurve, ...]
    done: int
    of: int
    kept: int
    recorded: int
    trouble: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to read."""
        return self.done >= self.of or bool(self.trouble)


def follow(record: RunRecord, recorded: int) -> Followed:
    """Reads on for a tenth of a second, or not at all where everything is known.

    Args:
        record: of the run, with at least one epoch.
        recorded: how many epochs it has.
    """
    files = kept_files(record)
    until = time.monotonic() + PATIENCE
    whole = _growing(record.id, WEIGHTS).until(record, until)
    first = whole
    if len(files[FIRST]) > len(files[WEIGHTS]):
        first = _growing(record.id, FIRST).until(record, until)
    layers = [LayerCurve(first.history.epochs, one) for one in first.history.layers[:1]]
    layers += [LayerCurve(whole.history.epochs, one) for one in whole.history.layers[1:]]
    kinds = {id(one): one for one in (whole, first)}.values()
    return Followed(
        layers=tuple(layers),
        done=sum(one.of - one.left for one in kinds),
        of=sum(one.of for one in kinds),
        kept=len(files[WEIGHTS]),
        recorded=recorded,
        trouble=next((one.trouble for one in kinds if one.trouble), ""),
    )


@dataclass(frozen=True, eq=False)
class _Known:
    history: WeightHistory
    left: int
    of: int
    trouble: str = ""


class _Growing:
    """One kind of file of one run; shared by all sessions."""

    def __init__(self, run_id: str, file: str) -> None:
        self._of = (run_id, file)
        self._lock = threading.Lock()
        self._known = _Known(WeightHistory(np.zeros(0, np.int32), ()), 1, 1)

    def until(self, record: RunRecord, end: float) -> _Known:
        """What is known after reading on until a moment of the monotonic clock; at least one epoch more."""
        wanted = _wanted(kept_files(record)[self._of[1]])
        with self._lock:
            new = self._new(wanted)
            self._known = replace(self._known, left=len(new), of=len(wanted))
            if new and not self._known.trouble:
                self._read(record, new, end)
            return self._known

    def _new(self, wanted: list[int]) -> list[int]:
        """What is to be read; everything anew where the run became so long that it is thinned otherwise."""
        known = set(self._known.history.epochs.tolist())
        new = [epoch for epoch in wanted if epoch not in known]
        last = max(known, default=-1)
        if len(known) > 2 * MOST_EPOCHS or any(epoch < last for epoch in new):
            self._known = _Known(WeightHistory(np.zeros(0, np.int32), ()), 0, 0)
            return wanted
        return new

    def _read(self, record: RunRecord, new: list[int], end: float) -> None:
        known = self._known.history if len(self._known.history.epochs) else None
        history = weight_history(self._snapshots(known, new, end), planned_layers(record), known)
        last = history.epochs.max(initial=-1)
        self._known = replace(self._known, history=history, left=sum(epoch > last for epoch in new))

    def _snapshots(self, known: WeightHistory | None, new: list[int], end: float) -> Iterator[tuple[int, Arrays]]:
        """Epoch 0 and the last one that is known, which the next are measured by, then new ones while there is time."""
        before = [] if known is None else sorted({0, int(known.epochs[-1])})
        for epoch in before:
            yield epoch, self._arrays(epoch)
        for place, epoch in enumerate(new):
            if place and time.monotonic() > end:
                return
            try:
                arrays = self._arrays(epoch)
            except EpochNotRecorded:
                list_anew()
                continue
            if not all(np.isfinite(one).all() for one in arrays.values()):
                self._known = replace(self._known, trouble=NOT_FINITE.format(epoch=epoch))
                return
            yield epoch, arrays

    def _arrays(self, epoch: int) -> Arrays:
        run_id, file = self._of
        return from_npz(services().lab.archive.read(run_id, epoch, file))


@st.cache_resource(max_entries=64, show_spinner=False)
def _growing(run_id: str, file: str) -> _Growing:
    """About 1 kB an epoch and layer: 0.5 MB for 120 epochs of 4 layers, 32 MB in all."""
    return _Growing(run_id, file)


def _wanted(sizes: Mapping[int, int]) -> list[int]:
    """The epochs that are read: all that are kept, unless they are many or large."""
    epochs = list(sizes)
    largest = max(sizes.values(), default=1)
    most = min(max(MOST_BYTES // largest, FEWEST_EPOCHS), MOST_EPOCHS)
    return [epochs[place] for place in thinned(len(epochs), most=most)]
