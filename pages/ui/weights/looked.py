"""The chosen layer before and now, as numbers and as pictures, and what is to be said of where they come from."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.tiles import layer_tiles, scale_end, unit_strips
from mnist_core.analysis.units import unit_changes, unit_norms, unit_order
from mnist_core.analysis.weights import LayerWeights
from mnist_core.runs import RunRecord
from pages.ui.frame.view import View
from pages.ui.recorded import thinned_said
from pages.ui.weights.layers import KernelLayer, planned_layers
from pages.ui.weights.options import Options
from pages.ui.weights.reading import LayerAt, kept_of, layer_at

__all__ = ["MOST_INPUTS", "Ends", "Looked", "Pictures", "look", "pictures"]

MOST_INPUTS = 512
"""Columns of a heat map; more weights share a column, of which the strongest is shown."""

UNTRAINED = "This is the untrained network: nothing has changed yet, so the difference is 0 everywhere."
SAME = "Before and now are both epoch {epoch}, so the difference is 0 everywhere."
SIMPLE = "Before is epoch {before}{untrained}, now is epoch {now}."


class Pictures(NamedTuple):
    """Some units of a layer as pictures.

    Attributes:
        values: float32 (n, rows, columns), picture k of unit k among those that were asked for.
        is_heat_map: whether each is a line of its incoming weights, as the layer does not see a picture.
        reason: why that is so, as a sentence; empty where it is not.
        joined: how many weights share a column of a heat map.
    """

    values: NDArray[np.float32]
    is_heat_map: bool = False
    reason: str = ""
    joined: int = 1


class Ends(NamedTuple):
    """Where the scales end.

    Attributes:
        weights: of before and now.
        difference: of the difference, where it has a scale of its own.
        biases: of all biases.
    """

    weights: float
    difference: float
    biases: float


@dataclass(frozen=True, eq=False)
class Looked:
    """The chosen layer at both cursors.

    Attributes:
        layer: which one.
        before: at the second cursor.
        now: at the epoch that is looked at.
        ends: where the scales end; they stay as the epoch changes.
        order: int64 (units,), the unit at each place.
        norms: float64 (2, units), before and now.
        changes: float64 (units,), from before to now.
        note: which epochs they are, and why they are not others.
    """

    layer: KernelLayer
    before: LayerAt
    now: LayerAt
    ends: Ends
    order: NDArray[np.int64]
    norms: NDArray[np.float64]
    changes: NDArray[np.float64]
    note: str


def look(view: View, options: Options) -> Looked:
    """Reads the chosen layer at both cursors.

    Raises:
        EpochNotRecorded: no weights of it are kept.
    """
    layer, record = options.layer, view.record
    before, now = (layer_at(record, layer, epoch) for epoch in (options.before, view.epoch))
    last = layer_at(record, layer, kept_of(record, layer)[-1])
    was, now_is = before.weights.kernel, now.weights.kernel
    return Looked(
        layer=layer,
        before=before,
        now=now,
        ends=_ends((record.id, layer.name, before.epoch, last.epoch), _weights=(before.weights, last.weights)),
        order=unit_order(was, now_is, options.order),
        norms=np.stack([unit_norms(was), unit_norms(now_is)]),
        changes=unit_changes(was, now_is),
        note=_note(before, now),
    )


@st.cache_resource(max_entries=1000, show_spinner=False)
def _ends(key: tuple[str, str, int, int], _weights: tuple[LayerWeights, LayerWeights]) -> Ends:  # noqa: ARG001
    """Those of before and of the last epoch, where weights are mostly largest."""
    was, last = _weights
    biases = [one.bias for one in _weights if one.bias is not None]
    return Ends(
        weights=scale_end([was.kernel, last.kernel]),
        difference=scale_end([last.kernel - was.kernel]),
        biases=scale_end(biases or [np.zeros(1, np.float32)]),
    )


def pictures(units: LayerWeights, record: RunRecord, channel: int = 0) -> Pictures:
    """Units of a layer as tiles where it sees a picture, else each as a line of its incoming weights.

    Args:
        units: of a layer of the run, all or some; what is paired with them, or the way between two of them.
        record: of the run that the layer is of.
        channel: the input channel that the tiles of a convolution show.
    """
    tiles = layer_tiles(units, planned_layers(record), channel)
    if tiles.values is not None:
        return Pictures(tiles.values)
    strips = unit_strips(units.kernel, MOST_INPUTS)
    return Pictures(strips.values, True, tiles.reason, strips.joined)


def _note(before: LayerAt, now: LayerAt) -> str:
    """Always something, so that nothing moves where there is more to say."""
    which = {"before": before, "now": now}
    notes = [thinned_said(one.wanted, one.epoch, name) for name, one in which.items() if one.wanted != one.epoch]
    if before.epoch == now.epoch:
        notes.append(UNTRAINED if now.epoch == 0 else SAME.format(epoch=now.epoch))
    untrained = ", the untrained network" if before.epoch == 0 else ""
    return " ".join(notes) or SIMPLE.format(before=before.epoch, untrained=untrained, now=now.epoch)
