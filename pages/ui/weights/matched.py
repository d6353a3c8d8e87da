"""The chosen layer beside that of another run or epoch, unit by unit, each with the one that it is most like.

What stands beside is in the link as `matched`: `epoch:3` or `run:ID`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.likeness import UnitMatch, matched_units
from mnist_core.analysis.tiles import scale_end
from mnist_core.analysis.weights import LayerWeights
from mnist_core.runs import RunRecord
from pages.ui.format import count, plain
from pages.ui.frame.option import Option, shown_text
from pages.ui.frame.resting import rests
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.recorded import epochs_of, thinned_said
from pages.ui.services import services
from pages.ui.weights.layers import KernelLayer, kernel_layers
from pages.ui.weights.looked import Looked, pictures
from pages.ui.weights.mosaic import Mosaic, Panel, Scale, draw_mosaic
from pages.ui.weights.options import Options, choose_unit
from pages.ui.weights.reading import LayerAt, kept_of, layer_at

__all__ = ["PER_PAGE", "Other", "choose_other", "draw_matched"]

MATCHED = Option("matched", ("weights",))
PAGE, LAST = "weights_pairs_page", "weights_pairs_last"
PER_PAGE = 48
AT_ONCE = 128
"""Units up to which nobody has to wait until the cursor rests."""

MOST_AT_ALL = 2048
REST_SECONDS = 0.5
HELP = "Pairs each unit with the one most like it in another epoch or run, whatever their order."
WRONG = "`matched` in the link must be such as epoch:3 or run:ID, got `{given}`; nothing is compared."
GONE = "What was to be compared with, {what}, is not here; nothing is compared."
NO_LAYER = (
    "{there} has no layer whose units look at as many weights as those of `{layer}` ({inputs}), so nothing is compared."
)
TOO_MANY = "Pairing takes too long with more than {most} units; one of these layers has {units}."
WAITS = ":material/hourglass_top: The units are paired as soon as the cursor rests here."
HEADING = "{layer} at epoch {epoch} beside {there}"
MEAN = "**Mean cosine of the pairs: {mean}**, from {low} to {high}; {pairs}.{left}"
LEFT = " {units} of the larger layer are left over."
READ = (
    "Left in each pair the unit of this layer, right the one that it is paired with, and their cosine: 1 is the same"
    " direction, 0 nothing in common. Units are paired so that the cosines are largest in sum, so layers that"
    " differ only in the order of their units have a mean of 1."
)


class Other(NamedTuple):
    """What stands beside.

    Attributes:
        record: its run.
        layer: the layer there.
        at: its weights.
        title: what it is, in words, as Markdown.
        note: why its weights are not those of the epoch that was asked for, as a sentence.
    """

    record: RunRecord
    layer: KernelLayer
    at: LayerAt
    title: str
    note: str = ""


_Key = tuple[str, int, str, str, int, str]
"""Run, epoch and layer, of both."""


class _Pairs(NamedTuple):
    match: UnitMatch
    end: float


def choose_other(view: View, options: Options) -> tuple[Other | None, str]:
    """Draws the menu; what stands beside, None where nothing does, and what is wrong, as a sentence."""
    runs = {
        one.id: one for one in services().lab.archive.store.runs() if one.id != view.run.id and one.epoch is not None
    }
    labels = {"": "nothing"} | {f"epoch:{one}": f"epoch {one}" for one in kept_of(view.record, options.layer)}
    labels |= {f"run:{one.id}": f"run {one.name}" for one in runs.values()}
    asked = MATCHED.asked
    asked = next((f"run:{one.id}" for one in runs.values() if asked == f"run:{one.name}"), asked)
    if asked not in labels and asked in {f"epoch:{one.epoch}" for one in view.epochs}:
        labels[asked] = asked.replace(":", " ")  # its weights were thinned out: the nearest stand in for them
    problem = "" if asked in labels else _why_not(asked)
    if problem and (view.is_new_run or not MATCHED.is_in_link):
        MATCHED.leave_link()
        problem = ""
    chosen = asked if asked in labels else ""
    if chosen:
        MATCHED.keep(chosen)
    st.session_state[MATCHED.menu] = chosen
    st.selectbox(
        "match with",
        list(labels),
        format_func=lambda text: labels.get(text, text),
        key=MATCHED.menu,
        on_change=_picked,
        help=HELP,
        filter_mode="contains",
        width=190,
    )
    if not chosen:
        return None, problem
    found = _resolved(view, options.layer, chosen, runs)
    return (None, found) if isinstance(found, str) else (found, "")


@guarded
def _picked() -> None:
    MATCHED.keep(str(st.session_state[MATCHED.menu]))
    st.session_state.pop(PAGE, None)


def _why_not(asked: str) -> str:
    shape = re.fullmatch(r"(epoch|run):([0-9A-Za-z_ -]{1,60})", asked)
    return GONE.format(what=" ".join(shape.groups())) if shape else WRONG.format(given=shown_text(asked))


def _resolved(view: View, layer: KernelLayer, chosen: str, runs: Mapping[str, RunRecord]) -> Other | str:
    kind, value = chosen.split(":", 1)
    if kind == "epoch":
        at = layer_at(view.record, layer, int(value))
        note = "" if at.epoch == at.wanted else thinned_said(at.wanted, at.epoch, "beside it")
        return Other(view.record, layer, at, f"epoch {at.epoch}", note)
    record = runs[value]
    there = _like(kernel_layers(record), layer)
    name = f"run {plain(record.name)}"
    if there is None:
        inputs = f"{layer.window} x {layer.window} x {layer.channels}" if layer.window else count(layer.inputs)
        return NO_LAYER.format(there=f"R{name[1:]}", layer=layer.name, inputs=inputs)
    recorded = epochs_of(record)
    at = layer_at(record, there, recorded.epochs[-1].epoch if recorded.kept is None else recorded.kept)
    return Other(record, there, at, f"{there.name} of {name} at epoch {at.epoch}")


def _like(layers: Mapping[str, KernelLayer], layer: KernelLayer) -> KernelLayer | None:
    """The layer of the same name, or the first one, whose units look at the same."""
    asked = [layers.get(layer.name), next(iter(layers.values())) if layer.is_first else None]
    shape = (layer.window, layer.channels, layer.inputs)
    return next((one for one in asked if one and (one.window, one.channels, one.inputs) == shape), None)


def draw_matched(view: View, options: Options, looked: Looked, other: Other) -> None:
    """Draws the pairs, those most alike first.

    Args:
        view: what is looked at.
        options: what is asked for.
        looked: the layer at both cursors; now is compared.
        other: what stands beside.
    """
    most = max(looked.layer.units, other.layer.units)
    if most > MOST_AT_ALL:
        _heading(looked.now, other)
        st.caption(TOO_MANY.format(most=count(MOST_AT_ALL), units=count(most)))
        return
    now = looked.now if most <= AT_ONCE else _settled(view, looked, other)
    _heading(now or looked.now, other)
    if now is None:
        st.caption(WAITS)
        _wait(_key(view, looked.now, other))
        return
    pairs = _paired(_key(view, now, other), _here=now, _there=other.at)
    similarity, left = pairs.match.similarity, abs(looked.layer.units - other.layer.units)
    said = MEAN.format(
        mean=_cosine(similarity.mean()),
        low=_cosine(similarity.min()),
        high=_cosine(similarity.max()),
        pairs=f"{count(len(similarity))} pair{'' if len(similarity) == 1 else 's'}",
        left=LEFT.format(units=f"{count(left)} unit{'' if left == 1 else 's'}") if left else "",
    )
    st.markdown(said)
    _draw(view, options, now, other, pairs)
    with st.container(gap=None):
        st.caption(READ)
        if now is not looked.now:
            _wait(_key(view, looked.now, other))


def _heading(now: LayerAt, other: Other) -> None:
    said = HEADING.format(layer=now.weights.name, epoch=now.epoch, there=other.title)
    st.subheader(said, anchor=False)
    if other.note:
        st.caption(other.note)


def _key(view: View, now: LayerAt, other: Other) -> _Key:
    return (view.run.id, now.epoch, now.weights.name, other.record.id, other.at.epoch, other.layer.name)


def _settled(view: View, looked: Looked, other: Other) -> LayerAt | None:
    """The layer now; until the cursor rests there, where it rested before; None where it has not rested yet."""
    key = _key(view, looked.now, other)
    if rests("matched units", key):
        st.session_state[LAST] = key
        return looked.now
    last = st.session_state.get(LAST)
    if last is None or (last[0], *last[2:]) != (key[0], *key[2:]):
        return None
    return layer_at(view.record, looked.layer, last[1])


@st.fragment(run_every=REST_SECONDS)
@guarded
def _wait(key: _Key) -> None:
    """Draws nothing, so that nothing moves."""
    if rests("matched units", key):
        st.rerun()


@st.cache_resource(max_entries=100, show_spinner=False)
def _paired(key: _Key, *, _here: LayerAt, _there: LayerAt) -> _Pairs:  # noqa: ARG001
    one, other = _here.weights.kernel, _there.weights.kernel
    return _Pairs(matched_units(one, other, signed=True), scale_end([one, other]))


def _draw(view: View, options: Options, now: LayerAt, other: Other, pairs: _Pairs) -> None:
    match = pairs.match
    pages = -(-len(match.one) // PER_PAGE)
    page = _page(pages) if pages > 1 else 0
    places = np.argsort(-match.similarity, kind="stable")[page * PER_PAGE : (page + 1) * PER_PAGE]
    mine, theirs = match.one[places], match.other[places]
    left = pictures(_units(now, mine), view.record, options.channel)
    right = pictures(_units(other.at, theirs), other.record, options.channel)
    cosines = [_cosine(value) for value in match.similarity[places].tolist()]
    draw_mosaic(
        Mosaic(
            label=f"{len(places)} pairs of units, those most alike first",
            units=tuple(mine.tolist()),
            parts=(left.values, right.values),
            panels=_panels(left.is_heat_map),
            scales=(Scale("weight", pairs.end),),
            scale_of=(0, 0),
            names=[f"unit {unit}" for unit in mine.tolist()],
            said=[f": paired with unit {unit}, cosine {c}" for unit, c in zip(theirs.tolist(), cosines, strict=True)],
            slots=min(len(match.one), PER_PAGE),
            across=0,
            is_heat_map=left.is_heat_map,
            labels=cosines,
            chosen=options.unit,
        ),
        key="weights_pairs",
        on_choose=choose_unit,
    )


def _units(at: LayerAt, units: NDArray[np.int64]) -> LayerWeights:
    return LayerWeights(at.weights.name, at.weights.kernel[..., units])


def _cosine(value: float) -> str:
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


def _panels(is_heat_map: bool) -> tuple[Panel, ...]:
    """Lines are too long to stand beside each other in a cell."""
    return (Panel("this layer", (0,)), Panel("paired with", (1,))) if is_heat_map else (Panel("", (0, 1)),)


def _page(pages: int) -> int:
    asked = st.session_state.get(PAGE)
    st.session_state[PAGE] = asked if isinstance(asked, int) and 1 <= asked <= pages else 1
    page = st.pagination(pages, key=PAGE, max_visible_pages=7)
    return page - 1 if isinstance(page, int) and 1 <= page <= pages else 0
