"""Loops of a graph, and that no source is rewritten to make one."""

import ast
from typing import Any

import numpy as np
import pytest

from mnist_core.backend import tf
from mnist_core.inference.forward import Forward, resident
from mnist_core.inference.graph import graph, handed_on, in_turn
from mnist_core.networks.build import build_model
from mnist_core.networks.catalogue import presets
from mnist_core.training.cores import Arrangement
from mnist_core.training.engine import Engine

NUMBER = tf.TensorSpec((), tf.float32)
PAIR = tf.TensorSpec((2,), tf.int32)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_steps_in_turn_with_zeros_behind_the_last(jit_compile: bool):
    def step(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(index, tf.float32) + 0.5, tf.stack([index, 7])

    call = graph(lambda count: in_turn(step, count, 4, (NUMBER, PAIR)), jit_compile=jit_compile)
    for count in (0, 3, 4):
        numbers, pairs = (found.numpy().tolist() for found in call(tf.constant(count)))
        assert numbers == [0.5, 1.5, 2.5, 3.5][:count] + [0.0] * (4 - count)
        assert pairs == [[0, 7], [1, 7], [2, 7], [3, 7]][:count] + [[0, 0]] * (4 - count)


def test_what_one_step_hands_to_the_next():
    def step(index: tf.Tensor, last: tf.Tensor, before: tf.Tensor) -> tuple[tuple[tf.Tensor], tuple[tf.Tensor, ...]]:
        return (last + before,), (last + before, last)

    call = graph(lambda: handed_on(step, tf.constant(6), 8, (NUMBER,), (tf.constant(1.0), tf.constant(0.0))))
    (found,) = call()
    assert found.numpy().tolist() == [1, 2, 3, 5, 8, 13, 0, 0]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The sources that are parsed during the test."""
    sources, parse = list[object](), ast.parse

    def noted(source: str, *arguments: Any, **options: Any) -> ast.AST:
        sources.append(source)
        return parse(source, *arguments, **options)

    monkeypatch.setattr(ast, "parse", noted)
    return sources


def test_training_parses_no_source(parsed: list[object]):
    """One test for all, as a function whose source was rewritten once is not parsed again."""
    examples = resident(np.zeros((40, 28, 28), np.uint8), np.zeros(40, np.uint8))
    spec = presets["softmax-regression"].on("mnist", epochs=1, batch_size=8)
    for arrangement in (
        Arrangement(),
        Arrangement(shards=2),
        Arrangement(compiled=True),
        Arrangement(compiled=True, alone=True),
    ):
        engine = Engine(spec, examples, np.arange(40, dtype=np.int32), arrangement)
        engine.start_epoch(1)
        assert np.isfinite(engine.run_steps(0, 5).losses).all()
    assert parsed == []


def test_evaluation_parses_no_source(parsed: list[object]):
    examples = resident(np.zeros((40, 28, 28), np.uint8), np.zeros(40, np.uint8))
    spec = presets["bottleneck-cnn"].on("mnist")
    forward = Forward(build_model(spec.network.layers, seed=0))
    assert len(forward.predict(examples, np.arange(40, dtype=np.int32)).predicted) == 40
    assert parsed == []


def test_a_network_after_the_other_is_no_reason_for_a_warning(caplog: pytest.LogCaptureFixture):
    examples = resident(np.zeros((40, 28, 28), np.uint8), np.zeros(40, np.uint8))
    for size in range(1, 9):
        spec = presets["softmax-regression"].on("mnist", batch_size=size)
        engine = Engine(spec, examples, np.arange(40, dtype=np.int32), Arrangement())
        engine.start_epoch(1)
        engine.run_steps(0, 1)
    assert caplog.text == ""
