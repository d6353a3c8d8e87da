"""What a visitor asks of the weights page: layer, channel, order, second cursor, unit, comparison. The URL holds it."""

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.units import ORDERS, UnitOrder
from mnist_core.runs.kept import nearest_epoch
from pages.ui.frame.option import Option, keep_all, leave_all, pick, shown_text
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.weights.layers import KernelLayer, kernel_layers, layer_label
from pages.ui.weights.reading import kept_of

__all__ = ["MOST_OFF", "OFF", "Options", "choose_options", "choose_unit", "page_of_tiles"]

LAYER, CHANNEL, ORDER, BEFORE, DIFFERENCE, UNIT, TILES = (
    Option(name, ("weights",)) for name in ("layer", "channel", "order", "before", "difference", "unit", "tiles")
)
OFF = Option("off", ("weights",), is_of_run=True)
OF_THE_LAYER = (CHANNEL, UNIT, TILES, OFF)
"""What means nothing in another layer."""

SCALES = ("common", "own")
VISIBLE, ROOM = 5, 46
"""Numbers of pages beside each other, and pixels for each."""

MOST_OFF = 64
"""Units that a link can switch off together."""

HELP_LAYER = "Every layer with a kernel. The first one sees the pixels, so its weights can be looked at as pictures."
HELP_CHANNEL = "A kernel has one picture for each channel that it looks at; this is the one that is shown."
HELP_ORDER = (
    "Which units come first: by number, by the norm of their weights now, or by how far they went from before to now."
)
HELP_SCALE = (
    "Common: the difference is drawn by the scale of before and now, so that a small change looks small. Own: by one of"
    " its own, so that it can be seen where it went."
)
HELP_BEFORE = "A second cursor: the epoch that now is compared with. Epoch 0 is the untrained network."
WRONG_LAYER = "`layer` in the link must be one of {known}, got `{given}`; {shown} is shown."
WRONG_CHANNEL = "`channel` in the link must be between 0 and {most}, got `{given}`; channel 0 is shown."
WRONG_BEFORE = "`before` in the link must be an epoch of the run, {first} to {last}, got `{given}`; {shown} is shown."
WRONG_UNIT = "`unit` in the link must be between 0 and {most}, got `{given}`; no unit is chosen."
WRONG_OFF = (
    "`off` in the link must be at most {most_off} units between 0 and {most}, such as 3,7, got `{given}`; none is"
    " switched off."
)


@dataclass(frozen=True)
class Options:
    """What is asked for; all of it is there.

    Attributes:
        layer: the layer that is shown.
        channel: the input channel of a convolution.
        order: which units come first.
        has_own_scale: whether the difference is drawn by a scale of its own.
        before: the epoch of the second cursor, as asked for: its weights may have been thinned out.
        unit: the unit that is chosen; None where none is.
        off: units that are switched off, ascending.
        problems: what the link asks for that cannot be, as sentences.
    """

    layer: KernelLayer
    channel: int
    order: UnitOrder
    has_own_scale: bool
    before: int
    unit: int | None
    off: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


def choose_options(view: View) -> Options:
    """Draws the choices; whatever a browser sends, each is one that there is."""
    layer, wrong_layer = _pick_layer(view)
    channel, wrong_channel = _pick_channel(layer)
    order, wrong_order = pick(ORDER, "order", ORDERS, explained=HELP_ORDER, clears=(TILES,))
    before, wrong_before = _pick_before(view, layer)
    scale, wrong_scale = pick(DIFFERENCE, "scale of the difference", SCALES, explained=HELP_SCALE)
    unit, wrong_unit = _whole(UNIT, layer.units, WRONG_UNIT)
    off, wrong_off = _units_off(layer)
    wrong = {ORDER: wrong_order, BEFORE: wrong_before, DIFFERENCE: wrong_scale, LAYER: wrong_layer}
    of_the_layer = {CHANNEL: wrong_channel, UNIT: wrong_unit, OFF: wrong_off}
    if view.is_new_run:  # what was asked of the run before is no fault of the link
        leave_all([choice for choice, problem in (wrong | of_the_layer).items() if problem])
    said = wrong if wrong_layer else wrong | of_the_layer  # the rest was asked of a layer that is not there
    return Options(
        layer=layer,
        channel=channel or 0,
        order=next(one for one in ORDERS if one == order),
        has_own_scale=scale == SCALES[1],
        before=before,
        unit=unit,
        off=off,
        problems=() if view.is_new_run else tuple(filter(None, said.values())),
    )


@guarded
def choose_unit(unit: int) -> None:
    """Chooses a unit, in session and link; the same again chooses none. For callbacks."""
    is_chosen = UNIT.asked == str(unit)
    page = st.session_state.get(TILES.menu)
    stays = str(page) if is_chosen and isinstance(page, int) else ""  # the page that one sees, else that of the unit
    keep_all({TILES: stays, UNIT: "" if is_chosen else str(unit)})


def page_of_tiles(order: NDArray[np.int64], unit: int | None, per_page: int) -> int:
    """Which page of units is shown, from 0, with the numbers to choose another where there are several.

    It is the one that the link names, else that of the chosen unit, else the first.

    Args:
        order: int64 (units,), the unit at each place.
        unit: the one that is chosen.
        per_page: units on a page.
    """
    pages = -(-len(order) // per_page)
    if pages < 2:
        return 0
    asked = TILES.asked
    page = 0 if unit is None else int(np.flatnonzero(order == unit)[0]) // per_page
    if re.fullmatch("[0-9]{1,9}", asked):
        page = min(max(int(asked), 1), pages) - 1
    st.session_state[TILES.menu] = page + 1
    st.pagination(
        pages, key=TILES.menu, on_change=_page_picked, max_visible_pages=VISIBLE, width=ROOM * (min(pages, VISIBLE) + 2)
    )
    return page


@guarded
def _page_picked() -> None:
    page = st.session_state.get(TILES.menu)
    TILES.keep(str(page) if isinstance(page, int) else "")


def _pick_layer(view: View) -> tuple[KernelLayer, str]:
    layers = kernel_layers(view.record)
    first = next(iter(layers))
    asked, problem = LAYER.asked or first, ""
    name = asked if asked in layers else first
    if LAYER.is_in_link:  # what was wished for in the layer before is not meant
        for one in OF_THE_LAYER:
            one.forget_wish()
    if name == asked:
        LAYER.keep("" if name == first else name)
    elif LAYER.is_in_link:
        problem = WRONG_LAYER.format(known=", ".join(layers), given=shown_text(asked), shown=name)
    st.session_state[LAYER.menu] = name
    st.selectbox(
        "layer",
        list(layers),
        format_func=lambda one: layer_label(layers[one]) if one in layers else one,
        key=LAYER.menu,
        on_change=_layer_picked,
        args=(first,),
        help=HELP_LAYER,
        width=230,
    )
    return layers[name], problem


@guarded
def _layer_picked(first: str) -> None:
    picked = str(st.session_state[LAYER.menu])
    keep_all(dict.fromkeys(OF_THE_LAYER, "") | {LAYER: "" if picked == first else picked})


def _pick_channel(layer: KernelLayer) -> tuple[int, str]:
    found, problem = _whole(CHANNEL, layer.channels, WRONG_CHANNEL)
    channel = found or 0
    if layer.channels > 1:
        st.session_state[CHANNEL.menu] = channel
        st.selectbox(
            "input channel", range(layer.channels), key=CHANNEL.menu, on_change=_channel_picked, help=HELP_CHANNEL,
            width=120,
        )  # fmt: skip
    return channel, problem


@guarded
def _channel_picked() -> None:
    channel = st.session_state[CHANNEL.menu]
    CHANNEL.keep(str(channel) if channel else "")


def _pick_before(view: View, layer: KernelLayer) -> tuple[int, str]:
    recorded, kept = [one.epoch for one in view.epochs], kept_of(view.record, layer)
    asked, before, problem = BEFORE.asked, recorded[0], ""
    if re.fullmatch("[0-9]{1,9}", asked) and int(asked) in recorded:
        before = int(asked)
        BEFORE.keep(str(before) if before != recorded[0] else "")
    elif asked and BEFORE.is_in_link:
        given = shown_text(asked)
        problem = WRONG_BEFORE.format(first=recorded[0], last=recorded[-1], given=given, shown=before)
    if len(kept) > 1:
        st.session_state[BEFORE.menu] = nearest_epoch(kept, before)
        st.select_slider("before: epoch", kept, key=BEFORE.menu, on_change=_before_picked, help=HELP_BEFORE, width=230)
    return before, problem


@guarded
def _before_picked() -> None:
    epoch = st.session_state[BEFORE.menu]
    BEFORE.keep(str(epoch) if epoch else "")


def _whole(choice: Option, below: int, wrong: str) -> tuple[int | None, str]:
    """A number from 0 that a link says; None and why, as a sentence, where it is none."""
    asked = choice.asked
    if not asked:
        return None, ""
    if re.fullmatch("[0-9]{1,9}", asked) and int(asked) < below:
        choice.keep(asked)
        return int(asked), ""
    return None, wrong.format(most=below - 1, given=shown_text(asked)) if choice.is_in_link else ""


def _units_off(layer: KernelLayer) -> tuple[tuple[int, ...], str]:
    asked = OFF.asked
    if not asked:
        return (), ""
    parts = asked.split(",")
    if len(parts) <= MOST_OFF and all(re.fullmatch("[0-9]{1,5}", one) for one in parts):
        units = tuple(sorted({int(one) for one in parts}))
        if units[-1] < layer.units:
            OFF.keep(",".join(map(str, units)))
            return units, ""
    return (), WRONG_OFF.format(
        most_off=MOST_OFF, most=layer.units - 1, given=shown_text(asked)
    ) if OFF.is_in_link else ""
