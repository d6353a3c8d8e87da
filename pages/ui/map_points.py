"""What a map shows and how, and both as the bytes that the browser gets: about 16 an image, and a header."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import InvalidInput
from mnist_core.palette import Palette, class_colour
from pages.ui.images import ImageSource, sprite_url
from pages.ui.map_script import script_address

__all__ = ["COLOURINGS", "MOST_PICTURES", "Colouring", "MapLook", "MapPoints", "colour_scale", "payload"]

Colouring = Literal["true class", "predicted class", "right or wrong", "confidence", "loss", "epoch learnt"]
COLOURINGS: tuple[Colouring, ...] = (
    "true class",
    "predicted class",
    "right or wrong",
    "confidence",
    "loss",
    "epoch learnt",
)
MOST_PICTURES = 300
"""Images drawn at their places at once; a sprite has at most 400."""

FULL = 65535
FAINTEST = 3
"""Of the sequential scale's colours, the first that is told from the background."""

ROBUST = 99
"""Percentile of the loss that the scale ends at."""

Bounds = tuple[float, float, float, float]
"""Least x, least y, greatest x, greatest y."""


@dataclass(frozen=True)
class MapPoints:
    """Images and their places, n of them, in one order.

    Attributes:
        ids: int32 (n,), each once.
        positions: float32 (n, 2), finite.
        labels: uint8 (n,), the true class.
        predicted: uint8 (n,), the predicted class; None, as all that follows, where nothing was predicted.
        confidence: float32 (n,), probability of the predicted class, in [0, 1].
        loss: float32 (n,), in nats.
        learnt: int16 (n,), the epoch from which on it was always right; -1 where it is wrong at the end.
    """

    ids: NDArray[np.int32]
    positions: NDArray[np.float32]
    labels: NDArray[np.uint8]
    predicted: NDArray[np.uint8] | None = None
    confidence: NDArray[np.float32] | None = None
    loss: NDArray[np.float32] | None = None
    learnt: NDArray[np.int16] | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInput where the arrays do not fit each other."""
        n = len(self.ids)
        told = (self.labels, self.predicted, self.confidence, self.loss, self.learnt)
        if self.positions.shape != (n, 2) or any(one is not None and one.shape != (n,) for one in told):
            raise InvalidInput(
                f"A map of {n:,} images needs {n:,} places in two dimensions and as many numbers of each."
            )
        if not np.isfinite(self.positions).all():
            raise InvalidInput("A map needs finite places, got some that are not; compute the map anew.")

    def offers(self, colouring: Colouring) -> bool:
        """Whether the points can be coloured so."""
        needs = {
            "predicted class": self.predicted,
            "right or wrong": self.predicted,
            "confidence": self.confidence,
            "loss": self.loss,
            "epoch learnt": self.learnt,
        }
        return colouring == "true class" or needs[colouring] is not None


@dataclass(frozen=True)
class MapLook:
    """How a map shows its points.

    Attributes:
        classes: their names, by number.
        colour_by: one of `COLOURINGS`.
        frame: names the frame of reference: while it stays, so do zoom and pan, and points glide to their new places.
        bounds: least x, least y, greatest x, greatest y of all maps in this frame; None for those of the points.
        hidden: numbers of the classes that are switched off when the map appears.
        show_images: whether images are drawn at their places where few are in sight.
        height: of all, in pixels.
        ends: of a scale of numbers, so that it stays from epoch to epoch; None for those of the points.
        label: what the map shows, in a few words, for screen readers.
        marked: id of an image that is marked, whatever is selected; None marks none.
    """

    classes: tuple[str, ...]
    colour_by: Colouring = "true class"
    frame: str = ""
    bounds: Bounds | None = None
    hidden: tuple[int, ...] = ()
    show_images: bool = False
    height: int = 560
    ends: tuple[float, float] | None = None
    label: str = "map"
    marked: int | None = None


def payload(
    points: MapPoints, look: MapLook, colours: Palette, source: ImageSource, selected: NDArray[np.bool_] | None
) -> bytes:
    """What the browser gets: the header's length, the header, and arrays, the widest numbers first.

    Args:
        points: to show.
        look: how.
        colours: of the theme.
        source: of their images.
        selected: bool (n,), which are selected; None where nothing is.
    """
    bounds = _bounds(points)
    arrays = _arrays(points, bounds) | ({} if selected is None else {"selected": np.packbits(selected)})
    header = {
        "program": script_address(),
        "n": len(points.ids),
        "arrays": {name: [str(array.dtype), array.size] for name, array in arrays.items()},
        "bounds": bounds,
        "fit": look.bounds or bounds,
        "frame": look.frame,
        "height": look.height,
        "hidden": look.hidden,
        "pictures": MOST_PICTURES if look.show_images else 0,
        "images": _addresses(source),
        "label": look.label,
        "marked": look.marked,
        "colourBy": look.colour_by,
        "legend": _legend(points, look, colours),
        "classes": look.classes,
        "theme": {name: getattr(colours, name) for name in ("text", "muted", "grid", "background", "right", "wrong")},
    }
    return _packed(header, list(arrays.values()))


def colour_scale(points: MapPoints, look: MapLook, colours: Palette) -> dict[str, Any]:
    """The scale of a colouring by numbers: its colours, and its ends in numbers and in words."""
    low, high, words = _ends(points, look)
    low, high = look.ends or (low, high)
    unit = 100 if look.colour_by == "confidence" else 1
    said = {
        "confidence": ("{:.0f} %", "{:.0f} %"),
        "loss": ("{:.2f}", "{:.2f} nats" + (words if look.ends is None else "")),
        "epoch learnt": ("epoch {:.0f}", "epoch {:.0f}"),
    }[look.colour_by]
    return {
        "kind": "scale",
        "colours": colours.sequential[FAINTEST:],
        "low": low,
        "high": high,
        "ends": [said[0].format(low * unit), said[1].format(high * unit)],
        "never": colours.wrong,
    }


def _ends(points: MapPoints, look: MapLook) -> tuple[float, float, str]:
    if look.colour_by == "confidence":
        return 1 / max(len(look.classes), 1), 1.0, ""
    if look.colour_by == "loss" and points.loss is not None:
        known = points.loss[np.isfinite(points.loss)]
        high = float(np.percentile(known, ROBUST)) if known.size else 0.0
        return 0.0, high or 1.0, f" and more (the highest {100 - ROBUST} %)"
    last = 1 if points.learnt is None else max(int(points.learnt.max(initial=1)), 1)
    return 0.0, float(last), ""


def _legend(points: MapPoints, look: MapLook, colours: Palette) -> dict[str, Any]:
    if look.colour_by in ("true class", "predicted class"):
        return {"kind": "class", "entries": [[name, class_colour(at)] for at, name in enumerate(look.classes)]}
    if look.colour_by == "right or wrong":
        return {"kind": "right", "entries": [["right", colours.right], ["wrong", colours.wrong]]}
    return colour_scale(points, look, colours)


def _bounds(points: MapPoints) -> Bounds:
    if not len(points.ids):
        return (0.0, 0.0, 1.0, 1.0)
    (left, low), (right, high) = points.positions.min(axis=0).tolist(), points.positions.max(axis=0).tolist()
    return (left, low, right, high)


def _arrays(points: MapPoints, bounds: Bounds) -> dict[str, NDArray[Any]]:
    """The arrays that there are; places in 65,535 steps between the bounds, probabilities in as many of [0, 1]."""
    least, most = np.array(bounds[:2]), np.array(bounds[2:])
    steps = np.round((points.positions - least) / np.where(most > least, most - least, 1) * FULL).astype(np.uint16)
    arrays: dict[str, NDArray[Any] | None] = {
        "ids": points.ids.astype(np.int32),
        "x": steps[:, 0],
        "y": steps[:, 1],
        "confidence": _or_none(points.confidence, lambda p: np.round(np.clip(p, 0, 1) * FULL).astype(np.uint16)),
        "loss": _or_none(points.loss, lambda loss: np.minimum(loss, np.finfo(np.float16).max).astype(np.float16)),
        "learnt": _or_none(points.learnt, lambda learnt: learnt.astype(np.int16)),
        "labels": points.labels.astype(np.uint8),
        "predicted": _or_none(points.predicted, lambda predicted: predicted.astype(np.uint8)),
    }
    return {name: array for name, array in arrays.items() if array is not None}


def _or_none(array: NDArray[Any] | None, change: Any) -> NDArray[Any] | None:
    return None if array is None else change(array)


def _addresses(source: ImageSource) -> list[str] | None:
    """What stands before and after the ids in the address of a sprite in one row; None without images."""
    if source.missing:
        return None
    before, _, after = sprite_url(source, [0], 1).partition("/0.png?columns=1")
    return [f"{before}/", after]


def _packed(header: dict[str, Any], arrays: list[NDArray[Any]]) -> bytes:
    """The length of the header (uint32), the header (JSON), and the arrays, each at a multiple of 4 bytes."""
    parts = [
        json.dumps(header, separators=(",", ":")).encode(),
        *(np.ascontiguousarray(one).tobytes() for one in arrays),
    ]
    padded = [part + b" " * (-len(part) % 4) for part in parts]
    return np.uint32(len(padded[0])).tobytes() + b"".join(padded)
