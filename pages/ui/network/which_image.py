"""Which image is sent through the network, and the steps to others: the chosen one, else the first there is."""

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.run import SPLITS
from pages.ui.format import count
from pages.ui.frame.link import go_to
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.selection.biography import IMAGE, choose_image, chosen_image
from pages.ui.snapshot import split_ids

__all__ = ["Which", "draw_lost_image", "draw_steps", "which_image"]


class Which(NamedTuple):
    """The image that is looked at.

    Attributes:
        image: its id.
        among: int32 (n,), ids of the images that the steps lead through, ascending.
        said: how it came to be this one, as a sentence.
        problem: what the link asks for that cannot be, as a sentence.
        elsewhere: the split that holds the image that the link asks for, where it is not the one that is looked at.
    """

    image: int
    among: NDArray[np.int32]
    said: str
    problem: str = ""
    elsewhere: str = ""


def which_image(view: View) -> Which:
    """The image of the link, else the first of the selection, else the first of the split.

    Args:
        view: what is looked at; its split holds at least one image.
    """
    chosen, problem = chosen_image(view)
    among, whose = _among(view)
    if chosen is not None:
        place = int(np.searchsorted(among, chosen))
        is_among = place < len(among) and among[place] == chosen
        where = f"number {count(place + 1)} of {whose}" if is_among else f"chosen; the steps lead through {whose}"
        return Which(chosen, among, f"Image {chosen}: {where}.")
    first = int(among[0])
    return Which(
        first,
        among,
        f"Image {first}: the first of {whose}, as none is chosen.",
        problem and f"{problem}; image {first} is shown.",
        _held_by(view, IMAGE.asked),
    )


def draw_lost_image(which: Which) -> None:
    """Says what is wrong with the image that the link asks for, and leads to the split that holds it."""
    if not which.problem:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(which.problem, icon=":material/link_off:")
        if which.elsewhere:
            label = f"Look at it in the {which.elsewhere} split"
            st.button(label, icon=":material/arrow_forward:", on_click=_go_to_split, args=(which.elsewhere,))


def draw_steps(which: Which) -> None:
    """Draws the ways to other images.

    Args:
        which: the image that is looked at.
    """
    before, after = _beside(which)
    _step("Previous", "arrow_back", before)
    _step("Next", "arrow_forward", after)
    st.button(
        "Random",
        icon=":material/casino:",
        key="image_random",
        on_click=_random,
        args=(which,),
        disabled=len(which.among) < 2,
        help="Another of the same images, drawn at random.",
    )


def _among(view: View) -> tuple[NDArray[np.int32], str]:
    """The images that the steps lead through, and whose they are, in words."""
    ids = view.snapshot.ids
    if view.selected is not None:
        selected = ids[view.selected.rows(ids)]
        if len(selected):
            return selected, f"the {count(len(selected))} selected of the {view.split} split"
    return ids, f"the {count(len(ids))} images of the {view.split} split"


def _held_by(view: View, asked: str) -> str:
    if not asked.isdecimal() or len(asked) > 9:
        return ""
    return next((split for split in SPLITS if int(asked) in split_ids(view.run.id, split)), "")


def _beside(which: Which) -> tuple[int | None, int | None]:
    """The images before and after; None at the ends."""
    before = which.among[which.among < which.image]
    after = which.among[which.among > which.image]
    return (int(before[-1]) if len(before) else None, int(after[0]) if len(after) else None)


def _step(label: str, icon: str, image: int | None) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"image_{label.lower()}",
        on_click=_choose,
        args=(image,),
        disabled=image is None,
    )


@guarded
def _choose(image: int) -> None:
    choose_image(image)


@guarded
def _random(which: Which) -> None:
    others = which.among[which.among != which.image]
    choose_image(int(np.random.default_rng().choice(others)))


@guarded
def _go_to_split(split: str) -> None:
    go_to(split=split)
