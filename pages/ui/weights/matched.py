"""The chosen layer beside that of another run or epoch, unit by unit, each with the one that it is most like."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.likeness import UnitMatch, first_layer_likeness, matched_units
from mnist_core.analysis.tiles import scale_end
from mnist_core.analysis.weights import LayerWeights
from mnist_core.datasets import to_model_input
from mnist_core.errors import EpochNotRecorded
from mnist_core.networks.layers import Flatten
from mnist_core.runs import RunRecord
from pages.ui.format import count
from pages.ui.frame.resting import rests
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.images import image_source
from pages.ui.services import services
from pages.ui.weights.layers import KernelLayer, planned_layers
from pages.ui.weights.looked import Looked, pictures
from pages.ui.weights.mosaic import Mosaic, Panel, Scale, draw_mosaic
from pages.ui.weights.options import Options, choose_unit
from pages.ui.weights.other import PAIRS_PAGE, Other
from pages.ui.weights.reading import LayerAt, layer_at

__all__ = ["PER_PAGE", "draw_matched"]

LAST = "weights_pairs_last"
PER_PAGE = 48
AT_ONCE = 128
"""Units up to which nobody has to wait until the cursor rests."""

MOST_AT_ALL = 2048
REST_SECONDS = 0.5
TOO_MANY = "Pairing takes too long with more than {most} units; one of these layers has {units}."
WAITS = ":material/hourglass_top: The units are paired as soon as the cursor rests here."
ASKED_IMAGES = 2000
LIKENESS = " **Likeness of what they give for {images} images: {likeness}.**"
HELP_LIKENESS = (
    "Linear centred kernel alignment of what the two layers give for images of the split, before their activation"
    " functions: 1 where one gives what the other gives but for order, turns and size, 0 where they have nothing in"
    " common (Kornblith, Norouzi, Lee and Hinton 2019). The filters of a convolution see one window of each image."
)
HEADING = "{layer} at epoch {epoch} beside {there}"
MEAN = "**Mean cosine of the pairs: {mean}**, from {low} to {high}; {pairs}.{left}"
LEFT = " {units} of the larger layer are left over."
READ = (
    "Left in each pair the unit of this layer, right the one that it is paired with, and their cosine: 1 is the same"
    " direction, 0 nothing in common. Units are paired so that the cosines are largest in sum, so layers that"
    " differ only in the order of their units have a mean of 1."
)


Images = NDArray[np.uint8]
_Key = tuple[str, int, str, str, int, str]
"""Run, epoch and layer, of both."""


class _Pairs(NamedTuple):
    match: UnitMatch
    end: float
    likeness: float | None
    images: int


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
    images = _images(view, looked.layer, other)
    split = "" if images is None else view.split
    pairs = _paired(_key(view, now, other), split, _images=images, _here=now, _there=other.at)
    similarity, left = pairs.match.similarity, abs(looked.layer.units - other.layer.units)
    said = MEAN.format(
        mean=_cosine(similarity.mean()),
        low=_cosine(similarity.min()),
        high=_cosine(similarity.max()),
        pairs=f"{count(len(similarity))} pair{'' if len(similarity) == 1 else 's'}",
        left=LEFT.format(units=f"{count(left)} unit{'' if left == 1 else 's'}") if left else "",
    )
    if pairs.likeness is not None:
        said += LIKENESS.format(likeness=_cosine(pairs.likeness), images=count(pairs.images))
    st.markdown(said, help=HELP_LIKENESS if pairs.likeness is not None else None)
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
def _paired(
    key: _Key,  # noqa: ARG001
    split: str,  # noqa: ARG001 - whose images are asked about, empty where none are
    *,
    _images: Callable[[], Images] | None,
    _here: LayerAt,
    _there: LayerAt,
) -> _Pairs:
    one, other = _here.weights.kernel, _there.weights.kernel
    match, end = matched_units(one, other, signed=True), scale_end([one, other])
    if _images is None:
        return _Pairs(match, end, None, 0)
    images = to_model_input(_images())[..., 0]
    return _Pairs(match, end, first_layer_likeness(images, one, other), len(images))


def _images(view: View, layer: KernelLayer, other: Other) -> Callable[[], Images] | None:
    """Images to ask both layers about, where both look at the pixels as these are, and the images are at hand."""
    try:
        snapshot = view.snapshot
    except EpochNotRecorded:
        return None
    source, ids = image_source(snapshot.dataset, snapshot.version), snapshot.ids
    if source.missing or len(ids) < 2 or not (_sees(view.record, layer) and _sees(other.record, other.layer)):
        return None
    some = ids[np.linspace(0, len(ids) - 1, min(len(ids), ASKED_IMAGES)).astype(int)]
    return lambda: services().lab.dataset(snapshot.dataset).images[some]


def _sees(record: RunRecord, layer: KernelLayer) -> bool:
    """Whether a layer looks at the pixels themselves: nothing comes before it that would move or change them."""
    places = planned_layers(record)
    before = places[: [place.id for place in places].index(layer.name)]
    return layer.is_first and all(isinstance(place.layer, Flatten) for place in before)


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
    asked = st.session_state.get(PAIRS_PAGE)
    st.session_state[PAIRS_PAGE] = asked if isinstance(asked, int) and 1 <= asked <= pages else 1
    page = st.pagination(pages, key=PAIRS_PAGE, max_visible_pages=7)
    return page - 1 if isinstance(page, int) and 1 <= page <= pages else 0
