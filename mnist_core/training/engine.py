"""The training engine: chunks of batches in one graph call over a dataset that stays on the device.

`model.fit` pays about a millisecond a step and reports running means. Here one call of a compiled function gathers,
scales, augments, runs forward, backward and update for many batches and returns the true loss and accuracy of each.
How batches fall into chunks never changes the numbers; random streams are derived from (seed, epoch), so that an
epoch can be repeated without any remembered state.
"""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.backend import keras, tf
from mnist_core.datasets.augmentation import draw_transforms
from mnist_core.inference.forward import scaled
from mnist_core.networks.build import build_model, load_model_weights, model_weights
from mnist_core.npz import Arrays
from mnist_core.seeding import derive_seed, generator
from mnist_core.spec import LbfgsSpec, RunSpec
from mnist_core.training.chunks import CHUNK_STEPS, ChunkResult
from mnist_core.training.optimizers import build_optimizer
from mnist_core.training.schedule import learning_rates

__all__ = ["Engine"]


class Engine:
    """One network in training.

    Args:
        spec: the run's specification.
        images: uint8 (n, 28, 28), the whole dataset.
        labels: uint8 (n,), after grouping.
        train_ids: int32 (k,), the images to train on.
    """

    def __init__(
        self, spec: RunSpec, images: tf.Tensor, labels: NDArray[np.uint8], train_ids: NDArray[np.int32]
    ) -> None:
        self.model = build_model(spec.network.layers, seed=spec.seed, precision=spec.precision)
        self.batch_size = min(spec.training.batch_size, len(train_ids))
        self.steps_per_epoch = ceil(len(train_ids) / self.batch_size)
        self._spec = spec
        self._train_ids = train_ids
        self._images = images
        self._labels = tf.constant(labels.astype(np.int32))
        self._optimizer = build_optimizer(spec.optimizer)
        self._optimizer.build(self.model.trainable_variables)
        assert not isinstance(spec.optimizer, LbfgsSpec)
        self._rates = learning_rates(
            spec.schedule, spec.optimizer.learning_rate, spec.training.epochs, self.steps_per_epoch
        )
        self._dropouts = [layer for layer in _layers(self.model) if isinstance(layer, keras.layers.Dropout)]
        self._augments = spec.augmentation.is_on
        self._noise_seed = tf.Variable(0, dtype=tf.int32, trainable=False)
        self._chunk = tf.function(self._run_steps, jit_compile=self._compiles_with_xla())

    def _compiles_with_xla(self) -> bool:
        """On a GPU XLA fuses the chunk; on the CPU its convolutions and dropout are 5 to 25 times slower than oneDNN's.

        The warp of the augmentation has no XLA kernel.
        """
        on_gpu = bool(tf.config.list_logical_devices("GPU")) and self._spec.device != "cpu"
        return on_gpu and not self._augments

    def start_epoch(self, epoch: int) -> bool:
        """Sets order, augmentation and dropout of an epoch (1 to n), all from (seed, epoch); always True."""
        seed = self._spec.seed
        order = generator(seed, "order", epoch).permutation(len(self._train_ids))
        self._order = self._train_ids[order].astype(np.int32)
        self._first_step = (epoch - 1) * self.steps_per_epoch
        for layer in self._dropouts:
            layer.seed_generator.state.assign([derive_seed(seed, "dropout", layer.name, epoch), 0])
        self._noise_seed.assign(derive_seed(seed, "noise", epoch))
        if self._augments:
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
        count = min(count, CHUNK_STEPS, full_steps - step) if step < full_steps else 1
        size = self.batch_size if step < full_steps else len(self._order) % self.batch_size
        room = min(CHUNK_STEPS, full_steps) if step < full_steps else 1
        first = step * self.batch_size
        batches = _padded(self._order[first : first + count * size].reshape(count, size), room)
        rates = _padded(self._rates[self._first_step + step : self._first_step + step + count], room)
        transforms = self._chunk_transforms(first, count, size, room)
        # Tensors, as a Python number would compile the function anew for each value.
        losses, accuracies = self._chunk(batches, rates, transforms, tf.constant(step), tf.constant(count))
        return ChunkResult(losses.numpy()[:count], accuracies.numpy()[:count])

    def _chunk_transforms(self, first: int, count: int, size: int, room: int) -> tf.Tensor:
        if not self._augments:
            return tf.zeros((0,), tf.float32)
        return _padded(self._transforms[first : first + count * size].reshape(count, size, 8), room)

    def _run_steps(
        self, batches: tf.Tensor, rates: tf.Tensor, transforms: tf.Tensor, step: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        losses = tf.TensorArray(tf.float32, batches.shape[0], element_shape=())
        accuracies = tf.TensorArray(tf.float32, batches.shape[0], element_shape=())
        for index in tf.range(count):
            ids = batches[index]
            pixels = scaled(tf.gather(self._images, ids))
            if self._augments:
                pixels = self._augment(pixels, transforms[index], step + index)
            self._optimizer.learning_rate.assign(rates[index])
            loss, accuracy = self._step(pixels, tf.gather(self._labels, ids))
            losses = losses.write(index, loss)
            accuracies = accuracies.write(index, accuracy)
        return losses.stack(), accuracies.stack()

    def _step(self, pixels: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(pixels, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
            total = tf.add_n([loss, *self.model.losses])
        gradients = tape.gradient(total, [variable.value for variable in variables])
        self._optimizer.apply(gradients, variables)
        right = tf.equal(tf.argmax(logits, -1, output_type=tf.int32), labels)
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    def _augment(self, pixels: tf.Tensor, transforms: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=pixels,
            transforms=transforms,
            output_shape=tf.constant([28, 28]),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        noise = tf.random.stateless_normal(tf.shape(moved), seed=tf.stack([self._noise_seed, step]))
        return tf.clip_by_value(moved + self._spec.augmentation.noise * noise, 0.0, 1.0)

    def weights(self) -> Arrays:
        """Every weight and batch-norm statistic, float32, by `layer/variable` (`conv_1/kernel`)."""
        return model_weights(self.model)

    def load_weights(self, weights: Arrays) -> None:
        """Puts recorded weights into the network."""
        load_model_weights(self.model, weights)

    def optimizer_state(self) -> Arrays:
        """What the optimiser remembers between steps, by name."""
        return {name: variable.numpy() for name, variable in self._optimizer_variables()}

    def load_optimizer_state(self, state: Arrays) -> None:
        """Puts a recorded optimiser state back."""
        for name, variable in self._optimizer_variables():
            variable.assign(state[name])

    def _optimizer_variables(self) -> list[tuple[str, Any]]:
        """The slots and the step count, without the learning rate, which every step sets anew."""
        rate = self._optimizer.learning_rate
        return [(v.path.partition("/")[2], v) for v in self._optimizer.variables if v is not rate]

    def penalty(self) -> float:
        """The L2 penalty of the weights as they are, in nats."""
        return float(sum(float(loss) for loss in self.model.losses))

    def close(self) -> None:
        """Nothing to end."""


def _layers(model: keras.Model) -> list[keras.Layer]:
    return list(model._flatten_layers(include_self=False))


def _padded(rows: NDArray[Any], room: int) -> tf.Tensor:
    """Rows of a fixed number, so that one compiled function serves every number of steps."""
    if len(rows) < room:
        rows = np.concatenate([rows, np.zeros((room - len(rows), *rows.shape[1:]), rows.dtype)])
    return tf.constant(rows)
