"""One image inside a network: what leaves each layer, and which pixels speak for and against a class.

Importing this loads no TensorFlow; `image_forward.py` computes.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import InvalidInput
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["PROBABILITIES", "LayerActivation", "Method", "Saliency", "image_activations", "saliency"]

PROBABILITIES = "probabilities"
"""The name under which the softmax of the output stands for a layer."""

Method = Literal["gradient", "integrated_gradients", "occlusion", "grad_cam"]


class LayerActivation(NamedTuple):
    """What leaves one layer for one image.

    Attributes:
        name: id of the layer; "pixels" and "probabilities" stand for what goes in and what comes out.
        kind: of the layer (`conv`, `dense`, ...); the name itself for these two.
        values: float32 (rows, columns, channels) or (values,), after the layer's activation function.
    """

    name: str
    kind: str
    values: NDArray[np.float32]


class Saliency(NamedTuple):
    """How much each pixel has to do with the score (the logit) of a class.

    Attributes:
        method: "gradient", "integrated_gradients", "occlusion" or "grad_cam".
        target: the class.
        values: float32 (28, 28), in image coordinates; signed, but those of Grad-CAM, which are at least 0.
        layer: id of the layer that Grad-CAM looked at; empty for the others.
    """

    method: Method
    target: int
    values: NDArray[np.float32]
    layer: str = ""


def image_activations(spec: RunSpec, weights: Arrays, image: NDArray[np.uint8]) -> tuple[LayerActivation, ...]:
    """What leaves every layer of a network for one image, in evaluation mode.

    Args:
        spec: the run's specification.
        weights: float32 arrays by `layer/variable`, as a run records them.
        image: uint8 (28, 28).

    Returns:
        In the order in which values flow, a residual layer behind its body and its shortcut; "pixels" (in [0, 1])
        first, "probabilities" last.

    Raises:
        InvalidInput: what leaves a layer is not finite.
    """
    from mnist_core.inference.image_forward import image_forward

    found = image_forward(spec).activations(weights, image)
    for one in found:
        _check_finite(one.values, f"`{one.name}`")
    return found


def saliency(
    spec: RunSpec,
    weights: Arrays,
    image: NDArray[np.uint8],
    targets: Sequence[int],
    *,
    between: Callable[[], object] = lambda: None,
) -> tuple[Saliency, ...]:
    """Which pixels of an image raise or lower the score (the logit) of some classes, by each method that fits.

    - gradient: by how much the score rises per unit of the pixel, which goes from 0 to 1 (Simonyan et al. 2013).
    - integrated_gradients: what the pixel adds to the score on the straight way from a black image to this one; the
      sum over all pixels is the score minus that of the black image (Sundararajan et al. 2017). The way is taken in 32
      steps, each by its middle.
    - occlusion: by how much the score falls when a black square of 4 x 4 pixels covers the pixel, the mean of all
      squares that do, 2 pixels apart (Zeiler and Fergus 2014).
    - grad_cam: where what the last convolution finds raises the score, from 0, spread from its places over the pixels
      (Selvaraju et al. 2017). Only where a convolution's places are places in the image.

    Args:
        spec: the run's specification.
        weights: float32 arrays by `layer/variable`, as a run records them.
        image: uint8 (28, 28).
        targets: the classes.
        between: called between the methods; may raise to end the work.

    Returns:
        Method by method in the order above, for each of them target by target.

    Raises:
        InvalidInput: what comes out is not finite.
    """
    from mnist_core.inference.image_forward import image_forward

    found = tuple(image_forward(spec).saliency(weights, image, targets, between))
    for one in found:
        _check_finite(one.values, f"`{one.method}`")
    return found


def _check_finite(values: NDArray[np.float32], where: str) -> None:
    if not np.isfinite(values).all():
        raise InvalidInput(
            f"What goes through a network must be finite numbers to be looked at, got NaN or infinity from {where};"
            " take an earlier epoch."
        )
