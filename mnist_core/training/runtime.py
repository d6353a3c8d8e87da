"""The machine that trains: its device, its threads, determinism, and the facts that are recorded with a run."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version

import numpy as np

from mnist_core.backend import HAS_OWN_THREADS, config, keras, tf
from mnist_core.datasets import Dataset
from mnist_core.errors import InvalidSpec
from mnist_core.machine import machine_name
from mnist_core.runs import DatasetFacts, Facts
from mnist_core.settings import available_cores
from mnist_core.training.assignment import Placement
from mnist_core.training.cores import Arrangement, start_compiler, surroundings

__all__ = ["computing_on", "facts", "place", "training_scope"]


def place(wanted: str, threads: int) -> Placement:
    """Sets this process up for training, once, and says what it trains on.

    Args:
        wanted: "auto", "cpu" or "gpu".
        threads: threads to use; what is not training keeps those that TensorFlow started with.

    Returns:
        The kind of device, and the number of threads that training really uses.

    Raises:
        InvalidSpec: a GPU is asked for and TensorFlow finds none.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow has started, in a notebook for instance
        if not HAS_OWN_THREADS:
            threads = tf.config.threading.get_intra_op_parallelism_threads() or available_cores()
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    if wanted == "gpu" and not has_gpu:
        raise InvalidSpec("`device` must be cpu or auto on a machine where TensorFlow finds no GPU, got 'gpu'.")
    return Placement("gpu" if has_gpu and wanted != "cpu" else "cpu", threads)


@contextmanager
def computing_on(device: str) -> Iterator[None]:
    """Everything in this scope is placed on the device and computed the same way each time.

    Determinism is a switch of the whole process under which `model.fit` refuses to shuffle without a seed; it is put
    back afterwards, for notebooks that use Keras too.
    """
    was_on = config.is_op_determinism_enabled()
    tf.config.experimental.enable_op_determinism()
    try:
        with tf.device("/GPU:0" if device == "gpu" else "/CPU:0"):
            yield
    finally:
        if not was_on:
            config.disable_op_determinism()


@contextmanager
def training_scope(placement: Placement, arrangement: Arrangement) -> Iterator[None]:
    """On the device, the same way each time, with the threads shared out as the arrangement wants them.

    While it lasts the whole process has another TensorFlow context, whose tensors mean nothing to the other one: no
    other thread may use TensorFlow.
    """
    threads = placement.threads
    own = HAS_OWN_THREADS and placement.device == "cpu"
    if own and arrangement.compiled:
        start_compiler(threads)
    shared_out = surroundings(threads, arrangement.threads_of_an_operation(threads)) if own else nullcontext()
    with shared_out, computing_on(placement.device):
        yield


def facts(placement: Placement, dataset: Dataset) -> Facts:
    """What is recorded once of a run that trains here, on this dataset (after grouping)."""
    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}
    return Facts(
        dataset=DatasetFacts(
            name=dataset.name,
            content_hash=dataset.content_hash,
            official=dataset.official,
            classes=dataset.classes,
        ),
        machine=machine_name(),
        system=platform.platform(),
        device=placement.device,
        threads=placement.threads,
        versions=versions | {"numpy": np.__version__, "scikit-learn": version("scikit-learn")},
    )
