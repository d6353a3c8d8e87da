"""One image inside a network: Keras says the same of each layer, TensorFlow and small steps of each saliency."""

import itertools

import numpy as np
import pytest

from mnist_core.backend import keras, tf
from mnist_core.errors import InvalidInput
from mnist_core.inference import image_forward
from mnist_core.inference.image import image_activations, saliency
from mnist_core.networks.build import build_model, model_weights
from mnist_core.spec import RunSpec

IMAGE = np.zeros((28, 28), np.uint8)
IMAGE[5:24, 8:19] = np.random.default_rng(0).integers(0, 256, (19, 11))
PIXELS = IMAGE / np.float32(255)
BODY = [{"kind": "conv", "filters": 3, "padding": "same", "activation": "tanh"}, {"kind": "batch_norm"}]
EVERY_KIND = [
    {"kind": "conv", "filters": 4, "padding": "same", "activation": "linear"},
    {"kind": "batch_norm"},
    {"kind": "activation", "function": "tanh"},
    {"kind": "pool", "size": 2, "mode": "average"},
    {"kind": "residual", "shortcut": "conv", "body": BODY},
    {"kind": "activation", "function": "elu"},
    {"kind": "flatten"},
    {"kind": "dropout", "rate": 0.5},
    {"kind": "dense", "units": 12, "activation": "sigmoid"},
    {"kind": "dense", "units": 10, "activation": "linear"},
]
CONVOLUTIONS = [
    {"kind": "conv", "filters": 6, "kernel": 5, "activation": "tanh"},
    {"kind": "pool", "size": 2},
    {"kind": "conv", "filters": 8, "activation": "relu"},
    {"kind": "flatten"},
    {"kind": "dense", "units": 10, "activation": "linear"},
]
ONE_LAYER = [{"kind": "flatten"}, {"kind": "dense", "units": 10, "activation": "linear"}]
ONE_UNIT = [{"kind": "flatten"}, {"kind": "dense", "units": 1}, {"kind": "dense", "units": 10, "activation": "linear"}]
SIGMOIDS = [
    {"kind": "conv", "filters": 3, "kernel": 7, "stride": 3, "activation": "sigmoid"},
    {"kind": "batch_norm"},
    {"kind": "flatten"},
    {"kind": "batch_norm"},
    {"kind": "dense", "units": 10, "activation": "linear"},
]
STACKS = {"every kind": EVERY_KIND, "convolutions": CONVOLUTIONS, "one unit": ONE_UNIT, "sigmoids": SIGMOIDS}


def spec_of(layers, **more):
    return RunSpec.parse({"dataset": {"name": "digits"}, "network": {"layers": layers}, "seed": 3} | more)


def drawn(layers, seed=1):
    """The Keras model of a stack with weights and statistics that were drawn, not the seed's."""
    model = build_model(spec_of(layers).network.layers, seed=8)
    random = np.random.default_rng(seed)
    for variable in model.weights:
        shift = 1 if "variance" in variable.path or "gamma" in variable.path else 0
        variable.assign(random.uniform(shift - 0.4, shift + 0.4, variable.shape))
    return model


def logits_of(model, images):
    return model(images[..., None], training=False).numpy().astype(np.float64)


def found(model, layers, targets=(2,), **more):
    """The saliency of the image by method and class."""
    answer = saliency(spec_of(layers), model_weights(model), IMAGE, targets, **more)
    assert all(one.values.dtype == np.float32 and one.values.shape == (28, 28) for one in answer)
    return {(one.method, one.target): one.values for one in answer}


@pytest.mark.parametrize("name", STACKS)
def test_each_layer_is_what_keras_says_of_it(name):
    model = drawn(STACKS[name])
    answer = image_activations(spec_of(STACKS[name]), model_weights(model), IMAGE)
    np.testing.assert_array_equal(answer[0].values, PIXELS[..., None])
    for one in answer[1:-1]:
        until = keras.Model(model.input, model.get_layer(one.name).output)
        expected = until.predict(PIXELS[None, ..., None], verbose=0)[0]
        assert (one.values.dtype, one.values.shape) == (np.float32, expected.shape)
        np.testing.assert_allclose(one.values, expected, atol=1e-5)
    expected = tf.nn.softmax(logits_of(model, PIXELS[None])[0]).numpy()
    np.testing.assert_allclose(answer[-1].values, expected, atol=1e-6)


def test_layers_come_in_the_order_in_which_values_flow():
    answer = image_activations(spec_of(EVERY_KIND), model_weights(drawn(EVERY_KIND)), IMAGE)
    assert [(one.name, one.kind) for one in answer] == [
        ("pixels", "pixels"), ("conv_1", "conv"), ("batch_norm_1", "batch_norm"), ("activation_1", "activation"),
        ("pool_1", "pool"), ("conv_2", "conv"), ("batch_norm_2", "batch_norm"), ("conv_3", "conv"),
        ("residual_1", "residual"), ("activation_2", "activation"), ("flatten_1", "flatten"),
        ("dropout_1", "dropout"), ("dense_1", "dense"), ("output", "dense"), ("probabilities", "probabilities"),
    ]  # fmt: skip


def test_the_graph_takes_new_weights():
    one, other = (model_weights(drawn(CONVOLUTIONS, seed)) for seed in (1, 2))
    spec = spec_of(CONVOLUTIONS)
    first = image_activations(spec, one, IMAGE)[-2].values
    assert np.abs(image_activations(spec, other, IMAGE)[-2].values - first).max() > 0.01
    np.testing.assert_array_equal(image_activations(spec, one, IMAGE)[-2].values, first)


@pytest.mark.parametrize("name", STACKS)
def test_the_gradient_is_tensorflows(name):
    model = drawn(STACKS[name])
    answer = found(model, STACKS[name], (2, 7))
    for target in (2, 7):
        pixels = tf.Variable(PIXELS[None, ..., None])
        with tf.GradientTape() as tape:
            score = model(pixels, training=False)[0, target]
        expected = tape.gradient(score, pixels).numpy()[0, ..., 0]
        np.testing.assert_allclose(answer["gradient", target], expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["every kind", "sigmoids"])
def test_the_gradient_is_how_the_score_moves_with_a_pixel(name):
    """A small step up and down, in networks of functions that are smooth."""
    model, step = drawn(STACKS[name]), 0.02
    places = [(3, 3), (8, 10), (14, 14), (20, 9), (27, 27)]
    moved = np.repeat(PIXELS[None], 2 * len(places), axis=0)
    for number, (row, column) in enumerate(places):
        moved[2 * number : 2 * number + 2, row, column] += (step, -step)
    scores = logits_of(model, moved)[:, 2]
    slopes = (scores[::2] - scores[1::2]) / (2 * step)
    answer = found(model, STACKS[name])["gradient", 2]
    expected = [answer[place] for place in places]
    np.testing.assert_allclose(slopes, expected, atol=0.01 * np.abs(answer).max() + 1e-4)


@pytest.mark.parametrize("name", STACKS)
def test_integrated_gradients_add_up_to_what_the_image_adds_to_the_score(name):
    model = drawn(STACKS[name])
    whole, black = logits_of(model, np.stack([PIXELS, np.zeros_like(PIXELS)]))[:, 2]
    answer = found(model, STACKS[name])["integrated_gradients", 2].astype(np.float64)
    assert answer.sum() == pytest.approx(whole - black, abs=0.02 * np.abs(answer).sum() + 1e-3)
    assert (answer[IMAGE == 0] == 0).all()


def test_integrated_gradients_are_the_mean_of_tensorflows_along_the_way():
    model = drawn(CONVOLUTIONS)
    way = tf.Variable(np.stack([(step + 0.5) / 32 * PIXELS for step in range(32)])[..., None].astype(np.float32))
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(model(way, training=False)[:, 2])
    expected = tape.gradient(score, way).numpy().mean(axis=0)[..., 0] * PIXELS
    answer = found(model, CONVOLUTIONS)["integrated_gradients", 2]
    np.testing.assert_allclose(answer, expected, atol=1e-5 * np.abs(expected).max())


def test_of_one_layer_all_is_known():
    model = drawn(ONE_LAYER)
    kernel = model_weights(model)["output/kernel"][:, 2].reshape(28, 28)
    answer = found(model, ONE_LAYER)
    assert {method for method, _ in answer} == {"gradient", "integrated_gradients", "occlusion"}
    np.testing.assert_allclose(answer["gradient", 2], kernel, atol=1e-6)
    np.testing.assert_allclose(answer["integrated_gradients", 2], kernel * PIXELS, atol=1e-6)


@pytest.mark.parametrize("name", ["every kind", "convolutions"])
def test_occlusion_is_how_far_the_score_falls_under_each_square(name):
    model = drawn(STACKS[name])
    total, squares = np.zeros((28, 28)), np.zeros((28, 28))
    whole = logits_of(model, PIXELS[None])[0, 7]
    for row, column in itertools.product(range(0, 25, 2), repeat=2):
        covered = PIXELS.copy()
        covered[row : row + 4, column : column + 4] = 0
        total[row : row + 4, column : column + 4] += whole - logits_of(model, covered[None])[0, 7]
        squares[row : row + 4, column : column + 4] += 1
    assert squares.min() >= 1
    answer = found(model, STACKS[name], (7,))["occlusion", 7]
    np.testing.assert_allclose(answer, total / squares, atol=1e-4 * np.abs(total).max() + 1e-5)


@pytest.mark.parametrize(("name", "layer"), [("convolutions", "conv_2"), ("every kind", "activation_2")])
def test_grad_cam_is_the_published_one_on_what_convolutions_find_last(name, layer):
    model = drawn(STACKS[name])
    seen = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape() as tape:
        features, logits = seen(PIXELS[None, ..., None], training=False)
        score = logits[:, 7]
    pooled = tf.reduce_mean(tape.gradient(score, features), axis=(0, 1, 2))
    heat = tf.nn.relu(tf.squeeze(features[0] @ pooled[:, None]))
    expected = tf.image.resize(heat[..., None], (28, 28), method="bilinear").numpy()[..., 0]
    assert expected.max() > 0
    answer = found(model, STACKS[name], (7,))["grad_cam", 7]
    np.testing.assert_allclose(answer, expected, atol=1e-4 * expected.max())
    [said] = [
        one.layer
        for one in saliency(spec_of(STACKS[name]), model_weights(model), IMAGE, (7,))
        if one.method == "grad_cam"
    ]
    assert said == layer


def test_what_a_network_sees_turned_comes_back_as_the_image_lies():
    """A network that swaps rows and columns first says of the turned image what the other says of the image."""
    turned = [{"kind": "permute", "order": [2, 1, 3]}, *CONVOLUTIONS]
    weights = model_weights(drawn(CONVOLUTIONS))
    answer = found(drawn(CONVOLUTIONS), CONVOLUTIONS)
    there = saliency(spec_of(turned), weights, np.ascontiguousarray(IMAGE.T), (2,))
    assert {one.method for one in there} == {"gradient", "integrated_gradients", "occlusion", "grad_cam"}
    for one in there:
        np.testing.assert_allclose(one.values.T, answer[one.method, 2], atol=1e-4 * np.abs(one.values).max())


@pytest.mark.parametrize(("order", "lost"), [([3, 1, 2], 1), ([3, 2, 1], 0), ([1, 3, 2], 1), ([2, 3, 1], 0)])
def test_grad_cam_says_the_same_everywhere_along_what_a_network_mixes(order, lost):
    """Which of rows and columns become channels, and are lost behind the next convolution."""
    layers = [
        {"kind": "conv", "filters": 12, "activation": "tanh"},
        {"kind": "permute", "order": order},
        {"kind": "conv", "filters": 5, "activation": "tanh"},
        {"kind": "flatten"},
        {"kind": "dense", "units": 10, "activation": "linear"},
    ]
    model = drawn(layers)
    for target in range(10):
        answer = found(model, layers, (target,))["grad_cam", target]
        if answer.max() > 0:
            break
    assert np.ptp(answer, axis=lost).max() == 0
    assert np.ptp(answer, axis=1 - lost).max() > 0


def test_a_convolution_that_sees_one_place_has_no_map():
    layers = [{"kind": "conv", "filters": 3, "kernel": 28}, *ONE_LAYER]
    assert {method for method, _ in found(drawn(layers), layers)} == {"gradient", "integrated_gradients", "occlusion"}


def test_images_go_through_in_parts_where_a_network_is_wide(monkeypatch):
    model = drawn(CONVOLUTIONS)
    whole = found(model, CONVOLUTIONS)
    monkeypatch.setattr(image_forward, "ONE_CALL", 7)
    image_forward.image_forward.cache_clear()
    looked = []
    parts = found(model, CONVOLUTIONS, between=lambda: looked.append(1))
    image_forward.image_forward.cache_clear()
    assert len(looked) > 20
    for key, values in whole.items():
        np.testing.assert_allclose(parts[key], values, atol=1e-5 * np.abs(values).max())


def test_half_precision_goes_through():
    spec = spec_of(EVERY_KIND, precision="bfloat16")
    weights = model_weights(drawn(EVERY_KIND))
    exact = {one.method: one.values for one in saliency(spec_of(EVERY_KIND), weights, IMAGE, (2,))}
    for one in saliency(spec, weights, IMAGE, (2,)):
        assert np.corrcoef(one.values.ravel(), exact[one.method].ravel())[0, 1] > 0.9, one.method
    assert {one.values.dtype for one in image_activations(spec, weights, IMAGE)} == {np.dtype(np.float32)}


def test_what_is_not_finite_has_a_sentence():
    weights = model_weights(drawn(CONVOLUTIONS)) | {"conv_1/kernel": np.full((5, 5, 1, 6), np.nan, np.float32)}
    with pytest.raises(InvalidInput, match=r"finite numbers.*NaN or infinity from `conv_1`; take an earlier epoch"):
        image_activations(spec_of(CONVOLUTIONS), weights, IMAGE)
    with pytest.raises(InvalidInput, match=r"finite numbers.*from `gradient`"):
        saliency(spec_of(CONVOLUTIONS), weights, IMAGE, (1,))


def test_whoever_waits_may_end_it():
    def end():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found(drawn(CONVOLUTIONS), CONVOLUTIONS, between=end)
