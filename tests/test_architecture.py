"""The arrows of docs/architecture.md, held by reading every import, those inside functions too."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import mnist_core

PACKAGE = Path(mnist_core.__file__).parent
ROOT = PACKAGE.parent


def named(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by the name under which they are imported."""
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


FILES = named(sorted(PACKAGE.rglob("*.py")))
SCREEN = named([ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))])
SHARED = [name for name in SCREEN if name.startswith("pages.ui.")]
BACKEND = "mnist_core.backend"
TENSORFLOW = ("tensorflow", "keras")
MAPPERS = ("scipy", "sklearn", "openTSNE", "umap", "numba", "threadpoolctl")
HEAVY = ("tensorflow", "keras", *MAPPERS, "dask", "distributed", "pandas", "streamlit", "plotly")
ENTRANCE = ("mnist_core.commands", "mnist_core.__main__")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((FILES | SCREEN)[module].read_text(encoding="utf-8"))


def imports(module: str, *, at_start: bool = False) -> set[str]:
    """What a module imports, as full names; `at_start` leaves out what only functions import."""
    return {name for node in nodes(tree(module), at_start) for name in imported(node)}


def nodes(parent: ast.AST, at_start: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(parent):
        if at_start and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        yield from nodes(node, at_start)


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full in FILES else str(node.module)


def uses(module: str, *packages: str, at_start: bool = False) -> bool:
    return any(inside(name, *packages) for name in imports(module, at_start=at_start))


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def loaded_with(module: str) -> set[str]:
    """Every module of the package that importing this one loads, with the packages around each."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in FILES and name not in seen:
            seen.add(name)
            waiting += [*imports(name, at_start=True), name.rpartition(".")[0]]
    return seen


@pytest.mark.parametrize("module", FILES)
def test_tensorflow_comes_in_by_one_door(module: str) -> None:
    assert uses(module, *TENSORFLOW) == (module == BACKEND)


@pytest.mark.parametrize("module", FILES)
def test_the_door_is_used_by_training_inference_and_build(module: str) -> None:
    if uses(module, BACKEND):
        assert inside(module, "mnist_core.training", "mnist_core.inference", "mnist_core.networks.build")


@pytest.mark.parametrize("module", FILES)
def test_rooms_without_tensorflow_never_load_it(module: str) -> None:
    rooms = ("datasets", "networks", "runs", "analysis", "figures")
    light = tuple(f"mnist_core.{room}" for room in rooms)
    if inside(module, *light) and module != "mnist_core.networks.build":
        assert BACKEND not in loaded_with(module)


@pytest.mark.parametrize("module", FILES)
def test_the_core_knows_no_screen(module: str) -> None:
    assert not uses(module, "streamlit", "app", "pages")


@pytest.mark.parametrize("module", FILES | SCREEN)
def test_plotly_comes_in_by_one_door(module: str) -> None:
    assert uses(module, "plotly") == (module == "mnist_core.figures.sheet")


@pytest.mark.parametrize("module", FILES)
def test_who_makes_maps_loads_its_libraries_when_they_are_needed(module: str) -> None:
    assert not uses(module, "openTSNE", "umap", "numba", at_start=True)
    if uses(module, "openTSNE", "umap", "numba"):
        assert inside(module, "mnist_core.analysis.embedding")


@pytest.mark.parametrize("module", FILES)
def test_nobody_needs_the_figures(module: str) -> None:
    if not inside(module, "mnist_core.figures"):
        assert not uses(module, "mnist_core.figures")


@pytest.mark.parametrize("module", FILES)
def test_sql_is_spoken_in_one_room(module: str) -> None:
    if uses(module, "sqlalchemy"):
        assert inside(module, "mnist_core.runs")


@pytest.mark.parametrize("module", FILES | SCREEN)
def test_dask_is_spoken_in_one_room(module: str) -> None:
    if uses(module, "dask", "distributed"):
        assert module == "mnist_core.jobs.engine"
        assert not uses(module, "dask", "distributed", at_start=True)


NOT_ON_SCREEN = (
    "tensorflow", "keras", "umap", "openTSNE", "numba", "sqlalchemy", "sklearn", "scipy",
    "mnist_core.backend", "mnist_core.training", "mnist_core.inference", "mnist_core.networks.build",
    *ENTRANCE,
)  # fmt: skip


@pytest.mark.parametrize("module", SCREEN)
def test_pages_compute_nothing(module: str) -> None:
    used = imports(module) - {"mnist_core.inference.predictions"}
    assert not [name for name in used if inside(name, *NOT_ON_SCREEN)]


@pytest.mark.parametrize("module", SHARED)
def test_what_pages_share_knows_no_page(module: str) -> None:
    for name in imports(module):
        assert not inside(name, "app")
        assert not inside(name, "pages") or inside(name, "pages.ui"), name


@pytest.mark.parametrize("module", FILES)
def test_only_the_entrance_knows_the_commands(module: str) -> None:
    if uses(module, *ENTRANCE):
        assert inside(module, *ENTRANCE)


ARROWS = {
    "mnist_core.errors": (),
    "mnist_core.part": (),
    "mnist_core.seeding": (),
    "mnist_core.npz": (),
    "mnist_core.machine": (),
    "mnist_core.settings": ("errors", "part", "sentences"),
    "mnist_core.spec": ("errors", "part", "sentences", "overrides", "networks"),
    "mnist_core.datasets": ("errors", "npz", "settings", "spec", "datasets"),
    # A bundle's weights are checked against what its layer stack has.
    "mnist_core.runs": ("errors", "networks.shapes", "npz", "runs", "spec"),
    "mnist_core.analysis": (
        "errors", "inference.predictions", "analysis", "networks.layers", "networks.shapes", "part",
    ),
    "mnist_core.training": (
        "analysis", "backend", "datasets", "errors", "inference", "machine", "networks", "npz", "runs", "seeding",
        "settings", "spec", "training",
    ),
    "mnist_core.jobs": (
        "analysis.embedding", "datasets", "errors", "inference.activations", "inference.predictions", "inspection",
        "jobs", "lab", "machine", "maps", "networks.cost", "npz", "run", "runs", "settings", "spec",
        "training.assignment", "training.execute", "training.runtime",
    ),
    "mnist_core.maps": (
        "analysis.embedding", "errors", "inference.activations", "maps", "networks.shapes", "npz", "part", "runs",
        "sentences",
    ),
    "mnist_core.inspection": (
        "analysis.units", "datasets", "errors", "inference.ablation", "inference.chunks", "inference.image",
        "inference.predictions", "inference.units", "inspection", "maps.subject", "networks.layers", "networks.shapes",
        "npz", "part", "runs", "sentences", "spec",
    ),
    "mnist_core.inference": (
        "analysis.principal", "analysis.units", "backend", "datasets", "errors", "inference", "networks", "npz", "spec",
    ),
}  # fmt: skip


@pytest.mark.parametrize("room", ARROWS)
def test_imports_go_one_way(room: str) -> None:
    allowed = tuple(f"mnist_core.{name}" for name in ARROWS[room])
    for module in FILES:
        if inside(module, room):
            own = {name for name in imports(module) if inside(name, "mnist_core")}
            assert {name for name in own if not inside(name, *allowed)} == set(), module


@pytest.mark.parametrize("module", FILES)
def test_no_circle_at_start(module: str) -> None:
    """A module that is loaded first loads; Python's own order hides circles from whoever loads another one first."""
    for other in imports(module, at_start=True) & FILES.keys():
        if module != "mnist_core" and not inside(module, other):
            assert module not in loaded_without_packages(other), f"{module} and {other} load each other"


@cache
def loaded_without_packages(module: str) -> frozenset[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in FILES and name not in seen:
            seen.add(name)
            waiting += imports(name, at_start=True)
    return frozenset(seen)


LIGHT = [
    "mnist_core",
    "mnist_core.jobs",
    "mnist_core.runs",
    "mnist_core.lab",
    "mnist_core.maps",
    "mnist_core.inspection",
]


@pytest.mark.parametrize("package", [*LIGHT, "mnist_core.analysis.embedding"])
def test_importing_the_package_is_light(package: str) -> None:
    answer = in_a_fresh_process(f"import sys, {package}; print(' '.join(sys.modules))")
    loaded = {name.partition(".")[0] for name in answer.split()}
    assert not loaded & set(HEAVY)


def test_the_command_line_can_be_parsed_without_tensorflow() -> None:
    answer = in_a_fresh_process("import sys, mnist_core.__main__ as m; m.build_parser(); print(' '.join(sys.modules))")
    assert not {name.partition(".")[0] for name in answer.split()} & set(HEAVY)


def in_a_fresh_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout


OFFERING = [name for name in FILES if FILES[name].name not in ("__init__.py", "backend.py")]


@pytest.mark.parametrize("module", [*OFFERING, *(name for name in SHARED if SCREEN[name].name != "__init__.py")])
def test_every_module_says_what_it_offers(module: str) -> None:
    names = declared(module)
    assert names, f"{module} has no `__all__`"
    assert len(set(names)) == len(names)
    assert set(names) <= set(defined(module))


@pytest.mark.parametrize("module", [name for name in FILES if FILES[name].name == "__init__.py"])
def test_what_a_package_offers_is_there(module: str) -> None:
    for name in declared(module):
        assert hasattr(importlib.import_module(module), name)


def declared(module: str) -> list[str]:
    for node in tree(module).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return ast.literal_eval(node.value)
    return []


def defined(module: str) -> Iterator[str]:
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (inner.id for t in targets for inner in ast.walk(t) if isinstance(inner, ast.Name))


def test_what_the_package_offers_is_pinned() -> None:
    assert mnist_core.__all__ == [
        "Dataset",
        "Lab",
        "MnistLabError",
        "Preset",
        "Run",
        "RunSpec",
        "Settings",
        "dataset",
        "open_run",
        "presets",
        "recorded_runs",
        "train",
    ]


BORDERS = (
    "mnist_core.training.execute",
    "mnist_core.jobs.control",
    "mnist_core.jobs.work",
    "pages.ui.guard",
    "pages.ui.frame.prefetch",
)
"""Trainings, workers, pages, and what is read ahead: whatever goes wrong inside is recorded there."""


@pytest.mark.parametrize("module", FILES | SCREEN)
def test_errors_are_caught_by_name_but_at_the_borders(module: str) -> None:
    """What cleans up and then raises the same again may catch everything."""
    broad = {"Exception", "BaseException"}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ExceptHandler):
            caught = {inner.id for inner in ast.walk(node.type) if isinstance(inner, ast.Name)} if node.type else broad
            passes_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            assert not caught & broad or passes_on or module in BORDERS, f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", FILES)
def test_modules_are_short_and_named_after_what_they_do(module: str) -> None:
    assert len(FILES[module].read_text(encoding="utf-8").splitlines()) <= 450
    assert not re.search(r"\b(utils?|helpers?|misc|common)\b", module)


@pytest.mark.parametrize("module", [name for name in SCREEN if name not in SHARED])
def test_pages_are_thin(module: str) -> None:
    limit = 80 if module == "app" else 170
    assert len(SCREEN[module].read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("module", FILES | SCREEN)
def test_every_module_opens_with_what_it_is(module: str) -> None:
    text = (FILES | SCREEN)[module].read_text(encoding="utf-8").strip()
    assert not text or ast.get_docstring(tree(module)), module


def test_every_error_stands_in_the_tree() -> None:
    errors = importlib.import_module("mnist_core.errors")
    for name in errors.__all__:
        assert re.search(rf"\b{name}\b", errors.__doc__), name
        assert issubclass(getattr(errors, name), errors.MnistLabError)


def test_names_of_test_files_are_unique() -> None:
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
