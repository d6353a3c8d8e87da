import numpy as np
import pytest

from mnist_core.datasets import to_model_input
from mnist_core.datasets.augmentation import draw_transforms, warp
from mnist_core.preview import TrainingView
from mnist_core.seeding import generator
from mnist_core.spec import AugmentationSpec

AUGMENTATION = AugmentationSpec(shift=3, rotate=20, zoom=0.2)


@pytest.fixture(scope="module")
def view() -> TrainingView:
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28)).astype(np.uint8)
    return TrainingView(images, np.arange(0, 300, 3, dtype=np.int32), 7)


@pytest.mark.parametrize("epoch", [1, 2, 9])
@pytest.mark.parametrize("image", [0, 51, 297])
def test_shows_what_the_engine_draws_for_that_image(view, image, epoch):
    order = generator(7, "order", epoch).permutation(100)
    transforms = draw_transforms(AUGMENTATION, 100, generator(7, "augmentation", epoch))
    place = int(np.flatnonzero(view.train_ids[order] == image)[0])
    expected = warp(to_model_input(view.images[[image]]), transforms[[place]])[0, ..., 0]
    np.testing.assert_array_equal(view.draws(image, AUGMENTATION, [epoch])[0], np.clip(expected, 0, 1))


def test_epochs_and_seeds_differ_and_nothing_is_drawn_where_nothing_is_on(view):
    drawn = view.draws(3, AUGMENTATION, range(1, 5))
    assert (drawn.shape, drawn.dtype) == ((4, 28, 28), np.float32)
    assert len({image.tobytes() for image in drawn}) == 4
    other = TrainingView(view.images, view.train_ids, 8)
    assert not np.array_equal(other.draws(3, AUGMENTATION, range(1, 5)), drawn)
    plain = view.draws(3, AugmentationSpec(), [1, 2])
    np.testing.assert_array_equal(plain, np.repeat(to_model_input(view.images[[3]])[..., 0], 2, axis=0))


def test_noise_is_in_range_of_its_strength_and_new_each_epoch(view):
    grey = TrainingView(np.full((30, 28, 28), 128, np.uint8), np.arange(30, dtype=np.int32), 0)
    noisy = grey.draws(5, AugmentationSpec(noise=0.1), range(1, 31))
    assert noisy.std() == pytest.approx(0.1, rel=0.03)
    assert not np.array_equal(noisy[0], noisy[1])
    assert (noisy.min() >= 0) and (noisy.max() <= 1)


def test_knows_what_is_trained_on(view):
    assert [view.trains_on(image) for image in (0, 1, 3, 297, 299)] == [True, False, True, True, False]
    assert view.draws(299, AUGMENTATION, [1]).shape == (1, 28, 28)
