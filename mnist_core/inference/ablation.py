"""Predictions with units switched off: what the others make of an image without them.

Importing this loads no TensorFlow; `ablation_forward.py` computes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mnist_core.errors import InvalidInput
from mnist_core.inference.chunks import Labelled
from mnist_core.inference.predictions import Predictions
from mnist_core.npz import Arrays
from mnist_core.spec import RunSpec

__all__ = ["Off", "ablated_predictions"]


class Off(NamedTuple):
    """What is switched off.

    Attributes:
        layer: id of a layer with a kernel.
        units: which of its units.
    """

    layer: str
    units: tuple[int, ...]


def ablated_predictions(
    spec: RunSpec,
    weights: Arrays,
    labelled: Labelled,
    off: Off,
    *,
    between: Callable[[], object] = lambda: None,
) -> Predictions:
    """What a network says of some images while units of a layer are off, in evaluation mode.

    A unit that is off gives 0 where others hear it: behind its activation function (that of an activation layer behind
    it where its own is linear, see `voice`), a filter at all its places. A unit of the output has the logit 0.

    Args:
        spec: the run's specification.
        weights: float32 arrays by `layer/variable`, as a run records them.
        labelled: the images, at least one.
        off: the units.
        between: called after each 2,000 images at most; may raise to end the pass.

    Raises:
        InvalidInput: what the network says is not finite.
    """
    from mnist_core.inference.ablation_forward import ablation_forward

    found = ablation_forward(spec, off.layer).predict(weights, labelled, off.units, between)
    if not np.isfinite(found.loss).all():
        raise InvalidInput(
            "What goes through a network must be finite numbers to be looked at, got NaN or infinity from `output`;"
            " take an earlier epoch."
        )
    return found
