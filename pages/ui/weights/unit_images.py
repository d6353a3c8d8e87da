"""The images that drive a unit most and least, as galleries; a button makes them the selection, and so does a click."""

from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.selection import Ids, Selection
from mnist_core.inspection import UnitResponses
from pages.ui.frame.selected import select
from pages.ui.frame.view import View
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.guard import guarded
from pages.ui.images import image_source
from pages.ui.selection.chosen_images import gallery_items
from pages.ui.weights.layers import KernelLayer

__all__ = ["IMAGES", "draw_images", "draw_selectable", "select_button"]

IMAGES = 369
"""Height of the place in which the images are waited for, in pixels: that of what comes, on wide screens."""

GALLERY = 275
COLUMNS = 6
READ = (
    "The {split} images for which it gives most, from {most:.3g} down, and least, from {least:.3g} up{filter}. Click"
    " one to select it."
)
FILTER = "; what a filter gives for an image is its highest value over all places"
CONSTANT = "It gives {value:.3g} for every image of the {split} split, so these are simply the first."


def draw_images(view: View, found: UnitResponses, unit: int, layer: KernelLayer) -> None:
    """Draws both galleries side by side.

    Args:
        view: what is looked at, at the epoch of the answer.
        found: how the units answer.
        unit: which of them.
        layer: the layer that they are of.
    """
    most, least = found.top_values[unit], found.bottom_values[unit]
    left, right = st.columns(2, gap="large")
    with left:
        _draw_side(view, found.top[unit], most, "most")
    with right:
        _draw_side(view, found.bottom[unit], least, "least")
    if most[0] == least[0]:
        st.caption(CONSTANT.format(value=most[0], split=view.split))
    else:
        more = FILTER if layer.window else ""
        st.caption(READ.format(split=view.split, most=most[0], least=least[0], filter=more))


def _draw_side(view: View, ids: NDArray[np.int32], values: NDArray[np.float32], how: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**The {len(ids)} images that drive it {how}**", width="content")
        select_button(view, ids, key=f"select_unit_{how}", label="Select these")
    items = _items(view, ids, values)
    draw_selectable(view, items, key=f"unit_{how}", label=f"images that drive the unit {how}", height=GALLERY)


def draw_selectable(view: View, items: list[GalleryItem], *, key: str, label: str, height: int) -> None:
    """Draws a gallery whose images can be clicked to select them.

    Args:
        view: what is looked at.
        items: the images.
        key: of the gallery.
        label: for screen readers.
        height: in pixels.
    """
    rule = view.selected.selection.rule if view.selected else None
    gallery(
        items,
        dataset=image_source(view.snapshot.dataset, view.snapshot.version),
        key=key,
        label=label,
        columns=COLUMNS,
        classes=view.classes,
        height=height,
        chosen=rule.ids[0] if isinstance(rule, Ids) and len(rule.ids) == 1 else None,
        on_choose=lambda image: select(Ids((image,)), view.run.id, view.epoch, view.split),
    )


def select_button(view: View, ids: NDArray[np.int32], *, key: str, label: str) -> None:
    """Draws a button that selects images; it is pressed where they are selected, and clears them then.

    Args:
        view: what is looked at.
        ids: int32 (n,), as many as a selection holds at most.
        key: of the button.
        label: on it.
    """
    rule = Ids(tuple(sorted(ids.tolist())))
    origin = (rule, view.run.id, view.epoch, view.split)
    is_pressed = bool(len(ids)) and view.selected is not None and view.selected.selection == Selection(*origin)
    st.button(
        label,
        key=key,
        type="primary" if is_pressed else "secondary",
        icon=":material/select_all:",
        disabled=not len(ids),
        on_click=guarded(select),
        args=origin,
    )


def _items(view: View, ids: NDArray[np.int32], values: NDArray[np.float32]) -> list[GalleryItem]:
    rows = np.searchsorted(view.snapshot.ids, ids)
    pairs = zip(gallery_items(view, rows), values.tolist(), strict=True)
    return [replace(item, note=f"the unit gives {value:.3g}") for item, value in pairs]
