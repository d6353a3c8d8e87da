"""Chunks of consecutive steps: what one returns, and how long the next should be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHUNK_STEPS", "ChunkResult", "Pace"]

CHUNK_STEPS = 1024
"""No chunk has more steps than this; its buffers have this length."""

TARGET_SECONDS = 0.15


@dataclass(frozen=True)
class ChunkResult:
    """The true training values of some consecutive steps of an epoch.

    Attributes:
        losses: float32 (steps,), cross-entropy in nats, mean over each batch, without the L2 penalty.
        accuracies: float32 (steps,), share of each batch that was right.
    """

    losses: NDArray[np.float32]
    accuracies: NDArray[np.float32]


class Pace:
    """How many steps the next chunk should have, so that stop, points and heartbeat come every 100 to 250 ms."""

    def __init__(self) -> None:
        self.steps = 1

    def took(self, steps: int, seconds: float) -> None:
        """Learns from a chunk; growth is bounded, as the first chunk's time holds the compilation."""
        wanted = int(TARGET_SECONDS * steps / max(seconds, 1e-6))
        self.steps = max(1, min(wanted, self.steps * 8, CHUNK_STEPS))
