"""Many image ids in few letters, fit for a link: a bit for each id from the first to the last, deflated, in base64."""

import base64
import binascii
import zlib
from collections.abc import Sequence

import numpy as np

from mnist_core.errors import InvalidInput

__all__ = ["MOST_LETTERS", "packed", "unpacked"]

MOST_LETTERS = 7_000
"""Servers and browsers take addresses of 8,000. Enough for any choice among 30,000 images and for one in ten of 70,000;
half of 70,000 at random would be 11,700."""

HIGHEST_ID = 199_999
BITS = 8


def packed(ids: Sequence[int]) -> str:
    """The ids as text.

    Args:
        ids: at least one, ascending.

    Raises:
        InvalidInput: they would need more than `MOST_LETTERS`.
    """
    first = int(ids[0])
    bits = np.zeros(int(ids[-1]) - first + 1, np.bool_)
    bits[np.asarray(ids) - first] = True
    data = first.to_bytes(4, "big") + np.packbits(bits).tobytes()
    text = base64.urlsafe_b64encode(zlib.compress(data, 9)).decode().rstrip("=")
    if len(text) > MOST_LETTERS:
        raise InvalidInput(
            f"A selection must fit a link of {MOST_LETTERS:,} letters; these {len(ids):,} images need {len(text):,}."
            " Select fewer images, or images of one class."
        )
    return text


def unpacked(text: str) -> tuple[int, ...]:
    """The ids, ascending.

    Args:
        text: what `packed` wrote.

    Raises:
        ValueError: it is nothing that `packed` wrote.
    """
    if not 0 < len(text) <= MOST_LETTERS:
        raise ValueError(len(text))
    reader = zlib.decompressobj()
    try:
        data = reader.decompress(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), _MOST_BYTES)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(text[:20]) from error
    if not reader.eof or len(data) < 5:
        raise ValueError(len(data))
    first = int.from_bytes(data[:4], "big")
    places = np.flatnonzero(np.unpackbits(np.frombuffer(data, np.uint8, offset=4)))
    if not len(places) or first + int(places[-1]) > HIGHEST_ID:
        raise ValueError(first)
    return tuple((first + places).tolist())


_MOST_BYTES = 4 + HIGHEST_ID // BITS + 1
