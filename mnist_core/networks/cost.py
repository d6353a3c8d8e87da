"""What a run will cost before it starts: parameters, multiply-adds, memory, and seconds on this machine.

The seconds come from a calibration: how long this machine takes for each kind of work, fitted by
`mnist_core.training.calibrate` to a few small trainings. Finished runs correct it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from math import ceil, prod
from pathlib import Path
from statistics import median

from pydantic import BaseModel, ConfigDict, ValidationError

from mnist_core.errors import InvalidInput
from mnist_core.machine import machine_name
from mnist_core.networks.layers import Activation, BatchNorm, Conv, Dense, Dropout, Permute
from mnist_core.networks.shapes import INPUT_SHAPE, PlannedLayer, flat, plan
from mnist_core.runs import RunRecord, RunState
from mnist_core.spec import (
    SPEC_VERSION,
    AdagradSpec,
    AdamSpec,
    AdamWSpec,
    LbfgsSpec,
    RMSpropSpec,
    RunSpec,
    SgdSpec,
)

__all__ = [
    "WORK",
    "Calibration",
    "Cost",
    "bytes_per_value",
    "estimate",
    "load_calibration",
    "save_calibration",
    "work_of_layer",
    "work_of_step",
]

WORK = (
    "steps",
    "layers",
    "conv",
    "thin",
    "pointwise",
    "dense",
    "values",
    "smooth",
    "norm",
    "drop",
    "augment",
    "parameters",
)
"""The kinds of work that a training step is made of; `work_of_step` counts them."""

THIN_CHANNELS = 4
"""Convolutions of fewer input channels cannot fill the processor's registers."""

FINISHED_RUNS = 20

START_SECONDS = 0.4
BETWEEN_EPOCHS_SECONDS = 0.03
"""To build a network, and to evaluate and hand over an epoch of the smallest (two cores of an AMD EPYC)."""


class Calibration(BaseModel):
    """How long one machine takes for each unit of each kind of work, in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    threads: int
    seconds: dict[str, float]

    def seconds_per_step(self, work: Mapping[str, float]) -> float:
        """Seconds of one training step with this work."""
        return sum(self.seconds.get(kind, 0.0) * amount for kind, amount in work.items())


@dataclass(frozen=True)
class Cost:
    """What a run costs.

    Attributes:
        parameters: numbers that the network stores.
        multiply_adds: of one image's forward pass.
        bytes: memory that training needs for weights, gradients, optimiser and activations of one batch.
        seconds_per_epoch: estimated seconds of the training steps of one epoch.
        seconds_per_run: the same for all epochs, with start, evaluations and recording.
        basis: what the seconds rest on, as half a sentence.
    """

    parameters: int
    multiply_adds: int
    bytes: int
    seconds_per_epoch: float
    seconds_per_run: float
    basis: str


def estimate(spec: RunSpec, train_images: int, home: Path, runs: Sequence[RunRecord] = ()) -> Cost:
    """The cost of a run.

    Args:
        spec: what would be trained.
        train_images: number of images in its training split.
        home: folder that holds this machine's calibration.
        runs: recorded runs; the finished ones of this machine correct the estimate.
    """
    places = tuple(flat(plan(spec.network.layers)))
    seconds, basis = _seconds_per_epoch(spec, train_images, home, runs)
    evaluated = min(train_images, 10_000) + 0.25 * train_images
    per_epoch = seconds * (1 + evaluated / train_images / 3) + BETWEEN_EPOCHS_SECONDS
    return Cost(
        parameters=sum(place.parameters for place in places),
        multiply_adds=sum(place.multiply_adds for place in places),
        bytes=_bytes(spec, places),
        seconds_per_epoch=seconds,
        seconds_per_run=START_SECONDS + spec.training.epochs * per_epoch,
        basis=basis,
    )


def work_of_step(spec: RunSpec) -> dict[str, float]:
    """How much of each kind of work one training step is: multiply-adds, values and parameters of a whole batch."""
    work = dict.fromkeys(WORK, 0.0)
    work["steps"] = 1
    for place in flat(plan(spec.network.layers)):
        for kind, amount in work_of_layer(place, spec).items():
            work[kind] += amount
    if spec.augmentation.is_on:
        work["augment"] = spec.training.batch_size * prod(INPUT_SHAPE)
    return work


def work_of_layer(place: PlannedLayer, spec: RunSpec) -> dict[str, float]:
    """What one layer adds to the work of a training step, its body not counted."""
    batch = spec.training.batch_size
    special = {kind: batch * amount for kind, amount in _special_work(place).items()}
    changed = place.trainable * (1 + _slots(spec))
    return {"layers": 1, "values": batch * prod(place.output_shape), "parameters": changed} | special


def _special_work(place: PlannedLayer) -> dict[str, float]:
    """What one image costs in this layer besides its values, by the kinds of work that have speeds of their own."""
    values = prod(place.output_shape)
    match place.layer:
        case Conv(kernel=1, activation=activation):
            work = {"pointwise": float(place.multiply_adds)}
        case Conv(activation=activation):
            work = {"thin" if place.input_shape[-1] < THIN_CHANNELS else "conv": float(place.multiply_adds)}
        case Dense(activation=activation):
            work = {"dense": float(place.multiply_adds)}
        case Activation(function=activation):
            work = dict[str, float]()
        case BatchNorm() | Permute():
            return {"norm": values}
        case Dropout():
            return {"drop": values}
        case _:
            return {}
    return work | ({"smooth": values} if activation not in ("linear", "relu") else {})


def load_calibration(home: Path) -> tuple[Calibration, bool]:
    """This machine's calibration, or the shipped one of another machine; whether it is this machine's."""
    path = home / "calibration.json"
    if path.exists():
        try:
            own = Calibration.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            raise InvalidInput(f"`{path}` must be a calibration, got something else; run `calibrate` again.") from None
        if own.machine == machine_name():
            return own, True
    shipped = files("mnist_core.networks").joinpath("calibration.json").read_bytes()
    return Calibration.model_validate_json(shipped), False


def save_calibration(calibration: Calibration, home: Path) -> Path:
    """Keeps a calibration as this installation's; returns the file."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "calibration.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(calibration.model_dump(), indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path


def _seconds_per_epoch(spec: RunSpec, images: int, home: Path, runs: Sequence[RunRecord]) -> tuple[float, str]:
    speeds = list(islice(_finished(runs), FINISHED_RUNS))
    same = [speed for finished, speed in speeds if _same_work(finished, spec)]
    if same:
        return images / median(same), "measured in finished runs of this network here"
    calibration, is_own = load_calibration(home)
    slower = [
        1 / speed / _calibrated(finished, calibration)
        for finished, speed in speeds
        if not isinstance(finished.optimizer, LbfgsSpec)
    ]
    where = "calibrated here" if is_own else f"calibrated on {calibration.machine}, not here"
    runs_said = "a finished run" if len(slower) == 1 else f"{len(slower)} finished runs"
    corrected = f"{where}, corrected by {runs_said}" if slower else where
    return images * _calibrated(spec, calibration) * (median(slower) if slower else 1.0), corrected


def _finished(runs: Sequence[RunRecord]) -> Iterator[tuple[RunSpec, float]]:
    """Specification and speed of the finished runs of this machine; those of another version's format are left out."""
    for run in runs:
        speed = _speed(run)
        if speed > 0 and run.spec.get("spec_version") == SPEC_VERSION:
            yield RunSpec.parse(run.spec), speed


def _speed(run: RunRecord) -> float:
    """Training images per second of a finished run of this machine; 0 where there is none."""
    if run.state is not RunState.DONE or not run.result or run.result.get("machine") != machine_name():
        return 0.0
    return float(run.result.get("images_per_second") or 0.0)


def _calibrated(spec: RunSpec, calibration: Calibration) -> float:
    """Seconds for one training image; L-BFGS takes all images in one step, as one large product and its transpose."""
    if isinstance(spec.optimizer, LbfgsSpec):
        return calibration.seconds_per_step({"dense": sum(p.multiply_adds for p in flat(plan(spec.network.layers)))})
    return calibration.seconds_per_step(work_of_step(spec)) / spec.training.batch_size


def _same_work(one: RunSpec, other: RunSpec) -> bool:
    same = one.network.layers == other.network.layers and one.optimizer.name == other.optimizer.name
    return same and (one.training.batch_size, one.precision, one.augmentation, one.device) == (
        other.training.batch_size,
        other.precision,
        other.augmentation,
        other.device,
    )


def _slots(spec: RunSpec) -> int:
    """Numbers that the optimiser remembers for each parameter."""
    match spec.optimizer:
        case AdamSpec() | AdamWSpec():
            return 2
        case RMSpropSpec(momentum=momentum):
            return 2 if momentum else 1
        case AdagradSpec():
            return 1
        case SgdSpec(momentum=momentum):
            return 1 if momentum else 0
        case _:
            return 0


def _bytes(spec: RunSpec, places: Sequence[PlannedLayer]) -> int:
    """Weights, gradients and slots in float32; activations are kept for the backward pass."""
    parameters = sum(place.parameters for place in places)
    activations = sum(prod(place.output_shape) for place in places) * spec.training.batch_size
    return ceil(4 * parameters * (2 + _slots(spec)) + bytes_per_value(spec) * activations)


def bytes_per_value(spec: RunSpec) -> int:
    """Bytes of one value that leaves a layer."""
    return 2 if spec.precision == "bfloat16" else 4
