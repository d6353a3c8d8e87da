"""The layers of a run that have a kernel: what the weights page can show."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from mnist_core.networks.layers import ActivationName, Conv, Dense
from mnist_core.networks.shapes import PlannedLayer, flat, plan
from mnist_core.runs import RunRecord
from pages.ui.format import count
from pages.ui.recorded import spec_of
from pages.ui.services import services

__all__ = ["KernelLayer", "kernel_layers", "layer_label", "planned_layers"]


@dataclass(frozen=True)
class KernelLayer:
    """A layer with a kernel.

    Attributes:
        name: its id.
        units: how many units, or filters, it has.
        channels: how many input channels its kernels have; 1 for a dense layer.
        window: side of a convolution's kernels in pixels; 0 for a dense layer.
        inputs: how many weights lead into a unit.
        function: applied to what leaves it.
        is_first: whether no layer before it has a kernel; its weights are kept longest.
    """

    name: str
    units: int
    channels: int
    window: int
    inputs: int
    function: ActivationName
    is_first: bool


def kernel_layers(record: RunRecord) -> Mapping[str, KernelLayer]:
    """Those of a run by id, first to last; at least one."""
    return _layers(record.id)


def planned_layers(record: RunRecord) -> tuple[PlannedLayer, ...]:
    """All layers of a run in their places, depth first."""
    return _planned(record.id)


def layer_label(layer: KernelLayer) -> str:
    """A layer with its size: "conv_1 (6 filters, 5 x 5)", "dense_1 (512 units)"."""
    if layer.window:
        return f"{layer.name} ({_counted(layer.units, 'filter')}, {layer.window} x {layer.window})"
    return f"{layer.name} ({_counted(layer.units, 'unit')})"


def _counted(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


@st.cache_resource(max_entries=500, show_spinner=False)
def _planned(run_id: str) -> tuple[PlannedLayer, ...]:
    layers = spec_of(services().lab.archive.store.run(run_id)).network.layers
    return tuple(flat(plan(layers)))


@st.cache_resource(max_entries=500, show_spinner=False)
def _layers(run_id: str) -> Mapping[str, KernelLayer]:
    found: dict[str, KernelLayer] = {}
    for place in _planned(run_id):
        layer, channels = place.layer, place.input_shape[-1]
        if isinstance(layer, Conv):
            inputs = layer.kernel**2 * channels
            sizes = (layer.filters, channels, layer.kernel, inputs)
        elif isinstance(layer, Dense):
            sizes = (layer.units, 1, 0, place.input_shape[0])
        else:
            continue
        found[place.id] = KernelLayer(place.id, *sizes, layer.activation, is_first=not found)
    return found
