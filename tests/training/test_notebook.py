"""docs/predictions.ipynb: its cells run in order, in a process and a laboratory of its own, and show what they say."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_core import figures

NOTEBOOK = Path(__file__).parents[2] / "docs" / "predictions.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]
REPLAY = """
import ast, json, sys, warnings
import plotly.graph_objects as go

warnings.simplefilter("error")
names = {"__name__": "__main__"}
for place, code in enumerate(json.load(sys.stdin)):
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"cell {place}", "exec"), names)
    if last:
        shown = eval(compile(ast.Expression(last.value), f"cell {place}", "eval"), names)
        if isinstance(shown, go.Figure):
            document = json.loads(shown.to_json())
            print("figure", json.dumps([trace["type"] for trace in document["data"]]))
"""


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    home = tmp_path_factory.mktemp("notebook")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MNIST_LAB_")}
    environment = kept | {"MNIST_LAB_HOME": str(home / "home"), "PLOTLY_RENDERER": "json", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", REPLAY]
    environment["PYTHONPATH"] = str(NOTEBOOK.parents[1])
    done = subprocess.run(
        command, input=json.dumps(CODE), cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_cell_runs_and_every_figure_is_shown(replayed):
    drawn = replayed.count("figure [")
    assert drawn == sum(code.splitlines()[-1].startswith("figures.") for code in CODE) >= len(figures.__all__)
    assert "figure []" not in replayed


def test_what_it_prints_is_a_result(replayed):
    assert re.search(r"\d+\.\d\d% \(\d+\.\d\d% to \d+\.\d\d%\), \d+ of \d+ wrong", replayed)
    assert re.search(r"learnt at \(.*\), forgotten at \(.*\), wrong at \d+ of 7 epochs", replayed)
    assert re.search(r"all errors, at epoch 1: [1-9]\d* images, \d+ of them right at epoch [1-6]", replayed)


def test_it_shows_every_kind_of_figure():
    called = {node.attr for code in CODE for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)}
    assert set(figures.__all__) <= called


def test_it_is_kept_without_outputs():
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CELLS if "outputs" in cell)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)
