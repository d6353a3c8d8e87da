"""The faster arithmetic of layers against Keras's own: values, gradients and batch-norm statistics."""

import numpy as np
import pytest

from mnist_core.backend import tf
from mnist_core.networks.build import build_model, model_weights
from mnist_core.networks.layers import BatchNorm, Conv, Dense, Dropout, Flatten, Layer, Pool, Residual
from mnist_core.training.arithmetic import MANY_WEIGHTS, logits_in_training

OUTPUT = Dense(units=4, activation="linear")
FLAT = (Flatten(), OUTPUT)
THREE, FOUR = Conv(filters=3, padding="same"), Conv(filters=4, padding="same")
MIXING: dict[str, tuple[Layer, ...]] = {
    "batch norm of images": (Conv(filters=3), BatchNorm(momentum=0.9, epsilon=0.01), *FLAT),
    "batch norm of values": (Flatten(), Dense(units=9, activation="tanh"), BatchNorm(), OUTPUT),
    "batch norm in a residual": (Conv(filters=3), Residual(body=(BatchNorm(), THREE)), *FLAT),
}
APART: dict[str, tuple[Layer, ...]] = {
    "1x1 convolution": (Conv(filters=5), Conv(filters=6, kernel=1, activation="gelu", l2=0.01), *FLAT),
    "1x1 with a stride": (Conv(filters=5), Conv(filters=6, kernel=1, stride=3, padding="same"), *FLAT),
    "shortcut": (THREE, Residual(body=(FOUR,), shortcut="conv"), *FLAT),
    "many weights": (FOUR, Flatten(), Dense(units=MANY_WEIGHTS // (28 * 28 * 4) + 1), OUTPUT),
    "pool": (FOUR, Pool(), Flatten(), Dense(units=7, activation="sigmoid"), OUTPUT),
}
IMAGES = 11


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).random((IMAGES, 28, 28, 1), np.float32)


def ours(model, pixels, shards=1):
    """Logits and the gradients of a sum in which each logit counts differently."""

    @tf.function
    def step(x):
        logits = logits_in_training(model, x, shards)
        return logits, tf.gradients(weighted(logits), [variable.value for variable in model.trainable_variables])

    return step(pixels)


def kerass(model, pixels):
    with tf.GradientTape() as tape:
        logits = model(pixels, training=True)
        total = weighted(logits)
    return logits, tape.gradient(total, [variable.value for variable in model.trainable_variables])


def weighted(logits):
    weights = tf.reshape(tf.cos(tf.range(logits.shape[0] * 4, dtype=tf.float32)), (-1, 4))
    return tf.reduce_sum(tf.tanh(logits) * weights)


def assert_alike(one, other, rtol=2e-4):
    for left, right in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        scale = float(tf.reduce_max(tf.abs(right)))
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("name", MIXING | APART)
def test_it_is_keras(name, pixels):
    layers = (MIXING | APART)[name]
    here, there = build_model(layers, seed=1), build_model(layers, seed=1)
    assert_alike(ours(here, pixels), kerass(there, pixels))
    moved, expected = model_weights(here), model_weights(there)
    for key, value in expected.items():
        np.testing.assert_allclose(moved[key], value, rtol=1e-5, atol=1e-6, err_msg=key)
    if name in MIXING:
        assert not np.array_equal(moved["batch_norm_1/moving_mean"], np.zeros_like(moved["batch_norm_1/moving_mean"]))


@pytest.mark.parametrize("shards", [2, 3, IMAGES, IMAGES + 1])
@pytest.mark.parametrize("name", APART)
def test_shards_change_nothing(name, shards, pixels):
    model = build_model(APART[name], seed=1)
    assert_alike(ours(model, pixels, shards), kerass(model, pixels))


@pytest.mark.parametrize("name", MIXING | APART)
def test_in_bfloat16_it_is_as_near_to_float32_as_keras(name, pixels):
    layers = (MIXING | APART)[name]
    truth = kerass(build_model(layers, seed=1), pixels)
    logits, gradients = ours(build_model(layers, seed=1, precision="bfloat16"), pixels)
    theirs = kerass(build_model(layers, seed=1, precision="bfloat16"), pixels)
    assert logits.dtype == tf.float32
    assert all(gradient.dtype == tf.float32 for gradient in gradients)
    assert distance((logits, gradients), truth) < 2 * distance(theirs, truth) < 0.5


def distance(one, other):
    """Root of the mean square of the relative distances of all tensors."""
    pairs = zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True)
    return float(np.sqrt(np.mean([float(tf.norm(a - b) / tf.norm(b)) ** 2 for a, b in pairs])))


def test_each_shard_draws_its_own_dropout(pixels):
    layers = (Flatten(), Dropout(rate=0.5), OUTPUT)
    model = build_model(layers, seed=1)
    twice = np.concatenate([pixels[:4], pixels[:4]])
    logits, _ = ours(model, twice, shards=2)
    assert not np.array_equal(logits[:4], logits[4:])
