import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mnist_core.datasets.augmentation import augment, draw_transforms, warp
from mnist_core.datasets.preprocessing import to_model_input
from mnist_core.spec import AugmentationSpec

IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0]


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 28, 28)).astype(np.uint8)


def transforms(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_nothing_asked_for_changes_nothing(images):
    np.testing.assert_array_equal(augment(images, AugmentationSpec(), np.random.default_rng(0)), to_model_input(images))
    np.testing.assert_allclose(draw_transforms(AugmentationSpec(), 3, np.random.default_rng(0)), [IDENTITY] * 3)


def test_a_whole_shift_moves_the_pixels_and_fills_with_zeros(images):
    moved = warp(to_model_input(images[:1]), transforms([1, 0, -3, 0, 1, 2, 0, 0]))[0, ..., 0]
    expected = np.zeros((28, 28), np.float32)
    expected[:-2, 3:] = to_model_input(images[:1])[0, 2:, :-3, 0]
    np.testing.assert_array_equal(moved, expected)


def test_a_quarter_turn(images):
    turned = warp(to_model_input(images[:1]), transforms([0, 1, 0, -1, 0, 27, 0, 0]))[0, ..., 0]
    np.testing.assert_array_equal(turned, np.rot90(to_model_input(images[:1])[0, ..., 0], k=-1))


def test_agrees_with_scipy(images):
    drawn = draw_transforms(AugmentationSpec(shift=8, rotate=180, zoom=0.5), 6, np.random.default_rng(1))
    given = to_model_input(images)
    y, x = np.mgrid[:28, :28]
    for warped, image, (a0, a1, a2, b0, b1, b2, *_) in zip(warp(given, drawn), given, drawn, strict=True):
        positions = [b0 * x + b1 * y + b2, a0 * x + a1 * y + a2]
        expected = map_coordinates(image[..., 0], positions, order=1, mode="grid-constant", cval=0)
        np.testing.assert_allclose(warped[..., 0], expected, atol=2e-4)


def centre_and_scale(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the input's centre ends up, and by what factor and angle (degrees) the image is changed."""
    matrix = drawn[:, [0, 1, 3, 4]].reshape(-1, 2, 2).astype(float)
    centre = np.linalg.solve(matrix, (13.5 - drawn[:, [2, 5]]).astype(float)[..., None])[..., 0]
    angle = np.rad2deg(np.arctan2(matrix[:, 0, 1], matrix[:, 0, 0]))
    return centre - 13.5, 1 / np.sqrt(np.linalg.det(matrix)), angle


@pytest.mark.parametrize("field", ["shift", "rotate", "zoom"])
def test_draws_fill_their_range_and_nothing_else_changes(field):
    value = {"shift": 4.0, "rotate": 30.0, "zoom": 0.3}[field]
    drawn = draw_transforms(AugmentationSpec(**{field: value}), 2000, np.random.default_rng(2))
    assert (drawn.shape, drawn.dtype) == ((2000, 8), np.float32)
    shift, scale, angle = centre_and_scale(drawn)
    for name, measured in (("shift", shift), ("rotate", angle), ("zoom", scale - 1)):
        limit = value if name == field else 0
        assert np.abs(measured).max() <= limit + 1e-3
        assert (measured.max() >= 0.95 * limit - 1e-3) and (measured.min() <= -0.95 * limit + 1e-3)


def test_noise_has_its_standard_deviation_and_stays_in_range():
    grey = np.full((50, 28, 28), 128, np.uint8)
    noisy = augment(grey, AugmentationSpec(noise=0.1), np.random.default_rng(3))
    assert noisy.dtype == np.float32
    assert noisy.std() == pytest.approx(0.1, rel=0.02)
    extreme = augment(grey, AugmentationSpec(noise=0.5), np.random.default_rng(3))
    assert (extreme.min(), extreme.max()) == (0, 1)


def test_the_same_generator_gives_the_same_images(images):
    spec = AugmentationSpec(shift=2, rotate=10, zoom=0.1, noise=0.1)
    first, second = (augment(images, spec, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, to_model_input(images))
