"""What leaves a layer of a network, image by image: the vectors that maps are made of.

Importing this loads no TensorFlow; `layer_forward.py` computes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import InvalidInput
from mnist_core.npz import Arrays, from_npz, to_npz
from mnist_core.spec import RunSpec

__all__ = ["COMPONENTS", "PIXELS", "WIDEST", "Activations", "activations", "components_of"]

PIXELS = "pixels"
"""The name under which the images themselves are taken for a layer."""

WIDEST = 1024
"""Wider layers are given as principal components."""

COMPONENTS = 256
"""So many of them at most."""

ROUNDING = 1e-6
"""float16 is exact enough where it moves less than this share of the variance."""


class Activations(NamedTuple):
    """What leaves a layer.

    Attributes:
        values: float32 (n, d), one row an image, in the order that the images were given in.
        width: how many values the layer has; more than d where `values` are principal components.
        kept_variance: share of the variance of all images that `values` hold, in [0, 1].
    """

    values: NDArray[np.float32]
    width: int
    kept_variance: float

    @property
    def rounded(self) -> "Activations":
        """The same as `to_bytes` and `from_bytes` give it back: float16 numbers where these are exact enough."""
        return self._replace(values=self._packed().astype(np.float32, copy=False))

    def to_bytes(self) -> bytes:
        """As a file, in float16 where that is exact enough."""
        return to_npz({"values": self._packed(), "about": np.array([self.width, self.kept_variance])})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Activations":
        """Reads the file."""
        arrays: Arrays = from_npz(data)
        width, kept_variance = arrays["about"].tolist()
        return cls(arrays["values"].astype(np.float32, copy=False), int(width), float(kept_variance))

    def _packed(self) -> NDArray[np.floating[Any]]:
        with np.errstate(over="ignore"):
            short = self.values.astype(np.float16)
        moved = sum(
            float(np.square(part.astype(np.float64) - exact).sum())
            for part, exact in zip(_blocks(short), _blocks(self.values), strict=True)
        )
        varies = float(self.values.var(axis=0, dtype=np.float64).sum()) * len(self.values)
        return short if moved <= ROUNDING * varies else self.values


def components_of(width: int) -> int:
    """How many values `activations` gives of a layer at most."""
    return width if width <= WIDEST else COMPONENTS


def _blocks(values: NDArray[Any], rows: int = 4096) -> list[NDArray[Any]]:
    return [values[start : start + rows] for start in range(0, len(values), rows)]


def activations(
    spec: RunSpec,
    weights: Arrays,
    images: NDArray[np.uint8],
    layer: str,
    *,
    between: Callable[[], Any] = lambda: None,
) -> Activations:
    """What leaves a layer after its activation function, in evaluation mode.

    A layer of more than 1,024 values is given as its first 256 principal components at most, along directions that a
    sample of at most 2,000 of the images decides; `kept_variance` is measured on all of them.

    Args:
        spec: the run's specification.
        weights: float32 arrays by `layer/variable`, as a run records them; not needed for pixels.
        images: uint8 (n, 28, 28), at least 2.
        layer: id of a layer (`conv_1`, `dense_1`, `output`: logits), or "pixels" for the images in [0, 1].
        between: called after each 2,000 images; may raise to end the pass.

    Raises:
        InvalidInput: what leaves the layer is not finite.
    """
    if layer == PIXELS:
        flat = images.reshape(len(images), -1)
        return Activations(flat.astype(np.float32) / np.float32(255), flat.shape[1], 1.0)
    from mnist_core.inference.layer_forward import layer_forward

    found = layer_forward(spec, layer).read(weights, images, between)
    if not np.isfinite(found.values).all():
        raise InvalidInput(
            f"What leaves the layer must be finite numbers to be looked at, got NaN or infinity from `{layer}`; take"
            " an earlier epoch."
        )
    return found
