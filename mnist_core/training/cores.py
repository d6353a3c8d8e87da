"""How the work of a training step is shared out among the cores of a processor, and the surroundings for it.

Three ways, each the fastest for some networks (measured by benchmarks/training.py on two cores):

- compiled: XLA compiles the whole chunk. Dense networks; its convolutions and dropout are 5 to 25 times slower than
  TensorFlow's on a CPU.
- sharded: the batch is cut into a part for each core, and no operation uses more than one. Small convolutions: their
  values stay in the core's own cache, and no core waits for another within a layer.
- pooled: each operation uses all cores. Networks that mix the images of a batch, and those whose many weights would
  be read and added up once for each part.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from mnist_core.backend import context
from mnist_core.networks.layers import BatchNorm, Conv, Dropout, Layer
from mnist_core.networks.shapes import flat, plan
from mnist_core.spec import RunSpec

__all__ = ["POOLED", "Arrangement", "arrange", "surroundings"]

STEPS_WORTH_COMPILING = 2000
"""XLA's compilation takes about half a second, and saves some tenths of a millisecond a step."""

IMAGES_OF_A_SHARD = 8
MOST_SHARDS = 4
MOST_WEIGHTS_OF_SHARDS = 1_000_000


@dataclass(frozen=True)
class Arrangement:
    """How the work of a step is shared out; it follows from the specification and the number of threads alone.

    Attributes:
        compiled: XLA compiles the chunk.
        shards: parts of a batch that are computed beside each other, each on one thread; 1 where operations use all.
    """

    compiled: bool = False
    shards: int = 1

    def threads_of_an_operation(self, threads: int) -> int:
        """Threads that one operation may use, of those that the training uses."""
        return threads if self.shards == 1 else 1


POOLED = Arrangement()


def arrange(spec: RunSpec, device: str, threads: int, steps: int) -> Arrangement:
    """The fastest way to train a network here.

    Args:
        spec: what to train.
        device: kind of device, "cpu" or "gpu".
        threads: threads that the training uses.
        steps: steps of the whole training.
    """
    augments = spec.augmentation.is_on  # its warp has no XLA kernel
    if device == "gpu":
        return Arrangement(compiled=not augments)
    layers = spec.network.layers
    if not augments and not _has(layers, Conv, BatchNorm, Dropout) and spec.precision == "float32":
        return Arrangement(compiled=steps >= STEPS_WORTH_COMPILING)
    images = spec.training.batch_size // max(threads, 1)
    weights = sum(place.parameters for place in flat(plan(layers)))
    suits = not _has(layers, BatchNorm) and weights <= MOST_WEIGHTS_OF_SHARDS and images >= IMAGES_OF_A_SHARD
    return Arrangement(shards=threads if suits and threads <= MOST_SHARDS else 1)


def _has(layers: Sequence[Layer], *kinds: type[Layer]) -> bool:
    return any(isinstance(place.layer, kinds) for place in flat(plan(layers)))


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
def _context(threads: int, threads_of_an_operation: int) -> Any:
    made = context.Context()
    made.inter_op_parallelism_threads = threads
    made.intra_op_parallelism_threads = threads_of_an_operation
    return made


def _enter(wanted: Any) -> None:
    context._set_context(wanted)
    context._device_parsing_cache = {}
    wanted.ensure_initialized()
