import hashlib

import numpy as np
import sklearn.datasets

from mnist_core.datasets.digits import COUNT, load_digits, read_pixels, upscale

GOLDEN = "31d94ccad30269ca6b3fe34a877754f9944d62fadcad9acf50e17f632b870b3b"


def test_the_stored_pixels_are_those_of_scikit_learn():
    reference = sklearn.datasets.load_digits()
    pixels, labels = read_pixels()
    np.testing.assert_array_equal(pixels, reference.images)
    np.testing.assert_array_equal(labels, reference.target)
    assert len(labels) == COUNT


def test_content_hash_is_the_same_on_every_machine():
    digits = load_digits()
    assert digits.content_hash == GOLDEN
    assert hashlib.sha256(digits.images.tobytes() + digits.labels.tobytes()).hexdigest() == GOLDEN


def test_the_record():
    digits = load_digits()
    assert (digits.images.shape, digits.images.dtype) == ((1797, 28, 28), np.uint8)
    assert (digits.labels.dtype, digits.official_train, digits.official) == (np.uint8, None, True)
    assert load_digits() is digits


def test_upscaling_keeps_a_flat_image_flat_and_leaves_a_margin():
    images = upscale(np.full((1, 8, 8), 16, np.uint8))
    assert (images[0, 4:24, 4:24] == 255).all()
    assert images.sum() == 255 * 400


def test_upscaling_is_bilinear_with_half_pixel_centres():
    pixels, _ = read_pixels()
    positions = np.clip((np.arange(20) + 0.5) * 8 / 20 - 0.5, 0, 7)
    small = pixels[7].astype(float) * 255 / 16
    rows = np.array([np.interp(positions, np.arange(8), row) for row in small])
    both = np.array([np.interp(positions, np.arange(8), column) for column in rows.T]).T
    assert np.abs(upscale(pixels[7:8])[0, 4:24, 4:24] - both).max() <= 0.5 + 1e-9
