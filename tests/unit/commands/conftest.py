"""A laboratory, and what a command answers in it, as a reader of its JSON gets it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_core.__main__ import build_parser
from mnist_core.commands import COMMANDS
from mnist_core.lab import Lab
from mnist_core.runs.records import finite
from mnist_core.settings import Settings


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(Settings(home=tmp_path / "home", data=()))
    yield lab
    lab.close()


@pytest.fixture
def ask(lab: Lab) -> Callable[..., Any]:
    def answer(command: str, *arguments: object) -> Any:
        parsed = build_parser().parse_args([command, *map(str, arguments)])
        said = COMMANDS[command](lab, parsed)
        assert said.lines
        assert not any("nan" in line for line in said.lines)
        return json.loads(json.dumps(finite(said.document), allow_nan=False))

    return answer
