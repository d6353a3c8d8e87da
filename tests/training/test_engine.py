"""The engine against plain Keras: the same batches, the same arithmetic."""

import gc

import numpy as np
import pytest

from mnist_core.backend import keras, tf
from mnist_core.inference.forward import resident
from mnist_core.networks.build import build_model, load_model_weights, model_weights
from mnist_core.networks.catalogue import presets
from mnist_core.spec import RunSpec
from mnist_core.training.chunks import ChunkResult
from mnist_core.training.cores import POOLED, Arrangement
from mnist_core.training.engine import Engine, programs
from mnist_core.training.program import BLOCK_STEPS, KEPT
from mnist_core.training.schedule import learning_rates

COUNT = 200
CONV_IN_BODY = {"kind": "conv", "filters": 6, "padding": "same", "activation": "gelu"}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 10, COUNT, dtype=np.uint8)


def make(spec: RunSpec, pixels, labels, ids=None, arrangement=POOLED) -> Engine:
    ids = np.arange(COUNT, dtype=np.int32) if ids is None else ids
    return Engine(spec, resident(pixels, labels), ids, arrangement)


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


COMPILED, SHARDED = Arrangement(compiled=True), Arrangement(shards=2)
ALONE = Arrangement(compiled=True, alone=True)
DENSE = {
    "network.layers": [
        {"kind": "pool", "mode": "average", "size": 4},
        {"kind": "flatten"},
        {"kind": "dense", "units": 16, "activation": "tanh", "l2": 1e-3},
        {"kind": "dense", "units": 10, "activation": "linear"},
    ]
}


WAYS = {"pooled": (POOLED, {}), "compiled": (COMPILED, DENSE), "alone": (ALONE, DENSE), "sharded": (SHARDED, DENSE)}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("arrangement", "network"), WAYS.values(), ids=WAYS)
def test_some_hundred_steps_equal_plain_keras(name, arrangement, network, pixels, labels):
    spec = small(**network, **{"optimizer.name": name}, **OPTIMIZERS[name])
    spec = spec.replace({"training.epochs": 30, "schedule.kind": "one_cycle"})
    engine = make(spec, pixels, labels, arrangement=arrangement)
    model = build_model(spec.network.layers, seed=spec.seed)
    load_model_weights(model, engine.weights())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras_optimizer(name), loss)
    rates = iter(learning_rates(spec.schedule, spec.optimizer.learning_rate, 30, engine.steps_per_epoch))
    for epoch in range(1, 31):
        engine.start_epoch(epoch)
        done = 0
        while done < engine.steps_per_epoch:
            done += len(engine.run_steps(done, 3).losses)
        for step in range(engine.steps_per_epoch):
            ids = engine._order[step * 32 : (step + 1) * 32]
            model.optimizer.learning_rate.assign(next(rates))
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


PRESETS = [
    ("mlp-512-256-dropout", SHARDED),
    ("sigmoid-cnn", POOLED),
    ("bottleneck-cnn", SHARDED),
    ("mlp-512", COMPILED),
    ("softmax-regression", ALONE),
]


@pytest.mark.parametrize(("preset", "arrangement"), PRESETS)
def test_chunks_do_not_change_the_numbers(preset, arrangement, pixels, labels):
    spec = presets[preset].on("mnist", batch_size=20)

    def losses(*chunks: int) -> tuple[np.ndarray, dict]:
        engine = make(spec, pixels, labels, arrangement=arrangement)
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


@pytest.mark.parametrize("counts", [(100,), (BLOCK_STEPS, 100), (1, BLOCK_STEPS - 1, 2 * BLOCK_STEPS + 1, 100)])
def test_images_that_are_fetched_ahead_are_those_of_their_step(counts, pixels, labels):
    """Each block with its own images, labels and rates: the schedule gives each step another one."""
    spec = presets["softmax-regression"].on("mnist", batch_size=2, epochs=1).replace({"schedule.kind": "one_cycle"})

    def trained(arrangement: Arrangement, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, dict]:
        engine = make(spec, pixels, labels, arrangement=arrangement)
        engine.start_epoch(1)
        parts: list[ChunkResult] = []
        for count in counts:
            parts.append(engine.run_steps(sum(len(part.losses) for part in parts), count))
        losses, accuracies = ([getattr(part, name) for part in parts] for name in ("losses", "accuracies"))
        return np.concatenate(losses), np.concatenate(accuracies), engine.weights()

    losses, accuracies, weights = trained(ALONE, counts)
    assert losses.shape == (100,)
    at_once, beside = trained(ALONE, (100,)), trained(COMPILED, (100,))
    np.testing.assert_array_equal(losses, at_once[0])
    np.testing.assert_allclose(losses, beside[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(accuracies, beside[1])
    for key, value in weights.items():
        np.testing.assert_array_equal(value, at_once[2][key], err_msg=key)
        np.testing.assert_allclose(value, beside[2][key], rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("arrangement", "network"), WAYS.values(), ids=WAYS)
def test_the_next_run_takes_what_is_compiled_and_starts_afresh(name, arrangement, network, pixels, labels):
    spec = small(**network, **{"optimizer.name": name, "training.epochs": 2})
    other = spec.replace({"seed": 5, "optimizer.learning_rate": 0.02, "training.epochs": 3})
    programs.forget()

    def trained(one: RunSpec):
        engine = make(one, pixels, labels, arrangement=arrangement)
        for epoch in (1, 2):
            engine.start_epoch(epoch)
            losses = [engine.run_steps(step, 1).losses for step in range(engine.steps_per_epoch)]
        found = engine.model, np.concatenate(losses), engine.weights() | engine.optimizer_state()
        engine.close()
        return found

    first, again = trained(spec), trained(other)
    assert again[0] is first[0]
    programs.forget()
    anew = trained(other)
    assert anew[0] is not first[0]
    np.testing.assert_array_equal(again[1], anew[1])
    for key, value in anew[2].items():
        np.testing.assert_array_equal(again[2][key], value, err_msg=key)


def test_xla_compiles_one_program_for_every_number_of_steps(pixels, labels):
    """XLA takes the ends of a range for constants and compiles anew for each; the chunk must hold none."""
    engine = make(small(**DENSE), pixels, labels, arrangement=COMPILED)
    engine.start_epoch(1)
    engine.run_steps(0, 3)
    [compiled] = engine._program._chunk._list_all_concrete_functions()
    graphs = [
        compiled.graph,
        *(function.graph for function in compiled.graph._functions.values() if hasattr(function, "graph")),
    ]
    assert not [operation.name for graph in graphs for operation in graph.get_operations() if operation.type == "Range"]
    engine.run_steps(3, 2)
    assert len(engine._program._chunk._list_all_concrete_functions()) == 1


def test_what_is_compiled_is_kept_for_a_few_networks_only(pixels, labels):
    programs.forget()
    first = make(small(), pixels, labels)
    model = first.model
    second = make(small(), pixels, labels)
    assert second.model is not model, "two runs at once must not share a network"
    first.close()
    for units in range(2, 2 + KEPT):
        make(small(**DENSE, **{"network.layers.2.units": units}), pixels, labels).close()
    assert make(small(), pixels, labels).model is not model


@pytest.mark.parametrize(
    "change",
    [{"precision": "bfloat16"}, {"training.batch_size": 20}, {"augmentation.noise": 0.1}, {"optimizer.beta_1": 0.8}],
)
def test_what_is_compiled_into_a_program_makes_another(change, pixels, labels):
    engine = make(small(), pixels, labels)
    model = engine.model
    engine.close()
    other = make(small(**change), pixels, labels)
    assert other.model is not model
    engine = make(small(seed=9), pixels, labels)
    assert engine.model is model


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


@pytest.mark.parametrize(("arrangement", "network"), WAYS.values(), ids=WAYS)
def test_optimizer_state_and_weights_restore_an_engine(arrangement, network, pixels, labels):
    spec = small(**network)
    first = make(spec, pixels, labels, arrangement=arrangement)
    first.start_epoch(1)
    first.run_steps(0, 5)
    second = make(spec, pixels, labels, arrangement=arrangement)
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
