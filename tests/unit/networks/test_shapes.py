"""Shapes and counts in plain Python; that Keras says the same is tested where TensorFlow is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core.errors import InvalidSpec
from mnist_core.networks.catalogue import presets
from mnist_core.networks.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Permute,
    Pool,
    Residual,
)
from mnist_core.networks.shapes import MAX_PARAMETERS, first_layer_id, flat, plan

OUTPUT = Dense(units=10, activation="linear")


def ids(*layers: Layer) -> list[str]:
    return [place.id for place in flat(plan(layers))]


def test_ids_count_per_kind_and_the_last_dense_layer_is_the_output():
    stack = [
        Conv(filters=2),
        Pool(),
        Conv(filters=2),
        Activation(),
        Flatten(),
        Dropout(rate=0.5),
        Dense(units=3),
        OUTPUT,
    ]
    assert ids(*stack) == ["conv_1", "pool_1", "conv_2", "activation_1", "flatten_1", "dropout_1", "dense_1", "output"]


def test_ids_are_depth_first():
    inner = Residual(body=(Conv(filters=4, padding="same"), BatchNorm()), shortcut="conv")
    stack = [
        Residual(body=(Conv(filters=3, padding="same"), inner), shortcut="conv"),
        Conv(filters=2),
        Flatten(),
        OUTPUT,
    ]
    planned = plan(stack)
    assert [place.id for place in flat(planned)] == [
        "residual_1", "conv_1", "residual_2", "conv_2", "batch_norm_1", "conv_3", "conv_4", "conv_5", "flatten_1",
        "output",
    ]  # fmt: skip
    assert planned[0].body[1].shortcut.id == "conv_3"
    assert planned[0].shortcut.id == "conv_4"
    assert planned[0].body[1].body[0].path == "network.layers.0.body.1.body.0"


def test_a_network_without_an_output_layer_has_no_output():
    assert ids(Flatten(), Dense(units=3), Activation()) == ["flatten_1", "dense_1", "activation_1"]


@pytest.mark.parametrize(
    ("name", "first"), [("resnet-8", "conv_1"), ("mlp-512", "dense_1"), ("softmax-regression", "output")]
)
def test_the_first_layer_is_the_first_with_a_kernel(name, first):
    assert first_layer_id(presets[name].layers(10)) == first


@settings(max_examples=200, deadline=None, database=None)
@given(st.integers(1, 28), st.integers(1, 8), st.integers(1, 8), st.sampled_from(["same", "valid"]), st.integers(1, 4))
def test_a_convolution_is_counted_window_by_window(kernel, filters, stride, padding, channels):
    layer = Conv(filters=filters, kernel=kernel, stride=stride, padding=padding)
    place = plan([layer], (28, 28, channels))[0]
    # As TensorFlow defines it: with `same` a window starts at every stride-th pixel of the image.
    starts = range(0, 28, stride) if padding == "same" else range(0, 28 - kernel + 1, stride)
    weights = np.zeros((kernel, kernel, channels, filters))
    assert place.output_shape == (len(starts), len(starts), filters)
    assert place.parameters == place.trainable == weights.size + filters
    assert place.multiply_adds == sum(weights.size for _ in starts for _ in starts)


@pytest.mark.parametrize(
    ("layer", "given_shape", "shape", "parameters", "trainable", "multiply_adds"),
    [
        (Dense(units=7), (5,), (7,), 42, 42, 35),
        (Pool(size=3), (28, 28, 2), (9, 9, 2), 0, 0, 0),
        (BatchNorm(), (4, 4, 3), (4, 4, 3), 12, 6, 0),
        (BatchNorm(), (9,), (9,), 36, 18, 0),
        (Flatten(), (3, 4, 5), (60,), 0, 0, 0),
        (Permute(order=(3, 1, 2)), (4, 5, 6), (6, 4, 5), 0, 0, 0),
        (Dropout(rate=0.5), (3, 4, 5), (3, 4, 5), 0, 0, 0),
        (Activation(), (6,), (6,), 0, 0, 0),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else None,
)
def test_other_layers(layer, given_shape, shape, parameters, trainable, multiply_adds):
    place = plan([layer], given_shape)[0]
    assert place.output_shape == shape
    assert (place.parameters, place.trainable, place.multiply_adds) == (parameters, trainable, multiply_adds)


def test_a_permutation_moves_axes_as_numpy_does():
    shape = np.zeros((1, 4, 5, 6)).transpose(0, 3, 1, 2).shape[1:]
    assert plan([Permute(order=(3, 1, 2))], (4, 5, 6))[0].output_shape == shape


def test_a_conv_shortcut_takes_the_shape_of_its_body():
    body = (Conv(filters=6, stride=2, padding="same", l2=0.1), BatchNorm())
    place = plan([Residual(body=body, shortcut="conv")], (28, 28, 3))[0]
    assert place.output_shape == place.shortcut.output_shape == (14, 14, 6)
    assert place.shortcut.layer.l2 == 0.1
    assert place.shortcut.parameters == 3 * 6 + 6


SAME = {"padding": "same"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([OUTPUT], "`network.layers.0`: a dense layer needs a flat input; put a flatten layer before it, got 28 x"),
        ([Flatten(), Conv(filters=1)], "`network.layers.1`: a conv layer needs rows, columns and channels; put it"),
        ([Flatten(), Pool()], "`network.layers.1`: a pool layer needs rows, columns and channels; put it before f"),
        ([Flatten(), Permute(order=(1, 2, 3))], "`network.layers.1`: a permute layer needs rows, columns and channels"),
        ([Permute(order=(1, 1, 2))], "`network.layers.0.order` must hold 1, 2 and 3 once each, got 1, 1, 2."),
        ([Pool(size=8), Conv(filters=1, kernel=5)], "`network.layers.1`: a window of 5 x 5 does not fit into 3 x"),
        ([Conv(filters=1, stride=8), Conv(filters=1, kernel=28, stride=8)], "`network.layers.1`: a window of 28 x"),
        ([Pool(size=8), Pool(size=8)], "`network.layers.1`: a window of 8 x 8 does not fit into 3 x 3; make it sm"),
        ([Residual(body=(Conv(filters=2, **SAME),))], "`network.layers.0.shortcut` must be conv where the body ch"),
        ([Residual(body=(Conv(filters=1),))], "`network.layers.0.shortcut` must be conv where the body changes th"),
        ([Residual(body=(Conv(filters=1),), shortcut="conv")], "`network.layers.0.shortcut` can be conv where the"),
        ([Residual(body=(Activation(),), shortcut="conv")], "`network.layers.0.shortcut` can be conv where the bo"),
        ([Residual(body=(Flatten(),), shortcut="conv")], "`network.layers.0.shortcut` can be conv where the body"),
        ([Flatten(), Residual(body=(Activation(),), shortcut="conv")], "`network.layers.1`: a conv shortcut needs"),
        ([Residual(body=(Activation(), OUTPUT))], "`network.layers.0.body.1`: a dense layer needs a flat input; p"),
        ([Conv(filters=1024, **SAME), Flatten(), Dense(units=8192)], "`network.layers` must have at most 100,000,"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_stack_that_does_not_fit_gets_a_sentence(layers, expected):
    with pytest.raises(InvalidSpec) as error:
        plan(layers)
    text = str(error.value)
    assert text.startswith(expected)
    assert text.endswith(".")
    assert "\n" not in text
    assert not text.endswith("..")


def test_the_largest_network_is_just_allowed():
    # 28 * 28 * units + units parameters, then the output's.
    units = [8192] * 2
    layers = [Flatten(), *(Dense(units=unit) for unit in units), OUTPUT]
    assert sum(place.parameters for place in flat(plan(layers))) <= MAX_PARAMETERS
