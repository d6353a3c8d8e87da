"""Images on their way through a network: in batches whose size never changes, so many at a time as one call takes."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.networks.layers import Layer
from mnist_core.networks.shapes import flat, plan

__all__ = ["BATCH", "BATCHES_PER_CALL", "Chunk", "Labelled", "batch_size", "chunks"]

BATCH = 250
BATCHES_PER_CALL = 8

BATCH_VALUES = 2**24
"""How many values may leave any layer for one batch: 64 MB."""


class Labelled(NamedTuple):
    """Some images with their true classes.

    Attributes:
        images: uint8 (n, 28, 28).
        labels: uint8 (n,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class Chunk(NamedTuple):
    """Some images in batches, filled up to the full size.

    Attributes:
        start: the place of the first among all images.
        end: the place behind the last.
        images: uint8 (batches, batch, 28, 28, 1).
        counts: float32 (batches, batch), 1 for each that counts, 0 for what fills up.
        batches: how many of the batches hold images.
    """

    start: int
    end: int
    images: NDArray[np.uint8]
    counts: NDArray[np.float32]
    batches: int

    def filled(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A value of each of all images, laid out like the images of this chunk; 0 for what fills up."""
        out = np.zeros(self.counts.shape, np.uint8)
        out.reshape(-1)[: self.end - self.start] = values[self.start : self.end]
        return out


def batch_size(layers: Sequence[Layer]) -> int:
    """How many images of a batch go through a network at a time, so that its widest layer stays within bounds."""
    widest = max(prod(place.output_shape) for place in flat(plan(layers)))
    return min(BATCH, max(BATCH_VALUES // widest, 1))


def chunks(images: NDArray[np.uint8], batch: int, batches: int = BATCHES_PER_CALL) -> Iterator[Chunk]:
    """All images, chunk by chunk.

    Args:
        images: uint8 (n, 28, 28).
        batch: images of a batch.
        batches: batches of a chunk.
    """
    for start in range(0, len(images), batch * batches):
        yield _chunk(images, start, batch, batches)


def _chunk(images: NDArray[np.uint8], start: int, batch: int, batches: int) -> Chunk:
    part = images[start : start + batch * batches]
    filled = np.zeros((batches * batch, *images.shape[1:], 1), np.uint8)
    filled[: len(part), ..., 0] = part
    counts = np.zeros((batches, batch), np.float32)
    counts.reshape(-1)[: len(part)] = 1
    shape = (batches, batch, *filled.shape[1:])
    return Chunk(start, start + len(part), filled.reshape(shape), counts, -(-len(part) // batch))
