"""The benchmarks run, and what they train learns: a band for the accuracy, none for the time."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.inside import BUDGETS

ROOT = Path(__file__).parents[2]


def run(script, *arguments, home):
    environment = os.environ | {"MNIST_LAB_HOME": str(home), "MNIST_LAB_DATA": "", "PYTHONPATH": str(ROOT)}
    environment |= {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    out = home / "report.json"
    command = [sys.executable, str(ROOT / "benchmarks" / script), "--smoke", "--out", str(out), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text(encoding="utf-8"))


def test_training(tmp_path):
    report = run("training.py", "mlp-512-256", home=tmp_path)
    [row] = report["rows"]
    assert row["dataset"] == "digits"
    assert 0.85 <= row["validation_accuracy"] <= 1
    assert row["seconds"].keys() == {"engine", "unrecorded", "fit"}
    assert (
        min(*row["seconds"].values(), *row["ratio"].values(), row["rate_of_numpy"], row["evaluation_rate_of_numpy"]) > 0
    )


def test_cost(tmp_path):
    report = run("cost.py", home=tmp_path)
    assert [row["preset"] for row in report["rows"]] == ["softmax-regression", "mlp-512"]
    assert all(row["estimate"] > 0 and row["truth"] > 0 for row in report["rows"])


def test_inside(tmp_path):
    report = run("inside.py", home=tmp_path)
    assert [row["what"] for row in report["rows"]] == list(BUDGETS)
    assert all(row["seconds"] > 0 for row in report["rows"])
