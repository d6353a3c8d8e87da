"""Real trainings killed with SIGKILL, mid-epoch and mid-commit; afterwards they end as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAIN = ["train", "--preset", "cnn-64-32", "--dataset", "digits", "--json"]
TRAIN += ["--set", "training.epochs=3", "--set", "split.train=1000", "--set", "training.batch_size=8"]

# Kills itself at the nth call of a function, with the real training around it. Chunks are short, so that an epoch takes
# several on any machine.
CHILD = """
import importlib, os, signal, sys
from mnist_core.__main__ import main
from mnist_core.training import train
train.CHUNK_STEPS = 20
module, function, count = sys.argv[1].rpartition(".")[0], sys.argv[1].rpartition(".")[2], int(sys.argv[2])
owner = importlib.import_module(module)
real, calls = getattr(owner, function), 0
def deadly(*arguments, **named):
    global calls
    calls += not (function == "_check_finite" and arguments[1] < 2)
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(owner, function, deadly)
sys.exit(main(sys.argv[3:]))
"""


def environment(home):
    return os.environ | {"MNIST_LAB_HOME": str(home), "MNIST_LAB_THREADS": "2"}


def call(home, *arguments):
    command = [sys.executable, "-m", "mnist_core", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def without_times(document):
    times = ("seconds", "evaluation_seconds", "recording_seconds")
    epochs = [{key: value for key, value in epoch.items() if key not in times} for epoch in document["epochs"]]
    return {**document, "epochs": epochs, "run": None}


MID_EPOCH = ("mnist_core.training.train._check_finite", 3)
THINNING = ("mnist_core.training.writer.epochs_to_drop", 3)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return call(tmp_path_factory.mktemp("whole"), *TRAIN)


# Blobs of epoch 0 and 1 are put one after the other: the count decides in which commit it dies.
# The chunks of the first epoch do not count, so the third is in the middle of the second epoch.
@pytest.mark.parametrize(
    ("function", "count"),
    [
        ("os.replace", 5),
        ("os.replace", 9),
        ("os.fsync", 20),
        ("mnist_core.training.snapshot.to_npz", 6),
        MID_EPOCH,
        THINNING,
    ],
)
def test_killed_and_resumed(tmp_path, uninterrupted, function, count):
    command = [sys.executable, "-c", CHILD, function, str(count), *TRAIN]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    [record] = call(tmp_path, "runs", "--json")
    assert record["state"] == "running"
    resumed = call(tmp_path, "train", "--resume", record["id"], "--json")
    assert without_times(resumed) == without_times(uninterrupted)
