"""Whose layers are mapped: what maps ask of a run, and which of its images they show."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.activations import Activations
from mnist_core.networks.shapes import PlannedLayer
from mnist_core.runs import RunRecord

__all__ = ["Sample", "Subject"]


class Sample(NamedTuple):
    """Some images of a split, ordered by image id.

    Attributes:
        ids: int32 (n,), image ids.
        labels: uint8 (n,), their true classes.
    """

    ids: NDArray[np.int32]
    labels: NDArray[np.uint8]


class Subject(Protocol):
    """A recorded run, as far as maps need it; `Run` is one and says what each of these is."""

    id: str

    @property
    def record(self) -> RunRecord:
        """Its row."""

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """Its layers."""

    @property
    def layer_ids(self) -> tuple[str, ...]:
        """The names under which they can be mapped."""

    @property
    def weight_epochs(self) -> tuple[int, ...]:
        """The epochs whose weights are kept."""

    def epoch_number(self, which: int | str) -> int:
        """The number of a recorded epoch."""

    def sample(self, split: str = ..., points: int | None = ..., *, seed: int = ...) -> Sample:
        """Some images of a split."""

    def activations(
        self, layer: str, ids: NDArray[np.integer], epoch: int | str = ..., *, between: Callable[[], Any] = ...
    ) -> Activations:
        """What leaves a layer at an epoch."""
