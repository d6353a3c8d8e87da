"""Three sheets of the same units at the same places: before, now, and what lies between."""

from collections.abc import Mapping, Sequence
from math import ceil, sqrt

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.units import Flag
from mnist_core.analysis.weights import LayerWeights
from pages.ui.format import count
from pages.ui.frame.view import View
from pages.ui.weights.layers import KernelLayer
from pages.ui.weights.looked import Looked, Pictures, pictures
from pages.ui.weights.mosaic import Mosaic, Panel, Scale, draw_mosaic, signed
from pages.ui.weights.options import Options, choose_unit, page_of_tiles

__all__ = ["KEY", "PER_PAGE", "draw_tiles"]

KEY = "weights_mosaic"
PER_PAGE = 64
READ_TILES = (
    "Each tile is one {unit}: the weights that lead into it from {what}. Orange is above 0, blue below, grey is 0; the"
    " strip under a tile is its bias, on a scale of its own. Tiles at the same place are the same {unit}."
)
READ_STRIPS = (
    "{reason} Instead, each row is one unit: the weights that lead into it, from the first input to the last;{joined}"
    " the block at its end is its bias. Rows at the same place are the same unit."
)
JOINED = " {joined} neighbouring weights share a column, which shows the strongest of them;"
FAINT = "It went less than a sixteenth of the scale: `own`, above, shows where."
FAINT_SHARE = 1 / 16
BEYOND = "What lies beyond an end of the scale has its last colour."


def draw_tiles(view: View, options: Options, looked: Looked, flags: Mapping[int, Sequence[Flag]]) -> None:
    """Draws them, with pages where there are many.

    Args:
        view: what is looked at.
        options: what is asked for.
        looked: the layer at both cursors.
        flags: what is to be known of units.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{looked.note} {FAINT}" if _is_faint(options, looked) else looked.note, width="stretch")
        page = page_of_tiles(looked.order, options.unit, PER_PAGE)
    units = looked.order[page * PER_PAGE : (page + 1) * PER_PAGE]
    shown = _parts(view, options, looked, units)
    draw_mosaic(_mosaic(options, looked, shown, units, flags), key=KEY, on_choose=choose_unit)
    st.caption(_read(looked.layer, shown[0], len(units), page))


def _is_faint(options: Options, looked: Looked) -> bool:
    """Whether the difference can hardly be seen; said at every epoch or at none, so that nothing moves."""
    return not options.has_own_scale and looked.ends.difference < FAINT_SHARE * looked.ends.weights


def _parts(view: View, options: Options, looked: Looked, units: NDArray[np.int64]) -> tuple[Pictures, ...]:
    """Before, now, and the difference; that is taken weight by weight, before any of them share a column."""
    was, now = (one.weights.kernel[..., units] for one in (looked.before, looked.now))
    kernels = (was, now, now - was)
    name = looked.layer.name
    return tuple(pictures(LayerWeights(name, kernel), view.record, options.channel) for kernel in kernels)


def _mosaic(
    options: Options,
    looked: Looked,
    shown: tuple[Pictures, ...],
    units: NDArray[np.int64],
    flags: Mapping[int, Sequence[Flag]],
) -> Mosaic:
    layer = looked.layer
    slots = min(layer.units, PER_PAGE)
    biases = _biases(looked, units)
    titles = (f"before: epoch {looked.before.epoch}", f"now: epoch {looked.now.epoch}", "difference: now less before")
    scales = [Scale("weight", looked.ends.weights)]
    if options.has_own_scale:
        scales.append(Scale("difference", looked.ends.difference))
    of_parts = (0, 0, len(scales) - 1)
    if biases:
        scales.append(Scale("bias", looked.ends.biases))
    return Mosaic(
        label=f"{len(units)} of {layer.units} units of {layer.name}: before, now and difference",
        units=tuple(units.tolist()),
        parts=tuple(one.values for one in shown),
        panels=tuple(Panel(title, (place,)) for place, title in enumerate(titles)),
        scales=tuple(scales),
        scale_of=(*of_parts, len(scales) - 1),
        biases=biases,
        names=[f"unit {unit}" for unit in units.tolist()],
        said=[_said(looked, unit, flags.get(unit, ())) for unit in units.tolist()],
        flagged=[unit in flags for unit in units.tolist()],
        slots=slots,
        across=ceil(sqrt(slots)),
        is_heat_map=shown[0].is_heat_map,
        chosen=options.unit,
    )


def _biases(looked: Looked, units: NDArray[np.int64]) -> tuple[NDArray[np.float32], ...]:
    was, now = looked.before.weights.bias, looked.now.weights.bias
    return () if was is None or now is None else (was[units], now[units], now[units] - was[units])


def _said(looked: Looked, unit: int, flags: Sequence[Flag]) -> str:
    was, now = (signed(float(norm)) for norm in looked.norms[:, unit])
    parts = [f": norm {was} before, {now} now, change {signed(float(looked.changes[unit]))}"]
    biases = looked.before.weights.bias, looked.now.weights.bias
    if biases[0] is not None and biases[1] is not None:
        parts.append(f"bias {signed(float(biases[0][unit]))} before, {signed(float(biases[1][unit]))} now")
    parts += [flag.kind + (f" of unit {flag.of}" if flag.of is not None else "") for flag in flags]
    return "; ".join(parts)


def _read(layer: KernelLayer, shown: Pictures, here: int, page: int) -> str:
    said = []
    if here < layer.units:
        first = page * PER_PAGE
        said.append(f"{count(first + 1)} to {count(first + here)} of {count(layer.units)}, in this order.")
    if shown.is_heat_map:
        joined = JOINED.format(joined=shown.joined) if shown.joined > 1 else ""
        said.append(READ_STRIPS.format(reason=shown.reason, joined=joined))
    else:
        rows, columns = shown.values.shape[1:]
        what = f"a window of {rows} x {columns}" if layer.window else f"the {rows} x {columns} pixels"
        said.append(READ_TILES.format(unit="filter" if layer.window else "unit", what=what))
    return " ".join([*said, BEYOND])
