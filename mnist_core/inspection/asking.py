"""Looking inside a run in this process; nothing is kept, but a look at the test split is recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mnist_core.inspection.ablation import Ablation, AblationRequest
from mnist_core.inspection.image import ImageInspection, ImageRequest
from mnist_core.inspection.request import Request
from mnist_core.inspection.subject import Subject
from mnist_core.inspection.units import UnitResponses, UnitsRequest

__all__ = ["REQUESTS", "ablate", "inspect", "unit_responses"]

REQUESTS: Mapping[str, type[Request[Any]]] = {
    request.KIND: request for request in (ImageRequest, AblationRequest, UnitsRequest)
}
"""What can be asked, by the kind of work."""


def inspect(run: Subject, image: int, epoch: int | str = "kept") -> ImageInspection:
    """One image on its way through a run's network: what leaves each layer, and which pixels matter.

    Args:
        run: as `open_run` gives it.
        image: its id, the row in the dataset.
        epoch: "kept", "best", "last" or a number.

    Raises:
        InvalidInput: the run's dataset has no such image, or is another one.
        EpochNotRecorded: the run has no such epoch, or its weights were not kept.
    """
    request = ImageRequest.parse({"image": _plain(image), "epoch": run.epoch_number(epoch)}).fitted(run)
    _opened(run, run.split_of(request.image))
    return request.compute(run)


def ablate(
    run: Subject, layer: str, units: Sequence[int], *, split: str = "validation", epoch: int | str = "kept"
) -> Ablation:
    """What a run's network says of a split with some units of a layer switched off.

    Args:
        run: as `open_run` gives it.
        layer: id of a layer with a kernel.
        units: which of its units are set to 0, each once.
        split: "train", "validation" or "test".
        epoch: "kept", "best", "last" or a number.

    Raises:
        InvalidInput: there is no such layer, unit or split, or the dataset is another one.
        EpochNotRecorded: the run has no such epoch, or its weights were not kept.
    """
    data = {"layer": layer, "units": _plain(units), "split": split, "epoch": run.epoch_number(epoch)}
    request = AblationRequest.parse(data).fitted(run)
    _opened(run, split)
    return request.compute(run)


def unit_responses(run: Subject, layer: str, *, split: str = "validation", epoch: int | str = "kept") -> UnitResponses:
    """How each unit of a layer answers to the images of a split.

    Args:
        run: as `open_run` gives it.
        layer: id of a layer with a kernel.
        split: "train", "validation" or "test".
        epoch: "kept", "best", "last" or a number.

    Raises:
        InvalidInput: there is no such layer or split, or the dataset is another one.
        EpochNotRecorded: the run has no such epoch, or its weights were not kept.
    """
    request = UnitsRequest.parse({"layer": layer, "split": split, "epoch": run.epoch_number(epoch)}).fitted(run)
    _opened(run, split)
    return request.compute(run)


def _plain(value: object) -> object:
    """Numbers and arrays of NumPy as Python has them."""
    return np.asarray(value).tolist() if not isinstance(value, str) else value


def _opened(run: Subject, split: str) -> None:
    if split == "test":
        run.open_test_split()
