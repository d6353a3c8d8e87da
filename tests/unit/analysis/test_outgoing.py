"""What a unit says to the next layer: the very weights with which that layer hears it, wherever they lie."""

import numpy as np
import pytest

from mnist_core.analysis.outgoing import needed_weights, outgoing
from mnist_core.errors import InvalidInput
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import plan, weight_shapes
from mnist_core.spec import RunSpec

OUTPUT = {"kind": "dense", "units": 10, "activation": "linear"}
FLATTEN = {"kind": "flatten"}


def network(*layers):
    data = {"dataset": {"name": "digits"}, "network": {"layers": [*layers, OUTPUT]}}
    return drawn(RunSpec.parse(data).network.layers)


def drawn(layers):
    """Its layers, and weights that were drawn."""
    random = np.random.default_rng(0)
    planned = plan(layers)
    shapes = weight_shapes(planned)
    return planned, {name: random.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in shapes.items()}


def test_between_dense_layers_it_is_a_row_of_the_kernel():
    planned, arrays = network(FLATTEN, {"kind": "dense", "units": 5}, {"kind": "dropout", "rate": 0.5})
    found = outgoing(arrays, planned, "dense_1", 3)
    assert (found.to, found.reason, found.values.shape) == ("output", "", (10, 1, 1))
    np.testing.assert_array_equal(found.values[:, 0, 0], arrays["output/kernel"][3])
    np.testing.assert_allclose(found.sums, arrays["output/kernel"][3])


def test_between_convolutions_it_is_a_channel_of_each_window():
    planned, arrays = network(
        {"kind": "conv", "filters": 4}, {"kind": "pool"}, {"kind": "conv", "filters": 6, "kernel": 5}, FLATTEN
    )
    found = outgoing(arrays, planned, "conv_1", 2)
    assert (found.to, found.values.shape) == ("conv_2", (6, 5, 5))
    for unit in range(6):
        np.testing.assert_array_equal(found.values[unit], arrays["conv_2/kernel"][:, :, 2, unit])
        assert found.sums[unit] == pytest.approx(arrays["conv_2/kernel"][:, :, 2, unit].sum(), rel=1e-6)


def test_through_pooling_and_flattening_each_place_has_its_weight():
    planned, arrays = network({"kind": "conv", "filters": 4, "kernel": 5}, {"kind": "pool", "size": 4}, FLATTEN)
    found = outgoing(arrays, planned, "conv_1", 1)
    assert (found.to, found.values.shape) == ("output", (10, 6, 6))
    kernel = arrays["output/kernel"].reshape(6, 6, 4, 10)
    np.testing.assert_array_equal(found.values, np.moveaxis(kernel[:, :, 1], -1, 0))


def test_batch_norm_on_the_way_scales_it():
    norm = {"kind": "batch_norm", "epsilon": 0.01}
    planned, arrays = network({"kind": "conv", "filters": 3}, norm, {"kind": "pool", "size": 8}, FLATTEN, norm)
    found = outgoing(arrays, planned, "conv_1", 2)
    first, second = (
        arrays[f"{name}/gamma"] / np.sqrt(arrays[f"{name}/moving_variance"] + 0.01)
        for name in ("batch_norm_1", "batch_norm_2")
    )
    kernel = (arrays["output/kernel"] * second[:, None]).reshape(3, 3, 3, 10)[:, :, 2] * first[2]
    np.testing.assert_allclose(found.values, np.moveaxis(kernel, -1, 0), rtol=1e-6)


def test_what_is_turned_before_it_is_laid_out_is_found():
    turned = {"kind": "permute", "order": [3, 1, 2]}
    planned, arrays = network({"kind": "conv", "filters": 3, "kernel": 20, "stride": 2}, turned, FLATTEN)
    found = outgoing(arrays, planned, "conv_1", 2)
    assert found.values.shape == (10, 5, 5)
    np.testing.assert_array_equal(found.values, np.moveaxis(arrays["output/kernel"].reshape(3, 5, 5, 10)[2], -1, 0))


@pytest.mark.parametrize(("filters", "between"), [(12, []), (12, [{"kind": "pool"}]), (1, [])])
def test_units_that_become_rows_share_the_next_weights(filters, between):
    turned, last = {"kind": "permute", "order": [3, 1, 2]}, {"kind": "conv", "filters": 2, "kernel": 1}
    planned, arrays = network({"kind": "conv", "filters": filters}, turned, *between, last, FLATTEN)
    found = outgoing(arrays, planned, "conv_1", 0)
    assert found.values is None
    assert len(found.sums) == 0
    assert found.reason.startswith("What leaves `conv_1` is laid out so that its units share the weights")


def test_a_residual_layer_is_entered_and_left():
    body = [{"kind": "batch_norm"}, {"kind": "activation"}]
    body += [{"kind": "conv", "filters": 4, "padding": "same", "activation": "linear"}]
    block = {"kind": "residual", "body": body}
    planned, arrays = network(
        {"kind": "conv", "filters": 4, "activation": "linear"}, block, {"kind": "activation"}, block, FLATTEN
    )
    first = outgoing(arrays, planned, "conv_1", 3)
    scale = arrays["batch_norm_1/gamma"][3] / np.sqrt(arrays["batch_norm_1/moving_variance"][3] + 1e-3)
    assert (first.to, first.around) == ("conv_2", ("residual_1",))
    np.testing.assert_allclose(first.values, np.moveaxis(arrays["conv_2/kernel"][:, :, 3], -1, 0) * scale, rtol=1e-6)
    assert outgoing(arrays, planned, "conv_2", 0).to == "conv_3"
    assert outgoing(arrays, planned, "conv_3", 0).to == "output"


def test_the_shortcut_of_a_residual_layer_speaks_to_what_follows_it():
    body = [{"kind": "conv", "filters": 4, "stride": 2, "padding": "same"}]
    planned, arrays = network({"kind": "residual", "body": body, "shortcut": "conv"}, FLATTEN)
    assert outgoing(arrays, planned, "conv_2", 1).to == outgoing(arrays, planned, "conv_1", 1).to == "output"


def test_a_shortcut_with_a_kernel_is_named():
    body = [{"kind": "conv", "filters": 4, "stride": 2, "padding": "same"}]
    block = {"kind": "residual", "body": body, "shortcut": "conv"}
    planned, arrays = network({"kind": "conv", "filters": 3}, block, FLATTEN)
    found = outgoing(arrays, planned, "conv_1", 1)
    assert (found.to, found.around) == ("conv_2", ("conv_3",))
    assert outgoing(arrays, planned, "conv_2", 1).around == ()


def test_the_last_layer_says_the_answer():
    planned, arrays = network(FLATTEN)
    found = outgoing(arrays, planned, "output", 3)
    assert (found.to, found.values) == ("", None)
    assert found.reason == "`output` is the last layer with a kernel; its units are the answer."
    assert needed_weights(planned, "output") == ()


@pytest.mark.parametrize("preset", presets)
def test_nothing_but_what_is_named_is_read(preset):
    planned, arrays = drawn(presets[preset].on("digits").network.layers)
    named = [name.removesuffix("/kernel") for name in arrays if name.endswith("/kernel")]
    for layer in named:
        needed = needed_weights(planned, layer)
        found = outgoing({name: arrays[name] for name in needed}, planned, layer, 0)
        assert found.reason or np.isfinite(found.values).all()
        assert (found.to == "") == (layer == "output")


@pytest.mark.parametrize(
    ("layer", "unit", "sentence"),
    [
        ("flatten_1", 0, "`layer` must be one of dense_1, output, got `flatten_1`."),
        ("dense_1", 5, "`unit` must be between 0 and 4 for `dense_1`, got 5."),
        ("dense_1", -1, "`unit` must be between 0 and 4 for `dense_1`, got -1."),
    ],
)
def test_what_is_not_there_is_a_sentence(layer, unit, sentence):
    planned, arrays = network(FLATTEN, {"kind": "dense", "units": 5})
    with pytest.raises(InvalidInput) as caught:
        outgoing(arrays, planned, layer, unit)
    assert str(caught.value) == sentence
