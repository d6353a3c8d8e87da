"""Turns a planned layer stack into a Keras model; the only module of networks/ that needs Keras.

The model takes float32 (n, 28, 28, 1) in [0, 1] and returns float32 logits (n, classes). Its layers carry the ids of
shapes.py as names, and its weights depend on the seed alone.
"""

from collections.abc import Sequence
from typing import Any, Literal

from mnist_core.backend import keras
from mnist_core.networks.layers import (
    Activation,
    BatchNorm,
    Constant,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Initializer,
    Layer,
    Normal,
    Permute,
    Pool,
    Residual,
    Scaled,
    Zeros,
)
from mnist_core.networks.shapes import INPUT_SHAPE, PlannedLayer, plan
from mnist_core.npz import Arrays
from mnist_core.seeding import derive_seed

__all__ = ["Precision", "build_model", "load_model_weights", "model_weights"]

Precision = Literal["float32", "bfloat16"]


def build_model(layers: Sequence[Layer], *, seed: int, precision: Precision = "float32") -> keras.Model:
    """Builds the Keras model of a layer stack.

    Args:
        layers: the stack, ending with a linear dense layer.
        seed: decides the starting weights.
        precision: format of the products; weights, batch-norm statistics and the output layer stay float32.

    Raises:
        InvalidSpec: a layer does not fit what comes before it.
    """
    builder = _Builder(seed, "mixed_bfloat16" if precision == "bfloat16" else "float32")
    inputs = keras.Input(INPUT_SHAPE, name="pixels")
    return keras.Model(inputs, builder.stack(plan(layers), inputs))


def model_weights(model: keras.Model) -> Arrays:
    """Every weight and batch-norm statistic of a model, float32, by `layer/variable` (`conv_1/kernel`)."""
    return {variable.path: variable.numpy() for variable in model.weights}


def load_model_weights(model: keras.Model, weights: Arrays) -> None:
    """Puts recorded weights into a model of the same stack."""
    for variable in model.weights:
        variable.assign(weights[variable.path])


class _Builder:
    def __init__(self, seed: int, policy: str) -> None:
        self._seed = seed
        self._policy = policy

    def stack(self, planned: Sequence[PlannedLayer], tensor: Any) -> Any:
        for place in planned:
            tensor = self._residual(place, tensor) if isinstance(place.layer, Residual) else self._layer(place)(tensor)
        return tensor

    def _residual(self, place: PlannedLayer, tensor: Any) -> Any:
        shortcut = self._layer(place.shortcut)(tensor) if place.shortcut else tensor
        return keras.layers.Add(name=place.id, dtype=self._policy)([self.stack(place.body, tensor), shortcut])

    def _layer(self, place: PlannedLayer) -> keras.Layer:
        policy = "float32" if place.id == "output" else self._policy
        shared: dict[str, Any] = {"name": place.id, "dtype": policy}
        match place.layer:
            case Conv() as conv:
                return keras.layers.Conv2D(
                    conv.filters, conv.kernel, conv.stride, conv.padding, **self._weights(conv, place.id), **shared
                )
            case Dense() as dense:
                return keras.layers.Dense(dense.units, **self._weights(dense, place.id), **shared)
            case Pool(mode="max", size=size):
                return keras.layers.MaxPooling2D(size, **shared)
            case Pool(size=size):
                return keras.layers.AveragePooling2D(size, **shared)
            case Dropout(rate=rate):
                return keras.layers.Dropout(rate, seed=derive_seed(self._seed, "dropout", place.id), **shared)
            case BatchNorm(momentum=momentum, epsilon=epsilon):
                return keras.layers.BatchNormalization(momentum=momentum, epsilon=epsilon, **shared)
            case Activation(function=function):
                return keras.layers.Activation(function, **shared)
            case Flatten():
                return keras.layers.Flatten(**shared)
            case Permute(order=order):
                return keras.layers.Permute(order, **shared)
            case _:
                raise AssertionError(f"no Keras layer for {place.layer.kind}")

    def _weights(self, layer: Conv | Dense, layer_id: str) -> dict[str, Any]:
        return {
            "activation": layer.activation,
            "kernel_initializer": self._initializer(layer.kernel_initializer, layer_id, "kernel"),
            "bias_initializer": self._initializer(layer.bias_initializer, layer_id, "bias"),
            "kernel_regularizer": keras.regularizers.L2(layer.l2) if layer.l2 else None,
        }

    def _initializer(self, initializer: Initializer, layer_id: str, what: str) -> keras.initializers.Initializer:
        seed = derive_seed(self._seed, what, layer_id)
        match initializer:
            case Scaled(kind=kind):
                return keras.initializers.get({"class_name": kind, "config": {"seed": seed}})
            case Normal(sd=sd):
                return keras.initializers.RandomNormal(0.0, sd, seed=seed)
            case Constant(value=value):
                return keras.initializers.Constant(value)
            case Zeros():
                return keras.initializers.Zeros()
