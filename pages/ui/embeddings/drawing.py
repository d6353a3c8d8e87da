"""A map as it is drawn, and what a selection in it does."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.embedding import METHODS
from mnist_core.analysis.selection import Lassoed
from mnist_core.maps import LayerMap, MapResult
from pages.ui.embeddings.asking import Wanted
from pages.ui.embeddings.look import Look
from pages.ui.embeddings.points import bounds_of, points_of
from pages.ui.embeddings.solid import draw_solid
from pages.ui.format import count
from pages.ui.frame.selected import clear_selection, select
from pages.ui.frame.view import View
from pages.ui.images import image_source
from pages.ui.map import MapLook, embedding_map
from pages.ui.selection.biography import choose_image, chosen_image

__all__ = ["HEIGHT", "Drawn", "Shown", "draw_places", "draw_shown", "touched"]

HEIGHT = 500
TOUCHED = "map_touched"


@dataclass(frozen=True)
class Shown:
    """The map that is on the page.

    Attributes:
        wanted: what was asked for.
        maps: all that was made.
        here: the one that is shown.
    """

    wanted: Wanted
    maps: MapResult
    here: LayerMap


class Drawn(NamedTuple):
    """Places on their way to the screen.

    Attributes:
        wanted: what was asked for.
        maps: which images they are, and the maps that are made.
        positions: float32 (n, 2).
    """

    wanted: Wanted
    maps: MapResult
    positions: NDArray[np.float32]


def draw_shown(view: View, shown: Shown, look: Look, key: str) -> None:
    """Draws a map that is made: in the plane, or in space.

    Args:
        view: what is looked at.
        shown: the map.
        look: how it is drawn.
        key: identity of the map on the page.
    """
    if shown.here.positions.shape[1] == 2:
        draw_places(view, Drawn(shown.wanted, shown.maps, shown.here.positions), look, key)
        return
    draw_solid(view, shown.maps, shown.here, look, key)


def draw_places(view: View, drawn: Drawn, look: Look, key: str) -> None:
    """Draws places in the plane; what somebody selects there is selected on every page.

    Args:
        view: what is looked at.
        drawn: the places.
        look: how they are drawn.
        key: identity of the map on the page.
    """
    maps, wanted = drawn.maps, drawn.wanted
    points = points_of(view, maps, drawn.positions)
    method, layer = maps.request.method, wanted.layer

    image, _ = chosen_image(view)

    def chosen(ids: tuple[int, ...]) -> None:
        st.session_state[touched(key)] = True
        if len(ids) == 1:
            if ids[0] != image:  # a second choice of the same would close it
                choose_image(ids[0])
        elif ids:
            select(Lassoed(method, layer, ids), view.run.id, view.epoch, view.split)
        else:
            clear_selection()

    embedding_map(
        points,
        MapLook(
            classes=view.classes,
            colour_by=look.colouring if points.offers(look.colouring) else "true class",
            frame=f"{wanted.run}:{wanted.request.model_dump_json()}",
            bounds=bounds_of(list(maps.maps)) if len(maps.maps) > 1 else None,
            show_images=look.pictures,
            ends=_ends(view, look),
            marked=image,
            height=HEIGHT,
            label=f"{METHODS[method].title} of {layer}, {count(len(maps.ids))} images",
        ),
        key=key,
        source=image_source(view.snapshot.dataset, view.snapshot.version),
        selected=None if view.selected is None else view.selected.ids,
        on_select=chosen,
    )


def _ends(view: View, look: Look) -> tuple[float, float] | None:
    """The same for every epoch and both of two maps: a loss ends where chance is, an epoch at the last one."""
    return {
        "loss": (0.0, math.log(max(len(view.classes), 2))),
        "epoch learnt": (0.0, float(max(view.epochs[-1].epoch, 1))),
    }.get(look.colouring)


def touched(key: str) -> str:
    """Key under which a session notes that somebody selected something in a map: its fragment then ends its run."""
    return f"{TOUCHED}:{key}"
