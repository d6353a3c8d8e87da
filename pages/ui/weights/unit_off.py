"""Units switched off: accuracy before and after, how the confusion matrix changes, and the images that flip."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from mnist_core.analysis.change import Change, change
from mnist_core.analysis.evaluation import Evaluation, evaluate
from mnist_core.analysis.selection import MOST_IDS
from mnist_core.inspection import Ablation, AblationRequest
from pages.ui.asked import asked
from pages.ui.format import accuracy_sentence, count, plain
from pages.ui.frame.view import View
from pages.ui.gallery import GalleryItem
from pages.ui.guard import guarded
from pages.ui.predictions.matrix_cells import Matrix
from pages.ui.predictions.matrix_chart import matrix_spec
from pages.ui.theme import palette
from pages.ui.weights.layers import KernelLayer
from pages.ui.weights.options import MOST_OFF, OFF
from pages.ui.weights.unit_images import draw_selectable, select_button

__all__ = ["draw_off"]

MATRIX, GALLERY = 430, 380
HEIGHT = 624
"""Of the place in which all that follows is waited for: that of what comes, on wide screens."""

SHOWN = 60
ALL_ON = (
    "All units of {layer} are on. Switch this one off to see what the network says without it: it gives 0 then{where}."
)
PLACES = ", at all places"
READ_MATRIX = (
    "How many images more (orange, +) or fewer (blue, -) are in each cell without the unit{many}; rows are true"
    " classes, columns predictions."
)
READ_FLIPS = "Images that are taken for another class without the unit{many}, the newly broken ones first."
NO_FLIPS = "No image of the {split} split is taken for another class."


@dataclass(frozen=True, eq=False)
class _Compared:
    """A split with all units on and with some off."""

    before: Evaluation
    after: Evaluation
    change: Change


def draw_off(view: View, layer: KernelLayer, unit: int, off: tuple[int, ...]) -> None:
    """Draws the switches and what follows from them.

    Args:
        view: what is looked at, at an epoch whose weights are kept.
        layer: the layer.
        unit: the unit that is looked at.
        off: the units that are off, ascending.
    """
    with st.container(key="unit_off"):
        _draw_off(view, layer, unit, off)


def _draw_off(view: View, layer: KernelLayer, unit: int, off: tuple[int, ...]) -> None:
    st.markdown("**Switch units off**")
    _switches(layer, unit, off)
    if not off:
        st.caption(ALL_ON.format(layer=plain(layer.name), where=PLACES if layer.window else ""))
        return
    data = {"layer": layer.name, "units": list(off), "split": view.split, "epoch": view.epoch}
    found = asked(AblationRequest.parse(data), view.run.id, what=f"The network without {_named(off)}", height=HEIGHT)
    if found is None:
        return
    compared = _compare(view, found)
    _draw_numbers(compared, off)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_matrix(view, compared, off)
    with right:
        _draw_flips(view, found, compared, off)


def _switches(layer: KernelLayer, unit: int, off: tuple[int, ...]) -> None:
    is_off = unit in off
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Switch unit {unit} {'on' if is_off else 'off'}",
            key="unit_switch",
            type="secondary" if off else "primary",
            icon=":material/toggle_off:" if is_off else ":material/toggle_on:",
            disabled=not is_off and len(off) >= MOST_OFF,
            on_click=_switch,
            args=(tuple(sorted({*off} ^ {unit})),),
        )
        if off:
            st.button("Switch all on", key="unit_all_on", on_click=_switch, args=((),))
            st.markdown(f"{count(len(off))} of {count(layer.units)} off: {_listed(off)}", width="content")


@guarded
def _switch(off: tuple[int, ...]) -> None:
    OFF.keep(",".join(map(str, off)))


def _compare(view: View, found: Ablation) -> _Compared:
    snapshot = view.snapshot
    assert np.array_equal(found.ids, snapshot.ids)
    labels, after = snapshot.labels, found.predictions
    return _Compared(
        snapshot.evaluation,
        evaluate(labels, after, view.classes, epoch=view.epoch, split=view.split),
        change(labels, snapshot.predictions.predicted, after.predicted, len(view.classes)),
    )


def _draw_numbers(compared: _Compared, off: tuple[int, ...]) -> None:
    rows = [("with all units", compared.before), (f"without {_named(off)}", compared.after)]
    lines = ["| | accuracy | mean loss |", "|:--|:--|--:|"]
    lines += [f"| {name} | {_accuracy(one)} | {one.loss:.4f} |" for name, one in rows]
    st.markdown("\n".join(lines))


def _accuracy(one: Evaluation) -> str:
    return accuracy_sentence(one.accuracy, one.interval, one.errors, int(one.confusion.sum()))


def _draw_matrix(view: View, compared: _Compared, off: tuple[int, ...]) -> None:
    matrix = Matrix(compared.change.confusion, view.classes, "difference")
    spec: dict[str, Any] = matrix_spec(matrix, None, palette())
    more = compared.after.errors - compared.before.errors
    st.echarts_chart(spec, key="unit_matrix", height=MATRIX, alt=f"Change of the confusion matrix: {more:+} errors")
    st.caption(READ_MATRIX.format(many=_many(off)))


def _draw_flips(view: View, found: Ablation, compared: _Compared, off: tuple[int, ...]) -> None:
    ids, moved = view.snapshot.ids, compared.change
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, rows in (("newly broken", moved.broken), ("fixed", moved.fixed)):
            more = f", select {MOST_IDS}" if len(rows) > MOST_IDS else ""
            select_button(view, ids[rows[:MOST_IDS]], key=f"select_{name}", label=f"{name}: {count(len(rows))}{more}")
    rows = np.flatnonzero(view.snapshot.predictions.predicted != found.predictions.predicted)
    if not len(rows):
        st.container(height=GALLERY, border=False).caption(NO_FLIPS.format(split=view.split))
        return
    first = np.concatenate([moved.broken, moved.fixed, np.setdiff1d(rows, [*moved.broken, *moved.fixed])])
    items = _items(view, found, first[:SHOWN])
    draw_selectable(view, items, key="unit_flips", label="images that flip", height=GALLERY)
    shown = f" The first {SHOWN} of {count(len(rows))}." if len(rows) > SHOWN else ""
    st.caption(READ_FLIPS.format(many=_many(off)) + shown)


def _items(view: View, found: Ablation, rows: Any) -> list[GalleryItem]:
    """What the network says without the units, and what it said with them."""
    classes, snapshot, said = view.classes, view.snapshot, found.predictions
    chances = said.probabilities(rows)
    items = []
    for row, values in zip(rows.tolist(), chances.tolist(), strict=True):
        true, now, was = (int(one[row]) for one in (snapshot.labels, said.predicted, snapshot.predictions.predicted))
        item = GalleryItem(int(snapshot.ids[row]), classes[true], classes[now], true == now, tuple(values))
        items.append(replace(item, note=f"{classes[was]} with all units"))
    return items


def _named(off: tuple[int, ...]) -> str:
    return f"unit {off[0]}" if len(off) == 1 else f"{count(len(off))} units"


def _many(off: tuple[int, ...]) -> str:
    return "s" * (len(off) > 1)


def _listed(off: tuple[int, ...], most: int = 12) -> str:
    return ", ".join(map(str, off[:most])) + (", ..." if len(off) > most else "")
