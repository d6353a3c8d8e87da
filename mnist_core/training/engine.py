"""The training engine: chunks of batches in one graph call over a dataset that stays on the device.

`model.fit` pays about a millisecond a step and reports running means. Here one call of a compiled function gathers,
scales, augments, runs forward, backward and update for many batches and returns the true loss and accuracy of each.
How batches fall into chunks never changes the numbers; random streams are derived from (seed, epoch), so that an
epoch can be repeated without any remembered state.
"""

from functools import partial
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.backend import tf
from mnist_core.datasets.augmentation import draw_transforms
from mnist_core.inference.forward import Examples
from mnist_core.networks.build import load_model_weights, model_weights
from mnist_core.npz import Arrays
from mnist_core.seeding import derive_seed, generator
from mnist_core.spec import LbfgsSpec, RunSpec
from mnist_core.training.chunks import CHUNK_STEPS, ChunkResult
from mnist_core.training.cores import POOLED, Arrangement
from mnist_core.training.program import Chunk, Programs
from mnist_core.training.schedule import learning_rates

__all__ = ["Engine", "programs"]

programs = Programs()
"""The compiled networks of this process."""


class Engine:
    """One network in training.

    Args:
        spec: the run's specification.
        examples: the whole dataset, after grouping.
        train_ids: int32 (k,), the images to train on.
        arrangement: how the work of a step is shared out.
    """

    def __init__(
        self,
        spec: RunSpec,
        examples: Examples,
        train_ids: NDArray[np.int32],
        arrangement: Arrangement = POOLED,
    ) -> None:
        assert not isinstance(spec.optimizer, LbfgsSpec)
        self._program = programs.take(spec, arrangement)
        self.model = self._program.model
        self.predict = partial(self._program.forward.predict, examples)
        self.batch_size = min(spec.training.batch_size, len(train_ids))
        self.steps_per_epoch = ceil(len(train_ids) / self.batch_size)
        self._spec = spec
        self._train_ids = train_ids
        self._examples = examples
        self._rates = learning_rates(
            spec.schedule, spec.optimizer.learning_rate, spec.training.epochs, self.steps_per_epoch
        )

    def start_epoch(self, epoch: int) -> bool:
        """Sets order, augmentation and dropout of an epoch (1 to n), all from (seed, epoch); always True."""
        seed = self._spec.seed
        order = generator(seed, "order", epoch).permutation(len(self._train_ids))
        self._order = self._train_ids[order].astype(np.int32)
        self._first_step = (epoch - 1) * self.steps_per_epoch
        for layer in self._program.dropouts:
            layer.seed_generator.state.assign([derive_seed(seed, "dropout", layer.name, epoch), 0])
        self._program.noise_seed.assign(derive_seed(seed, "noise", epoch))
        if self._spec.augmentation.is_on:
            rng = generator(seed, "augmentation", epoch)
            self._transforms = draw_transforms(self._spec.augmentation, len(order), rng)
        return True

    def run_steps(self, step: int, count: int) -> ChunkResult:
        """Trains on some consecutive batches of the epoch.

        Args:
            step: index in the epoch of the first batch.
            count: number of steps, at most `CHUNK_STEPS`; fewer are run where the last, smaller batch begins.
        """
        full_steps = len(self._order) // self.batch_size
        single = step >= full_steps
        count = 1 if single else min(count, CHUNK_STEPS, full_steps - step)
        size = len(self._order) % self.batch_size if single else self.batch_size
        room = 1 if single else min(CHUNK_STEPS, full_steps)
        first = step * self.batch_size
        chunk = Chunk(
            batches=_padded(self._order[first : first + count * size].reshape(count, size), room),
            rates=_padded(self._rates[self._first_step + step : self._first_step + step + count], room),
            transforms=self._chunk_transforms(first, count, size, room),
            # Tensors, as a Python number would compile the function anew for each value.
            step=tf.constant(step),
            count=tf.constant(count),
        )
        losses, accuracies = self._program.run_steps(self._examples, chunk, single=single)
        return ChunkResult(losses.numpy()[:count], accuracies.numpy()[:count])

    def _chunk_transforms(self, first: int, count: int, size: int, room: int) -> tf.Tensor:
        if not self._spec.augmentation.is_on:
            return tf.zeros((0,), tf.float32)
        return _padded(self._transforms[first : first + count * size].reshape(count, size, 8), room)

    def weights(self) -> Arrays:
        """Every weight and batch-norm statistic, float32, by `layer/variable` (`conv_1/kernel`)."""
        return model_weights(self.model)

    def load_weights(self, weights: Arrays) -> None:
        """Puts recorded weights into the network."""
        load_model_weights(self.model, weights)

    def optimizer_state(self) -> Arrays:
        """What the optimiser remembers between steps, by name."""
        return self._program.optimizer_state()

    def load_optimizer_state(self, state: Arrays) -> None:
        """Puts a recorded optimiser state back."""
        self._program.load_optimizer_state(state)

    def penalty(self) -> float:
        """The L2 penalty of the weights as they are, in nats."""
        return float(sum(float(loss) for loss in self.model.losses))

    def close(self) -> None:
        """Leaves what is compiled to the next run; the engine cannot be used any more."""
        programs.give_back(self._program)
        del self._program, self.model, self.predict


def _padded(rows: NDArray[Any], room: int) -> tf.Tensor:
    """Rows of a fixed number, so that one compiled function serves every number of steps."""
    if len(rows) < room:
        rows = np.concatenate([rows, np.zeros((room - len(rows), *rows.shape[1:]), rows.dtype)])
    return tf.constant(rows)
