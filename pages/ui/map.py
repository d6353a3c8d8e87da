"""A map of images: each a point, drawn by WebGL, with zoom, lasso, thumbnails and keys; a plain chart without WebGL."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.component import component
from pages.ui.guard import guarded
from pages.ui.images import ImageSource
from pages.ui.map_chart import draw_map_chart
from pages.ui.map_points import COLOURINGS, Colouring, MapLook, MapPoints, payload
from pages.ui.map_script import map_routes
from pages.ui.theme import palette

__all__ = ["COLOURINGS", "Colouring", "MapLook", "MapPoints", "embedding_map", "map_routes"]

Selecting = Callable[[tuple[int, ...]], None]

NO_WEBGL_KEY = "map_without_webgl"
NO_WEBGL = "This browser has no WebGL with float textures, so the map is a plain chart here: fewer points, no pictures."

_COMPONENT = component("map")


def embedding_map(  # noqa: PLR0913
    points: MapPoints,
    look: MapLook,
    *,
    key: str,
    source: ImageSource,
    selected: Sequence[int] | NDArray[np.integer] | None,
    on_select: Selecting,
) -> None:
    """Draws the map at its fixed height.

    Maps on one page mark the same image when somebody points at it in one of them.

    Args:
        points: to show.
        look: how.
        key: identity of the map on the page.
        source: of the images, from `image_source`; where it says they are missing, the map shows none.
        selected: ids of the images that are selected, also such that the map has not; None where nothing is selected.
        on_select: called with the ids, ascending, of what somebody selects, before the page runs again; all are among
            the points. An empty tuple takes the selection away.
    """
    if st.session_state.get(NO_WEBGL_KEY):
        st.caption(NO_WEBGL)
        draw_map_chart(points, look, key=f"{key}_chart", selected=_marks(points, selected), on_select=on_select)
        return
    _COMPONENT(
        key=key,
        data=payload(points, look, palette(), source, _marks(points, selected)),
        height=look.height,
        on_select_change=_selecting(key, points, on_select),
        on_webgl_change=_missing_webgl(key),
    )


def _marks(points: MapPoints, selected: Sequence[int] | NDArray[np.integer] | None) -> NDArray[np.bool_] | None:
    if selected is None:
        return None
    return np.isin(points.ids, np.asarray(selected, np.int64))


def _selecting(key: str, points: MapPoints, on_select: Selecting) -> Callable[[], None]:
    """Hands on what a browser selects, of the images that it was shown."""

    @guarded
    def select() -> None:
        told = st.session_state.get(key)
        asked = told.get("select") if told is not None else None
        if isinstance(asked, list) and all(type(image) is int for image in asked):
            shown = set(points.ids.tolist())
            on_select(tuple(sorted(shown & set(asked))))

    return select


def _missing_webgl(key: str) -> Callable[[], None]:
    @guarded
    def missing() -> None:
        told = st.session_state.get(key)
        st.session_state[NO_WEBGL_KEY] = told is not None and told.get("webgl") is False

    return missing
