"""Networks of few layers, and drawn weights for them as a run records them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from mnist_core.networks.layers import LayerStack
from mnist_core.networks.shapes import PlannedLayer, plan, weight_shapes
from mnist_core.npz import Arrays

FLATTEN = {"kind": "flatten"}
OUTPUT = {"kind": "dense", "units": 10, "activation": "linear"}


def stack(*layers: dict[str, Any]) -> tuple[PlannedLayer, ...]:
    """The planned layers of a network that ends in a flat dense layer."""
    return plan(TypeAdapter(LayerStack).validate_python((*layers, FLATTEN, OUTPUT)))


def drawn(planned: Sequence[PlannedLayer], seed: int, *, scale: float = 1.0) -> Arrays:
    random = np.random.default_rng(seed)
    shapes = weight_shapes(planned)
    return {name: random.normal(scale=scale, size=shape).astype(np.float32) for name, shape in shapes.items()}
