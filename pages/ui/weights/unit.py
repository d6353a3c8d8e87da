"""One unit: which images drive it, how it answers to each class, who hears it, and what happens without it."""

from dataclasses import dataclass, replace

import streamlit as st

from mnist_core.analysis.units import Flag
from mnist_core.inspection import UnitResponses, UnitsRequest
from mnist_core.runs.kept import nearest_epoch
from pages.ui.asked import asked
from pages.ui.format import plain
from pages.ui.frame.view import View
from pages.ui.guard import guard
from pages.ui.recorded import thinned_said
from pages.ui.weights.flagged import flags_at
from pages.ui.weights.layers import KernelLayer, kernel_layers
from pages.ui.weights.reading import WEIGHTS, kept_files, layer_at
from pages.ui.weights.unit_charts import CHART, draw_by_class, draw_outgoing
from pages.ui.weights.unit_images import IMAGES, draw_images
from pages.ui.weights.unit_off import draw_off

__all__ = ["draw_unit"]

NO_WEIGHTS = (
    "The weights of all layers are kept at no epoch of this run, so nothing can be sent through it. Train it again to"
    " see what drives its units."
)
NO_FLAG = "No rule flags it."
NOT_COMPARED = "No rule that was tried flags it; the unit was not compared with the others here."


@dataclass(frozen=True)
class _Unit:
    """A unit at the nearest epoch at which all weights are kept."""

    view: View
    layer: KernelLayer
    number: int


def draw_unit(view: View, layer: str, unit: int, off: tuple[int, ...]) -> None:
    """Draws all that is to be known of one unit.

    Args:
        view: what is looked at.
        layer: id of a layer with a kernel.
        unit: number of the unit, one of the layer's.
        off: units of the layer that are switched off, ascending.
    """
    kept = tuple(kept_files(view.record)[WEIGHTS])
    st.subheader(f"Unit {unit} of {plain(layer)}", anchor=False)
    if not kept:
        st.info(NO_WEIGHTS, icon=":material/inventory_2:")
        return
    epoch = nearest_epoch(kept, view.epoch)
    if epoch != view.epoch:
        st.caption(thinned_said(view.epoch, epoch))
    one = _Unit(replace(view, epoch=epoch), kernel_layers(view.record)[layer], unit)
    flagged = st.container()
    found = None
    with guard():
        request = UnitsRequest.parse({"layer": layer, "split": view.split, "epoch": epoch})
        found = asked(request, view.run.id, what=f"What drives the units of {plain(layer)}", height=IMAGES)
    with flagged, guard():
        st.markdown(_flagged(one, found))
    if found is not None:
        with guard():
            draw_images(one.view, found, unit, one.layer)
    left, right = st.columns(2, gap="large")
    with left, guard():
        if found is None:
            st.container(height=CHART, border=False)
        else:
            draw_by_class(one.view, found, unit, one.layer)
    with right, guard():
        draw_outgoing(one.view, layer, unit)
    with guard():
        draw_off(one.view, one.layer, unit, off)


def _flagged(one: _Unit, found: UnitResponses | None) -> str:
    """The unit's flags with their rules, as Markdown; those by activation once the responses are there."""
    at = layer_at(one.view.record, one.layer, one.view.epoch)
    flags = flags_at(one.view, one.layer, at, None if found is None else found.activity)
    mine = flags.by_unit.get(one.number, ())
    if not mine and not flags.are_compared:
        return f":gray[{NOT_COMPARED}]"
    if not mine:
        return f":gray[{NO_FLAG}]" if found is not None else ":gray[No rule about its weights flags it.]"
    return "  \n".join(f":material/flag: **{flag.kind}**: {flag.rule}{_about(flag)}" for flag in mine)


def _about(flag: Flag) -> str:
    of = "" if flag.of is None else f", unit {flag.of}"
    return of if flag.value is None else f"{of} ({flag.value:.4g})"
