"""The weights that a stack has by counting are those that Keras gives it."""

import pytest

from mnist_core.networks.build import build_model, model_weights
from mnist_core.networks.catalogue import presets
from mnist_core.networks.layers import BatchNorm, Conv, Dense, Flatten, Permute, Pool, Residual
from mnist_core.networks.shapes import plan, weight_shapes


def keras_shapes(layers):
    return {name: value.shape for name, value in model_weights(build_model(layers, seed=0)).items()}


@pytest.mark.parametrize("name", presets)
def test_the_weights_of_a_preset_are_those_of_keras(name):
    layers = presets[name].specify(None, {}).network.layers
    assert weight_shapes(plan(layers)) == keras_shapes(layers)


def test_the_weights_of_nested_layers_are_those_of_keras():
    inner = Residual(body=(Conv(filters=4, padding="same", stride=2), BatchNorm()), shortcut="conv")
    outer = Residual(body=(Conv(filters=3, padding="same"), inner), shortcut="conv")
    stack = (outer, Permute(order=(3, 1, 2)), Pool(), BatchNorm(), Flatten(), BatchNorm(), Dense(units=7))
    layers = (*stack, Dense(units=10, activation="linear"))
    assert weight_shapes(plan(layers)) == keras_shapes(layers)
