"""No field without effect: each field of the specification is changed, and the training changes with it."""

import numpy as np
import pytest

from mnist_core import datasets
from mnist_core.errors import InvalidSpec
from mnist_core.inference.forward import resident
from mnist_core.networks.layers import Dense, Flatten
from mnist_core.part import field_docs
from mnist_core.settings import Settings
from mnist_core.spec import RunSpec
from mnist_core.training.engine import Engine
from mnist_core.training.runtime import place

OUTPUT = {"kind": "dense", "units": 10, "activation": "linear"}


def stack(*layers):
    return {"network.layers": [*layers, {"kind": "flatten"}, OUTPUT]}


CONV = {"kind": "conv", "filters": 2, "kernel": 3, "stride": 2}
NORMED = ({**CONV, "activation": "linear"}, {"kind": "batch_norm"})
RESIDUAL = {"kind": "residual", "shortcut": "conv", "body": [{**CONV, "filters": 1, "padding": "same", "stride": 1}]}


def optimizer(name, **more):
    return {"optimizer.name": name} | {f"optimizer.{field}": value for field, value in more.items()}


def schedule(kind):
    return {"schedule.kind": kind, "training.epochs": 2}


# For each field: what else must be set for it to matter, and two values that must not train alike.
LAYER = "network.layers.0"
CHANGES = {
    "dataset.grouping": (
        {},
        None,
        [{"name": "a", "labels": [0, 1, 2, 3, 4]}, {"name": "b", "labels": [5, 6, 7, 8, 9]}],
    ),
    "split.train": ({}, None, 400),
    "split.validation": ({}, 0.1, 0.3),
    "split.test": ({}, None, 0.3),
    "split.seed": ({}, 0, 1),
    "network.layers": ({}, [{"kind": "flatten"}, OUTPUT], [{"kind": "flatten"}, {"kind": "dense", "units": 5}, OUTPUT]),
    "network.layers.N.filters": (stack(CONV), 2, 3),
    "network.layers.N.kernel": (stack(CONV), 3, 2),
    "network.layers.N.stride": (stack(CONV), 2, 1),
    "network.layers.N.padding": (stack(CONV), "valid", "same"),
    "network.layers.N.activation": (stack(CONV), "relu", "tanh"),
    "network.layers.N.kernel_initializer": (stack(CONV), "zeros", "he_normal"),
    "network.layers.N.kernel_initializer.kind": (stack(CONV), "glorot_uniform", "lecun_normal"),
    "network.layers.N.kernel_initializer.sd": (
        stack({**CONV, "kernel_initializer": {"kind": "normal"}}),
        0.05,
        0.1,
    ),
    "network.layers.N.kernel_initializer.value": (
        stack({**CONV, "kernel_initializer": {"kind": "constant", "value": 0.1}}),
        0.1,
        0.2,
    ),
    "network.layers.N.bias_initializer": (stack(CONV), "zeros", {"kind": "constant", "value": 0.1}),
    "network.layers.N.bias_initializer.kind": (stack(CONV), "zeros", "normal"),
    "network.layers.N.bias_initializer.sd": (stack({**CONV, "bias_initializer": {"kind": "normal"}}), 0.05, 0.1),
    "network.layers.N.bias_initializer.value": (
        stack({**CONV, "bias_initializer": {"kind": "constant", "value": 0.1}}),
        0.1,
        0.2,
    ),
    "network.layers.N.l2": (stack(CONV), 0, 0.01),
    "network.layers.N.units": ({"network.layers": [{"kind": "flatten"}, {"kind": "dense", "units": 5}, OUTPUT]}, 5, 6),
    "network.layers.N.mode": (stack({"kind": "pool"}), "max", "average"),
    "network.layers.N.size": (stack({"kind": "pool"}), 2, 4),
    "network.layers.N.rate": (stack({"kind": "dropout", "rate": 0.5}), 0.5, 0.25),
    "network.layers.N.momentum": (stack(*NORMED), 0.99, 0.5),
    "network.layers.N.epsilon": (stack(*NORMED), 0.001, 0.1),
    "network.layers.N.function": (stack(CONV, {"kind": "activation"}), "relu", "tanh"),
    "network.layers.N.order": (stack({"kind": "permute", "order": [1, 2, 3]}), [1, 2, 3], [2, 1, 3]),
    "network.layers.N.body": (stack(RESIDUAL), RESIDUAL["body"], [{**RESIDUAL["body"][0], "kernel": 5}]),
    "network.layers.N.shortcut": (stack(RESIDUAL), "conv", "identity"),
    "optimizer": ({}, {"name": "adam"}, {"name": "sgd"}),
    "optimizer.name": ({}, "adam", "adagrad"),
    "optimizer.learning_rate": ({}, 0.001, 0.002),
    "optimizer.momentum": (optimizer("sgd"), 0, 0.5),
    "optimizer.nesterov": (optimizer("sgd", momentum=0.5), False, True),
    "optimizer.beta_1": ({}, 0.9, 0.8),
    "optimizer.beta_2": ({}, 0.999, 0.9),
    "optimizer.epsilon": ({}, 1e-7, 1e-2),
    "optimizer.weight_decay": (optimizer("adamw"), 0.004, 0.5),
    "optimizer.rho": (optimizer("rmsprop"), 0.9, 0.5),
    "optimizer.initial_accumulator": (optimizer("adagrad"), 0.1, 1.0),
    "schedule": ({}, {"kind": "constant"}, {"kind": "cosine", "warm_up": 0.5}),
    "schedule.kind": ({"training.epochs": 2}, "constant", "one_cycle"),
    "schedule.every": (schedule("step") | {"training.batch_size": 1000}, 1, 2),
    "schedule.factor": (schedule("step") | {"schedule.every": 1, "training.batch_size": 1000}, 0.5, 0.25),
    "schedule.warm_up": (schedule("cosine"), 0, 0.5),
    "schedule.final": (schedule("cosine"), 0, 0.5),
    "schedule.rise": (schedule("warm_up"), 0.5, 0.9),
    "schedule.start": (schedule("one_cycle"), 0.04, 0.5),
    "training.epochs": (schedule("cosine"), 2, 3),
    "training.batch_size": ({}, 32, 16),
    "augmentation": ({}, {}, {"shift": 2}),
    "augmentation.shift": ({}, 0, 2),
    "augmentation.rotate": ({}, 0, 20),
    "augmentation.zoom": ({}, 0, 0.2),
    "augmentation.noise": ({}, 0, 0.2),
    "precision": (stack(CONV), "float32", "bfloat16"),
    "seed": ({}, 0, 1),
}

ELSEWHERE = {
    "spec_version": "one value only",
    "dataset": "the part of the next fields",
    "dataset.name": "test_train.py and test_commands.py train on several datasets",
    "dataset.grouping.N.name": "a name, for display",
    "dataset.grouping.N.labels": "dataset.grouping here",
    "dataset.corruption": "reserved: only null is accepted",
    "split": "the part of the next fields",
    "network": "the part of the next fields",
    "network.preset": "a name, for display",
    "network.layers.N.kind": "every kind is trained here",
    "optimizer.c": "test_logistic_regression_fields",
    "optimizer.tolerance": "test_logistic_regression_fields and test_train.py",
    "training": "the part of the next fields",
    "training.early_stopping": "test_train.py: it ends the training",
    "training.early_stopping.patience": "test_early_stopping.py",
    "training.early_stopping.min_delta": "test_early_stopping.py",
    "training.keep": "test_train.py: it decides the kept epoch",
    "device": "test_a_gpu_is_asked_for_in_vain",
}


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", Settings(data=()))


def base():
    network = {"layers": [{"kind": "flatten"}, OUTPUT]}
    return RunSpec.parse({"dataset": {"name": "digits"}, "network": network, "training": {"epochs": 1}})


def weights_after_three_steps(spec, digits):
    dataset = digits.grouped(spec.dataset.grouping)
    splits = datasets.split(dataset, spec.split)
    engine = Engine(spec, resident(dataset.images, dataset.labels), splits.train)
    engine.start_epoch(1)
    steps = 0
    epoch = 1
    while steps < 3:
        first = steps - (epoch - 1) * engine.steps_per_epoch
        if first == engine.steps_per_epoch:
            epoch += 1
            engine.start_epoch(epoch)
            first = 0
        steps += len(engine.run_steps(first, 3 - steps).losses)
    return engine.weights()


def alike(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def test_every_field_is_named_here():
    paths = {doc.path for doc in field_docs(RunSpec)}
    assert paths <= CHANGES.keys() | ELSEWHERE.keys()
    assert not CHANGES.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("path", CHANGES)
def test_field_reaches_training(path, digits):
    context, one, other = CHANGES[path]
    layer = {"momentum": 1, "epsilon": 1, "function": 1, "units": 1}.get(path.rpartition(".")[2], 0)
    real = path.replace(".N.", f".{layer}.")

    def trained(value):
        extra = {"network.layers.1.units": 2} if path == "dataset.grouping" and value else {}
        return weights_after_three_steps(base().replace(context | extra).replace({real: value}), digits)

    first = trained(one)
    assert alike(first, trained(one))
    assert not alike(first, trained(other))


def test_logistic_regression_fields(lab):
    from mnist_core.networks.catalogue import presets

    def coefficients(**overrides):
        run = lab.train(presets["logistic-regression"].on("digits", epochs=3, **overrides))
        return run.weights("last")

    plain = coefficients()
    assert not alike(plain, coefficients(optimizer__c=0.01))
    assert not alike(plain, coefficients(optimizer__tolerance=0.9))


def test_a_gpu_is_asked_for_in_vain():
    from mnist_core.backend import tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(InvalidSpec, match="finds no GPU"):
        place("gpu", 1)


def test_the_smallest_network_is_refused_without_flatten():
    with pytest.raises(InvalidSpec, match="put a flatten layer before it"):
        RunSpec.parse({"dataset": {"name": "digits"}, "network": {"layers": [OUTPUT]}})
    assert Flatten() != Dense(units=1)
