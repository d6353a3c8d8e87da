"""One image on its way through a network: what leaves each layer, and which pixels speak for and against a class."""

import json
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mnist_core.inference.image import LayerActivation, Saliency, image_activations, saliency
from mnist_core.inspection.request import Request
from mnist_core.inspection.subject import Subject, check_epoch
from mnist_core.npz import from_npz, to_npz

__all__ = ["ImageInspection", "ImageRequest"]

FILES = ("inspection", "about")


class ImageInspection(NamedTuple):
    """One image at one epoch.

    Attributes:
        image: its id.
        epoch: the epoch whose weights it went through.
        label: its true class.
        predicted: the most probable class.
        probabilities: float32 (classes,), in [0, 1].
        layers: in the order in which values flow, a residual layer behind its body; "pixels" (in [0, 1]) first,
            "probabilities" last.
        saliency: of each method that the network allows, on the true and the predicted class, once where they are one.
    """

    image: int
    epoch: int
    label: int
    predicted: int
    probabilities: NDArray[np.float32]
    layers: tuple[LayerActivation, ...]
    saliency: tuple[Saliency, ...]

    def layer(self, name: str) -> LayerActivation | None:
        """What leaves a layer; None where there is no such layer."""
        return next((one for one in self.layers if one.name == name), None)

    def salient(self, method: str, target: int) -> Saliency | None:
        """The saliency of a method on a class; None where there is none."""
        return next((one for one in self.saliency if (one.method, one.target) == (method, target)), None)

    def to_files(self) -> dict[str, bytes]:
        """As files, by name."""
        arrays = {f"layer_{place}": one.values for place, one in enumerate(self.layers)}
        arrays |= {f"saliency_{place}": one.values for place, one in enumerate(self.saliency)}
        about = {
            "image": self.image,
            "epoch": self.epoch,
            "label": self.label,
            "predicted": self.predicted,
            "layers": [(one.name, one.kind) for one in self.layers],
            "saliency": [(one.method, one.target, one.layer) for one in self.saliency],
        }
        return dict(zip(FILES, (to_npz(arrays), json.dumps(about).encode()), strict=True))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Reads the files."""
        arrays, about = from_npz(files[FILES[0]]), json.loads(files[FILES[1]])
        layers = [
            LayerActivation(name, kind, arrays[f"layer_{place}"])
            for place, (name, kind) in enumerate(about.pop("layers"))
        ]
        maps = [
            Saliency(method, target, arrays[f"saliency_{place}"], layer)
            for place, (method, target, layer) in enumerate(about.pop("saliency"))
        ]
        return cls(**about, probabilities=layers[-1].values, layers=tuple(layers), saliency=tuple(maps))


class ImageRequest(Request[ImageInspection]):
    """One image on its way through a run's network."""

    KIND: ClassVar[str] = "inspect"
    FILES: ClassVar[tuple[str, ...]] = FILES

    image: int = Field(ge=0, description="id of the image: its row in the dataset")
    epoch: int = Field(ge=0, description="whose weights it goes through")

    def fitted(self, run: Subject) -> Self:
        """The same request, checked against what the run has.

        Raises:
            InvalidInput: the run's dataset has no such image.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept; the sentence names the nearest.
        """
        check_epoch(run, self.epoch)
        run.split_of(self.image)
        return self

    def compute(self, run: Subject, between: Callable[[], object] = lambda: None) -> ImageInspection:
        """Sends the image through."""
        dataset, weights, spec = run.images_trained_on(), run.weights(self.epoch), run.spec
        image, label = dataset.images[self.image], int(dataset.labels[self.image])
        with run.computing():
            layers = image_activations(spec, weights, image)
            predicted = int(layers[-1].values.argmax())
            targets = tuple(dict.fromkeys((label, predicted)))
            found = saliency(spec, weights, image, targets, between=between)
        return ImageInspection(
            image=self.image,
            epoch=self.epoch,
            label=label,
            predicted=predicted,
            probabilities=layers[-1].values,
            layers=layers,
            saliency=found,
        )

    @staticmethod
    def read(files: Mapping[str, bytes]) -> ImageInspection:
        """The result as it was kept."""
        return ImageInspection.from_files(files)
