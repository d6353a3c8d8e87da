"""The app's benchmark runs and measures all that it names; no time decides."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_budget_is_measured(tmp_path: Path) -> None:
    from benchmarks.app import BUDGETS

    environment = os.environ | {"MNIST_LAB_DATA": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "benchmarks.app", "--smoke", "--json", "--out", str(tmp_path / "app.json")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((tmp_path / "app.json").read_text(encoding="utf-8"))
    assert [row["what"] for row in report["rows"]] == list(BUDGETS)
    assert all(isinstance(row["measured"], float) and row["budget"] > 0 for row in report["rows"])
