"""Tile k is unit k: what a unit answers to an image is the product of its tile with that image."""

import numpy as np
import pytest

from mnist_core.analysis.tiles import layer_tiles, scale_end, unit_strips, unit_tiles
from mnist_core.analysis.weights import LayerWeights, layer_weights
from mnist_core.errors import InvalidInput
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import plan
from tests.unit.analysis.sample_weights import drawn, stack

CONV = {"kind": "conv", "filters": 3, "kernel": 5}


def tiles_of(planned, place=0, **more):
    layer = layer_weights(drawn(planned, 1), planned)[place]
    return layer, layer_tiles(layer, planned, **more)


@pytest.mark.parametrize("units", [1, 7, 3000])
def test_the_template_of_unit_k_times_an_image_is_what_unit_k_answers(units):
    kernel = np.random.default_rng(1).normal(size=(784, units)).astype(np.float32)
    image = np.random.default_rng(2).normal(size=(28, 28)).astype(np.float32)
    tiles = unit_tiles(kernel, (28, 28, 1))
    assert tiles.shape == (units, 28, 28)
    answers = image.reshape(1, -1) @ kernel
    assert np.allclose((tiles * image).sum(axis=(1, 2)), answers[0], atol=1e-3)


@pytest.mark.parametrize("filters", [1, 4])
@pytest.mark.parametrize("channel", [0, 2])
def test_the_kernel_of_filter_k_times_a_patch_is_what_filter_k_answers(filters, channel):
    kernel = np.random.default_rng(1).normal(size=(5, 5, 3, filters)).astype(np.float32)
    patch = np.zeros((5, 5, 3), np.float32)
    patch[..., channel] = np.random.default_rng(2).normal(size=(5, 5))
    tiles = unit_tiles(kernel, (28, 28, 3), channel)
    answers = np.einsum("rci,rciu->u", patch, kernel)
    assert np.allclose((tiles * patch[..., channel]).sum(axis=(1, 2)), answers, atol=1e-5)


@pytest.mark.parametrize("unit", [0, 1, 4])
def test_a_unit_that_looks_at_one_pixel_has_that_pixel_in_its_tile_alone(unit):
    planned = stack()
    kernel = np.zeros((784, 10), np.float32)
    kernel[3 * 28 + 20, unit] = 1
    (tiles, reason, channels) = layer_tiles(LayerWeights("output", kernel), planned)
    assert (reason, channels) == ("", 1)
    assert np.argwhere(tiles).tolist() == [[unit, 3, 20]]


@pytest.mark.parametrize(
    ("before", "side"),
    [
        ([], 28),
        ([{"kind": "dropout", "rate": 0.2}, {"kind": "batch_norm"}, {"kind": "activation"}], 28),
        ([{"kind": "pool", "size": 8}], 3),
    ],
)
def test_a_dense_layer_has_templates_where_pixels_stay_in_their_places(before, side):
    layer, tiles = tiles_of(stack(*before))
    assert tiles.values.shape == (10, side, side)
    assert np.array_equal(tiles.values[4].ravel(), layer.kernel[:, 4])


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        ([{"kind": "permute", "order": (2, 1, 3)}], "permute_1"),
        ([CONV], "conv_1"),
        ([{"kind": "flatten"}, {"kind": "dense", "units": 784}], "dense_1"),
        ([{"kind": "residual", "body": ({"kind": "conv", "filters": 1, "padding": "same"},)}], "residual_1"),
    ],
)
def test_where_they_do_not_there_is_a_reason(before, cause):
    _, tiles = tiles_of(stack(*before), place=-1)
    assert tiles.values is None
    assert f"Between the pixels and `output` stands `{cause}`" in tiles.reason


def test_inside_a_residual_layer_the_first_one_still_sees_the_pixels():
    body = ({"kind": "dense", "units": 784}, {"kind": "dense", "units": 784})
    planned = stack({"kind": "flatten"}, {"kind": "residual", "body": body})
    first, second, output = layer_weights(drawn(planned, 1), planned)
    assert layer_tiles(first, planned).values.shape == (784, 28, 28)
    assert "`dense_1`" in layer_tiles(second, planned).reason
    assert "`residual_1`" in layer_tiles(output, planned).reason


def test_any_convolution_has_kernels_to_look_at_one_channel_at_a_time():
    planned = plan(presets["cnn-64-32-permuted"].on("digits").network.layers)
    first, second, *_ = layer_weights(drawn(planned, 1), planned)
    assert layer_tiles(first, planned).values.shape == (64, 3, 3)
    assert layer_tiles(first, planned).channels == 1
    assert layer_tiles(second, planned).channels == second.kernel.shape[2] == 26
    assert np.array_equal(layer_tiles(second, planned, 7).values[5], second.kernel[:, :, 7, 5])


def test_what_is_no_picture_has_no_tiles():
    assert unit_tiles(np.zeros((784, 3), np.float32), (784,)) is None


@pytest.mark.parametrize(("shape", "most"), [((7, 3), 7), ((3, 3, 2, 5), 100), ((1, 4), 5)])
def test_line_k_holds_the_weights_into_unit_k(shape, most):
    kernel = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    values, joined = unit_strips(kernel, most)
    assert joined == 1
    for unit in range(shape[-1]):
        assert np.array_equal(values[unit, 0], kernel[..., unit].ravel())


def test_a_column_that_weights_share_shows_the_strongest_with_its_sign():
    kernel = np.array([[1.0], [-3.0], [2.0], [0.0], [-0.5]], np.float32)
    values, joined = unit_strips(kernel, 3)
    assert joined == 2
    assert values.tolist() == [[[-3.0, 2.0, -0.5]]]


def test_a_scale_leaves_out_one_weight_in_a_thousand():
    weights = np.arange(1, 3001, dtype=np.float32) * np.where(np.arange(3000) % 2, 1, -1).astype(np.float32)
    assert scale_end([weights[:1000], weights[1000:].reshape(2, -1)]) == 2997
    assert scale_end([weights[:100]]) == 100
    assert scale_end([np.array([1, np.nan, -2, np.inf], np.float32)]) == 2


def test_a_scale_of_nothing_still_ends_somewhere():
    assert scale_end([np.zeros(5, np.float32)]) == 1
    assert scale_end([np.full(3, np.nan, np.float32)]) == 1
    mostly = np.zeros(5000, np.float32)
    mostly[7] = -4
    assert scale_end([mostly]) == 4


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (
            lambda: unit_tiles(np.zeros((100, 3), np.float32), (28, 28, 1)),
            "must hold the kernel's 100 inputs, got 28 x",
        ),
        (lambda: unit_tiles(np.zeros((3, 3, 2, 4), np.float32), (), 2), "`channel` must be between 0 and 1, got 2"),
        (lambda: unit_tiles(np.zeros((3, 3, 2, 4), np.float32), (), -1), "`channel` must be between 0 and 1, got -1"),
        (
            lambda: layer_tiles(LayerWeights("dense_9", np.zeros((784, 3), np.float32)), stack()),
            "`layer` must be one of",
        ),
    ],
)
def test_bad_input_is_a_sentence(ask, part):
    with pytest.raises(InvalidInput, match=part):
        ask()
