"""The biography of one image: what the run made of it at each epoch, in a strip and in words, and what other runs do.

Which image it is stands in the URL as `image`; galleries choose it by `choose_image`.
"""

import re
import threading
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.biography import Biography
from mnist_core.analysis.selection import Ids
from mnist_core.opinions import ASKED, Opinion
from mnist_core.run import RECORDED_SPLITS, SPLITS
from pages.ui.format import count, plain
from pages.ui.frame.link import go_to
from pages.ui.frame.option import Option
from pages.ui.frame.selected import select
from pages.ui.frame.split_gate import is_open
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.images import image_source, sprite_url
from pages.ui.selection.biography_strip import draw_strip
from pages.ui.services import services
from pages.ui.snapshot import split_ids

__all__ = ["IMAGE", "PANEL", "choose_image", "chosen_image", "draw_biography", "life_said"]

PANEL = "biography"
"""Key of the panel on the page."""

IMAGE = Option("image", ("predictions", "embeddings", "network"))
SIDE = 140
LISTED, LIST_HEIGHT = 6, 258
GLUE = "\u00a0"
OPINION_SECONDS = 120.0
MANY_TURNS = 4
ELSEWHERE = "Image {image} is in the {split} split."
SEALED = "Left out: {runs} with the image in a test split that is not opened here."
NOT_TRAINING = "Predictions of training images are not recorded at each epoch, so there is no more to tell of this one."


def choose_image(image: int | None) -> None:
    """Opens the biography of an image, in session and URL; the same again, or None, closes it. For callbacks."""
    text = "" if image is None else str(image)
    IMAGE.keep("" if text == IMAGE.asked else text)


def chosen_image(view: View) -> tuple[int | None, str]:
    """The image whose biography is open, one of the split; and what is wrong with the one asked for, without an end."""
    asked = IMAGE.asked
    if not asked:
        return None, ""
    IMAGE.keep(asked)
    ids = view.snapshot.ids
    if re.fullmatch("[0-9]{1,9}", asked) and _row(ids, int(asked)) is not None:
        return int(asked), ""
    given = re.sub("[^0-9A-Za-z.-]", "?", asked[:20])
    return None, (
        f"`image` in the link must be one of the {count(len(ids))} images of the {view.split} split, got `{given}`"
    )


@guarded
def draw_biography(view: View) -> None:
    """Draws the panel of the chosen image; nothing where none is chosen."""
    image, problem = chosen_image(view)
    if problem:
        _draw_problem(view, f"{problem}; no image is shown. Choose one of the gallery.")
    if image is None:
        return
    with st.container(border=True, key=PANEL):
        _header(view, image)
        picture, life, others = st.columns([2, 7, 4], gap="medium")
        with picture:
            _picture(view, image)
        if view.split not in RECORDED_SPLITS:
            life.caption(NOT_TRAINING)
            return
        told = _life(view.run.id, view.split, image).until(view.epochs[-1].epoch)
        with life:
            st.markdown(life_said(told))
            draw_strip(told, view.classes, view.epoch)
        with others:
            _others(view, image)


def _draw_problem(view: View, problem: str) -> None:
    """An image of another split leads there; any other is none."""
    split = _other_split(view, IMAGE.asked)
    with st.container(horizontal=True, vertical_alignment="center"):
        if split:
            st.markdown(ELSEWHERE.format(image=IMAGE.asked, split=split), width="content")
            st.button("Look at it there", icon=":material/arrow_forward:", on_click=_go_to_split, args=(split,))
        else:
            st.warning(problem, icon=":material/link_off:")
        st.button("Close", icon=":material/close:", on_click=_close, key="close_biography")


def _other_split(view: View, asked: str) -> str:
    """The split of the run that holds an image; empty where none does."""
    if not re.fullmatch("[0-9]{1,9}", asked):
        return ""
    holds = (split for split in SPLITS if _row(split_ids(view.run.id, split), int(asked)) is not None)
    return next(holds, "")


@guarded
def _go_to_split(split: str) -> None:
    go_to(split=split)


def _header(view: View, image: int) -> None:
    snapshot = view.snapshot
    row = _row(snapshot.ids, image)
    true, predicted = int(snapshot.labels[row]), int(snapshot.predictions.predicted[row])
    chance = float(snapshot.predictions.probabilities(np.array([row]))[0, predicted])
    names = [plain(view.classes[number]) for number in (true, predicted)]
    with st.container(horizontal=True, vertical_alignment="center"):
        sure = f"{100 * chance:.1f}{GLUE}%"
        said = f"**Image {image}: true {names[0]}**, predicted {names[1]} ({sure}) at epoch {view.epoch}"
        st.markdown(said, width="stretch")
        st.button("Select only this image", icon=":material/filter_center_focus:", on_click=_select, args=(view, image))
        st.button("Close", icon=":material/close:", on_click=_close, key="close_biography")


def _picture(view: View, image: int) -> None:
    snapshot = view.snapshot
    source = image_source(snapshot.dataset, snapshot.version)
    if source.missing:
        st.caption("The image is not at hand.")
        return
    address = escape(sprite_url(source, [image], 1), quote=True)
    style = f"width:{SIDE}px;height:{SIDE}px;max-width:100%;image-rendering:pixelated;display:block"
    st.html(f'<img src="{address}" alt="image {image}, enlarged" style="{style}">')


def life_said(told: Biography) -> str:
    """When it was learnt and forgotten, as a sentence."""
    total = len(told.epochs)
    if told.first_learnt is None:
        return f"Never right in {_times(total, 'recorded epoch')}."
    if not told.wrong_epochs:
        return f"Right at {'all ' if total > 1 else ''}{_times(total, 'recorded epoch')}."
    turns = sorted([(epoch, "forgotten") for epoch in told.forgotten] + [(one, "right again") for one in told.relearnt])
    first = "Right before training" if told.first_learnt == 0 else f"First right at epoch {told.first_learnt}"
    if not turns:
        return f"{first}, and ever since."
    ended = "right again since" if told.right[-1] else "wrong since"
    if len(turns) > MANY_TURNS:
        return f"{first}, forgotten {_times(len(told.forgotten), 'time')}, {ended} epoch {turns[-1][0]}."
    *before, (last, _) = turns
    said = [first, *(f"{what} at {epoch}" for epoch, what in before), f"{ended} {last}"]
    return f"{', '.join(said)}."


def _others(view: View, image: int) -> None:
    every = _opinions(view.run.id, image)
    found = sorted((one for one in every if one.split != "test" or is_open(one.run)), key=lambda one: one.right)
    wrong = sum(not one.right for one in found)
    if len(found) < len(every):
        st.caption(SEALED.format(runs=_times(len(every) - len(found), "run")))
    if not found:
        st.markdown("No other finished run was asked about this image.")
        return
    st.markdown(_judgement(wrong, len(found)))
    is_long = len(found) > LISTED
    with st.container(height=LIST_HEIGHT if is_long else "content", border=False, gap=None):
        for one in found:
            _opinion(one)
    if len(every) == ASKED:
        st.caption(f"Only the newest {ASKED} finished runs are asked.")


def _opinion(one: Opinion) -> None:
    sure = f"true class {100 * one.p_true:.1f} %"
    st.button(
        f"{plain(one.name)}: {plain(one.predicted_name)}",
        key=f"opinion:{one.run}",
        icon=":material/check:" if one.right else ":material/close:",
        help=f"{'Right' if one.right else 'Wrong'} at epoch {one.epoch}, {sure}. Look at this image in that run.",
        type="tertiary",
        on_click=_look,
        args=(one,),
    )


def _judgement(wrong: int, total: int) -> str:
    if total == 1:
        return f"The one other run that knows it gets it {'wrong' if wrong else 'right'}, at its kept epoch."
    return (
        f"{wrong or 'None'} of {count(total)} other runs get{'s' if wrong < 2 else ''} it wrong, at their kept epochs."
    )


@guarded
def _look(one: Opinion) -> None:
    go_to(run=one.run, epoch="kept", split=one.split)


@guarded
def _select(view: View, image: int) -> None:
    select(Ids((image,)), view.run.id, view.epoch, view.split)


@guarded
def _close() -> None:
    choose_image(None)


class _Life:
    """The biography of one image, which grows while its run trains; shared by all sessions."""

    def __init__(self, run_id: str, split: str, image: int) -> None:
        self._of = (run_id, split, image)
        self._lock = threading.Lock()
        self._known = services().lab.run(run_id).biography(image, split)

    def until(self, last: int) -> Biography:
        """All epochs up to the last committed one, at least; what is known already is not read again."""
        run_id, split, image = self._of
        with self._lock:
            if self._known.epochs[-1] < last:
                self._known = services().lab.run(run_id).biography(image, split, self._known)
            return self._known


@st.cache_resource(max_entries=256, show_spinner="Reading every epoch")
def _life(run_id: str, split: str, image: int) -> _Life:
    """About 50 bytes an epoch of 10 classes, 0.4 MB for 1,000 epochs of 100: at most 0.1 GB in all."""
    return _Life(run_id, split, image)


@st.cache_resource(max_entries=256, ttl=OPINION_SECONDS, show_spinner="Asking the other runs")
def _opinions(run_id: str, image: int) -> list[Opinion]:
    return services().lab.other_opinions(run_id, image)


def _row(ids: NDArray[np.int32], image: int) -> int | None:
    place = int(np.searchsorted(ids, image))
    return place if place < len(ids) and ids[place] == image else None


def _times(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"
