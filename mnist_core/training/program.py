"""A network with its optimiser, compiled for training and evaluation, and kept from run to run.

To trace and compile takes a quarter of a second for a small network and three for a deep one. The next run of the
same network, optimiser and batch size, with another seed, learning rate or length, takes the program as it is.
"""

import json
from collections import OrderedDict
from math import ceil
from typing import Any, NamedTuple

from mnist_core.backend import context, keras, tf
from mnist_core.inference.forward import Examples, Forward, scaled
from mnist_core.inference.graph import graph, handed_on, in_turn
from mnist_core.networks.build import build_model, load_model_weights, model_weights
from mnist_core.npz import Arrays
from mnist_core.spec import LbfgsSpec, RunSpec
from mnist_core.training.arithmetic import logits_in_training
from mnist_core.training.cores import Arrangement
from mnist_core.training.optimizers import build_optimizer

__all__ = ["BLOCK_STEPS", "KEPT", "Chunk", "Program", "Programs"]

BLOCK_STEPS = 32
"""Steps for which images are fetched at once; those of the blocks trained on and fetched stay in the cache."""

OF_STEP = (tf.TensorSpec((), tf.float32), tf.TensorSpec((), tf.float32))
"""Loss and accuracy."""

KEPT = 4
"""Programs kept for the next run; that of `lenet-5x5` holds 40 MB."""


class Chunk(NamedTuple):
    """Consecutive steps of an epoch, in buffers with room for more of them.

    Attributes:
        batches: int32 (room, batch), image ids.
        rates: float32 (room,), learning rates.
        transforms: float32 (room, batch, 8), the projective transforms of the augmentation; (0,) without one.
        step: int32, index of the first one in its epoch.
        count: int32, number of steps, at most the room.
    """

    batches: tf.Tensor
    rates: tf.Tensor
    transforms: tf.Tensor
    step: tf.Tensor
    count: tf.Tensor


class Program:
    """One network, its optimiser and what is compiled of them.

    Args:
        spec: what to train; its seed decides the starting weights.
        arrangement: how the work of a step is shared out.

    Attributes:
        key: all that decides what it computes.
        model: the plain Keras model.
        optimizer: with its learning rate as a variable that each step assigns.
        forward: the model's evaluation.
        dropouts: the layers that draw random numbers.
    """

    def __init__(self, spec: RunSpec, arrangement: Arrangement) -> None:
        assert not isinstance(spec.optimizer, LbfgsSpec)
        self.key = _what_is_compiled(spec, arrangement)
        self.model = build_model(spec.network.layers, seed=spec.seed, precision=spec.precision)
        self.optimizer = build_optimizer(spec.optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self.forward = Forward(self.model)
        self.dropouts = [layer for layer in _layers(self.model) if isinstance(layer, keras.layers.Dropout)]
        self.noise_seed = tf.Variable(0, dtype=tf.int32, trainable=False)
        self._augmentation = spec.augmentation
        self._shards = arrangement.shards
        self._fills = [float(tf.reshape(variable, (-1,))[0]) for variable in self.optimizer.variables]
        if arrangement.alone:
            assert arrangement.compiled and not spec.augmentation.is_on
            self._block = graph(self._run_block, jit_compile=True)
            self._chunk = graph(self._run_ahead)
        else:
            self._chunk = graph(self._run_steps, jit_compile=arrangement.compiled)
        self._single = graph(self._run_steps)

    def start_afresh(self, spec: RunSpec) -> None:
        """Starting weights of another seed, and an optimiser that remembers nothing."""
        load_model_weights(self.model, model_weights(build_model(spec.network.layers, seed=spec.seed)))
        for variable, fill in zip(self.optimizer.variables, self._fills, strict=True):
            variable.assign(tf.fill(variable.shape, tf.cast(fill, variable.dtype)))

    def run_steps(self, examples: Examples, chunk: Chunk, *, single: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Trains on a chunk of batches.

        Args:
            examples: the whole dataset.
            chunk: what to train on, of it.
            single: for the last, smaller batch of an epoch, which is not worth a second compilation by XLA.

        Returns:
            float32 (room or more,) each, loss and accuracy of each step; 0 behind those that were asked for.
        """
        call = self._single if single else self._chunk
        return call(examples.images, examples.labels, chunk)  # type: ignore[no-any-return]

    def _run_steps(self, images: tf.Tensor, labels: tf.Tensor, chunk: Chunk) -> tuple[tf.Tensor, tf.Tensor]:
        def step(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            ids = chunk.batches[index]
            pixels = scaled(tf.gather(images, ids))
            if self._augmentation.is_on:
                pixels = self._augment(pixels, chunk.transforms[index], chunk.step + index)
            return self._step(pixels, tf.gather(labels, ids), chunk.rates[index])

        return in_turn(step, chunk.count, chunk.batches.shape[0], OF_STEP)

    def _run_ahead(self, images: tf.Tensor, labels: tf.Tensor, chunk: Chunk) -> tuple[tf.Tensor, tf.Tensor]:
        """While one thread trains on a block of batches, another fetches the images of the next one.

        A fifth of a small step is waiting for images from all over the memory. TensorFlow runs the fetching beside the
        training, as neither needs the other.
        """
        room, size = chunk.batches.shape
        blocks = ceil(room / BLOCK_STEPS)
        beyond = blocks * BLOCK_STEPS - room
        batches = tf.reshape(tf.pad(chunk.batches, [[0, beyond], [0, 0]]), (blocks, BLOCK_STEPS, size))
        rates = tf.reshape(tf.pad(chunk.rates, [[0, beyond]]), (blocks, BLOCK_STEPS))

        def fetched(block: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            ids = batches[tf.minimum(block, blocks - 1)]
            return tf.gather(images, ids), tf.gather(labels, ids)

        def train(block: tf.Tensor, pixels: tf.Tensor, truth: tf.Tensor) -> tuple[Any, Any]:
            following = fetched(block + 1)
            steps = tf.minimum(chunk.count - block * BLOCK_STEPS, BLOCK_STEPS)
            return self._block(pixels, truth, rates[block], steps), following

        count = (chunk.count + BLOCK_STEPS - 1) // BLOCK_STEPS
        like = [tf.TensorSpec((BLOCK_STEPS,), tf.float32)] * 2
        losses, accuracies = handed_on(train, count, blocks, like, fetched(tf.constant(0)))
        return tf.reshape(losses, (-1,)), tf.reshape(accuracies, (-1,))

    def _run_block(
        self, images: tf.Tensor, labels: tf.Tensor, rates: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def step(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return self._step(scaled(images[index]), labels[index], rates[index])

        return in_turn(step, count, BLOCK_STEPS, OF_STEP)

    def _step(self, pixels: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        self.optimizer.learning_rate.assign(rate)
        variables = self.model.trainable_variables
        logits = logits_in_training(self.model, pixels, self._shards)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        total = tf.add_n([loss, *self.model.losses])
        gradients = tf.gradients(total, [variable.value for variable in variables])
        self.optimizer.apply(gradients, variables)
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
        if not self._augmentation.noise:
            return moved
        noise = tf.random.stateless_normal(tf.shape(moved), seed=tf.stack([self.noise_seed, step]))
        return tf.clip_by_value(moved + self._augmentation.noise * noise, 0.0, 1.0)

    def optimizer_state(self) -> Arrays:
        """What the optimiser remembers between steps, by name."""
        return {name: variable.numpy() for name, variable in self._optimizer_variables()}

    def load_optimizer_state(self, state: Arrays) -> None:
        """Puts a recorded optimiser state back."""
        for name, variable in self._optimizer_variables():
            variable.assign(state[name])

    def _optimizer_variables(self) -> list[tuple[str, Any]]:
        """The slots and the step count, without the learning rate, which every step sets anew."""
        rate = self.optimizer.learning_rate
        return [(v.path.partition("/")[2], v) for v in self.optimizer.variables if v is not rate]


class Programs:
    """The programs of this process that no run is using, the most recently used last."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._idle: OrderedDict[str, Program] = OrderedDict()

    def take(self, spec: RunSpec, arrangement: Arrangement) -> Program:
        """A program for a run, ready to start."""
        program = self._idle.pop(_what_is_compiled(spec, arrangement), None)
        if program is None:
            return Program(spec, arrangement)
        program.start_afresh(spec)
        return program

    def give_back(self, program: Program) -> None:
        """Keeps a program for the next run."""
        self._idle[program.key] = program
        while len(self._idle) > self._kept:
            self._idle.popitem(last=False)

    def forget(self) -> None:
        """Lets go of all of them."""
        self._idle.clear()


def _what_is_compiled(spec: RunSpec, arrangement: Arrangement) -> str:
    """All that decides what a program computes; a program belongs to the surroundings that it was made in."""
    optimizer = spec.optimizer.model_dump(mode="json") | {"learning_rate": None}
    parts = [
        spec.network.model_dump(mode="json")["layers"],
        optimizer,
        spec.augmentation.model_dump(mode="json"),
        spec.training.batch_size,
        spec.precision,
    ]
    return f"{json.dumps(parts)} {arrangement} {id(context.context())}"


def _layers(model: keras.Model) -> list[keras.Layer]:
    return list(model._flatten_layers(include_self=False))
