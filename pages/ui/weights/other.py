"""What the chosen layer is compared with, unit by unit: the same layer at another epoch, or one of another run.

It is in the link as `matched`: `epoch:3` or `run:ID`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from mnist_core.runs import RunRecord
from pages.ui.format import count, plain
from pages.ui.frame.option import Option, shown_text
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.recorded import epochs_of, thinned_said
from pages.ui.services import services
from pages.ui.weights.layers import KernelLayer, kernel_layers
from pages.ui.weights.options import Options
from pages.ui.weights.reading import LayerAt, kept_of, layer_at

__all__ = ["PAIRS_PAGE", "Other", "choose_other"]

PAIRS_PAGE = "weights_pairs_page"
"""Key of the widget that leafs through the pairs."""

MATCHED = Option("matched", ("weights",))
HELP = "Pairs each unit with the one most like it in another epoch or run, whatever their order."
WRONG = "`matched` in the link must be such as epoch:3 or run:ID, got `{given}`; nothing is compared."
GONE = "What was to be compared with, {what}, is not here; nothing is compared."
NO_LAYER = (
    "{there} has no layer whose units look at as many weights as those of `{layer}` ({inputs}), so nothing is compared."
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
    st.session_state.pop(PAIRS_PAGE, None)


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
