"""Three principal components, to be turned round: Plotly draws them, and they are looked at, not selected in."""

import numpy as np
import streamlit as st

from mnist_core import figures
from mnist_core.maps import LayerMap, MapResult
from pages.ui.embeddings.look import Look
from pages.ui.frame.view import View
from pages.ui.theme import palette

__all__ = ["draw_solid"]

READ = "Drag to turn it round, scroll to come nearer. Lasso and images are there in two dimensions."


def draw_solid(view: View, maps: MapResult, here: LayerMap, look: Look, key: str) -> None:
    """Draws the map in space.

    Args:
        view: what is looked at; its split holds the images.
        maps: which images they are.
        here: the map that is drawn.
        look: how; colours are those of the true or the predicted class.
        key: identity of the map on the page.
    """
    rows = np.searchsorted(view.snapshot.ids, maps.ids)
    predicted = view.snapshot.predictions.predicted[rows]
    is_predicted = look.colouring == "predicted class"
    texts = [
        f"image {image}, true {view.classes[true]}, predicted {view.classes[guess]}"
        for image, true, guess in zip(maps.ids.tolist(), maps.labels.tolist(), predicted.tolist(), strict=True)
    ]
    figure = figures.embedding(
        here.positions,
        predicted if is_predicted else maps.labels,
        view.classes,
        said=texts,
        selected=None if view.selected is None else np.isin(maps.ids, view.selected.ids),
    )
    colours = palette()
    axis = {"gridcolor": colours.grid, "backgroundcolor": colours.background}
    figure.update_layout(
        title=None,
        paper_bgcolor=colours.background,
        font={"color": colours.text},
        legend={"font": {"color": colours.text}},
        scene={f"{name}axis": axis for name in "xyz"},
        uirevision=f"{maps.run}:{here.source.layer}",
    )
    st.plotly_chart(figure, key=f"{key}_solid", theme=None, config={"displaylogo": False})
    st.caption(READ)
