"""Units that one should know of, dead, saturated or duplicates, each with the rule that flagged it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import streamlit as st

from mnist_core.analysis.units import Flag, UnitActivity, flags
from mnist_core.analysis.weights import LayerWeights
from mnist_core.errors import BlobMissing, EpochNotRecorded
from mnist_core.inspection import UnitsRequest
from mnist_core.runs import RunRecord, RunState
from pages.ui.format import count
from pages.ui.frame.view import View
from pages.ui.services import services
from pages.ui.weights.layers import KernelLayer
from pages.ui.weights.looked import Looked
from pages.ui.weights.options import Options, choose_unit
from pages.ui.weights.reading import LayerAt

__all__ = ["Flags", "draw_flags", "flags_at", "flags_of"]

MOST_PRODUCTS = 1e9
"""Multiplications for which nobody has to press: to compare each unit with each."""

SHOWN = 12
ASKED = "weights_duplicates"
NONE = "No unit of {layer} is flagged at epoch {epoch}."
BY_WEIGHTS = (
    "Judged by the weights alone; which are silent or saturated is known once a unit is chosen, as that looks at what"
    " the units give for images."
)
BY_BOTH = "Judged by the weights, and by what the units give for the images of the {split} split."
UNASKED = "Whether units of {layer} are duplicates takes {products} multiplications to say."
READ_FLAGS = "A flag says that a unit meets a rule, not that something is wrong; a mark in a tile's corner shows it."


class Flags(NamedTuple):
    """Units that one should know of.

    Attributes:
        by_unit: the flags of each; those that have none are not in it.
        split: whose images the activations are of that were judged too; empty where none were.
        are_compared: whether each unit was compared with each, to find duplicates.
    """

    by_unit: Mapping[int, Sequence[Flag]]
    split: str
    are_compared: bool


def flags_of(view: View, looked: Looked) -> Flags:
    """The flags of the chosen layer now; by its activations too where somebody asked for these before."""
    order = _known(view, looked)
    return flags_at(view, looked.layer, looked.now, _activity(order[1].id, *order) if order else None)


def flags_at(view: View, layer: KernelLayer, at: LayerAt, activity: UnitActivity | None) -> Flags:
    """The flags of a layer.

    Args:
        view: what is looked at.
        layer: whose units are judged.
        at: its weights.
        activity: what its units give for the images of the split at that epoch; None where that is not known.
    """
    by_unit: defaultdict[int, list[Flag]] = defaultdict(list)
    split, are_compared = view.split if activity else "", _is_asked(view, layer)
    key = (view.run.id, at.epoch, layer.name, split)
    for one in _flags(key, are_compared, _weights=at.weights, _activity=activity):
        by_unit[one.unit].append(one)
    return Flags(dict(by_unit), split, are_compared)


def _known(view: View, looked: Looked) -> tuple[UnitsRequest, RunRecord] | None:
    """What the units give for the split, if that was asked for before."""
    request = UnitsRequest.parse({"layer": looked.layer.name, "split": view.split, "epoch": looked.now.epoch})
    order = services().jobs.known(request, view.run.id)
    return (request, order) if order is not None and order.state is RunState.DONE else None


@st.cache_resource(max_entries=200, show_spinner=False)
def _activity(order_id: str, _request: UnitsRequest, _order: RunRecord) -> UnitActivity | None:  # noqa: ARG001
    with suppress(BlobMissing, EpochNotRecorded):
        return services().jobs.answer(_request, _order).activity
    return None


def draw_flags(view: View, options: Options, looked: Looked, found: Flags) -> None:
    """Draws what was flagged, by rule, with buttons that choose the units.

    Args:
        view: what is looked at.
        options: what is asked for.
        looked: the layer at both cursors.
        found: the flags.
    """
    st.subheader("Units to know of", anchor=False)
    by_rule: defaultdict[tuple[str, str], list[Flag]] = defaultdict(list)
    for one in (flag for several in found.by_unit.values() for flag in several):
        by_rule[one.kind, one.rule].append(one)
    for (kind, rule), several in by_rule.items():
        st.markdown(f"**{kind}: {count(len(several))} of {count(looked.layer.units)}** ({rule})")
        _buttons(several, options.unit)
    said = [] if by_rule else [NONE.format(layer=looked.layer.name, epoch=looked.now.epoch)]
    said += [READ_FLAGS] if by_rule else []
    st.caption(" ".join([*said, BY_BOTH.format(split=found.split) if found.split else BY_WEIGHTS]))
    if not found.are_compared:
        _offer(view, looked.layer)


def _buttons(several: Sequence[Flag], chosen: int | None) -> None:
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for one in several[:SHOWN]:
            of = "" if one.of is None else f", like {one.of}"
            st.button(
                f"{one.unit}{of}",
                key=f"flag:{one.kind}:{one.unit}",
                type="primary" if one.unit == chosen else "secondary",
                help=f"Unit {one.unit}: {one.rule}{'' if one.value is None else f' ({one.value:.4f})'}.",
                on_click=choose_unit,
                args=(one.unit,),
            )
        if len(several) > SHOWN:
            st.caption(f"and {count(len(several) - SHOWN)} more", width="content")


def _offer(view: View, layer: KernelLayer) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        products = f"{_products(layer) / 1e9:.0f} billion"
        st.caption(UNASKED.format(layer=layer.name, products=products), width="content")
        st.button("Look for duplicates", on_click=_ask, args=(view.run.id, layer.name), key="ask_duplicates")


def _ask(run_id: str, layer: str) -> None:
    st.session_state[ASKED] = (run_id, layer)


def _is_asked(view: View, layer: KernelLayer) -> bool:
    return _products(layer) <= MOST_PRODUCTS or st.session_state.get(ASKED) == (view.run.id, layer.name)


def _products(layer: KernelLayer) -> float:
    return float(layer.units) ** 2 * layer.inputs


@st.cache_resource(max_entries=1000, show_spinner="Comparing the units")
def _flags(
    key: tuple[str, int, str, str],  # noqa: ARG001 - whose weights, and activations of which split
    with_duplicates: bool,
    *,
    _weights: LayerWeights,
    _activity: UnitActivity | None,
) -> tuple[Flag, ...]:
    return flags(_weights, _activity, duplicates=with_duplicates)
