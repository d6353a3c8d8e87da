"""How the work of a training step is shared out among the cores of a processor, and the surroundings for it.

Three ways, each the fastest for some networks (measured by benchmarks/training.py on two cores):

- compiled: XLA compiles the steps. Dense networks; its convolutions and dropout are 5 to 25 times slower than
  TensorFlow's on a CPU. The smallest of them on one thread, as a second one costs more than it takes over; it fetches
  the next images meanwhile.
- sharded: the batch is cut into a part for each core, and no operation uses more than one. Small convolutions, and
  dense networks with large batches: values stay in the core's own cache, and no core waits for another within a layer.
- pooled: each operation uses all cores. Networks that mix the images of a batch, and those whose many weights would
  be read and added up once for each part.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

from mnist_core.backend import context, tf
from mnist_core.inference.graph import graph
from mnist_core.networks.layers import BatchNorm, Conv, Dropout, Layer
from mnist_core.networks.shapes import PlannedLayer, flat, plan
from mnist_core.spec import LbfgsSpec, RunSpec
from mnist_core.training.assignment import Placement

__all__ = ["POOLED", "Arrangement", "arrange", "start_compiler", "surroundings"]

STEPS_WORTH_COMPILING = 2000
"""XLA's compilation takes about half a second, and saves some tenths of a millisecond a step."""

LITTLE_WORK = 1_500_000
"""Multiply-adds of a step's forward pass up to which a compiled network is faster on one thread."""

MUCH_WORK = 100_000_000
"""Multiply-adds of a step's forward pass from which on a dense network is faster in shards than compiled."""

IMAGES_OF_A_SHARD = 8
MOST_SHARDS = 4
MOST_WEIGHTS_OF_SHARDS = 1_000_000


@dataclass(frozen=True)
class Arrangement:
    """How the work of a step is shared out; it follows from the specification, the images and the placement alone.

    Attributes:
        compiled: XLA compiles the steps.
        shards: parts of a batch that are computed beside each other, each on one thread.
        alone: of what is compiled; a single thread computes, and another fetches images ahead of it.
    """

    compiled: bool = False
    shards: int = 1
    alone: bool = False

    def threads_of_an_operation(self, threads: int) -> int:
        """Threads that one operation may use, of those that the training uses."""
        return 1 if self.alone or self.shards > 1 else threads


POOLED = Arrangement()


def arrange(spec: RunSpec, placement: Placement, images: int) -> Arrangement:
    """The fastest way to train a network here.

    Args:
        spec: what to train.
        placement: the device, and the threads that the training uses.
        images: number of images to train on.
    """
    if isinstance(spec.optimizer, LbfgsSpec):
        return POOLED
    augments = spec.augmentation.is_on  # its warp has no XLA kernel
    if placement.device == "gpu":
        return Arrangement(compiled=not augments)
    layers = tuple(flat(plan(spec.network.layers)))
    shards = _shards(layers, spec.training.batch_size, placement.threads)
    if augments or _has(layers, Conv, BatchNorm, Dropout) or spec.precision != "float32":
        return Arrangement(shards=shards)
    work = spec.training.batch_size * sum(place.multiply_adds for place in layers)
    if shards > 1 and work >= MUCH_WORK:
        return Arrangement(shards=shards)
    steps = spec.training.epochs * ceil(images / spec.training.batch_size)
    return Arrangement(compiled=True, alone=work <= LITTLE_WORK) if steps >= STEPS_WORTH_COMPILING else POOLED


def _shards(layers: Collection[PlannedLayer], batch: int, threads: int) -> int:
    """Into how many parts a batch is best cut; 1 where that does not suit the network."""
    weights = sum(place.parameters for place in layers)
    suits = not _has(layers, BatchNorm) and weights <= MOST_WEIGHTS_OF_SHARDS
    return threads if suits and threads <= MOST_SHARDS and batch // threads >= IMAGES_OF_A_SHARD else 1


def _has(layers: Collection[PlannedLayer], *kinds: type[Layer]) -> bool:
    return any(isinstance(place.layer, kinds) for place in layers)


@contextmanager
def surroundings(threads: int, threads_of_an_operation: int) -> Iterator[None]:
    """TensorFlow with these numbers of threads, whatever it started with; what is made within belongs to it.

    TensorFlow sets its threads once for a process, by its context. Several contexts can stand side by side, each with
    threads of its own (`TF_OVERRIDE_GLOBAL_THREADPOOL`, set in backend.py), and the current one can be exchanged.
    """
    before = context.context()
    _enter(_context(threads, threads_of_an_operation))
    try:
        yield
    finally:
        _enter(before)


@cache
def start_compiler(threads: int) -> None:
    """Lets XLA cut loops for this many threads in all that this process compiles; the first call counts.

    It takes the number, for good, from where it compiles first (2.21): after a network for one thread, those for all
    would have their loops on one, and `mlp-512` would take 1.4 times as long.
    """
    with surroundings(threads, threads), tf.device("/CPU:0"):
        graph(lambda: tf.constant(0) + 1, jit_compile=True)()


@cache
def _context(threads: int, threads_of_an_operation: int) -> Any:
    made = context.Context()
    made.inter_op_parallelism_threads = threads
    made.intra_op_parallelism_threads = threads_of_an_operation
    return made


def _enter(wanted: Any) -> None:
    context._set_context(wanted)
    context._device_parsing_cache = {}
    wanted.ensure_initialized()
