"""The recorded weights that the page reads: of which epochs they are kept, and the layers that were read lately."""

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from mnist_core.analysis.weights import LayerWeights
from mnist_core.errors import EpochNotRecorded
from mnist_core.npz import from_npz
from mnist_core.runs import RunRecord, RunState
from mnist_core.runs.kept import nearest_epoch
from pages.ui.recent import Recent
from pages.ui.services import services
from pages.ui.weights.layers import KernelLayer

__all__ = ["FIRST", "WEIGHTS", "LayerAt", "kept_files", "kept_of", "layer_at", "list_anew"]

FIRST, WEIGHTS = "first_layer", "weights"
"""Files of an epoch: the first layer alone, which is kept longer, and all layers."""

MOST_BYTES = 200 * 2**20
"""Of weights in memory, for all sessions together."""


class LayerAt(NamedTuple):
    """The weights of a layer at an epoch, or at the nearest whose weights are kept.

    Attributes:
        weights: of the layer.
        epoch: the one that they are of.
        wanted: the one that was asked for.
    """

    weights: LayerWeights
    epoch: int
    wanted: int


def kept_files(record: RunRecord) -> Mapping[str, Mapping[int, int]]:
    """The sizes in bytes of the files that a run still has, by name and epoch, first to last."""
    return _files(record.id, record.epoch, record.state)


def list_anew() -> None:
    """Has the files of all runs listed anew, as some of a run were thinned out since."""
    _files.clear()


def kept_of(record: RunRecord, layer: KernelLayer) -> tuple[int, ...]:
    """The epochs at which a layer can be looked at, first to last; none where nothing was recorded."""
    return tuple(kept_files(record)[_file_of(layer)])


def layer_at(record: RunRecord, layer: KernelLayer, epoch: int) -> LayerAt:
    """Reads a layer at an epoch, or at the nearest one that is kept.

    Args:
        record: of the run.
        layer: of its network.
        epoch: recorded or not.

    Raises:
        EpochNotRecorded: no weights of the layer are kept.
        BlobMissing: they are, but their file is gone.
    """
    try:
        return _nearest(record, layer, epoch)
    except EpochNotRecorded:
        list_anew()
        return _nearest(record, layer, epoch)


def _nearest(record: RunRecord, layer: KernelLayer, epoch: int) -> LayerAt:
    kept = kept_of(record, layer)
    if not kept:
        raise EpochNotRecorded(f"No weights of `{layer.name}` are recorded in `{record.name}`; train it again.")
    found = nearest_epoch(kept, epoch)
    key = (record.id, found, layer.name)
    return LayerAt(_recent().get(key, lambda: _read(record.id, found, layer)), found, epoch)


def _file_of(layer: KernelLayer) -> str:
    return FIRST if layer.is_first else WEIGHTS


def _read(run_id: str, epoch: int, layer: KernelLayer) -> LayerWeights:
    data = services().lab.archive.read(run_id, epoch, _file_of(layer))
    kernel, bias = from_npz(data, [f"{layer.name}/kernel", f"{layer.name}/bias"]).values()
    kernel.flags.writeable = bias.flags.writeable = False
    return LayerWeights(layer.name, kernel, bias)


@st.cache_resource(max_entries=500, show_spinner=False)
def _files(run_id: str, last: int | None, state: RunState) -> dict[str, dict[int, int]]:  # noqa: ARG001 - thinned later
    found: dict[str, dict[int, int]] = {FIRST: {}, WEIGHTS: {}}
    for one in sorted(services().lab.archive.store.artifacts(run_id), key=lambda one: one.epoch):
        if one.name in found:
            found[one.name][one.epoch] = one.bytes
    return found


@st.cache_resource(show_spinner=False)
def _recent() -> Recent[LayerWeights]:
    return Recent(MOST_BYTES)
