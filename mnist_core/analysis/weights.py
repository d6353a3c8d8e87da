"""The weights of layers that have a kernel, and how far they moved: what their sums say, and what sums hide.

A kernel holds a unit's incoming weights along its last axis, for convolutions and dense layers alike.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import sqrt
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import InvalidInput
from mnist_core.networks.shapes import PlannedLayer, flat

__all__ = [
    "Kernel",
    "LayerChange",
    "LayerWeights",
    "blas_threads",
    "by_unit",
    "change",
    "distance",
    "layer_weights",
    "same_kind",
]

Kernel = NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)

BLOCK = 2**15


class LayerWeights(NamedTuple):
    """The weights of one layer.

    Attributes:
        name: id of the layer.
        kernel: float32 (rows, columns, inputs, units) of a convolution, (inputs, units) of a dense layer.
        bias: float32 (units,); None where the layer has none.
    """

    name: str
    kernel: Kernel
    bias: NDArray[np.float32] | None = None

    @property
    def units(self) -> int:
        """How many units, or filters, the layer has."""
        return int(self.kernel.shape[-1])


class LayerChange(NamedTuple):
    """How far a layer moved from one set of weights to another; norms are Euclidean, over all weights of the kernel.

    Attributes:
        kernel_sum_before: sum of the kernel before.
        kernel_sum: sum of the kernel after.
        bias_sum_before: sum of the biases before; None where there are none.
        bias_sum: sum of the biases after; None where there are none.
        kernel_norm_before: norm of the kernel before.
        kernel_norm: norm of the kernel after.
        change: norm of the difference of the kernels.
        relative_change: `change` as a share of the norm before; None where that is 0.
        cosine: of the angle between the kernels, in [-1, 1]; None where one of them is 0.
        sign_changes: share of the weights that were above 0 and are below it, or the other way round, in [0, 1].
    """

    kernel_sum_before: float
    kernel_sum: float
    bias_sum_before: float | None
    bias_sum: float | None
    kernel_norm_before: float
    kernel_norm: float
    change: float
    relative_change: float | None
    cosine: float | None
    sign_changes: float


def layer_weights(
    arrays: Mapping[str, NDArray[np.float32]], planned: Iterable[PlannedLayer]
) -> tuple[LayerWeights, ...]:
    """The layers with a kernel, in network order.

    Args:
        arrays: float32 by `layer/variable`, as a run records them; layers that are not in it are left out.
        planned: the layers of the network, as `plan` gives them or `Run.layers`.
    """
    names = dict.fromkeys(place.id for place in flat(tuple(planned)))
    return tuple(
        LayerWeights(name, arrays[f"{name}/kernel"], arrays.get(f"{name}/bias"))
        for name in names
        if f"{name}/kernel" in arrays
    )


def change(before: LayerWeights, after: LayerWeights) -> LayerChange:
    """Compares a layer's weights with those that it had before, or with those of another run; in float64.

    Raises:
        InvalidInput: the layers differ in shape.
    """
    same_kind(before, after)
    sums = np.zeros(7)
    for was, now in _blocks(before.kernel, after.kernel):
        products, steps = was * now, now - was
        squares = (_total_square(was), _total_square(now), _total_square(steps))
        sums += np.array([was.sum(), now.sum(), products.sum(), np.count_nonzero(products < 0), *squares])
    sum_before, kernel_sum, product, crossings = sums[:4].tolist()
    norm_before, norm, moved = np.sqrt(sums[4:]).tolist()
    lengths = norm_before * norm
    return LayerChange(
        kernel_sum_before=sum_before,
        kernel_sum=kernel_sum,
        bias_sum_before=_sum(before.bias),
        bias_sum=_sum(after.bias),
        kernel_norm_before=norm_before,
        kernel_norm=norm,
        change=moved,
        relative_change=moved / norm_before if norm_before != 0 else None,
        cosine=float(np.clip(product / lengths, -1, 1)) if lengths != 0 else None,
        sign_changes=crossings / before.kernel.size,
    )


def distance(one: Kernel, other: Kernel) -> float:
    """The Euclidean norm of the difference of two kernels of one shape, in float64."""
    return sqrt(sum(_total_square(mine - theirs) for mine, theirs in _blocks(one, other)))


def same_kind(one: LayerWeights, other: LayerWeights) -> None:
    """Holds that two layers can be compared weight by weight.

    Raises:
        InvalidInput: they differ in shape.
    """
    if one.kernel.shape != other.kernel.shape:
        raise InvalidInput(
            f"Only layers of the same shape can be compared weight by weight; `{one.name}` has {_shown(one)} weights,"
            f" `{other.name}` {_shown(other)}."
        )


@contextmanager
def blas_threads(most: int | None) -> Iterator[None]:
    """Has matrix products use at most so many threads, which otherwise go on turning for 100 ms after each.

    Args:
        most: None leaves it as it is.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=most, user_api="blas"):
        yield


def by_unit(kernel: NDArray[Scalar]) -> NDArray[Scalar]:
    """The incoming weights of each unit as a column: (incoming weights, units)."""
    return kernel.reshape(-1, kernel.shape[-1])


def _blocks(one: Kernel, other: Kernel) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Some weights of both at a time, in float64: what stays in the processor's cache is three times as fast."""
    mine, theirs = one.ravel(), other.ravel()
    for start in range(0, len(mine), BLOCK):
        part = slice(start, start + BLOCK)
        yield mine[part].astype(np.float64), theirs[part].astype(np.float64)


def _total_square(vector: NDArray[np.float64]) -> float:
    """Without the threads of BLAS, which wait for each other where other work goes on."""
    return float(np.einsum("i,i->", vector, vector))


def _sum(bias: NDArray[np.float32] | None) -> float | None:
    return None if bias is None else float(bias.sum(dtype=np.float64))


def _shown(layer: LayerWeights) -> str:
    return " x ".join(map(str, layer.kernel.shape))
