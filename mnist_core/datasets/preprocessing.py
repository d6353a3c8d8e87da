"""The one place outside TensorFlow where an image becomes what a network takes."""

import numpy as np
import numpy.typing as npt

from mnist_core.datasets.dataset import ByteArray

__all__ = ["FloatArray", "to_model_input"]

FloatArray = npt.NDArray[np.float32]


def to_model_input(images: ByteArray) -> FloatArray:
    """Scales images for a network: divided by 255, with a channel axis.

    Args:
        images: uint8 (n, 28, 28) in 0..255.

    Returns:
        float32 (n, 28, 28, 1) in [0, 1].

    Raises:
        TypeError: the images are not uint8, so that they may have been scaled already.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"`images` must be uint8 in 0..255, got {images.dtype}; pass the images as they are stored.")
    return np.divide(images, np.float32(255), dtype=np.float32)[..., np.newaxis]
