"""A second pass beside the first: the same image at another epoch, or an image that was held. The URL has `beside`."""

import re
from typing import NamedTuple

import streamlit as st

from mnist_core.inspection import ImageRequest
from mnist_core.runs.kept import nearest_epoch
from pages.ui.frame.option import Option
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.network.which_image import Which
from pages.ui.recorded import thinned_said

__all__ = ["Beside", "choose_beside"]

BESIDE = Option("beside", ("network",))
NOTHING = "nothing"
WRONG = "`beside` in the link must be such as epoch:0 or image:ID; nothing is shown beside."
GONE = "What was to stand beside, {what}, is not here; nothing is shown beside."
HELP = (
    "The same image at another epoch, most telling before training (epoch 0); or hold an image, step to others, and"
    " compare. Both passes then have one scale for each layer."
)


class Beside(NamedTuple):
    """What stands beside.

    Attributes:
        request: the image and the epoch there.
        title: what it is, in words.
        note: why its weights are not those of the epoch that was asked for, as a sentence.
    """

    request: ImageRequest
    title: str
    note: str = ""


def choose_beside(
    view: View, which: Which, *, request: ImageRequest, epochs: tuple[int, ...]
) -> tuple[Beside | None, str]:
    """Draws the menu; what stands beside, if anything, and what the link asks for that cannot be, as a sentence.

    Args:
        view: what is looked at.
        which: the image that is looked at.
        request: what is shown first.
        epochs: those whose weights are kept.
    """
    asked = BESIDE.asked
    labels = {"": NOTHING}
    labels |= {f"epoch:{one}": _epoch_title(one) for one in epochs if one != request.epoch}
    held = _held(view, asked, which)
    if held is not None:
        labels[f"image:{held}"] = f"image {held}"
    nearest, note = _nearest(view, asked, epochs)
    chosen, problem = (nearest, "") if nearest in labels else ("", _why_not(nearest, request))
    if problem and view.is_new_run:  # it was chosen in another run
        BESIDE.leave_link()
        problem = ""
    elif not problem:
        BESIDE.keep(asked)
    st.session_state[BESIDE.menu] = chosen
    st.selectbox(
        "beside it",
        list(labels),
        format_func=lambda text: labels.get(text, text),
        key=BESIDE.menu,
        on_change=_picked,
        help=HELP,
        filter_mode="contains",
        width=230,
    )
    st.button("Hold this image beside", icon=":material/push_pin:", on_click=_hold, args=(which.image,))
    return _resolved(chosen, request, note), problem


def _nearest(view: View, asked: str, epochs: tuple[int, ...]) -> tuple[str, str]:
    """What is asked for, or the nearest epoch where the weights of that one are not kept, and a sentence about it."""
    shape = re.fullmatch("epoch:([0-9]{1,9})", asked)
    if shape is None or int(shape.group(1)) not in {one.epoch for one in view.epochs}:
        return asked, ""
    wanted = int(shape.group(1))
    nearest = nearest_epoch(epochs, wanted)
    return f"epoch:{nearest}", "" if nearest == wanted else thinned_said(wanted, nearest, "beside it")


def _resolved(chosen: str, request: ImageRequest, note: str) -> Beside | None:
    kind, _, number = chosen.partition(":")
    if kind == "epoch":
        return Beside(request.model_copy(update={"epoch": int(number)}), _epoch_title(int(number)), note)
    if kind == "image":
        return Beside(request.model_copy(update={"image": int(number)}), f"image {number}")
    return None


def _epoch_title(epoch: int) -> str:
    return "before training (epoch 0)" if epoch == 0 else f"epoch {epoch}"


def _held(view: View, asked: str, which: Which) -> int | None:
    """The image that is held, if it is one of the split."""
    shape = re.fullmatch("image:([0-9]{1,9})", asked)
    image = int(shape.group(1)) if shape else which.image
    is_here = image != which.image and image in view.snapshot.ids
    return image if is_here else None


def _why_not(asked: str, request: ImageRequest) -> str:
    shape = re.fullmatch("(epoch|image):([0-9]{1,9})", asked)
    if shape is None:
        return WRONG if asked else ""
    kind, number = shape.groups()
    is_shown = int(number) == (request.epoch if kind == "epoch" else request.image)
    return "" if is_shown else GONE.format(what=f"{kind} {number}")


@guarded
def _picked() -> None:
    BESIDE.keep(str(st.session_state[BESIDE.menu]))


@guarded
def _hold(image: int) -> None:
    BESIDE.keep(f"image:{image}")
