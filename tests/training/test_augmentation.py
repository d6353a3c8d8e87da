"""The numpy side of augmentation against the TensorFlow operation that training uses."""

import numpy as np
import tensorflow as tf

from mnist_core.datasets.augmentation import draw_transforms, warp
from mnist_core.datasets.preprocessing import to_model_input
from mnist_core.spec import AugmentationSpec


def test_warp_equals_image_projective_transform():
    rng = np.random.default_rng(0)
    images = to_model_input(rng.integers(0, 256, (64, 28, 28)).astype(np.uint8))
    transforms = draw_transforms(AugmentationSpec(shift=8, rotate=180, zoom=0.5), 64, rng)
    expected = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=[28, 28],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    np.testing.assert_allclose(warp(images, transforms), expected.numpy(), atol=1e-5)
