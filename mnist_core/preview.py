"""What training makes of one image: the very shifts, turns and zooms that each epoch draws for it, without training.

The engine shuffles the training images of an epoch and draws one transform for each place in that order, both from
(seed, epoch). Here the place of one image is found and its transform drawn alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_core.datasets import to_model_input
from mnist_core.datasets.augmentation import draw_transforms, warp
from mnist_core.datasets.dataset import ByteArray
from mnist_core.datasets.preprocessing import FloatArray
from mnist_core.datasets.splits import Ids
from mnist_core.seeding import generator
from mnist_core.spec import AugmentationSpec

__all__ = ["TrainingView"]


@dataclass(frozen=True, eq=False)
class TrainingView:
    """The training images as the epochs of a run with this seed see them.

    Attributes:
        images: uint8 (n, 28, 28), all images of the dataset.
        train_ids: sorted ids of those that are trained on.
        seed: the run's.
    """

    images: ByteArray
    train_ids: Ids
    seed: int

    def trains_on(self, image: int) -> bool:
        """Whether the image is in the training split."""
        place = self._place(image)
        return place < len(self.train_ids) and int(self.train_ids[place]) == image

    def draws(self, image: int, augmentation: AugmentationSpec, epochs: Sequence[int]) -> FloatArray:
        """The image as the network receives it in some epochs.

        Shift, rotation and zoom are those of the training; noise is of the same strength, drawn here. An image that is
        not trained on gets the transforms of its neighbour that is.

        Args:
            image: its id.
            augmentation: how much of each change.
            epochs: numbers of the epochs, from 1.

        Returns:
            float32 (epochs, 28, 28) in [0, 1].
        """
        pixels = np.repeat(to_model_input(self.images[image : image + 1]), len(epochs), axis=0)
        if augmentation.shift or augmentation.rotate or augmentation.zoom:
            rows = [self._transform(image, augmentation, epoch) for epoch in epochs]
            pixels = warp(pixels, np.concatenate(rows))
        if augmentation.noise:
            noise = [generator(self.seed, "noise", epoch, image).standard_normal((28, 28, 1)) for epoch in epochs]
            pixels = pixels + np.float32(augmentation.noise) * np.asarray(noise, np.float32)
        changed: FloatArray = np.clip(pixels, 0, 1)[..., 0]
        return changed

    def _transform(self, image: int, augmentation: AugmentationSpec, epoch: int) -> FloatArray:
        order = generator(self.seed, "order", epoch).permutation(len(self.train_ids))
        place = min(self._place(image), len(self.train_ids) - 1)
        rng = generator(self.seed, "augmentation", epoch)
        # A transform takes four numbers, and Philox makes four at a step.
        assert isinstance(rng.bit_generator, np.random.Philox)
        rng.bit_generator.advance(int(np.flatnonzero(order == place)[0]))
        return draw_transforms(augmentation, 1, rng)

    def _place(self, image: int) -> int:
        return int(np.searchsorted(self.train_ids, image))
