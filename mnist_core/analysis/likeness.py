"""How alike two layers are: units matched by similarity, whatever their order, and linear CKA of what leaves them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.weights import blas_threads
from mnist_core.errors import InvalidInput

__all__ = ["MOST_UNITS", "UnitMatch", "first_layer_likeness", "likeness", "matched_units"]

MOST_UNITS = 4096
"""With more, the assignment takes longer than anyone waits."""

Floats = NDArray[np.floating[Any]]


class UnitMatch(NamedTuple):
    """Pairs of units of two layers, as many as the smaller one has; no unit is in two of them.

    Attributes:
        one: int64 (pairs,), units of one layer, ascending.
        other: int64 (pairs,), the unit of the other layer that each is paired with.
        similarity: float64 (pairs,), the cosine of each pair, in [-1, 1]; below 0 where one is rather the negative of
            the other, 0 where one is all zero.
    """

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    similarity: NDArray[np.float64]


def matched_units(one: Floats, other: Floats, *, signed: bool = False) -> UnitMatch:
    """Pairs the units of two layers so that the absolute similarities of the pairs are largest in sum.

    So two layers that differ in the order of their units alone have pairs of similarity 1. The similarity is the cosine
    of the units' vectors; of activations, from which the mean was taken, it is the correlation.

    Args:
        one: float (..., units), kernels, or activations of images; all axes but the last are taken together.
        other: float (..., units), likewise; the number of units may be another one.
        signed: whether a unit that is the negative of another is its opposite, not its like.

    Raises:
        InvalidInput: the vectors of the two differ in length or are not finite, or there are too many units.
    """
    from scipy.optimize import linear_sum_assignment

    left, right = _directions(one), _directions(other)
    if left.shape[0] != right.shape[0]:
        raise InvalidInput(
            f"Units can be matched where each has as many weights in both layers, got {left.shape[0]:,} and"
            f" {right.shape[0]:,}."
        )
    if max(left.shape[1], right.shape[1]) > MOST_UNITS:
        most = max(left.shape[1], right.shape[1])
        raise InvalidInput(f"Units can be matched in layers of at most {MOST_UNITS:,} units, got {most:,}.")
    with blas_threads(1):
        cosines = np.clip(left.T @ right, -1, 1)
    rows, columns = linear_sum_assignment(cosines if signed else np.abs(cosines), maximize=True)
    return UnitMatch(rows.astype(np.int64), columns.astype(np.int64), cosines[rows, columns].astype(np.float64))


def likeness(one: Floats, other: Floats) -> float | None:
    """How alike two layers answer to the same images: linear centred kernel alignment, in [0, 1].

    It is 1 where the answers of one are those of the other turned, mirrored or scaled as a whole; the number and the
    order of units do not matter. (Kornblith, Norouzi, Lee and Hinton, "Similarity of neural network representations
    revisited", 2019.)

    Args:
        one: float (n, ...), what leaves a layer for n images, at least 2.
        other: float (n, ...), what leaves another for the same ones.

    Returns:
        None where one of the layers answers the same to every image.

    Raises:
        InvalidInput: the numbers of images differ, there are fewer than 2, or values are not finite.
    """
    if len(one) != len(other) or len(one) < 2:
        raise InvalidInput(
            f"Likeness needs answers to the same images, at least 2, got {len(one):,} and {len(other):,}."
        )
    left, right = _centred(one), _centred(other)
    if max(left.shape[1], right.shape[1]) <= len(left):
        shared, own, others = right.T @ left, left.T @ left, right.T @ right
        product = float(np.vdot(shared, shared))
    else:
        own, others = left @ left.T, right @ right.T
        product = float(np.vdot(own, others))
    size = float(np.linalg.norm(own)) * float(np.linalg.norm(others))
    return min(product / size, 1.0) if size > 0 else None


def first_layer_likeness(images: Floats, one: Floats, other: Floats, *, seed: int = 0) -> float | None:
    """How alike two layers that see the pixels answer to the same images: `likeness` before the activation functions.

    A dense layer is shown the images, the filters of a convolution one window of each, drawn at random.

    Args:
        images: float (n, 28, 28) in [0, 1], n at least 2.
        one: float (784, units), the kernel of a dense layer, or (side, side, 1, filters), that of a convolution.
        other: float, the other's, of the same shape but for the number of units.
        seed: of the draw of windows.

    Returns:
        None where one of the layers answers the same to every image.

    Raises:
        InvalidInput: the kernels look at different things, there are too few images, or values are not finite.
    """
    pixels = images.shape[1]
    if one.shape[:-1] != other.shape[:-1] or one.shape[:-1] not in ((pixels**2,), (*one.shape[:2], 1)):
        raise InvalidInput(
            f"First layers can be compared whose kernels look at the same pixels, got {one.shape} and {other.shape}."
        )
    if one.ndim == 2:
        seen = images.reshape(len(images), -1)
    else:
        random, side = np.random.default_rng(seed), one.shape[0]
        rows, columns = random.integers(0, pixels - side + 1, (2, len(images)))
        windows = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(1, 2))
        seen = windows[np.arange(len(images)), rows, columns].reshape(len(images), -1)
    with blas_threads(1):
        left, right = (seen @ kernel.reshape(-1, kernel.shape[-1]) for kernel in (one, other))
        return likeness(left, right)


def _directions(values: Floats) -> Floats:
    """Each unit's vector at length 1, or all zero: (length, units)."""
    vectors = _finite(values.reshape(-1, values.shape[-1])).astype(np.float64)
    most = np.abs(vectors).max(axis=0, initial=0)
    vectors /= np.where(most > 0, most, 1)
    norms = np.linalg.norm(vectors, axis=0)
    vectors /= np.where(norms > 0, norms, 1)
    return vectors


def _centred(values: Floats) -> Floats:
    """(n, values that vary) around 0, scaled as a whole so that no product overflows or vanishes."""
    flat = _finite(values.reshape(len(values), -1))
    flat = flat[:, (flat != flat[0]).any(axis=0)].astype(np.float64)
    flat -= flat.mean(axis=0)
    return flat / (np.abs(flat).max(initial=0) or 1)


def _finite(values: Floats) -> Floats:
    if not np.isfinite(values).all():
        raise InvalidInput("Values must be finite numbers to be compared, got NaN or infinity; take an earlier epoch.")
    return values
