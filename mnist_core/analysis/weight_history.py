"""The weights of a run over its epochs: how far each layer went, in what steps, and how its weights are spread.

One epoch's weights are in memory at a time, with the first and the last ones; only numbers and counts are kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import frexp, isfinite, ldexp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.weights import Kernel, LayerWeights, change, distance, layer_weights
from mnist_core.errors import InvalidInput
from mnist_core.networks.shapes import PlannedLayer

__all__ = ["BINS", "Distribution", "LayerHistory", "WeightHistory", "weight_distribution", "weight_history"]

BINS = 64

BLOCK = 2**15
"""So many weights at a time stay in the processor's cache."""

Snapshot = tuple[int, Mapping[str, NDArray[np.float32]]]
Series = NDArray[np.float64]


class Distribution(NamedTuple):
    """How many weights lie where, in bins of equal width around 0.

    A limit is a power of two above all weights, so that two bins of a narrower distribution make one of a wider one.

    Attributes:
        limit: the bins go from -limit to limit; 0 where all weights are 0.
        counts: int64 (..., bins), each bin with its left border.
    """

    limit: float
    counts: NDArray[np.int64]

    @property
    def edges(self) -> NDArray[np.float64]:
        """The borders of the bins: float64 (bins + 1,)."""
        return np.linspace(-self.limit, self.limit, self.counts.shape[-1] + 1)

    def widened(self, limit: float) -> "Distribution":
        """The same weights in bins that reach as far as another limit, at least this one's."""
        counts, own = self.counts, self.limit or limit
        while own < limit:
            pairs = counts.reshape(*counts.shape[:-1], -1, 2).sum(axis=-1)
            quarter = [(0, 0)] * (counts.ndim - 1) + [(pairs.shape[-1] // 2,) * 2]
            counts, own = np.pad(pairs, quarter), own * 2
        return Distribution(limit, counts)


class LayerHistory(NamedTuple):
    """One layer at each of the epochs; norms and sums are those of `LayerChange`, against the first epoch.

    Attributes:
        name: id of the layer.
        kernel_sum: float64 (E,).
        bias_sum: float64 (E,); NaN where there are no biases.
        kernel_norm: float64 (E,).
        change: float64 (E,), |W_e - W_0|.
        relative_change: float64 (E,), |W_e - W_0| / |W_0|; None where W_0 is 0.
        update: float64 (E,), |W_e - W_d|, d the epoch before among those that are here; NaN at the first.
        distribution: of the kernel's weights, counts int64 (E, bins).
    """

    name: str
    kernel_sum: Series
    bias_sum: Series
    kernel_norm: Series
    change: Series
    relative_change: Series | None
    update: Series
    distribution: Distribution


class WeightHistory(NamedTuple):
    """The layers of a run over its epochs.

    Attributes:
        epochs: int32 (E,), those whose weights are kept, ascending from 0.
        layers: those with a kernel, in network order.
    """

    epochs: NDArray[np.int32]
    layers: tuple[LayerHistory, ...]


def weight_distribution(kernel: Kernel, bins: int = BINS) -> Distribution:
    """Counts the weights of a kernel.

    Args:
        kernel: float32, of any shape, finite.
        bins: how many, a power of two of at least 4.

    Raises:
        InvalidInput: there cannot be so many bins, or the kernel holds NaN or infinity.
    """
    if bins < 4 or bins & (bins - 1):
        raise InvalidInput(f"`bins` must be a power of two of at least 4, got {bins}.")
    most = max(abs(float(kernel.min(initial=0))), float(kernel.max(initial=0)))
    if not isfinite(most):
        raise InvalidInput("Weights must be finite numbers to be counted, got NaN or infinity; take an earlier epoch.")
    if most == 0:
        counts = np.zeros(bins, np.int64)
        counts[bins // 2] = kernel.size
        return Distribution(0.0, counts)
    limit = ldexp(1, frexp(most)[1])
    width, weights = 2 * limit / bins, kernel.ravel()
    counts = np.zeros(bins, np.int64)
    for start in range(0, len(weights), BLOCK):
        places = np.floor(weights[start : start + BLOCK] / np.float64(width)).astype(np.int64)
        counts += np.bincount(places + bins // 2, minlength=bins)
    return Distribution(limit, counts)


def weight_history(
    snapshots: Iterable[Snapshot], planned: Iterable[PlannedLayer], known: WeightHistory | None = None
) -> WeightHistory:
    """Follows the weights of a run.

    Args:
        snapshots: (epoch, float32 by `layer/variable`), ascending, the first one epoch 0. Of epochs that `known` has,
            only 0 and its last one are needed.
        planned: the layers of the network, as `plan` gives them or `Run.layers`.
        known: what this answered before of the same run; it is not computed again.

    Raises:
        InvalidInput: the first is not epoch 0, epochs do not ascend, or weights are not finite.
    """
    layers = tuple(planned)
    parts = [] if known is None else [known]
    last_known = -1 if known is None else int(known.epochs[-1])
    start = last = None
    before = -1
    for epoch, arrays in snapshots:
        if epoch <= before or (start is None and epoch != 0):
            raise InvalidInput(f"`snapshots` must ascend from epoch 0, got epoch {epoch}.")
        now = layer_weights(arrays, layers)
        start = now if start is None else start
        if epoch > last_known:
            parts.append(_at_one_epoch(epoch, start, last, now))
        last, before = now, epoch
    return _in_a_row(parts)


_Layers = tuple[LayerWeights, ...]


def _at_one_epoch(epoch: int, start: _Layers, last: _Layers | None, now: _Layers) -> WeightHistory:
    trios = zip(start, last or (None,) * len(now), now, strict=True)
    return WeightHistory(np.array([epoch], np.int32), tuple(_measured(*trio) for trio in trios))


def _measured(start: LayerWeights, last: LayerWeights | None, now: LayerWeights) -> LayerHistory:
    found = change(start, now)
    spread = weight_distribution(now.kernel)
    return LayerHistory(
        name=now.name,
        kernel_sum=np.array([found.kernel_sum]),
        bias_sum=np.array([np.nan if found.bias_sum is None else found.bias_sum]),
        kernel_norm=np.array([found.kernel_norm]),
        change=np.array([found.change]),
        relative_change=None if found.relative_change is None else np.array([found.relative_change]),
        update=np.array([np.nan if last is None else distance(last.kernel, now.kernel)]),
        distribution=Distribution(spread.limit, spread.counts[None]),
    )


def _in_a_row(parts: Sequence[WeightHistory]) -> WeightHistory:
    """Histories of the same layers, one after the other."""
    if len(parts) < 2:
        return parts[0] if parts else WeightHistory(np.zeros(0, np.int32), ())
    layers = zip(*(part.layers for part in parts), strict=True)
    return WeightHistory(np.concatenate([part.epochs for part in parts]), tuple(map(_layer_in_a_row, layers)))


def _layer_in_a_row(parts: Sequence[LayerHistory]) -> LayerHistory:
    relative = [part.relative_change for part in parts if part.relative_change is not None]
    limit = max(part.distribution.limit for part in parts)
    return LayerHistory(
        name=parts[0].name,
        kernel_sum=np.concatenate([part.kernel_sum for part in parts]),
        bias_sum=np.concatenate([part.bias_sum for part in parts]),
        kernel_norm=np.concatenate([part.kernel_norm for part in parts]),
        change=np.concatenate([part.change for part in parts]),
        relative_change=np.concatenate(relative) if relative else None,
        update=np.concatenate([part.update for part in parts]),
        distribution=Distribution(limit, np.concatenate([part.distribution.widened(limit).counts for part in parts])),
    )
