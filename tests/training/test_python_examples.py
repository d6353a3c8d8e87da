"""The examples of docs/python.md, all of them, in order."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_LAB_HOME", str(tmp_path / "home"))
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    for code in examples:
        exec(compile(code, "python.md", "exec"), names)
    assert (tmp_path / "run.zip").exists()
