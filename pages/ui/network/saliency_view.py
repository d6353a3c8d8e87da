"""Which pixels speak for and against a class, by each method, over the outline of the digit."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.inspection import ImageInspection, Saliency
from mnist_core.palette import Palette
from pages.ui.network.layer_picture import scale_html
from pages.ui.network.pictures import GAP, Scale, indices, png, scale_of, uri
from pages.ui.theme import palette

__all__ = ["METHODS", "ZOOM", "draw_saliency", "outline", "saliency_html"]

ZOOM = 4
WIDTH = 236
INK = 0.5
"""Pixels of at least so much are the digit whose outline is drawn."""

OUTLINE = GAP - 1
"""The index of the outline: the last place on the scale, which no value takes here."""

Floats = NDArray[np.float32]


class _Told(NamedTuple):
    title: str
    read: str
    help: str


METHODS = {
    "gradient": _Told(
        "Gradient",
        "Orange: a little more ink there raises the score of the class, blue lowers it.",
        "The derivative of the class's score (its logit, before the softmax) by each pixel, a pixel going from 0 to 1"
        " (Simonyan, Vedaldi and Zisserman 2013). It says what a small change would do, not what the image owes its"
        " score to; it is often noisy, and it is 0 where units are off or saturated.",
    ),
    "integrated_gradients": _Told(
        "Integrated gradients",
        "Orange: the pixel adds to the score of the class compared with a black image, blue takes away.",
        "The gradient summed on the straight way from a black image to this one, in 32 steps, times the pixel; all"
        " pixels together make nearly the difference of the two scores (Sundararajan, Taly and Yan 2017). A black pixel"
        " always gets 0, so that ink that is missing is never seen.",
    ),
    "occlusion": _Told(
        "Occlusion",
        "Orange: the score of the class falls when the place is painted black, blue: it rises.",
        "The change of the score when a black square of 4 by 4 pixels covers the place, the mean of all squares that"
        " do, 2 pixels apart (Zeiler and Fergus 2014). It needs no gradient, but what it finds depends on the size of"
        " the square and on black being what stands for nothing; two parts that can replace each other both look"
        " unimportant.",
    ),
    "grad_cam": _Told(
        "Grad-CAM",
        "The stronger the colour, the more the last convolution finds there that raises the score of the class.",
        "The channels of the last convolution, each weighted by its mean gradient, summed, and only what is above 0"
        " (Selvaraju et al. 2017), spread over the pixels. It is as coarse as that layer, and a place may be marked for"
        " what lies beside it, as each value sees a whole field of pixels.",
    ),
}
LIMITS = "Each method answers another question, and none of them says why.{scale} The outline is the digit."
NO_SCALE = "All is 0, so there is no scale."
ONE_SCALE = " Both pictures of a method have one scale."


def draw_saliency(passes: Sequence[ImageInspection], titles: Sequence[str], classes: Sequence[str]) -> None:
    """Draws each method on the true and the predicted class, one sentence below each on how to read it.

    Args:
        passes: of the network, one or two.
        titles: what each is, in words.
        classes: names of the classes.
    """
    with st.container(horizontal=True, gap="small"):
        for method in dict.fromkeys(one.method for one in passes[0].saliency):
            with st.container(gap=None, width=WIDTH):
                st.markdown(f"**{METHODS[method].title}**", help=METHODS[method].help, width="content")
                for found, title in zip(passes, titles, strict=True):
                    if len(passes) > 1:
                        st.caption(title)
                    _draw(found, method, classes)
                st.caption(METHODS[method].read)
    has_pairs = any(len({one.target for one in found.saliency}) > 1 for found in passes)
    st.caption(LIMITS.format(scale=ONE_SCALE if has_pairs else ""))


def _draw(found: ImageInspection, method: str, classes: Sequence[str]) -> None:
    maps = [one for one in found.saliency if one.method == method]
    said = [_target(one, found, classes) for one in maps]
    st.html(saliency_html(maps, found.layers[0].values[..., 0], said, palette()))


def saliency_html(maps: list[Saliency], pixels: Floats, said: list[str], colours: Palette) -> str:
    """Some maps of one method on one scale, each over the outline of the digit, with the class below it.

    Args:
        maps: of one method.
        pixels: float32 (28, 28) in [0, 1], the digit.
        said: which class each is of.
        colours: of the theme.
    """
    scale = scale_of(*(one.values for one in maps))
    shades = colours.diverging if scale.signed else colours.sequential
    figures = "".join(_figure(one, pixels, scale, (what, colours)) for one, what in zip(maps, said, strict=True))
    shown = scale_html(scale, shades) if any(one.values.any() for one in maps) else NO_SCALE
    look = f"font-size:.8rem;line-height:1.35;color:{colours.text};font-variant-numeric:tabular-nums"
    return (
        f'<div style="{look}"><div style="display:flex;gap:8px;flex-wrap:wrap">{figures}</div>'
        f'<div style="margin:4px 0 8px">{shown}</div></div>'
    )


def _figure(one: Saliency, pixels: Floats, scale: Scale, drawn: tuple[str, Palette]) -> str:
    what, colours = drawn
    shades = colours.diverging if scale.signed else colours.sequential
    side = len(pixels) * ZOOM
    picture = np.minimum(indices(one.values, scale), OUTLINE - 1).repeat(ZOOM, 0).repeat(ZOOM, 1)
    picture[outline(pixels >= INK, ZOOM)] = OUTLINE
    address = uri(png(picture, shades, marked=colours.text))
    alt = escape(f"{METHODS[one.method].title} on {what}")
    size = f'width="{side}" height="{side}"'
    return (
        f'<div><img src="{address}" alt="{alt}" {size} style="display:block;image-rendering:pixelated">'
        f'<div style="margin-top:2px">{escape(what)}</div></div>'
    )


def outline(inside: NDArray[np.bool_], zoom: int) -> NDArray[np.bool_]:
    """The inner edge of a shape, one pixel wide, enlarged.

    Args:
        inside: bool (rows, columns).
        zoom: pixels of the answer to one of the shape.
    """
    large = inside.repeat(zoom, 0).repeat(zoom, 1)
    around = np.pad(large, 1)
    kept = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return large & ~kept


def _target(one: Saliency, found: ImageInspection, classes: Sequence[str]) -> str:
    which = (
        "true and predicted" if found.label == found.predicted else "true" if one.target == found.label else "predicted"
    )
    nothing = ": 0 everywhere" if not one.values.any() else ""
    return f"{classes[one.target]}, {which}{nothing}"
