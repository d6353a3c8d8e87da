"""The command line as other tools use it: one JSON document, exit codes, one line for what is wrong."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnist_core.networks.catalogue import presets

ROOT = Path(__file__).parents[2]
TINY = ["--preset", "bottleneck-cnn", "--dataset", "digits", "--set", "training.epochs=2", "--set", "split.train=200"]


@pytest.fixture
def environment(tmp_path):
    # The proxies lead nowhere, so that nothing can be downloaded.
    nowhere = "http://127.0.0.1:9"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MNIST_LAB_")}
    return kept | {"MNIST_LAB_HOME": str(tmp_path / "home"), "http_proxy": nowhere, "https_proxy": nowhere}


@pytest.fixture
def call(environment):
    def run(*arguments, expect=0):
        command = [sys.executable, "-m", "mnist_core", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == expect, done.stderr
        return done

    return run


@pytest.fixture
def ask(call):
    """Runs a command with --json and parses strictly."""

    def run(*arguments, expect=0):
        def refuse(constant):
            raise AssertionError(f"{constant} is no JSON")

        return json.loads(call(*arguments, "--json", expect=expect).stdout, parse_constant=refuse)

    return run


def test_a_run_from_start_to_bundle_and_back(ask, call, tmp_path):
    trained = ask("train", *TINY, "--name", "first-try")
    assert trained.keys() == {"run", "state", "parameters", "epochs", "best_epoch", "kept_epoch", "test"}
    assert (trained["state"], trained["parameters"]) == ("done", 24_186)
    keys = {"epoch", "seconds", "evaluation_seconds", "recording_seconds", "loss", "accuracy", "val_loss"}
    keys |= {"val_accuracy", "train_eval_loss", "train_eval_accuracy", "penalty"}
    assert [epoch.keys() for epoch in trained["epochs"]] == [keys, keys]
    assert [epoch["epoch"] for epoch in trained["epochs"]] == [1, 2]
    assert trained["test"].keys() == {"epoch", "loss", "accuracy", "errors", "interval"}
    low, high = trained["test"]["interval"]
    assert low < trained["test"]["accuracy"] < high

    [record] = ask("runs")
    assert (record["id"], record["name"], record["state"]) == (trained["run"], "first-try", "done")
    shown = ask("show", "first-try")
    assert [epoch["epoch"] for epoch in shown["epochs"]] == [0, 1, 2]
    assert shown["spec"]["split"]["train"] == 200
    assert sum(layer["parameters"] for layer in shown["layers"]) == 24_186
    assert shown["layers"][-1]["id"] == "output"
    assert "first-try" in call("show", trained["run"][:18]).stdout

    evaluated = ask("evaluate", "first-try", "--epoch", "last", "--split", "test")
    assert evaluated.keys() == {
        "epoch", "accuracy", "interval", "confusion", "report", "split", "loss", "errors", "top_k", "calibration",
        "roc", "precision_recall",
    }  # fmt: skip
    assert evaluated["accuracy"] == trained["test"]["accuracy"]
    assert sum(map(sum, evaluated["confusion"])) == 270
    of_training = ["--epoch", "0", "--split", "train"]
    trained_on = ask("evaluate", "first-try", *of_training, "--against", "last", "--most-wrong", "1")
    assert (trained_on["epoch"], trained_on["against"]["images"]) == (0, 200)
    assert trained_on["most_wrong"][0]["wrong_for"] is None
    call("evaluate", "first-try", *of_training, "--most-wrong", "1", "--order", "longest wrong", expect=2)
    [worst] = ask("evaluate", "first-try", "--most-wrong", "1")["most_wrong"]
    life = ask("biography", "first-try", worst["image"])
    assert (life["label"], [one["epoch"] for one in life["epochs"]]) == (worst["true"], [0, 1, 2])
    assert "first-try, image" in call("biography", trained["run"], worst["image"]).stdout

    bundle, again = tmp_path / "run.zip", tmp_path / "again.zip"
    ask("export", "first-try", "--out", bundle)
    with zipfile.ZipFile(bundle) as archive:
        assert {"manifest.json", "run.json", "epochs.json", "points.npz"} <= set(archive.namelist())
        assert "epoch/002/weights.npz" in archive.namelist()
    assert ask("import", bundle)["id"] == trained["run"]
    assert len(ask("runs")) == 1
    call("export", "first-try", "--out", again)
    assert bundle.read_bytes() == again.read_bytes()


def test_a_bundle_is_whole_in_another_home(ask, call, environment, tmp_path):
    trained = ask("train", *TINY)
    bundle, again = tmp_path / "run.zip", tmp_path / "again.zip"
    call("export", trained["run"], "--out", bundle)
    before = ask("evaluate", trained["run"], "--split", "test")
    environment["MNIST_LAB_HOME"] = str(tmp_path / "other")
    ask("import", bundle)
    assert ask("evaluate", trained["run"], "--split", "test") == before
    call("export", trained["run"], "--out", again)
    assert bundle.read_bytes() == again.read_bytes()


def test_presets_and_datasets(ask):
    listed = ask("presets")
    assert [entry["name"] for entry in listed] == list(presets)
    assert listed[0]["parameters"] == {"10": 7_850, "5": 3_925}
    assert listed[0]["spec"]["network"]["layers"]
    known = {entry["name"]: entry for entry in ask("datasets")}
    assert known.keys() == {"digits", "mnist", "fashion-mnist"}
    assert known["digits"]["available"]
    assert not known["mnist"]["available"]
    assert known["mnist"].keys() == {"name", "classes", "train", "test", "available", "source"}


def test_without_mnist_the_bundled_digits_are_used(call):
    done = call("train", "--preset", "softmax-regression", "--set", "training.epochs=1", "--json")
    assert "Training on the bundled digits instead." in done.stderr
    assert json.loads(done.stdout)["state"] == "done"


def test_own_data_from_a_file(ask, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "own.npz"
    labels = np.arange(90) % 3
    np.savez(
        path,
        x=rng.integers(0, 80, (90, 28, 28), dtype=np.uint8) + labels[:, None, None].astype(np.uint8) * 80,
        y=labels,
    )
    trained = ask("train", "--preset", "softmax-regression", "--dataset", path, "--set", "training.epochs=2")
    assert trained["parameters"] == 3 * 785
    path.unlink()
    shown = ask("show", trained["run"])
    assert len(shown["spec"]["dataset"]["name"]) == 64
    assert ask("evaluate", trained["run"], "--split", "train", "--epoch", "last")["epoch"] == 2


BAD = {
    "no such preset": (["train", "--preset", "nope"], "`preset` must be one of softmax-regression"),
    "no dataset": (["train", "--preset", "mlp-512", "--dataset", "cifar"], "cifar"),
    "mnist is not here": (["train", "--preset", "mlp-512", "--dataset", "mnist"], "mnist"),
    "a bad value": (["train", *TINY, "--set", "training.batch_size=0"], "`training.batch_size` must be"),
    "no such field": (["train", *TINY, "--set", "training.epoch=3"], "did you mean `training.epochs`"),
    "no value": (["train", *TINY, "--set", "training.epochs"], "PATH=VALUE"),
    "a split that does not fit": (["train", *TINY, "--set", "split.train=5000"], "`split.train` must be"),
    "a gpu": (["train", *TINY, "--set", "device=gpu"], "finds no GPU"),
    "no such run": (["show", "nobody-here"], "nobody-here"),
    "no such command": (["fly"], "invalid choice: 'fly'"),
    "no command": ([], "COMMAND"),
    "neither preset nor run": (["train"], "one of the arguments --preset --resume is required"),
    "no such bundle": (["import", "nowhere.zip"], "nowhere.zip"),
    "a taken kind of name": (["train", *TINY, "--name", "deadbeef"], "`name` must not look like a run id"),
    "an empty name": (["train", *TINY, "--name", ""], "`name` must be 1 to"),
    "an empty dataset": (["train", "--preset", "mlp-512", "--dataset", ""], "`dataset.name`"),
    "no dataset at all": (["train", "--preset", "mlp-512", "--set", "dataset.name=null"], "`dataset.name`"),
    "a home that is nobody's": (["train", "--preset", "mlp-512", "--dataset", "~nobody-here/x.npz"], "no such file"),
    "an odd digit": (["evaluate", "nobody-here", "--epoch", "²"], "nobody-here"),
    "no number of errors": (["evaluate", "nobody-here", "--most-wrong", "many"], "`--most-wrong` must be"),
    "no such order": (["evaluate", "nobody-here", "--most-wrong", "1", "--order", "x\ny"], "invalid choice"),
    "no image": (["biography", "nobody-here"], "IMAGE"),
    "an image that is on two lines": (["biography", "nobody-here", "1", "2\n3"], "unrecognized arguments: 2 3"),
    "no text": (["show", "\udcff"], "No run"),
    "a resumed run with settings": (["train", "--resume", "x", "--set", "seed=1"], "`--resume` goes on"),
    "no such file": (["train", "--preset", "mlp-512", "--dataset", "none.npz"], "none.npz"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(name, call, environment):
    arguments, part = BAD[name]
    done = call(*arguments, expect=2)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert part in done.stderr
    assert call("runs", "--json").stdout.strip() == "[]"


def test_bad_settings_are_one_line(call, environment):
    environment["MNIST_LAB_THREADS"] = "many"
    assert "`MNIST_LAB_THREADS`" in call("runs", expect=2).stderr


@pytest.mark.parametrize(("name", "value"), [("DB", "foo"), ("DB", "sqlite://"), ("BLOBS", "nope://x")])
def test_settings_that_lead_nowhere_are_bad_input(name, value, call, environment):
    environment[f"MNIST_LAB_{name}"] = value
    assert f"`MNIST_LAB_{name}`" in call("runs", expect=2).stderr if name == "DB" else call("train", *TINY, expect=2)


def test_nobody_has_to_read_what_a_training_says(environment, ask):
    command = [sys.executable, "-m", "mnist_core", "train", *TINY]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    process.stderr.close()
    assert process.wait(timeout=300) == 0
    assert ask("runs")[0]["state"] == "done"


def test_nobody_has_to_read_an_answer_to_its_end(environment):
    command = [sys.executable, "-m", "mnist_core", "presets"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=300) == 0


def test_a_diverging_run_fails_with_1(call, ask):
    bad = ["--set", "optimizer.name=sgd", "--set", "optimizer.learning_rate=10", "--set", "network.layers.1.l2=1"]
    arguments = ["train", "--preset", "mlp-512", "--dataset", "digits", *bad, "--set", "training.batch_size=8"]
    done = call(*arguments, "--json", expect=1)
    assert "no longer a finite number at epoch 1" in done.stderr
    document = json.loads(done.stdout)
    assert (document["state"], document["epochs"], document["test"]) == ("failed", [], None)
    assert ask("runs")[0]["state"] == "failed"


def test_ctrl_c_stops_the_run_and_keeps_its_epochs(environment, ask):
    many = ["--set", "training.epochs=500", "--set", "split.train=1000"]
    command = [sys.executable, "-m", "mnist_core", "train", *TINY[:4], *many, "--json"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_epoch(process, ask, 2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads(out)
    assert document["state"] == "stopped"
    assert len(document["epochs"]) >= 2
    assert ask("runs")[0]["state"] == "stopped"


def wait_for_epoch(process, ask, epoch):
    for _ in range(120):
        assert process.poll() is None
        runs = ask("runs")
        if runs and (runs[0]["epoch"] or 0) >= epoch:
            return
        time.sleep(0.2)
    raise AssertionError("no epoch was recorded")


def test_nothing_is_written_outside_the_home(call, environment, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"):
        environment[name] = str(elsewhere / name)
        (elsewhere / name).mkdir(parents=True)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    before = snapshot(ROOT)
    call("train", *TINY)
    call("calibrate")
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == []
    assert snapshot(ROOT) == before
    assert (tmp_path / "home" / "lab.sqlite").exists()


def snapshot(folder):
    skipped = {".git", ".venv", "__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache"}
    files = [path for path in folder.rglob("*") if path.is_file() and not skipped & set(path.parts)]
    return {path: path.stat().st_mtime_ns for path in files}
