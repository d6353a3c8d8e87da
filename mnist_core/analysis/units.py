"""The units of a layer: how large and how changed they are, and which are dead, saturated or duplicates."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.weights import Kernel, LayerWeights, blas_threads, by_unit
from mnist_core.errors import InvalidInput
from mnist_core.networks.layers import ActivationName

__all__ = [
    "ORDERS",
    "Flag",
    "UnitActivity",
    "UnitOrder",
    "flags",
    "unit_activity",
    "unit_changes",
    "unit_norms",
    "unit_order",
]

UnitOrder = Literal["index", "norm", "change"]
ORDERS: tuple[UnitOrder, ...] = get_args(UnitOrder)

ALIKE = 0.999
"""The cosine of incoming weights above which two units are duplicates."""

NEAR = 0.01
"""How near to a bound an activation counts as at it, as a share of the way from bound to bound."""

MOSTLY = 0.95
"""The share of values at a bound above which a unit is saturated."""

BOUNDS: dict[ActivationName, tuple[float, float]] = {"sigmoid": (0, 1), "tanh": (-1, 1)}
"""The functions that cannot be left at either side."""

BLOCK = 1024
AT_ONCE = 2**15
"""So many weights at a time stay in the processor's cache."""


class UnitActivity(NamedTuple):
    """What leaves the units of a layer over some images, in short; `joined` adds more images.

    Attributes:
        function: the layer's activation function.
        values: how many values each unit gave: images, times places for a convolution.
        highest: float32 (units,), the highest of them.
        at_bounds: int64 (units,), how many lie within 1 % of a bound of the function; 0 where it has no two bounds.
    """

    function: ActivationName
    values: int
    highest: NDArray[np.float32]
    at_bounds: NDArray[np.int64]

    def joined(self, more: "UnitActivity") -> "UnitActivity":
        """Over both sets of images."""
        highest = np.maximum(self.highest, more.highest)
        return UnitActivity(self.function, self.values + more.values, highest, self.at_bounds + more.at_bounds)


class Flag(NamedTuple):
    """Something about a unit that one should know.

    Attributes:
        unit: which one.
        kind: "dead", "saturated" or "duplicate".
        rule: the rule that it meets, as half a sentence.
        value: the number that the rule looked at; None where it looked at none.
        of: the unit that it is a duplicate of; None for the others.
    """

    unit: int
    kind: Literal["dead", "saturated", "duplicate"]
    rule: str
    value: float | None = None
    of: int | None = None


ZERO_RULE = "all its incoming weights are 0"
SILENT_RULE = "its activation is 0 for every image"
SATURATED_RULE = f"more than {MOSTLY:.0%} of its activations lie within {NEAR:.0%} of a bound of its function"
DUPLICATE_RULE = f"the cosine of its incoming weights with those of another unit is above {ALIKE}"


def unit_norms(kernel: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The Euclidean norm of each unit's incoming weights: float64 (units,)."""
    incoming = by_unit(kernel)
    squares: NDArray[np.float64] = np.einsum("iu,iu->u", incoming, incoming, dtype=np.float64, casting="safe")
    return np.sqrt(squares)


def unit_changes(before: Kernel, after: Kernel) -> NDArray[np.float64]:
    """The Euclidean norm of the change of each unit's incoming weights: float64 (units,).

    Raises:
        InvalidInput: the kernels differ in shape.
    """
    if before.shape != after.shape:
        raise InvalidInput(f"Both kernels must have the same shape, got {before.shape} and {after.shape}.")
    now, was = by_unit(after), by_unit(before)
    squares = np.zeros(now.shape[1])
    rows = max(AT_ONCE // now.shape[1], 1)
    for start in range(0, len(now), rows):
        part = slice(start, start + rows)
        steps = np.subtract(now[part], was[part], dtype=np.float64)
        squares += np.einsum("iu,iu->u", steps, steps)
    return np.sqrt(squares)


def unit_order(before: Kernel, after: Kernel, by: str = "index") -> NDArray[np.int64]:
    """The order in which to show units: by index, or the largest norm or change first, equal ones by index.

    Args:
        before: float32 (..., units).
        after: float32 of the same shape; the norms are its.
        by: one of `ORDERS`.

    Returns:
        int64 (units,), unit `order[k]` stands at place k.

    Raises:
        InvalidInput: there is no such order, or the kernels differ in shape.
    """
    if by not in ORDERS:
        raise InvalidInput(f"`by` must be one of {', '.join(ORDERS)}, got {by!r}.")
    if by == "index":
        return np.arange(after.shape[-1], dtype=np.int64)
    sizes = unit_norms(after) if by == "norm" else unit_changes(before, after)
    return np.argsort(-sizes, kind="stable").astype(np.int64, copy=False)


def unit_activity(activations: NDArray[np.float32], function: ActivationName) -> UnitActivity:
    """What leaves the units of a layer, in short.

    Args:
        activations: float32 (images, units) or (images, rows, columns, units), after the function; at least one image.
        function: the layer's activation function.
    """
    values = activations.reshape(-1, activations.shape[-1])
    at_bounds = np.zeros(values.shape[1], np.int64)
    if function in BOUNDS:
        low, high = BOUNDS[function]
        margin = NEAR * (high - low)
        at_bounds = np.count_nonzero((values <= low + margin) | (values >= high - margin), axis=0)
    return UnitActivity(function, len(values), values.max(axis=0), at_bounds)


def flags(layer: LayerWeights, activity: UnitActivity | None = None, *, duplicates: bool = True) -> tuple[Flag, ...]:
    """The units of a layer that one should know of, by unit; a unit may have several flags.

    Dead are units without weights, and with `activity`, those of a ReLU that never give more than 0. Saturated are
    units of a function with two bounds, sigmoid or tanh, that stay at them. Duplicates are units whose incoming weights
    point the same way; where a unit has a single one, that says nothing and is not asked.

    Args:
        layer: its weights.
        activity: over the images that are to be judged by; None judges by the weights alone.
        duplicates: whether to look for them, which takes the square of the number of units.

    Raises:
        InvalidInput: `activity` is of another number of units.
    """
    if activity is not None and len(activity.highest) != layer.units:
        raise InvalidInput(
            f"`activity` must be of the {layer.units} units of `{layer.name}`, got {len(activity.highest)}."
        )
    incoming = by_unit(layer.kernel)
    is_zero = np.logical_not((incoming != 0).any(axis=0))
    found = [Flag(unit, "dead", ZERO_RULE) for unit in np.flatnonzero(is_zero).tolist()]
    found += [] if activity is None else _from_activity(activity, is_zero)
    found += _duplicates(incoming, is_zero) if duplicates else ()
    return tuple(sorted(found, key=lambda flag: flag.unit))


def _from_activity(activity: UnitActivity, is_zero: NDArray[np.bool_]) -> Iterator[Flag]:
    if activity.function == "relu":
        for unit in np.flatnonzero((activity.highest <= 0) & ~is_zero).tolist():
            yield Flag(unit, "dead", SILENT_RULE, float(activity.highest[unit]))
    shares = activity.at_bounds / activity.values
    for unit in np.flatnonzero(shares > MOSTLY).tolist():
        yield Flag(unit, "saturated", SATURATED_RULE, float(shares[unit]))


def _duplicates(incoming: Kernel, is_zero: NDArray[np.bool_]) -> Iterator[Flag]:
    """Each unit with the one that its weights are most alike, the first of equals."""
    units = np.flatnonzero(~is_zero)
    if len(incoming) < 2 or len(units) < 2:
        return
    scaled = incoming[:, units] if is_zero.any() else incoming
    scaled = scaled / np.abs(scaled).max(axis=0)
    scaled /= np.sqrt(np.einsum("iu,iu->u", scaled, scaled))
    for start in range(0, len(units), BLOCK):
        with blas_threads(1 if len(units) <= BLOCK else None):
            products = scaled[:, start : start + BLOCK].T @ scaled
        cosines = np.round(products, 6)  # beyond that, equal ones differ
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -1
        nearest = cosines.argmax(axis=1)
        for row in np.flatnonzero(cosines[rows, nearest] > ALIKE).tolist():
            cosine, of = float(cosines[row, nearest[row]]), int(units[nearest[row]])
            yield Flag(int(units[start + row]), "duplicate", DUPLICATE_RULE, cosine, of)
