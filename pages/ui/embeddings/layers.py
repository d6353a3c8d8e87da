"""The layers of a run that can be mapped: the pixels, and all whose values differ from those before."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from mnist_core.networks.layers import Dropout, Flatten, Permute
from mnist_core.networks.shapes import INPUT_SHAPE, flat, plan
from mnist_core.runs import RunRecord
from pages.ui.recorded import spec_of
from pages.ui.services import services

__all__ = ["PIXELS", "Layers", "layer_label", "layers_of"]

PIXELS = "pixels"
UNCHANGING = Dropout | Flatten | Permute
"""What such a layer gives on is what it got, in evaluation mode and but for the order."""


@dataclass(frozen=True)
class Layers:
    """What can be mapped.

    Attributes:
        shapes: of what leaves each layer, by id, first to last; the pixels come first.
        last_hidden: the last one before the output.
    """

    shapes: Mapping[str, tuple[int, ...]]
    last_hidden: str


def layers_of(record: RunRecord) -> Layers:
    """The layers of a run."""
    return _layers(record.id)


@st.cache_resource(max_entries=500, show_spinner=False)
def _layers(run_id: str) -> Layers:
    planned = plan(spec_of(services().lab.archive.store.run(run_id)).network.layers)
    shapes: dict[str, tuple[int, ...]] = {PIXELS: INPUT_SHAPE}
    shapes |= {place.id: place.output_shape for place in flat(planned) if not isinstance(place.layer, UNCHANGING)}
    hidden = [PIXELS, *(place.id for place in planned[:-1] if place.id in shapes)]
    return Layers(shapes, hidden[-1])


def layer_label(name: str, layers: Layers) -> str:
    """A layer with its shape: "dense_1 (128)"."""
    shape = layers.shapes.get(name)
    return f"{name} ({' x '.join(map(str, shape))})" if shape else name
