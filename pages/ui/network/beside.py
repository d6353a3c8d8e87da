"""A second pass beside the first: the same image at another epoch, or an image that was held. The URL has `beside`."""

import re
from typing import NamedTuple

import streamlit as st

from mnist_core.inspection import ImageRequest
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.network.which_image import Which

__all__ = ["Beside", "choose_beside"]

NAME, KEPT, MENU, RUN = "beside", "network_beside", "network_beside_menu", "network_beside_run"
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
    """

    request: ImageRequest
    title: str


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
    asked = str(st.query_params.get(NAME) or st.session_state.get(KEPT) or "")
    labels = {"": NOTHING}
    labels |= {f"epoch:{one}": _epoch_title(one) for one in epochs if one != request.epoch}
    held = _held(view, asked, which)
    if held is not None:
        labels[f"image:{held}"] = f"image {held}"
    chosen, problem = (asked, "") if asked in labels else ("", _why_not(asked, request))
    if st.session_state.get(RUN, view.run.id) != view.run.id:
        asked, problem = ("", "") if problem else (asked, "")  # it was chosen in another run
    st.session_state[RUN], st.session_state[MENU] = view.run.id, chosen
    if not problem:
        _keep(asked)
    st.selectbox(
        "beside it",
        list(labels),
        format_func=lambda text: labels.get(text, text),
        key=MENU,
        on_change=_picked,
        help=HELP,
        filter_mode="contains",
        width=230,
    )
    st.button("Hold this image beside", icon=":material/push_pin:", on_click=_hold, args=(which.image,))
    return _resolved(chosen, request), problem


def _resolved(chosen: str, request: ImageRequest) -> Beside | None:
    kind, _, number = chosen.partition(":")
    if kind == "epoch":
        return Beside(request.model_copy(update={"epoch": int(number)}), _epoch_title(int(number)))
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
    _keep(str(st.session_state[MENU]))


@guarded
def _hold(image: int) -> None:
    _keep(f"image:{image}")


def _keep(text: str) -> None:
    st.session_state[KEPT] = text
    if text and st.query_params.get(NAME) != text:
        st.query_params[NAME] = text
    elif not text and NAME in st.query_params:
        del st.query_params[NAME]
