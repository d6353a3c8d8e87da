"""The engine against plain Keras: the same batches, the same arithmetic."""

import gc

import numpy as np
import pytest

from mnist_core.backend import keras, tf
from mnist_core.inference.forward import resident
from mnist_core.networks.build import build_model, load_model_weights, model_weights
from mnist_core.networks.catalogue import presets
from mnist_core.spec import RunSpec
from mnist_core.training.engine import Engine

COUNT = 200
CONV_IN_BODY = {"kind": "conv", "filters": 6, "padding": "same", "activation": "gelu"}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 10, COUNT, dtype=np.uint8)


def make(spec: RunSpec, pixels, labels, ids=None) -> Engine:
    return Engine(spec, resident(pixels), labels, np.arange(COUNT, dtype=np.int32) if ids is None else ids)


def small(**overrides) -> RunSpec:
    """Every kind of layer but dropout, in batches of 32; smooth, so that rounding stays rounding for many steps."""
    layers = [
        {"kind": "conv", "filters": 4, "stride": 2, "padding": "same", "activation": "tanh", "l2": 1e-3},
        {"kind": "batch_norm"},
        {"kind": "residual", "shortcut": "conv", "body": [CONV_IN_BODY]},
        {"kind": "pool", "mode": "average"},
        {"kind": "permute", "order": [3, 1, 2]},
        {"kind": "flatten"},
        {"kind": "dense", "units": 16, "activation": "tanh", "l2": 1e-2},
        {"kind": "dense", "units": 10, "activation": "linear"},
    ]
    spec = {"dataset": {"name": "mnist"}, "network": {"layers": layers}, "training": {"epochs": 3}}
    return RunSpec.parse(spec).replace(overrides)


def keras_optimizer(name: str) -> keras.optimizers.Optimizer:
    return {
        "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        "adam": lambda: keras.optimizers.Adam(0.01, epsilon=1e-3),
        "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, epsilon=1e-3),
        "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, epsilon=1e-3),
        "adagrad": lambda: keras.optimizers.Adagrad(0.05, epsilon=1e-3),
    }[name]()


# A large epsilon, so that rounding is not blown up where a gradient is almost 0.
OPTIMIZERS = {
    "sgd": {"optimizer.learning_rate": 0.05, "optimizer.momentum": 0.9, "optimizer.nesterov": True},
    "adam": {"optimizer.learning_rate": 0.01, "optimizer.epsilon": 1e-3},
    "adamw": {"optimizer.learning_rate": 0.01, "optimizer.weight_decay": 0.1, "optimizer.epsilon": 1e-3},
    "rmsprop": {"optimizer.learning_rate": 0.01, "optimizer.momentum": 0.5, "optimizer.epsilon": 1e-3},
    "adagrad": {"optimizer.learning_rate": 0.05, "optimizer.epsilon": 1e-3},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_epochs_equal_plain_keras(name, pixels, labels):
    spec = small(**{"optimizer.name": name}, **OPTIMIZERS[name])
    engine = make(spec, pixels, labels)
    model = build_model(spec.network.layers, seed=spec.seed)
    load_model_weights(model, engine.weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras_optimizer(name), loss)
    for epoch in (1, 2):
        engine.start_epoch(epoch)
        done = 0
        while done < engine.steps_per_epoch:
            done += len(engine.run_steps(done, 3).losses)
        for step in range(engine.steps_per_epoch):
            ids = engine._order[step * 32 : (step + 1) * 32]
            model.train_on_batch(pixels[ids][..., None].astype(np.float32) / 255, labels[ids].astype(np.int32))
    for key, value in model_weights(model).items():
        np.testing.assert_allclose(engine.weights()[key], value, rtol=1e-3, atol=2e-5, err_msg=key)


def test_last_smaller_batch_is_trained_on(pixels, labels):
    engine = make(small(), pixels, labels, np.arange(70, dtype=np.int32))
    engine.start_epoch(1)
    assert engine.steps_per_epoch == 3
    assert len(engine.run_steps(0, 10).losses) == 2
    before = engine.weights()["output/kernel"]
    assert len(engine.run_steps(2, 10).losses) == 1
    assert not np.array_equal(before, engine.weights()["output/kernel"])


@pytest.mark.parametrize("preset", ["mlp-512-256-dropout", "sigmoid-cnn"])
def test_chunks_do_not_change_the_numbers(preset, pixels, labels):
    spec = presets[preset].on("mnist", batch_size=20)

    def losses(*chunks: int) -> tuple[np.ndarray, dict]:
        engine = make(spec, pixels, labels)
        engine.start_epoch(1)
        parts, step = [], 0
        for count in chunks:
            parts.append(engine.run_steps(step, count).losses)
            step += count
        return np.concatenate(parts), engine.weights()

    one, all_at_once = losses(*[1] * 10), losses(10)
    np.testing.assert_array_equal(one[0], all_at_once[0])
    for key, value in one[1].items():
        np.testing.assert_array_equal(value, all_at_once[1][key], err_msg=key)


def test_augmentation_noise_and_dropout_follow_the_epoch(pixels, labels):
    spec = presets["mlp-512-256-dropout"].on(
        "mnist", batch_size=20, augmentation__shift=2, augmentation__rotate=10, augmentation__noise=0.1
    )
    first, second = make(spec, pixels, labels), make(spec, pixels, labels)
    first.start_epoch(1)
    first.run_steps(0, 10)
    for engine in (first, second):
        engine.load_weights(second.weights())
        engine.load_optimizer_state(second.optimizer_state())
        engine.start_epoch(2)
    np.testing.assert_array_equal(first.run_steps(0, 5).losses, second.run_steps(0, 5).losses)


def test_optimizer_state_and_weights_restore_an_engine(pixels, labels):
    spec = small()
    first = make(spec, pixels, labels)
    first.start_epoch(1)
    first.run_steps(0, 5)
    second = make(spec, pixels, labels)
    second.load_weights(first.weights())
    second.load_optimizer_state(first.optimizer_state())
    for engine in (first, second):
        engine.start_epoch(2)
    np.testing.assert_array_equal(first.run_steps(0, 6).losses, second.run_steps(0, 6).losses)


def test_random_operations_need_no_global_seed():
    tf.random.set_seed(1)
    spec = presets["mlp-512"].on("mnist")
    one = model_weights(build_model(spec.network.layers, seed=3))
    tf.random.set_seed(2)
    other = model_weights(build_model(spec.network.layers, seed=3))
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_is_left_of_an_engine(name, pixels, labels):
    def graphs() -> int:
        gc.collect()
        return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())

    before = graphs()
    engine = make(small(**{"optimizer.name": name}), pixels, labels)
    engine.start_epoch(1)
    engine.run_steps(0, 1)
    assert graphs() > before
    del engine
    assert graphs() == before
