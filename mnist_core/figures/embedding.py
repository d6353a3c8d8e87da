"""Maps of activations: in the plane, or turned round in space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.figures.sheet import Figure, go, sheet
from mnist_core.palette import LIGHT, Palette, class_colour

__all__ = ["embedding"]

FULL, FAINT = 0.85, 0.12


def embedding(
    positions: NDArray[np.float32],
    labels: NDArray[np.uint8],
    classes: Sequence[str],
    *,
    said: Sequence[str] | None = None,
    selected: NDArray[np.bool_] | None = None,
) -> Figure:
    """A map, one trace a class, so that the legend switches classes on and off.

    Args:
        positions: float32 (n, 2) or (n, 3), as `Embedding.positions`.
        labels: (n,), the class that decides each point's colour.
        classes: the names of the classes.
        said: n texts that stand beside a point when one looks at it; None names its class.
        selected: bool (n,), the points that stand out; None where all do.
    """
    is_solid = positions.shape[1] == 3
    figure = sheet(f"Map of {len(positions):,} images", "first dimension", "second dimension", height=560)
    texts = np.array([classes[label] for label in labels] if said is None else list(said), dtype=object)
    for number, name in enumerate(classes):
        for part, opacity in _parts(labels == number, selected):
            if part.any():
                figure.add_trace(_trace(positions[part], texts[part], (name, class_colour(number), opacity)))
    figure.update_layout(**_room(LIGHT) if is_solid else {}, legend={"itemsizing": "constant"})
    return figure


def _parts(inside: NDArray[np.bool_], selected: NDArray[np.bool_] | None) -> list[tuple[NDArray[np.bool_], float]]:
    if selected is None:
        return [(inside, FULL)]
    return [(inside & ~selected, FAINT), (inside & selected, 1.0)]


def _trace(positions: NDArray[np.float32], texts: NDArray[Any], look: tuple[str, str, float]) -> Any:
    name, colour, opacity = look
    shared: dict[str, Any] = {
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "showlegend": opacity != FAINT,
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
    }
    if positions.shape[1] == 3:
        marker = {"size": 2.5, "color": colour, "opacity": opacity}
        x, y, z = positions.T
        return go.Scatter3d(x=x, y=y, z=z, marker=marker, **shared)
    marker = {"size": 4, "color": colour, "opacity": opacity}
    return go.Scattergl(x=positions[:, 0], y=positions[:, 1], marker=marker, **shared)


def _room(colours: Palette) -> dict[str, Any]:
    axis = {
        "title": {"text": ""},
        "showticklabels": False,
        "gridcolor": colours.grid,
        "backgroundcolor": colours.background,
        "zeroline": False,
    }
    axes = {f"{name}axis": axis for name in "xyz"}
    return {"scene": axes | {"aspectmode": "data"}, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}}
