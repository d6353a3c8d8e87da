"""A gallery of images with what is true, what was predicted and how sure: one sprite, one component, any page."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.ui.component import component
from pages.ui.guard import guarded
from pages.ui.images import MOST_IMAGES, ImageSource, image_source, sprite_url
from pages.ui.theme import palette

__all__ = ["GalleryItem", "gallery"]

SPRITE_COLUMNS = 20
BRIEF = 3
"""Names of at most so many letters stand beside each other, longer ones below."""

DIGITS = 4
"""Decimals of a probability; one more than its percent shows."""


@dataclass(frozen=True)
class GalleryItem:
    """One image and what is said of it.

    Attributes:
        image: its id, the row in the dataset.
        true: name of its true class.
        predicted: name of the predicted class; empty where nothing was predicted.
        right: whether the prediction is right.
        probabilities: of each class in order, in [0, 1]; may be empty.
        note: a further remark for the detail line.
    """

    image: int
    true: str
    predicted: str
    right: bool
    probabilities: tuple[float, ...]
    note: str = ""


_COMPONENT = component("gallery")


def gallery(  # noqa: PLR0913
    items: Sequence[GalleryItem],
    *,
    dataset: str | ImageSource,
    key: str,
    label: str,
    columns: int = 10,
    classes: Sequence[str] = (),
    height: int | None = None,
    chosen: int | None = None,
    on_choose: Callable[[int], None] | None = None,
    reveals: str = "",
) -> None:
    """Draws images in cells of a fixed height that wrap; pointing or moving at one tells more in a line below.

    While the same images stay, in whatever order, their pictures do too; others appear once they are loaded.

    Where the images are not at hand, all that is known of them still stands. A sentence says how to get them, unless
    the caller, who hands in the answer of `image_source`, knows and has said so already.

    Args:
        items: at most 400; the rest is left out.
        dataset: whose images they are, by name, or the answer of `image_source`.
        key: identity of the gallery on the page.
        label: what it shows, for screen readers.
        columns: cells in a row where there is room.
        classes: names of the classes, so that the detail line can name the probabilities.
        height: in pixels, fixed on wide screens, and at most three quarters of a narrow one; more is scrolled to. None
            for that of the content.
        chosen: id of the image that is marked as chosen.
        on_choose: called with the id of an image that somebody chooses, one of those shown, before the page runs
            again; None where there is nothing to choose.
        reveals: key of the container that tells more of the chosen image, which is then scrolled to.
    """
    shown = items[:MOST_IMAGES]
    source = image_source(dataset) if isinstance(dataset, str) else dataset
    missing = source.missing if isinstance(dataset, str) else ""
    data = _payload(shown, source, label, columns)
    data |= {"classes": list(classes), "missing": missing, "height": height or 0}
    if on_choose is None:
        _COMPONENT(key=key, data=data)
        return
    data |= {"chooses": True, "chosen": chosen, "reveals": reveals}
    _COMPONENT(key=key, data=data, on_choose_change=_chooser(key, {item.image for item in shown}, on_choose))


def _chooser(key: str, shown: Container[int], on_choose: Callable[[int], None]) -> Callable[[], None]:
    """Hands on what a browser chooses, if it is one of the images that it was shown."""

    @guarded
    def chosen() -> None:
        told = st.session_state.get(key)
        image = told.get("choose") if told is not None else None
        if isinstance(image, int) and not isinstance(image, bool) and image in shown:
            on_choose(image)

    return chosen


def _payload(items: Sequence[GalleryItem], source: ImageSource, label: str, columns: int) -> dict[str, Any]:
    """What the browser gets; the sprite has the images by id, so that it is the same in whatever order they are."""
    ids = sorted({int(item.image) for item in items})
    places = {image: place for place, image in enumerate(ids)}
    wide = min(SPRITE_COLUMNS, max(len(ids), 1))
    return {
        "label": label,
        "brief": all(len(item.true) <= BRIEF and len(item.predicted) <= BRIEF for item in items),
        "colours": {"right": palette().right, "wrong": palette().wrong},
        "columns": columns,
        "sprite": sprite_url(source, ids, wide) if ids and not source.missing else "",
        "spriteColumns": wide,
        "spriteRows": -(-len(ids) // wide),
        "chooses": False,
        "items": [_item(item, places[int(item.image)]) for item in items],
    }


def _item(item: GalleryItem, place: int) -> dict[str, Any]:
    return {
        "image": int(item.image),
        "place": place,
        "true": item.true,
        "predicted": item.predicted,
        "right": bool(item.right),
        "p": [round(float(value), DIGITS) or 0 for value in item.probabilities],
        "note": item.note,
    }
