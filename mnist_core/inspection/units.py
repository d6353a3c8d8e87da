"""The units of a layer: which images drive each most and least, and how it answers to each class."""

import json
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mnist_core.analysis.units import UnitActivity
from mnist_core.inference.chunks import Labelled
from mnist_core.inference.units import unit_responses
from mnist_core.inspection.request import Request
from mnist_core.inspection.subject import Subject, check_epoch, layer_with_units
from mnist_core.npz import from_npz, to_npz

__all__ = ["UnitResponses", "UnitsRequest"]

FILES = ("responses", "about")


class UnitResponses(NamedTuple):
    """How the units of a layer answer to the images of a split; a filter's answer is its highest over all places.

    Attributes:
        mean: float32 (units, classes), the mean answer to the images of each class; NaN where there are none.
        top: int32 (units, k), ids of the images that drive each unit most, first to last, k at most 12; of equal ones
            the lower id first.
        top_values: float32 (units, k), the answers to them.
        bottom: int32 (units, k), likewise those that drive it least.
        bottom_values: float32 (units, k), the answers to them.
        highest: float32 (units,), the highest answer to any image.
        activity: what leaves the units in short, for `flags`.
    """

    mean: NDArray[np.float32]
    top: NDArray[np.int32]
    top_values: NDArray[np.float32]
    bottom: NDArray[np.int32]
    bottom_values: NDArray[np.float32]
    highest: NDArray[np.float32]
    activity: UnitActivity

    def to_files(self) -> dict[str, bytes]:
        """As files, by name."""
        plain = self._asdict()
        activity = plain.pop("activity")
        about = {"function": activity.function, "values": activity.values}
        arrays = plain | {"activity_highest": activity.highest, "activity_at_bounds": activity.at_bounds}
        return dict(zip(FILES, (to_npz(arrays), json.dumps(about).encode()), strict=True))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Reads the files."""
        arrays, about = from_npz(files[FILES[0]]), json.loads(files[FILES[1]])
        highest, at_bounds = (arrays.pop(f"activity_{name}") for name in ("highest", "at_bounds"))
        return cls(**arrays, activity=UnitActivity(**about, highest=highest, at_bounds=at_bounds))


class UnitsRequest(Request[UnitResponses]):
    """How all units of a layer answer to the images of a split."""

    KIND: ClassVar[str] = "units"
    FILES: ClassVar[tuple[str, ...]] = FILES

    layer: str = Field(description="id of the layer, one with a kernel")
    split: Literal["train", "validation", "test"] = Field(default="validation", description="which images")
    epoch: int = Field(ge=0, description="whose weights answer")

    def fitted(self, run: Subject) -> Self:
        """The same request, checked against what the run has.

        Raises:
            InvalidInput: the run has no such layer.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
        """
        check_epoch(run, self.epoch)
        layer_with_units(run, self.layer)
        return self

    def compute(self, run: Subject, between: Callable[[], object] = lambda: None) -> UnitResponses:
        """Sends the split through, once for all units."""
        weights, (ids, labels) = run.weights(self.epoch), run.sample(self.split)
        images = Labelled(run.images_trained_on().images[ids], labels)
        with run.computing():
            found = unit_responses(run.spec, weights, images, self.layer, between=between)
        return UnitResponses(
            mean=found.mean,
            top=ids[found.top],
            top_values=found.top_values,
            bottom=ids[found.bottom],
            bottom_values=found.bottom_values,
            highest=found.activity.highest,
            activity=found.activity,
        )

    @staticmethod
    def read(files: Mapping[str, bytes]) -> UnitResponses:
        """The result as it was kept."""
        return UnitResponses.from_files(files)
