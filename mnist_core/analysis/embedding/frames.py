"""Frames of a map on its way: the first at once, then a few a second, so that following costs next to nothing."""

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.records import Context, Frame

__all__ = ["FRAME_SECONDS", "Frames"]

FRAME_SECONDS = 0.2


class Frames:
    """Gives frames to whoever follows a map.

    Args:
        context: who follows it.
        of: how many iterations there will be.
    """

    def __init__(self, context: Context, of: int) -> None:
        self._context = context
        self._of = of
        self._due = 0.0

    def show(self, iteration: int, positions: NDArray[np.floating]) -> None:
        """Gives a copy where one is due; raises whatever those who follow raise."""
        self._context.between()
        if self._context.on_frame is not None and perf_counter() >= self._due:
            self._context.on_frame(Frame(np.array(positions, np.float32), iteration, self._of))
            self._due = perf_counter() + FRAME_SECONDS
