"""Whatever the code names, the docs name; what the docs show, works."""

import argparse
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_core import errors
from mnist_core.__main__ import build_parser
from mnist_core.analysis.embedding import METHODS
from mnist_core.commands import COMMANDS
from mnist_core.datasets.sources import SOURCES
from mnist_core.networks.catalogue import presets
from mnist_core.part import field_docs
from mnist_core.settings import Settings
from mnist_core.spec import SHIPPED_GROUPINGS, RunSpec

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}


def options() -> Iterator[tuple[str, str]]:
    """Each command with each of its options and arguments."""
    commands = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, parser in commands.choices.items():
        for action in parser._actions:
            yield from ((name, option) for option in action.option_strings if option.startswith("--"))


def section(page: str, title: str) -> str:
    return re.split(r"^## ", PAGES[page], flags=re.MULTILINE)[
        1 + re.findall(r"^## (.*)$", PAGES[page], flags=re.MULTILINE).index(title)
    ]


ROOMS = {
    "predictions": ("predictions", "selection"),
    "embeddings": ("embeddings", "selection"),
    "weights": ("weights",),
    "network": ("network",),
    "curves": ("curves",),
}
"""The folders of `pages/ui` in which a page's own parameters of the link stand."""

BY_HAND = {
    "predictions": {"against", "against_run", "image"},
    "embeddings": {"layer", "settings", "beside", "image"},
    "weights": {"layer", "channel", "order", "before", "difference", "unit", "off", "tiles", "matched"},
    "network": {"image", "beside", "part"},
    "curves": set(),
}
"""Those that no bound widget writes."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_section_and_an_example(command):
    assert f"python -m mnist_core {command}" in section("command-line", f"`{command}`")


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_every_option_is_in_its_commands_section(command, option):
    everywhere = PAGES["command-line"].partition("\n## ")[0]
    assert f"`{option}" in (everywhere if option in ("--json", "--help") else section("command-line", f"`{command}`"))


@pytest.mark.parametrize("page", ROOMS)
def test_every_parameter_of_a_link_is_told_and_no_other(page):
    rows = [line.split("|")[1:3] for line in section("looking", "The link").splitlines() if line.startswith("| `")]
    told = {
        name for names, where in rows if page in where.strip().split(", ") for name in re.findall(r"`(\w+)`", names)
    }
    files = [path for room in ROOMS[page] for path in (ROOT / "pages" / "ui" / room).glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    constants = dict(re.findall(r'^([A-Z_]+) = "(\w+)"$', code, flags=re.MULTILINE))
    bound = re.findall(r'key=([\w"]+),(?:(?!key=)[^)])*?bind="query-params"', code)
    names = {constants.get(name, name.strip('"')) for name in bound}
    by_hand = BY_HAND[page]
    assert told == names | by_hand
    assert all(f'"{name}"' in code for name in by_hand)


def rows_of_settings():
    for method, made in METHODS.items():
        for doc in field_docs(made.settings):
            rule, default = doc.rule.removeprefix("must be "), f"{doc.default:g}"
            yield f"| `{method}` | `{doc.path}` | {rule} | {default} | {doc.help} |"


def test_every_setting_of_a_map_has_a_row_and_no_other():
    """If not: print what `rows_of_settings` says."""
    told = [line for line in section("command-line", "`embed`").splitlines() if re.match(r"\| `\w+` \| `", line)]
    assert told == list(rows_of_settings())


def test_no_section_without_a_command():
    assert re.findall(r"^## `(.*)`$", PAGES["command-line"], flags=re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_stands_beside_its_exit_code(name):
    code = 2 if issubclass(getattr(errors, name), errors.InvalidInput) else 1
    row = next(line for line in PAGES["command-line"].splitlines() if line.startswith(f"| {code} |"))
    assert f"`{name}`" in row


@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_every_exit_code_is_explained(code):
    assert re.search(rf"^\| {code} \| \w", PAGES["command-line"], flags=re.MULTILINE)


@pytest.mark.parametrize("name", presets)
def test_every_preset_has_a_row_with_its_parameters_and_what_its_source_reports(name):
    row = next(line for line in PAGES["networks"].splitlines() if line.startswith(f"| `{name}` |"))
    preset = presets[name]
    assert f"| {preset.parameters(10):,}; {preset.parameters(5):,} |" in row
    assert all(f"{accuracy:g}" in row for accuracy in preset.reported)
    assert f"{preset.training.epochs}" in row
    if preset.optimizer.name != "lbfgs":
        assert f"batch {preset.training.batch_size}," in row


def test_no_row_without_a_preset():
    assert re.findall(r"^\| `([\w-]+)` \|", PAGES["networks"], flags=re.MULTILINE) == list(presets)


def test_the_results_are_those_of_the_recorded_runs():
    made = runpy.run_path(str(DOCS / "results.py"))["section"]()
    assert made in PAGES["networks"]
    assert made.count("\n") >= 8


@pytest.mark.parametrize("name", [*SOURCES, *SHIPPED_GROUPINGS])
def test_every_dataset_and_grouping_is_explained(name):
    assert f"`{name}`" in PAGES["datasets"]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_row(name):
    assert f"| `MNIST_LAB_{name.upper()}` |" in PAGES["settings"]


def test_no_row_without_a_setting():
    rows = re.findall(r"^\| `MNIST_LAB_(\w+)` \|", PAGES["settings"], flags=re.MULTILINE)
    assert rows == [name.upper() for name in Settings.model_fields]


def test_the_page_of_the_specification_is_up_to_date():
    """If not: `python docs/specification.py > docs/specification.md`."""
    assert runpy.run_path(str(DOCS / "specification.py"))["page"]() == PAGES["specification"]


def test_every_field_is_on_the_page_of_the_specification():
    for doc in field_docs(RunSpec):
        assert f"| `{doc.path}` |" in PAGES["specification"]


def test_every_field_that_the_pages_set_exists():
    paths = {doc.path for doc in field_docs(RunSpec)} | {"epochs", "batch_size", "learning_rate"}
    paths |= {name for method in METHODS.values() for name in method.settings.model_fields}
    for page, text in PAGES.items():
        for path in re.findall(r"--set '?([a-z][\w.]*)=", text):
            assert re.sub(r"\.\d+\.", ".N.", path) in paths, page


def test_every_link_leads_somewhere():
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert target.startswith("https://") or (DOCS / target).exists(), (page, target)


def test_every_file_that_the_architecture_names_is_there():
    text = PAGES["architecture"]
    for name in re.findall(r"`([\w/]+(?:\.py|/))`", text):
        assert any((root / name).exists() for root in (ROOT, ROOT / "mnist_core")), name


def test_the_examples_that_do_not_train_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_LAB_HOME", str(tmp_path / "home"))
    examples = re.findall(r"^(<!-- trains -->\n)?```python\n(.*?)^```", PAGES["python"], flags=re.MULTILINE | re.DOTALL)
    assert len(examples) == 11
    names: dict[str, object] = {}
    for trains, code in examples:
        if not trains:
            exec(compile(code, "python.md", "exec"), names)
    assert capsys.readouterr().out.strip().splitlines()[-1] in PAGES["python"].replace('"`', "`").replace('"\n', "\n")


def test_the_readmes_commands_are_targets_of_the_makefile():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    called = set(re.findall(r"\bmake ([a-z][\w-]*)", readme))
    assert {"run", "test"} <= called <= targets


def test_the_readmes_commands_parse():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in re.findall(r"python -m mnist_core ((?:[\w-]+)(?: [^\n`]*)?)", readme):
        build_parser().parse_args(line.partition("#")[0].split())
