"""Measures how long this machine takes for each kind of work in training, for the estimates of networks/cost.py.

A few small networks, none of them in the catalogue, train for a moment on random pixels; non-negative least squares
(Lawson and Hanson 1974) on relative errors shares their time out among the kinds of work.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import nnls

from mnist_core.inference.forward import resident
from mnist_core.machine import machine_name
from mnist_core.networks.cost import WORK, Calibration, work_of_step
from mnist_core.networks.layers import BatchNorm, Conv, Dense, Dropout, Flatten, Layer, Pool
from mnist_core.spec import RunSpec
from mnist_core.training.assignment import Placement
from mnist_core.training.cores import Arrangement, arrange
from mnist_core.training.engine import Engine
from mnist_core.training.runtime import training_scope

__all__ = ["calibrate", "seconds_per_step"]

SECONDS_EACH = 0.4
ENOUGH_FOR_A_LONG_TRAINING = 10**9


def calibrate(threads: int, progress: Callable[[int, int], Any]) -> Calibration:
    """Times the probes and fits the calibration; takes about ten seconds on two cores.

    Args:
        threads: threads that training uses, for the record; set them before.
        progress: called with the number of probes that are done, and of all.
    """
    specs = [_spec(layers, batch, optimizer) for layers, batch, optimizer in PROBES]
    specs.append(specs[0].replace({"augmentation.shift": 2, "augmentation.noise": 0.1}))
    rows, times = [], []
    for done, spec in enumerate(specs):
        progress(done, len(specs))
        work = work_of_step(spec)
        rows.append([work[kind] for kind in WORK])
        times.append(seconds_per_step(spec, threads))
    progress(len(specs), len(specs))
    matrix, seconds = np.array(rows), np.array(times)
    relative = matrix / seconds[:, None]
    scale = np.maximum(relative.max(axis=0), 1e-300)
    solution, _ = nnls(relative / scale, np.ones(len(times)))
    found = {kind: float(value) for kind, value in zip(WORK, solution / scale, strict=True)}
    return Calibration(machine=machine_name(), threads=threads, seconds=found)


def seconds_per_step(spec: RunSpec, threads: int, seconds: float = SECONDS_EACH) -> float:
    """Trains on random pixels and times one step, in the fastest of eight chunks: other work can only add to it.

    Args:
        spec: what to train.
        threads: threads to train with; as a long training would share them out.
        seconds: about how long to train.
    """
    placement = Placement("cpu", threads)
    arrangement = arrange(spec, placement, images=ENOUGH_FOR_A_LONG_TRAINING)
    with training_scope(placement, arrangement):
        return _seconds_per_step(spec, arrangement, seconds)


def _seconds_per_step(spec: RunSpec, arrangement: Arrangement, seconds: float) -> float:
    rng = np.random.default_rng(0)
    batch = spec.training.batch_size
    count = batch * 128
    images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, spec.classes, count, dtype=np.uint8)
    engine = Engine(spec, resident(images, labels), np.arange(count, dtype=np.int32), arrangement)
    engine.start_epoch(1)
    engine.run_steps(0, 1)
    one = _timed(engine, 2)
    steps = int(np.clip(seconds / 8 / one, 1, 120))
    return min(_timed(engine, steps) for _ in range(8))


def _timed(engine: Engine, steps: int) -> float:
    started = perf_counter()
    engine.run_steps(0, steps)
    return (perf_counter() - started) / steps


def _spec(layers: Sequence[Layer], batch: int, optimizer: str) -> RunSpec:
    output = Dense(units=10, activation="linear")
    return RunSpec.parse(
        {
            "dataset": {"name": "calibration"},
            "network": {"layers": [layer.model_dump() for layer in (*layers, output)]},
            "optimizer": {"name": optimizer},
            "training": {"batch_size": batch, "epochs": 1},
        }
    )


PROBES: tuple[tuple[tuple[Layer, ...], int, str], ...] = (
    ((Flatten(),), 64, "sgd"),
    ((Flatten(), Dense(units=384), Dense(units=192)), 64, "adam"),
    ((Flatten(), Dense(units=768), Dense(units=768), Dense(units=384)), 256, "adam"),
    ((Flatten(), Dense(units=256), Dropout(rate=0.3), Dense(units=256), Dropout(rate=0.3)), 256, "adam"),
    ((Flatten(), *[Dense(units=24)] * 10), 16, "adam"),
    ((Flatten(), Dense(units=1536), Dense(units=1024)), 16, "adam"),
    ((Conv(filters=24, padding="same"), Pool(), Conv(filters=48, padding="same"), Pool(), Flatten()), 48, "adam"),
    ((Conv(filters=48, kernel=5), Pool(), Conv(filters=48, kernel=5), Pool(), Flatten()), 96, "adam"),
    ((Conv(filters=32), *[Conv(filters=32, kernel=1)] * 3, Pool(), Flatten()), 48, "adam"),
    ((Conv(filters=24), BatchNorm(), Conv(filters=24), BatchNorm(), Pool(), BatchNorm(), Flatten()), 96, "adam"),
    ((Conv(filters=16, stride=2), BatchNorm(), *[Conv(filters=32)] * 3, Dropout(rate=0.2), Flatten()), 64, "adam"),
    ((BatchNorm(), Conv(filters=24, padding="same"), Flatten()), 96, "adam"),
    ((Conv(filters=12, activation="sigmoid"), BatchNorm(), Pool(), Conv(filters=24), Flatten()), 96, "sgd"),
    ((Flatten(), Dense(units=640, activation="tanh"), Dense(units=640, activation="gelu")), 192, "adam"),
    ((Conv(filters=64), Conv(filters=24), Pool(), Flatten(), Dense(units=96)), 24, "sgd"),
)
