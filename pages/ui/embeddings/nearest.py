"""The images nearest to a chosen one in the layer itself, not in the map."""

import numpy as np
import streamlit as st

from pages.ui.embeddings.drawing import Shown
from pages.ui.frame.view import View
from pages.ui.gallery import gallery
from pages.ui.images import image_source
from pages.ui.selection.biography import choose_image, chosen_image
from pages.ui.selection.chosen_images import gallery_items

__all__ = ["draw_nearest"]

HOW = "Click a point of the map, or an image: those nearest to it in the layer itself stand here."
READ = "The nearest by distance in `{layer}` itself, nearest first; in the map they may lie apart."


def draw_nearest(view: View, shown: Shown) -> None:
    """Draws the chosen image's neighbours; a sentence where none is chosen.

    Args:
        view: what is looked at.
        shown: the map, whose images are looked through.
    """
    layer = shown.here.source.layer
    image, _ = chosen_image(view)
    near = np.zeros(0, np.int32) if image is None else shown.maps.neighbours_of(image, shown.here)
    st.subheader("Nearest in the layer" if image is None else f"Nearest to image {image} in {layer}", anchor=False)
    if image is None:
        st.caption(HOW)
        return
    if not len(near):
        st.caption(f"Image {image} is not among the {len(shown.maps.ids):,} of the map.")
        return
    gallery(
        gallery_items(view, np.searchsorted(view.snapshot.ids, near)),
        dataset=image_source(view.snapshot.dataset, view.snapshot.version),
        key="gallery_nearest",
        label=f"images nearest to image {image}",
        columns=8,
        classes=view.classes,
        on_choose=choose_image,
    )
    st.caption(READ.format(layer=layer))
