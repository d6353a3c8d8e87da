"""Units switched off and what drives them: as if their weights were 0, and as Keras and NumPy count."""

import numpy as np
import pytest

from mnist_core.analysis.units import unit_activity
from mnist_core.backend import keras
from mnist_core.errors import InvalidInput
from mnist_core.inference import ablation_forward, chunks, unit_forward
from mnist_core.inference.ablation import Off, ablated_predictions
from mnist_core.inference.chunks import Labelled
from mnist_core.inference.units import unit_responses
from mnist_core.networks.build import build_model, model_weights
from mnist_core.spec import RunSpec

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (270, 28, 28), dtype=np.uint8)
LABELS = RANDOM.integers(0, 10, 270).astype(np.uint8)
SOME = Labelled(IMAGES, LABELS)
OUTPUT = {"kind": "dense", "units": 10, "activation": "linear"}
PLAIN = [
    {"kind": "conv", "filters": 5, "kernel": 5, "stride": 2},
    {"kind": "pool", "size": 2},
    {"kind": "conv", "filters": 6, "activation": "tanh"},
    {"kind": "flatten"},
    {"kind": "dense", "units": 12, "activation": "sigmoid"},
    {"kind": "dropout", "rate": 0.5},
    {"kind": "dense", "units": 8, "activation": "gelu"},
    OUTPUT,
]
NORMED = [
    {"kind": "conv", "filters": 4, "padding": "same", "stride": 4, "activation": "linear"},
    {"kind": "batch_norm"},
    {"kind": "dropout", "rate": 0.2},
    {"kind": "activation", "function": "tanh"},
    {
        "kind": "residual",
        "shortcut": "conv",
        "body": [
            {"kind": "conv", "filters": 3, "padding": "same", "activation": "linear"},
            {"kind": "batch_norm"},
            {"kind": "activation"},
            {"kind": "conv", "filters": 3, "padding": "same", "activation": "linear"},
        ],
    },
    {"kind": "activation", "function": "elu"},
    {"kind": "flatten"},
    OUTPUT,
]
NEXT = {"conv_1": "conv_2", "conv_2": "dense_1", "dense_1": "dense_2", "dense_2": "output"}
"""Who hears each layer of `PLAIN`."""


def spec_of(layers, **more):
    return RunSpec.parse({"dataset": {"name": "digits"}, "network": {"layers": layers}, "seed": 3} | more)


def drawn(layers):
    model = build_model(spec_of(layers).network.layers, seed=8)
    random = np.random.default_rng(1)
    for variable in model.weights:
        shift = 1 if "variance" in variable.path or "gamma" in variable.path else 0
        variable.assign(random.uniform(shift - 0.4, shift + 0.4, variable.shape))
    return model


def logits_of(layers, weights):
    model = build_model(spec_of(layers).network.layers, seed=0)
    for variable in model.weights:
        variable.assign(weights[variable.path])
    return model.predict(IMAGES[..., None] / np.float32(255), verbose=0).astype(np.float64)


def without(weights, layer, unit, places):
    """The weights with those of the layer zeroed that hear a unit, which lies in so many places before it."""
    kernel = weights[f"{layer}/kernel"].copy()
    kernel.reshape(-1, kernel.shape[-1])[unit :: kernel[..., 0].size // places] = 0
    return weights | {f"{layer}/kernel": kernel}


def says(found, logits):
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))
    np.testing.assert_allclose(found.loss, -log[np.arange(len(log)), LABELS], atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(found.log_probabilities, log, atol=1e-3, rtol=2e-3)


@pytest.mark.parametrize("layer", NEXT)
@pytest.mark.parametrize("off", [(4,), (1, 2), (0, 1, 2, 3, 4)])
def test_a_unit_that_is_off_is_one_that_nobody_hears(layer, off):
    weights = silent = model_weights(drawn(PLAIN))
    places = {"conv_1": 9, "conv_2": 16}.get(layer, 1)
    for unit in off:
        silent = without(silent, NEXT[layer], unit, places)
    expected = logits_of(PLAIN, silent)
    assert np.abs(expected - logits_of(PLAIN, weights)).max() > 0.01
    says(ablated_predictions(spec_of(PLAIN), weights, SOME, Off(layer, off)), expected)


@pytest.mark.parametrize("layer", ["conv_1", "conv_2"])
def test_where_the_function_of_0_is_0_it_is_one_without_weights(layer):
    weights = model_weights(drawn(PLAIN))
    silent = {name: value.copy() for name, value in weights.items()}
    for variable in ("kernel", "bias"):
        silent[f"{layer}/{variable}"][..., 3] = 0
    says(ablated_predictions(spec_of(PLAIN), weights, SOME, Off(layer, (3,))), logits_of(PLAIN, silent))


def test_a_unit_of_the_output_has_the_logit_0():
    weights = model_weights(drawn(PLAIN))
    expected = logits_of(PLAIN, weights)
    expected[:, 7] = 0
    says(ablated_predictions(spec_of(PLAIN), weights, SOME, Off("output", (7,))), expected)


@pytest.mark.parametrize(
    ("layer", "hear"), [("conv_1", ("conv_2", "conv_4")), ("conv_2", ("conv_3",)), ("conv_3", ()), ("conv_4", ())]
)
def test_a_linear_unit_is_off_behind_the_function_that_follows_it(layer, hear):
    """Behind batch norm, which would make something of 0; in a body and beside it, before they are added."""
    weights = model_weights(drawn(NORMED))
    silent = {name: value.copy() for name, value in weights.items()}
    for name in hear:
        silent[f"{name}/kernel"][:, :, 2] = 0
    for variable in () if hear else ("kernel", "bias"):
        silent[f"{layer}/{variable}"][..., 2] = 0
    expected = logits_of(NORMED, silent)
    assert np.abs(expected - logits_of(NORMED, weights)).max() > 0.01
    says(ablated_predictions(spec_of(NORMED), weights, SOME, Off(layer, (2,))), expected)


def test_half_precision_goes_through():
    spec, weights = spec_of(NORMED, precision="bfloat16"), model_weights(drawn(NORMED))
    for layer in ("conv_1", "output"):
        exact = ablated_predictions(spec_of(NORMED), weights, SOME, Off(layer, (1,)))
        found = ablated_predictions(spec, weights, SOME, Off(layer, (1,)))
        np.testing.assert_allclose(found.loss, exact.loss, atol=0.2, rtol=0.05)
    exact, found = (unit_responses(one, weights, SOME, "conv_2") for one in (spec_of(NORMED), spec))
    np.testing.assert_allclose(found.mean, exact.mean, atol=0.02)


def test_one_graph_does_for_all_units_and_weights():
    spec, weights = spec_of(PLAIN), model_weights(drawn(PLAIN))
    first = ablated_predictions(spec, weights, SOME, Off("dense_1", (3,)))
    others = ablated_predictions(spec, weights, SOME, Off("dense_1", (0, 1)))
    halved = {name: value / 2 for name, value in weights.items()}
    ablated_predictions(spec, halved, SOME, Off("dense_1", (3,)))
    again = ablated_predictions(spec, weights, SOME, Off("dense_1", (3,)))
    assert (first.loss != others.loss).any()
    np.testing.assert_array_equal(first.loss, again.loss)
    assert ablation_forward.ablation_forward(spec, "dense_1")._judge.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("width", [1, 3000])
def test_layers_of_one_unit_and_of_thousands(width):
    layers = [{"kind": "flatten"}, {"kind": "dense", "units": width, "activation": "tanh"}, OUTPUT]
    weights = model_weights(drawn(layers))
    found = ablated_predictions(spec_of(layers), weights, SOME, Off("dense_1", tuple(range(width))))
    says(found, np.tile(weights["output/bias"].astype(np.float64), (270, 1)))
    responses = unit_responses(spec_of(layers), weights, SOME, "dense_1")
    assert responses.mean.shape == (width, 10)
    assert responses.top.shape == responses.bottom.shape == (width, 12)


@pytest.fixture
def in_parts(monkeypatch):
    """Several chunks, the last one not full."""
    monkeypatch.setattr(chunks, "BATCH", 13)
    kept = (ablation_forward.ablation_forward, unit_forward.unit_forward)
    for graphs in kept:
        graphs.cache_clear()
    yield
    for graphs in kept:
        graphs.cache_clear()


def test_images_that_come_in_parts_are_the_same(in_parts):
    weights, off = model_weights(drawn(PLAIN)), Off("conv_2", (1,))
    seen = []
    parts = ablated_predictions(spec_of(PLAIN), weights, SOME, off, between=lambda: seen.append(1))
    assert len(seen) == 3
    says(parts, logits_of(PLAIN, without(weights, "dense_1", 1, 16)))


HEARD = [
    *((PLAIN, layer, layer, function) for layer, function in (
        ("conv_1", "relu"), ("conv_2", "tanh"), ("dense_1", "sigmoid"), ("dense_2", "gelu"), ("output", "linear")
    )),
    (NORMED, "conv_1", "activation_1", "tanh"),
    (NORMED, "conv_2", "activation_2", "relu"),
    (NORMED, "conv_3", "conv_3", "linear"),
    (NORMED, "conv_4", "conv_4", "linear"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "layer", "at", "function"), HEARD)
@pytest.mark.parametrize("how", ["whole", "in parts"])
def test_responses_are_those_of_keras_and_numpy(layers, layer, at, function, how, request):
    if how == "in parts":
        request.getfixturevalue("in_parts")
    model = drawn(layers)
    said = keras.Model(model.input, model.get_layer(at).output).predict(IMAGES[..., None] / np.float32(255), verbose=0)
    found = unit_responses(spec_of(layers), model_weights(model), SOME, layer)
    answers = said.reshape(270, -1, said.shape[-1]).max(axis=1)
    for ids, values, sign in ((found.top, found.top_values, -1), (found.bottom, found.bottom_values, 1)):
        order = np.argsort(sign * answers, axis=0, kind="stable")[:12].T
        expected = np.take_along_axis(answers.T, order, axis=1)
        assert (ids.dtype, values.dtype) == (np.int32, np.float32)
        np.testing.assert_allclose(values, expected, atol=1e-5)
        clear = np.diff(np.sort(answers, axis=0), axis=0).min() > 1e-5
        if clear:
            np.testing.assert_array_equal(ids, order)
        np.testing.assert_allclose(np.take_along_axis(answers.T, ids.astype(np.int64), axis=1), values, atol=1e-5)
    mean = np.stack([answers[label == LABELS].mean(axis=0) for label in range(10)], axis=1)
    np.testing.assert_allclose(found.mean, mean, atol=1e-5)
    expected = unit_activity(said, function)
    assert (found.activity.function, found.activity.values) == (function, expected.values)
    np.testing.assert_allclose(found.activity.highest, expected.highest, atol=1e-5)
    assert np.abs(found.activity.at_bounds - expected.at_bounds).max() <= 1


def test_of_equal_answers_the_earlier_image_comes_first(in_parts):
    layers = [{"kind": "flatten"}, {"kind": "dense", "units": 2}, OUTPUT]
    weights = model_weights(drawn(layers)) | {"dense_1/bias": np.array([-1e6, 5], np.float32)}
    weights["dense_1/kernel"] = np.zeros((784, 2), np.float32)
    found = unit_responses(spec_of(layers), weights, SOME, "dense_1")
    for ids in (found.top, found.bottom):
        np.testing.assert_array_equal(ids, np.tile(np.arange(12), (2, 1)))
    np.testing.assert_array_equal(found.top_values, [[0] * 12, [5] * 12])


def test_few_images_and_classes_without_any():
    few = Labelled(IMAGES[:5], np.array([0, 0, 3, 3, 3], np.uint8))
    found = unit_responses(spec_of(PLAIN), model_weights(drawn(PLAIN)), few, "dense_1")
    assert found.top.shape == found.bottom.shape == (12, 5)
    np.testing.assert_array_equal(found.top, found.bottom[:, ::-1])
    np.testing.assert_array_equal(np.isnan(found.mean).all(axis=0), [label not in (0, 3) for label in range(10)])


def test_what_is_not_finite_has_a_sentence():
    weights = model_weights(drawn(PLAIN)) | {"conv_2/bias": np.full(6, np.nan, np.float32)}
    with pytest.raises(InvalidInput, match=r"finite numbers.*from `conv_2`; take an earlier epoch"):
        unit_responses(spec_of(PLAIN), weights, SOME, "conv_2")
    with pytest.raises(InvalidInput, match=r"finite numbers.*from `output`"):
        ablated_predictions(spec_of(PLAIN), weights, SOME, Off("conv_1", (0,)))


def test_whoever_waits_may_end_it():
    def end():
        raise KeyboardInterrupt

    weights = model_weights(drawn(PLAIN))
    with pytest.raises(KeyboardInterrupt):
        unit_responses(spec_of(PLAIN), weights, SOME, "conv_2", between=end)
    with pytest.raises(KeyboardInterrupt):
        ablated_predictions(spec_of(PLAIN), weights, SOME, Off("conv_2", (0,)), between=end)
