"""The bundled digits: 1,797 handwritten digits that are always at hand, so that nothing needs a network to begin.

They are the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, UCI Machine
Learning Repository, licence CC BY 4.0), the set that scikit-learn's `load_digits` returns: 8x8 pixels in 0..16, stored
unchanged in `digits.npz`. Enlarging them to 28x28 is our change.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnist_core.datasets.dataset import SIDE, ByteArray, Dataset
from mnist_core.npz import from_npz

__all__ = ["CLASSES", "COUNT", "load_digits", "read_pixels", "upscale"]

CLASSES = tuple(str(digit) for digit in range(10))
COUNT = 1797
SMALL, LARGE = 8, 20
MARGIN = (SIDE - LARGE) // 2


@cache
def load_digits() -> Dataset:
    """The bundled digits as 28x28 images; they have no official test part."""
    pixels, labels = read_pixels()
    images = upscale(pixels)
    return Dataset(
        name="digits",
        images=images,
        labels=labels,
        classes=CLASSES,
        official_train=None,
        content_hash=hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        source="bundled",
        official=True,
    )


def read_pixels() -> tuple[ByteArray, ByteArray]:
    """The digits as published: uint8 (1797, 8, 8) in 0..16, and labels uint8 (1797,) in 0..9."""
    arrays = from_npz(Path(__file__).with_name("digits.npz").read_bytes())
    return arrays["pixels"], arrays["labels"]


def upscale(pixels: ByteArray) -> ByteArray:
    """Enlarges to 20x20 and centres in 28x28, as MNIST's digits are; bilinear, with half-pixel centres.

    Integer arithmetic only, so that the bytes, and with them the content hash, are the same on every machine.

    Args:
        pixels: uint8 (n, 8, 8) in 0..16.

    Returns:
        uint8 (n, 28, 28) in 0..255.
    """
    weights = _tenths()
    hundredths = weights @ pixels.astype(np.int64) @ weights.T
    images = np.zeros((len(pixels), SIDE, SIDE), np.uint8)
    inside = slice(MARGIN, MARGIN + LARGE)
    # 100 hundredths of the brightest pixel, 16, become 255; adding half the divisor rounds to nearest.
    images[:, inside, inside] = (hundredths * 255 + 800) // 1600
    return images


def _tenths() -> npt.NDArray[np.int64]:
    """Weights of one axis, int64 (20, 8): output pixel i lies at (4 i - 3) / 10 between the input's pixels."""
    weights = np.zeros((LARGE, SMALL), np.int64)
    for row in range(LARGE):
        left, tenths = divmod(4 * row - 3, 10)
        weights[row, max(left, 0)] += 10 - tenths
        weights[row, min(left + 1, SMALL - 1)] += tenths
    return weights
