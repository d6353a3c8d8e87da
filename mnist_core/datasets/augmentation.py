"""Random changes to images (shift, rotation, zoom, noise) in numpy: for previews, and as the reference of training's.

Transforms follow TensorFlow's ImageProjectiveTransformV3, so that both sides can share them.
"""

import numpy as np
import numpy.typing as npt

from mnist_core.datasets.dataset import SIDE, ByteArray
from mnist_core.datasets.preprocessing import FloatArray, to_model_input
from mnist_core.spec import AugmentationSpec

__all__ = ["augment", "draw_transforms", "warp"]

CENTRE = (SIDE - 1) / 2


def draw_transforms(spec: AugmentationSpec, n: int, rng: np.random.Generator) -> FloatArray:
    """Draws one transform per image: about the centre (13.5, 13.5) turned and zoomed, then shifted, all uniformly.

    Four numbers are drawn per image whatever is on, so that one setting does not change the draws of the others.

    Args:
        spec: the largest shift (pixels), rotation (degrees) and zoom (share).
        n: number of images.
        rng: where the numbers come from.

    Returns:
        float32 (n, 8): a0, a1, a2, b0, b1, b2, c0, c1. The output pixel (x, y) shows the input at
        ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1; c0 = c1 = 0 here.
    """
    limits = [spec.shift, spec.shift, np.deg2rad(spec.rotate), spec.zoom]
    right, down, angle, zoom = (rng.uniform(-1, 1, (n, 4)) * limits).T
    cosine, sine = np.cos(angle) / (1 + zoom), np.sin(angle) / (1 + zoom)
    x, y = CENTRE + right, CENTRE + down
    zero = np.zeros(n)
    rows = [cosine, sine, CENTRE - cosine * x - sine * y, -sine, cosine, CENTRE + sine * x - cosine * y, zero, zero]
    return np.stack(rows, axis=1).astype(np.float32)


def warp(images: FloatArray, transforms: FloatArray) -> FloatArray:
    """Applies one transform to each image: bilinear, with zeros outside.

    Args:
        images: float32 (n, 28, 28, 1).
        transforms: float32 (n, 8), as `draw_transforms` returns them.

    Returns:
        float32 (n, 28, 28, 1), in the range of the images.
    """
    x, y = _input_positions(transforms)
    left, top = np.floor(x), np.floor(y)
    right_share, bottom_share = x - left, y - top
    # One row and column of zeros on each side: whatever lies outside is clipped onto them.
    padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
    image = np.arange(len(images))[:, None, None]

    def pixel(row: FloatArray, column: FloatArray) -> FloatArray:
        values: FloatArray = padded[image, _padded_index(row), _padded_index(column)]
        return values

    above = (1 - right_share) * pixel(top, left) + right_share * pixel(top, left + 1)
    below = (1 - right_share) * pixel(top + 1, left) + right_share * pixel(top + 1, left + 1)
    return ((1 - bottom_share) * above + bottom_share * below)[..., np.newaxis]


def augment(images: ByteArray, spec: AugmentationSpec, rng: np.random.Generator) -> FloatArray:
    """Changes images at random, as training sees them: scaled, warped, noise added, clipped.

    Args:
        images: uint8 (n, 28, 28).
        spec: how much of each change.
        rng: where the random numbers come from.

    Returns:
        float32 (n, 28, 28, 1) in [0, 1].
    """
    changed = to_model_input(images)
    if spec.shift or spec.rotate or spec.zoom:
        changed = warp(changed, draw_transforms(spec, len(images), rng))
    if spec.noise:
        changed = changed + np.float32(spec.noise) * rng.standard_normal(changed.shape, np.float32)
    return np.clip(changed, 0, 1)


def _input_positions(transforms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where each output pixel looks in the input: x and y, float32 (n, 28, 28) each."""
    a0, a1, a2, b0, b1, b2, c0, c1 = transforms.T[:, :, None, None]
    steps = np.arange(SIDE, dtype=np.float32)
    x, y = steps[None, None, :], steps[None, :, None]
    scale = c0 * x + c1 * y + np.float32(1)
    return (a0 * x + a1 * y + a2) / scale, (b0 * x + b1 * y + b2) / scale


def _padded_index(position: FloatArray) -> npt.NDArray[np.intp]:
    return (np.clip(position, -1, SIDE) + 1).astype(np.intp)
