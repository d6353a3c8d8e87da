"""How the units of a layer answer to some images: which drive them most and least, and what each class does.

Importing this loads no TensorFlow; `unit_forward.py` computes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.units import UnitActivity
from mnist_core.errors import InvalidInput
from mnist_core.inference.chunks import Labelled
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["SHOWN", "Responses", "unit_responses"]

SHOWN = 12
"""How many images are named that drive a unit most, and as many that do so least."""


class Responses(NamedTuple):
    """How units answer to some images; a filter's answer to an image is its highest over all places.

    Attributes:
        mean: float32 (units, classes), the mean answer to the images of each class; NaN where there are none.
        top: int32 (units, k), the rows of the images that drive each unit most, first to last, k at most 12; of equal
            ones the lower row first.
        top_values: float32 (units, k), the answers to them.
        bottom: int32 (units, k), likewise those that drive it least.
        bottom_values: float32 (units, k), the answers to them.
        activity: what leaves the units in short, over all images and places.
    """

    mean: NDArray[np.float32]
    top: NDArray[np.int32]
    top_values: NDArray[np.float32]
    bottom: NDArray[np.int32]
    bottom_values: NDArray[np.float32]
    activity: UnitActivity


def unit_responses(
    spec: RunSpec, weights: Arrays, labelled: Labelled, layer: str, *, between: Callable[[], object] = lambda: None
) -> Responses:
    """Sends some images up to a layer, once for all its units, in evaluation mode.

    What counts is what others hear of a unit: behind its activation function (that of an activation layer behind it
    where its own is linear, see `voice`).

    Args:
        spec: the run's specification.
        weights: float32 arrays by `layer/variable`, as a run records them.
        labelled: the images, at least one.
        layer: id of a layer with a kernel.
        between: called after each 2,000 images at most; may raise to end the pass.

    Raises:
        InvalidInput: what leaves the layer is not finite.
    """
    from mnist_core.inference.unit_forward import unit_forward

    found = unit_forward(spec, layer).read(weights, labelled, between)
    if not np.isfinite(found.mean[:, np.unique(labelled.labels)]).all():
        raise InvalidInput(
            f"What goes through a network must be finite numbers to be looked at, got NaN or infinity from `{layer}`;"
            " take an earlier epoch."
        )
    return found
