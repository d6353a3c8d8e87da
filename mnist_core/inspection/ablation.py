"""Units switched off: what a network says of a split without them."""

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from mnist_core.errors import InvalidInput
from mnist_core.inference.ablation import Off, ablated_predictions
from mnist_core.inference.chunks import Labelled
from mnist_core.inference.predictions import Predictions
from mnist_core.inspection.request import Request
from mnist_core.inspection.subject import Subject, check_epoch, layer_with_units
from mnist_core.npz import from_npz, to_npz

__all__ = ["Ablation", "AblationRequest"]

FILES = ("ablation",)
SPLIT = "ablated"


class Ablation(NamedTuple):
    """What a network says of a split while some units are off.

    Attributes:
        predictions: of the images, in their order.
        ids: int32 (n,), image ids, ascending.
    """

    predictions: Predictions
    ids: NDArray[np.int32]

    def to_files(self) -> dict[str, bytes]:
        """As files, by name."""
        return {FILES[0]: to_npz({"ids": self.ids, **self.predictions.to_arrays(SPLIT)})}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Reads the files."""
        arrays = from_npz(files[FILES[0]])
        return cls(Predictions.from_arrays(arrays, SPLIT), arrays["ids"].astype(np.int32, copy=False))


class AblationRequest(Request[Ablation]):
    """The predictions of a split with units of a layer set to 0."""

    KIND: ClassVar[str] = "ablate"
    FILES: ClassVar[tuple[str, ...]] = FILES

    layer: str = Field(description="id of the layer, one with a kernel")
    units: tuple[Annotated[int, Field(ge=0, strict=True)], ...] = Field(
        min_length=1, description="which of its units are off, each once"
    )
    split: Literal["train", "validation", "test"] = Field(default="validation", description="which images")
    epoch: int = Field(ge=0, description="whose weights predict")

    @field_validator("units")
    @classmethod
    def _each_once_in_order(cls, units: tuple[int, ...]) -> tuple[int, ...]:
        twice = sorted({unit for unit in units if units.count(unit) > 1}) if len(set(units)) < len(units) else []
        if twice:
            raise ValueError(f"must name each unit once, got {twice[0]} more than once")
        return tuple(sorted(units))

    def fitted(self, run: Subject) -> Self:
        """The same request, checked against what the run has.

        Raises:
            InvalidInput: the run has no such layer or split, or the layer no such unit.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
        """
        check_epoch(run, self.epoch)
        units = layer_with_units(run, self.layer).output_shape[-1]
        if self.units[-1] >= units:
            raise InvalidInput(
                f"`units` must be between 0 and {units - 1} for `{self.layer}` of `{run.record.name}`, got"
                f" {self.units[-1]}."
            )
        return self

    def compute(self, run: Subject, between: Callable[[], object] = lambda: None) -> Ablation:
        """Predicts the split without the units."""
        weights, (ids, labels) = run.weights(self.epoch), run.sample(self.split)
        images, off = Labelled(run.images_trained_on().images[ids], labels), Off(self.layer, self.units)
        with run.computing():
            return Ablation(ablated_predictions(run.spec, weights, images, off, between=between), ids)

    @staticmethod
    def read(files: Mapping[str, bytes]) -> Ablation:
        """The result as it was kept."""
        return Ablation.from_files(files)
