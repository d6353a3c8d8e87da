"""Whom one looks into: what inspections ask of a run."""

from contextlib import AbstractContextManager
from typing import Protocol

from mnist_core.datasets import Dataset
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.maps.subject import Sample
from mnist_core.networks.layers import Conv, Dense
from mnist_core.networks.shapes import PlannedLayer
from mnist_core.npz import Arrays
from mnist_core.runs import RunRecord
from mnist_core.runs.kept import nearest_epoch
from mnist_core.sentences import shown_value
from mnist_core.spec import RunSpec

__all__ = ["Subject", "check_epoch", "layer_with_units"]


class Subject(Protocol):
    """A recorded run, as far as inspections need it; `Run` is one and says what each of these is."""

    id: str

    @property
    def record(self) -> RunRecord:
        """Its row."""

    @property
    def spec(self) -> RunSpec:
        """Its specification."""

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """Its layers, depth first."""

    @property
    def weight_epochs(self) -> tuple[int, ...]:
        """The epochs whose weights are kept."""

    @property
    def split_file(self) -> Arrays:
        """Image ids and labels of each split."""

    def epoch_number(self, which: int | str) -> int:
        """The number of a recorded epoch."""

    def sample(self, split: str = ..., points: int | None = ..., *, seed: int = ...) -> Sample:
        """Some images of a split."""

    def split_of(self, image: int) -> str:
        """Which split holds an image."""

    def weights(self, epoch: int | str = ...) -> Arrays:
        """The recorded weights of an epoch."""

    def images_trained_on(self) -> Dataset:
        """Its dataset after grouping."""

    def computing(self) -> AbstractContextManager[None]:
        """On the device of this process, as it was trained."""

    def open_test_split(self) -> None:
        """Records that someone has looked at the test split."""


def check_epoch(run: Subject, epoch: int) -> None:
    """Holds that the weights of an epoch are there.

    Raises:
        EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
    """
    number, kept = run.epoch_number(epoch), run.weight_epochs
    if number in kept:
        return
    where = f"The weights of epoch {number} of `{run.record.name}` were not kept"
    if not kept:
        raise EpochNotRecorded(f"{where}, nor those of any other epoch; train it again.")
    raise EpochNotRecorded(f"{where}; the nearest epoch whose weights were is {nearest_epoch(kept, number)}.")


def layer_with_units(run: Subject, layer: str) -> PlannedLayer:
    """The place of a layer that has units: a convolution, whose filters they are, or a dense layer.

    Raises:
        InvalidInput: there is no such layer.
    """
    places = {place.id: place for place in run.layers if isinstance(place.layer, Conv | Dense)}
    if layer not in places:
        raise InvalidInput(
            f"`layer` must be one of {', '.join(places)} in `{run.record.name}`, those with units, got"
            f" {shown_value(layer)}."
        )
    return places[layer]
