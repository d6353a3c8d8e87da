"""The epoch cursor: where one is in a run's epochs, over a small picture of its loss, with buttons, play and keys.

It only says where somebody wants to go; what moving means is the caller's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st

from pages.ui.component import component
from pages.ui.guard import guarded
from pages.ui.theme import palette

__all__ = ["Place", "Track", "epoch_cursor"]

DIGITS = 5
"""Significant digits of a loss, more than the picture and its words show."""

Place = int | Literal["live"]
"""A recorded epoch, or whichever is the last while the run trains."""


@dataclass(frozen=True)
class Track:
    """What the cursor runs over.

    Attributes:
        epochs: the recorded ones, at least one, ascending; 0 is the untrained network.
        validation: validation loss at each of them, in nats; None or NaN where there is none.
        training: mean training loss of each of them, in nats; None or NaN where there is none, as at epoch 0.
        best: the epoch with the best validation loss so far, if any.
        kept: the epoch whose weights were kept, if any.
        planned: how many epochs the run was asked for.
        is_active: whether it may still record more.
    """

    epochs: tuple[int, ...]
    validation: tuple[float | None, ...]
    training: tuple[float | None, ...]
    best: int | None
    kept: int | None
    planned: int
    is_active: bool

    def place(self, asked: object) -> Place | None:
        """What a browser asks for, if this run has it, else None."""
        if asked == "live" and self.is_active:
            return "live"
        if isinstance(asked, int) and not isinstance(asked, bool) and asked in self.epochs:
            return asked
        return None


_COMPONENT = component("cursor")


def epoch_cursor(
    track: Track, *, epoch: int, is_live: bool, on_move: Callable[[Place], None], key: str = "cursor"
) -> None:
    """Draws the cursor on a line of its own.

    Args:
        track: what it runs over.
        epoch: where it stands, one of the track's.
        is_live: whether it follows the run.
        on_move: called with where somebody moves it, before the page runs again; never with what the track has not.
        key: identity of the cursor on the page.
    """
    data = _payload(track, epoch, is_live=is_live)
    _COMPONENT(key=key, data=data, on_move_change=partial(_moved, key, track, on_move))


@guarded
def _moved(key: str, track: Track, on_move: Callable[[Place], None]) -> None:
    told = st.session_state.get(key)
    place = track.place(told.get("move")) if told is not None else None
    if place is not None:
        on_move(place)


def _payload(track: Track, epoch: int, *, is_live: bool) -> dict[str, Any]:
    colours = palette()
    return {
        "epoch": epoch,
        "live": is_live and track.is_active,
        "epochs": list(track.epochs),
        "validation": [_number(loss) for loss in track.validation],
        "training": [_number(loss) for loss in track.training],
        "best": track.best,
        "kept": track.kept,
        "planned": track.planned,
        "active": track.is_active,
        "colours": {name: getattr(colours, name) for name in ("training", "validation", "text", "muted", "background")},
    }


def _number(loss: float | None) -> float | None:
    """As JSON can carry it."""
    return None if loss is None or not math.isfinite(loss) else float(f"{loss:.{DIGITS}g}")
