"""What a worker is given: a claimed run with all that is needed to carry it out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mnist_core.datasets import Dataset, Splits
from mnist_core.runs import Lease
from mnist_core.spec import RunSpec

__all__ = ["Assignment", "Bench", "Placement", "Watch"]


@dataclass(frozen=True)
class Placement:
    """Where a run trains.

    Attributes:
        device: kind of device, "cpu" or "gpu".
        threads: number of threads that it uses.
    """

    device: str
    threads: int


@dataclass(frozen=True)
class Watch:
    """Who looks on while a run trains.

    Attributes:
        listen: makes a further recorder from the job, for a progress bar; it hears of an epoch before that is on disk.
        should_stop: asked between chunks; once true, the run ends as `stopped`.
    """

    listen: Callable[[Any], Any] | None = None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Bench:
    """What stands ready for a training.

    Attributes:
        dataset: after grouping.
        splits: image ids.
        placement: where it trains.
    """

    dataset: Dataset
    splits: Splits
    placement: Placement


@dataclass(frozen=True)
class Assignment:
    """A claimed run.

    Attributes:
        lease: the right to write it.
        spec: what to train.
        bench: dataset, splits and device.
        budget: bytes of weights that it may keep before epochs are thinned out.
    """

    lease: Lease
    spec: RunSpec
    bench: Bench
    budget: int
