"""What a unit says to the next layer with a kernel: the weights with which that layer hears it.

Between the two there may be pooling, dropout, batch norm, flattening, activation functions and the start of a residual
layer's body.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import InvalidInput
from mnist_core.networks.layers import BatchNorm, Conv, Dense, Flatten, Permute, Pool, Residual
from mnist_core.networks.shapes import PlannedLayer, flat

__all__ = ["Outgoing", "needed_weights", "outgoing"]

Weights = Mapping[str, NDArray[np.float32]]


class Outgoing(NamedTuple):
    """The weights from one unit to the next layer with a kernel.

    Attributes:
        to: id of that layer; empty where there is none.
        values: float32 (units, rows, columns), signed: to each of its units, from each place of the window of a
            convolution, or from each place that a dense layer sees of a filter; rows and columns are 1 where there are
            no places. Batch norm on the way scales them. None where no weights are the unit's own.
        reason: why there are none, as a sentence; empty where there are.
        around: ids of the residual layers whose shortcut leads the unit around that layer as well, where the shortcut
            has a kernel its id.
    """

    to: str
    values: NDArray[np.float32] | None
    reason: str = ""
    around: tuple[str, ...] = ()

    @property
    def sums(self) -> NDArray[np.float64]:
        """The sum of the weights to each unit of the next layer, signed: float64 (units,), or (0,)."""
        if self.values is None:
            return np.zeros(0)
        return np.asarray(self.values.sum(axis=(1, 2), dtype=np.float64))


def needed_weights(planned: Sequence[PlannedLayer], layer: str) -> tuple[str, ...]:
    """The names of the weights that `outgoing` reads for the units of a layer.

    Args:
        planned: the layers of the network, as `plan` gives them.
        layer: id of a layer with a kernel.
    """
    names: list[str] = []
    for place in _following(planned, layer):
        if isinstance(place.layer, BatchNorm):
            names += [f"{place.id}/{variable}" for variable in ("gamma", "moving_variance")]
        if isinstance(place.layer, Conv | Dense):
            return (*names, f"{place.id}/kernel")
    return ()


def outgoing(arrays: Weights, planned: Sequence[PlannedLayer], layer: str, unit: int) -> Outgoing:
    """The weights with which the next layer hears a unit.

    A residual layer is entered: what its shortcut leads around its body is named, not shown.

    Args:
        arrays: float32 by `layer/variable`, as a run records them.
        planned: the layers of the network, as `plan` gives them.
        layer: id of a layer with a kernel.
        unit: which of its units.

    Raises:
        InvalidInput: there is no such layer or unit.
    """
    places = {place.id: place for place in flat(planned) if isinstance(place.layer, Conv | Dense)}
    if layer not in places:
        raise InvalidInput(f"`layer` must be one of {', '.join(places)}, got `{layer}`.")
    shape = places[layer].output_shape
    if not 0 <= unit < shape[-1]:
        raise InvalidInput(f"`unit` must be between 0 and {shape[-1] - 1} for `{layer}`, got {unit}.")
    signal = _Signal(np.broadcast_to(np.arange(shape[-1]) == unit, shape), np.ones(shape, np.float32))
    around: list[str] = []
    for place in _following(planned, layer):
        if isinstance(place.layer, Residual):
            around.append(place.shortcut.id if place.shortcut else place.id)
        if isinstance(place.layer, Conv | Dense):
            heard = _heard(signal, arrays[f"{place.id}/kernel"])
            return Outgoing(place.id, heard, "" if heard is not None else _shared(layer), tuple(around))
        passed = signal.through(place, arrays)
        if passed is None:
            return Outgoing("", None, _shared(layer))
        signal = passed
    return Outgoing("", None, f"`{layer}` is the last layer with a kernel; its units are the answer.")


def _shared(layer: str) -> str:
    return (
        f"What leaves `{layer}` is laid out so that its units share the weights of the next layer; none has weights of"
        " its own."
    )


class _Signal(NamedTuple):
    """Where a unit's values are among all that goes on, by how much they were scaled, and on which places they lay."""

    own: NDArray[np.bool_]
    scale: NDArray[np.float32]
    sides: tuple[int, int] = (1, 1)

    @property
    def is_channel(self) -> bool:
        """Whether it is one channel, at all its places."""
        return bool((self.own == self.own[0, 0]).all() and self.own[0, 0].sum() == 1)

    def through(self, place: PlannedLayer, arrays: Weights) -> "_Signal | None":
        """The same behind a layer without a kernel; None where it is mixed with others there."""
        shape = place.output_shape
        match place.layer:
            case Pool() if not self.is_channel:
                return None
            case Pool():
                return _Signal(np.broadcast_to(self.own[0, 0], shape), np.broadcast_to(self.scale[0, 0], shape))
            case Permute(order=order):
                axes = [axis - 1 for axis in order]
                return _Signal(self.own.transpose(axes), self.scale.transpose(axes))
            case Flatten():
                return _Signal(self.own.reshape(shape), self.scale.reshape(shape), self._places())
            case BatchNorm(epsilon=epsilon):
                spread = np.sqrt(arrays[f"{place.id}/moving_variance"] + np.float32(epsilon))
                return self._replace(scale=self.scale * (arrays[f"{place.id}/gamma"] / spread))
            case _:
                return self

    def _places(self) -> tuple[int, int]:
        """How many rows and columns of places there are, in the order in which they are laid out."""
        if self.own.ndim == 1:
            return self.sides
        counts = [int(self.own.any(axis=tuple({0, 1, 2} - {axis})).sum()) for axis in range(3)]
        counts.remove(1)
        return counts[0], counts[1]


def _heard(signal: _Signal, kernel: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The unit's weights as `Outgoing` has them; None where they are not its own."""
    if kernel.ndim == 2:
        rows = np.flatnonzero(signal.own)
        return np.ascontiguousarray((kernel[rows] * signal.scale[rows, None]).T.reshape(-1, *signal.sides))
    if not signal.is_channel:
        return None
    [channel] = np.flatnonzero(signal.own[0, 0])
    return np.ascontiguousarray(np.moveaxis(kernel[:, :, channel] * signal.scale[0, 0, channel], -1, 0))


def _following(stack: Sequence[PlannedLayer], layer: str) -> Iterator[PlannedLayer]:
    """What comes behind a layer until the end, residual layers before their bodies; nothing where it is not there."""
    for index, place in enumerate(stack):
        inside = [place.id, *(inner.id for inner in flat(place.body)), *([place.shortcut.id] if place.shortcut else [])]
        if layer in inside:
            if layer != place.id:
                yield from _following(place.body, layer)
            yield from _opened(stack[index + 1 :])
            return


def _opened(stack: Sequence[PlannedLayer]) -> Iterator[PlannedLayer]:
    for place in stack:
        yield place
        if isinstance(place.layer, Residual):
            yield from _opened(place.body)
