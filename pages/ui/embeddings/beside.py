"""A second map of the same images beside the first: another layer, epoch or run. The URL holds it as `beside`."""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import streamlit as st

from mnist_core.analysis.embedding import Neighbours, agreement
from mnist_core.maps import LayerMap
from mnist_core.runs import RunRecord
from pages.ui.embeddings.drawing import Shown
from pages.ui.embeddings.layers import layers_of
from pages.ui.embeddings.options import Options
from pages.ui.format import percent, plain
from pages.ui.frame.option import Option
from pages.ui.frame.split_gate import is_open
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.recorded import classes_of, epochs_of
from pages.ui.services import services
from pages.ui.snapshot import split_ids

__all__ = ["Beside", "Chosen", "agreement_said", "choose_beside"]

BESIDE = Option("beside", ("embeddings",))
WRONG = "`beside` in the link must be such as layer:conv_1, epoch:0 or run:ID; one map is shown."
GONE = "What was to stand beside, {what}, is not here; one map is shown."
SEALED = "The test split of run `{name}` is not opened in this session, so its map is not shown."
HELP = "A second map of the same images: point at one, or select some, and see where the other has them."
AGREE = "On average {share} of the {k} images nearest to an image are the same on both sides, in the layers themselves."
OTHER_SPLIT = "Run `{name}` has other images in its {split} split, so its map cannot stand beside."
OTHER_IMAGES = "The two maps show different images, so how far their neighbourhoods agree cannot be said."


class Beside(NamedTuple):
    """What stands beside.

    Attributes:
        view: what is looked at there.
        options: what is asked for there.
        title: what it is, in words.
    """

    view: View
    options: Options
    title: str


class Chosen(NamedTuple):
    """What the menu says.

    Attributes:
        beside: what stands beside; None where one map is wanted.
        problem: what the link asks for that cannot be, as a sentence.
    """

    beside: Beside | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Choice:
    kind: str
    value: str

    @property
    def text(self) -> str:
        return f"{self.kind}:{self.value}"


def choose_beside(view: View, options: Options) -> Chosen:
    """Draws the menu.

    Args:
        view: what is looked at.
        options: what is asked for there.
    """
    runs = _other_runs(view)
    labels = {"": "one map"} | {f"layer:{one}": f"layer {one}" for one in layers_of(view.record).shapes}
    labels |= {f"epoch:{one.epoch}": f"epoch {one.epoch}" for one in view.epochs}
    labels |= {f"run:{one.id}": f"run {one.name}" for one in runs.values()}
    labels.pop(f"layer:{options.layer}", None)
    asked = BESIDE.asked
    named = {f"run:{one.name}": f"run:{one.id}" for one in runs.values()}
    asked = named.get(asked, asked)
    chosen, problem = (asked, "") if asked in labels else ("", _why_not(asked))
    if problem and (view.is_new_run or not BESIDE.is_in_link):
        BESIDE.leave_link()
        problem = ""
    elif not problem:
        BESIDE.keep(chosen)
    st.session_state[BESIDE.menu] = chosen
    st.selectbox(
        "beside",
        list(labels),
        format_func=lambda text: labels.get(text, text),
        key=BESIDE.menu,
        on_change=_picked,
        help=HELP,
        filter_mode="contains",
        width=165,
    )
    return _resolved(view, options, _Choice(*chosen.split(":", 1))) if chosen else Chosen(None, problem)


def _why_not(asked: str) -> str:
    shape = re.fullmatch(r"(layer|epoch|run):([0-9A-Za-z_ -]{1,60})", asked)
    return (GONE.format(what=" ".join(shape.groups())) if shape else WRONG) if asked else ""


@guarded
def _picked() -> None:
    BESIDE.keep(str(st.session_state[BESIDE.menu]))


def _other_runs(view: View) -> dict[str, RunRecord]:
    """The other runs of the same dataset, in the same groups."""
    wanted = view.record.spec["dataset"]
    return {
        one.id: one
        for one in services().lab.archive.store.runs()
        if one.id != view.run.id and one.epoch is not None and one.spec["dataset"] == wanted
    }


def _resolved(view: View, options: Options, choice: _Choice) -> Chosen:
    if choice.kind == "layer":
        return Chosen(Beside(view, replace(options, layer=choice.value), f"{choice.value} at epoch {view.epoch}"))
    if choice.kind == "epoch":
        number = int(choice.value)
        return Chosen(Beside(replace(view, epoch=number), options, f"{options.layer} at epoch {number}"))
    record = services().lab.archive.store.run(choice.value)
    if view.split == "test" and not is_open(record.id):
        return Chosen(None, SEALED.format(name=plain(record.name)))
    recorded, layers = epochs_of(record), layers_of(record)
    epoch = recorded.epochs[-1].epoch if recorded.kept is None else recorded.kept
    run = services().lab.run(record.id)
    mine, theirs = (split_ids(one, view.split) for one in (view.run.id, record.id))
    if not view.run.shares_images_with(run) or not np.array_equal(mine, theirs):
        return Chosen(None, OTHER_SPLIT.format(name=plain(record.name), split=view.split))
    there = replace(view, run=run, record=record, epochs=list(recorded.epochs), epoch=epoch, classes=classes_of(record))
    layer = options.layer if options.layer in layers.shapes else layers.last_hidden
    return Chosen(Beside(there, replace(options, layer=layer), f"{record.name}: {layer} at epoch {epoch}"))


def agreement_said(one: Shown, other: Shown) -> str:
    """How far the neighbourhoods of two layers agree, as a sentence."""
    if not np.array_equal(one.maps.ids, other.maps.ids):
        return OTHER_IMAGES
    k = min(one.here.neighbours.shape[1], other.here.neighbours.shape[1])
    if not k:
        return ""
    share = agreement(_near(one.here, k), _near(other.here, k))
    return AGREE.format(share=percent(share), k=k)


def _near(one: LayerMap, k: int) -> Neighbours:
    return Neighbours(one.neighbours[:, :k], np.zeros((len(one.neighbours), k), np.float32))
