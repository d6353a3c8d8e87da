"""For tests of pages: a laboratory of its own in which nobody works, a trained run to copy, runs in any state."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from mnist_core import presets
from mnist_core.run import Run
from mnist_core.runs import EpochRecord, Lease, RunRecord, RunState
from pages.ui import services as services_module
from pages.ui.services import Services, close_services, services

TIMEOUT = 120
NAVIGATION = Path(__file__).parents[2] / "pages" / "navigation.py"
TRAINED = {"best_epoch": 2, "kept_epoch": 2, "train": None, "images_per_second": 1000.0, "machine": "a test"}
TEST_RESULT = {"epoch": 2, "loss": 0.3, "accuracy": 0.9, "errors": 27, "interval": [0.86, 0.93]}


@pytest.fixture(scope="session", autouse=True)
def scanned_once() -> Iterator[None]:
    """Each new visitor would have all installed packages looked through for components, half a second each time."""
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda *_, **__: found)
        yield


@pytest.fixture(scope="session", autouse=True)
def without_keras() -> Iterator[None]:
    """The app's process never has Keras, of which Streamlit clears the session after each run; this one may have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a laboratory that starts empty and has no engine: what is queued stays queued."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("MNIST_LAB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MNIST_LAB_HOME", str(folder))
    monkeypatch.setattr(services_module, "start_engine", None)
    _clear_caches()
    yield folder
    close_services()
    _clear_caches()


def _clear_caches() -> None:
    close_services()
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


@pytest.fixture
def shared(home: Path) -> Services:
    """What the pages of that laboratory share; ask for what fills `home` before this."""
    return services()


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laboratory with one run, trained in another process, so that this one stays without TensorFlow."""
    folder = tmp_path_factory.mktemp("trained")
    command = "train --preset softmax-regression --dataset digits --set training.epochs=2 --json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MNIST_LAB_")}
    subprocess.run(
        [sys.executable, "-m", "mnist_core", *command.split()],
        env=environment | {"MNIST_LAB_HOME": str(folder), "MNIST_LAB_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def finished_run(home: Path, trained_home: Path) -> Run:
    """A softmax regression, trained for two epochs on the digits, in `home`."""
    shutil.copytree(trained_home, home, dirs_exist_ok=True)
    (record,) = services().lab.archive.store.runs()
    return services().lab.run(record.id)


AddRun = Callable[..., RunRecord]


@pytest.fixture
def add_run(home: Path) -> AddRun:
    """Adds a run in any state, with the numbers of as many epochs as wanted and no predictions.

    `add_run("running", epochs=3, owner="ann", name="one")`
    """

    def add(state: str = "queued", *, epochs: int | None = None, reason: str | None = None, **more: Any) -> RunRecord:
        store = services().lab.archive.store
        spec = presets["softmax-regression"].on(more.pop("dataset", "digits"), epochs=9)
        plain = json.loads(spec.model_dump_json())
        digest = more.pop("digest", os.urandom(8).hex())
        record = store.submit(plain, digest=digest, device="cpu", cost=12.0, **more)
        wanted = RunState(state)
        if wanted is RunState.QUEUED:
            return store.run(record.id)
        lease = store.claim(record.id, ticket="t", worker="a-worker", device="cpu")
        assert lease
        last = epochs if epochs is not None else -1 if wanted is RunState.FAILED else 2
        for number in range(last + 1):
            _commit_epoch(lease, number)
        if wanted.is_finished:
            result = TRAINED | {"test": TEST_RESULT} if wanted is RunState.DONE else None
            store.finish(lease, wanted, reason=reason, result=result, used=41.0)
        return store.run(record.id)

    return add


@pytest.fixture
def commit_epoch() -> Callable[[RunRecord, int], None]:
    """Records the numbers of one more epoch of a run that `add_run` left running: `commit_epoch(record, 3)`."""
    return lambda record, number: _commit_epoch(Lease(record.id, "t", record.attempt), number)


def _commit_epoch(lease: Lease, number: int) -> None:
    accuracy = 1 - 0.5 / (number + 1)
    metrics = {"loss": None if number == 0 else 1 - accuracy, "accuracy": None if number == 0 else accuracy}
    metrics |= {"val_loss": 1.1 - accuracy, "val_accuracy": accuracy}
    metrics |= {"train_eval_loss": 1 - accuracy, "train_eval_accuracy": accuracy, "penalty": 0.0}
    services().lab.archive.store.commit_epoch(lease, EpochRecord(number, metrics, 4.0, 0.5, 0.1), [])


OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(home: Path) -> OpenPage:
    """Opens a page as a new visitor: `open_page("predictions", run="quiet-otter", epoch="3")`."""

    def visit(name: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(NAVIGATION), default_timeout=TIMEOUT)
        app.switch_page(f"{name}.py")
        app.query_params.update(query)
        return app.run()

    return visit
