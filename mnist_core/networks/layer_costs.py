"""What each layer of a network costs, from its specification alone: memory, and its share of a training step's time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from mnist_core.networks.cost import Calibration, bytes_per_value, load_calibration, work_of_layer, work_of_step
from mnist_core.networks.shapes import PlannedLayer, plan
from mnist_core.spec import LbfgsSpec, RunSpec

__all__ = ["LayerCost", "LayerCosts", "layer_costs"]

PARAMETER_BYTES = 4
"""Parameters are float32, whatever the format of the products."""


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs, its body not counted.

    Attributes:
        place: the layer, with its shapes, parameters and multiply-adds.
        level: how many residual layers it stands in.
        parameter_bytes: memory of its parameters.
        activation_bytes: memory of what leaves it for one image.
        time_share: its estimated share of a training step's time, in [0, 1].
    """

    place: PlannedLayer
    level: int
    parameter_bytes: int
    activation_bytes: int
    time_share: float


@dataclass(frozen=True)
class LayerCosts:
    """What the layers of a network cost.

    Attributes:
        layers: depth first: a residual layer, its body, its shortcut, then what follows.
        rest: the share of a step's time that belongs to no layer; 1 less the layers' shares.
        basis: what the shares rest on, as half a sentence.
    """

    layers: tuple[LayerCost, ...]
    rest: float
    basis: str

    @property
    def parameters(self) -> int:
        """Numbers that the network stores."""
        return sum(one.place.parameters for one in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of one image's forward pass."""
        return sum(one.place.multiply_adds for one in self.layers)

    @property
    def parameter_bytes(self) -> int:
        """Memory of all parameters."""
        return sum(one.parameter_bytes for one in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Memory of what leaves all layers for one image."""
        return sum(one.activation_bytes for one in self.layers)


def layer_costs(spec: RunSpec, home: Path) -> LayerCosts:
    """What each layer of a run's network costs.

    Args:
        spec: what would be trained, or was.
        home: folder that holds this machine's calibration.

    Raises:
        InvalidSpec: a layer does not fit what comes before it.
        InvalidInput: the calibration in `home` is damaged.
    """
    calibration, is_own = load_calibration(home)
    placed = tuple(_levels(plan(spec.network.layers)))
    seconds = [_seconds(place, spec, calibration) for place, _ in placed]
    step = sum(seconds) if isinstance(spec.optimizer, LbfgsSpec) else calibration.seconds_per_step(work_of_step(spec))
    shares = [one / step if step else 0.0 for one in seconds]
    layers = tuple(_cost(place, level, spec, share) for (place, level), share in zip(placed, shares, strict=True))
    where = "here" if is_own else f"on {calibration.machine}, not here"
    return LayerCosts(layers, max(1 - sum(shares), 0.0), f"calibrated {where}")


def _levels(planned: Sequence[PlannedLayer], level: int = 0) -> Iterator[tuple[PlannedLayer, int]]:
    for place in planned:
        yield place, level
        yield from _levels(place.body, level + 1)
        if place.shortcut:
            yield place.shortcut, level + 1


def _seconds(place: PlannedLayer, spec: RunSpec, calibration: Calibration) -> float:
    """L-BFGS takes all images in one large product, so nothing but multiply-adds counts there."""
    is_solver = isinstance(spec.optimizer, LbfgsSpec)
    work = {"dense": float(place.multiply_adds)} if is_solver else work_of_layer(place, spec)
    return calibration.seconds_per_step(work)


def _cost(place: PlannedLayer, level: int, spec: RunSpec, share: float) -> LayerCost:
    values = prod(place.output_shape)
    return LayerCost(place, level, PARAMETER_BYTES * place.parameters, bytes_per_value(spec) * values, share)
