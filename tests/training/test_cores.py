"""Who is trained in which way, and TensorFlow's threads around a training."""

import subprocess
import sys

import pytest

from mnist_core.backend import context, tf
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import plan
from mnist_core.spec import LbfgsSpec
from mnist_core.training.assignment import Placement
from mnist_core.training.cores import LITTLE_WORK, MUCH_WORK, STEPS_WORTH_COMPILING, Arrangement, arrange, surroundings

COMPILED, ALONE = Arrangement(compiled=True), Arrangement(compiled=True, alone=True)
POOLED, SHARDED = Arrangement(), Arrangement(shards=2)
MANY = 10**9
NETWORKS = {
    "softmax-regression": ALONE,
    "mlp-512": COMPILED,
    "mlp-512-256": SHARDED,
    "mlp-512-256-dropout": SHARDED,
    "lenet-5x5": POOLED,
    "bottleneck-cnn": SHARDED,
    "cnn-64-32": SHARDED,
    "sigmoid-cnn": POOLED,
    "resnet-8": POOLED,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_two_threads(name):
    assert arrange(presets[name].on("mnist"), Placement("cpu", 2), MANY) == NETWORKS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_one_thread_has_nothing_to_share(name):
    found = arrange(presets[name].on("mnist"), Placement("cpu", 1), MANY)
    assert found.shards == 1
    assert found.compiled == (NETWORKS[name].compiled or name == "mlp-512-256")


def test_a_short_training_is_not_worth_compiling():
    spec = presets["mlp-512"].on("mnist", epochs=2, batch_size=10)
    images = 10 * STEPS_WORTH_COMPILING // 2
    assert arrange(spec, Placement("cpu", 2), images) == COMPILED
    assert arrange(spec, Placement("cpu", 2), images - 10) == POOLED


def test_small_batches_and_many_threads_are_not_cut():
    spec = presets["bottleneck-cnn"].on("mnist")
    assert arrange(spec.replace({"training.batch_size": 16}), Placement("cpu", 2), MANY) == SHARDED
    assert arrange(spec.replace({"training.batch_size": 15}), Placement("cpu", 2), MANY) == POOLED
    assert arrange(spec.replace({"training.batch_size": 512}), Placement("cpu", 4), MANY) == Arrangement(shards=4)
    assert arrange(spec.replace({"training.batch_size": 512}), Placement("cpu", 8), MANY) == POOLED


def test_dense_networks_are_sharded_where_a_step_is_much_work():
    work = sum(place.multiply_adds for place in plan(presets["mlp-512"].on("mnist").network.layers))
    least = -(-MUCH_WORK // work)
    spec = presets["mlp-512"].on("mnist", batch_size=least)
    assert arrange(spec, Placement("cpu", 2), MANY) == SHARDED
    assert arrange(spec.replace({"training.batch_size": least - 1}), Placement("cpu", 2), MANY) == COMPILED
    assert arrange(spec, Placement("cpu", 8), MANY) == COMPILED


def test_the_smallest_compiled_networks_run_on_one_thread():
    work = sum(place.multiply_adds for place in plan(presets["softmax-regression"].on("mnist").network.layers))
    most = LITTLE_WORK // work
    for batch, expected in ((most, ALONE), (most + 1, COMPILED)):
        assert (
            arrange(presets["softmax-regression"].on("mnist", batch_size=batch), Placement("cpu", 2), MANY) == expected
        )


@pytest.mark.parametrize(("arrangement", "threads"), [(ALONE, 1), (SHARDED, 1), (COMPILED, 2), (POOLED, 2)])
def test_threads_of_an_operation(arrangement, threads):
    assert arrangement.threads_of_an_operation(2) == threads


def test_scikit_learns_solver_is_not_arranged():
    assert arrange(presets["logistic-regression"].on("mnist"), Placement("cpu", 2), MANY) == POOLED


def test_augmented_and_bfloat16_networks_are_not_compiled():
    spec = presets["mlp-512"].on("mnist")
    for changed in ({"augmentation.shift": 2}, {"precision": "bfloat16"}):
        assert not arrange(spec.replace(changed), Placement("cpu", 2), MANY).compiled


def test_a_gpu_compiles_all_but_the_augmentations_warp():
    for name, preset in presets.items():
        if isinstance(preset.optimizer, LbfgsSpec):
            continue
        assert arrange(preset.on("mnist"), Placement("gpu", 2), 1) == COMPILED
        assert arrange(preset.on("mnist", augmentation__shift=2), Placement("gpu", 2), 1) == POOLED, name


def threads() -> tuple[int, int]:
    return (
        tf.config.threading.get_inter_op_parallelism_threads(),
        tf.config.threading.get_intra_op_parallelism_threads(),
    )


def test_the_surroundings_have_their_threads_and_leave_no_trace():
    before, kept = threads(), context.context()
    with surroundings(3, 1):
        made = tf.constant([1.0]) + 1
        assert threads() == (3, 1)
        with pytest.raises(ZeroDivisionError), surroundings(2, 2):
            assert threads() == (2, 2)
            _ = 1 / 0
        assert threads() == (3, 1)
    assert threads() == before
    assert context.context() is kept
    assert float(made.numpy()[0]) == 2


def test_the_same_surroundings_are_entered_again():
    with surroundings(3, 1):
        variable, first = tf.Variable(1.0), context.context()
    with surroundings(3, 1):
        assert context.context() is first
        assert float(variable.assign_add(1.0)) == 2


BUSY = """
import time
from mnist_core.backend import tf
from mnist_core.training.assignment import Placement
from mnist_core.training.cores import surroundings

def used(inter, intra):
    with surroundings(inter, intra):
        matrix = tf.random.stateless_uniform((1500, 1500), (1, 2))
        tf.matmul(matrix, matrix)
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(12):
            tf.matmul(matrix, matrix).numpy()
        return (time.process_time() - cpu) / (time.perf_counter() - wall)

tf.matmul(tf.ones((64, 64)), tf.ones((64, 64)))
print(used(2, 1), used(2, 2))
"""


LOOPS = """
from mnist_core.backend import tf
from mnist_core.training.assignment import Placement
from mnist_core.training.cores import Arrangement, surroundings
from mnist_core.training.runtime import training_scope

with training_scope(Placement("cpu", 2), Arrangement(compiled=True, alone=True)):
    tf.function(lambda value: value + 1, jit_compile=True)(tf.constant(1.0))
with surroundings(2, 2):
    loop = tf.function(lambda values: tf.sqrt(values) + 1, jit_compile=True)
    print('"outer_dimension_partitions":["2"]' in loop.experimental_get_compiler_ir(tf.ones(1000000))("optimized_hlo"))
"""


def test_a_network_on_one_thread_leaves_the_next_one_all_of_them():
    done = subprocess.run([sys.executable, "-c", LOOPS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


def test_an_operation_uses_no_more_cores_than_it_may():
    """Of one thread there cannot be more than one core's worth, however busy the machine is."""
    done = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, check=True)
    alone, _ = map(float, done.stdout.split())
    assert alone < 1.3
