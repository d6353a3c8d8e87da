"""A store on every database at hand, and runs to put into it."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from mnist_core.runs import Archive, Blobs, Lease, Store
from mnist_core.runs.tables import metadata
from mnist_core.spec import RunSpec
from tests.unit.runs.sample_runs import claim, train

DATABASES = ["sqlite", *(["other"] if os.environ.get("MNIST_LAB_TEST_DB") else [])]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/lab.sqlite"
        return
    other = os.environ["MNIST_LAB_TEST_DB"]
    yield other
    engine = create_engine(other)
    metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store(url) as opened:
        yield opened


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Store(f"sqlite:///{tmp_path}/home/lab.sqlite") as opened:
        yield Archive(opened, Blobs(str(tmp_path / "home" / "blobs")))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Archive]:
    with Store(f"sqlite:///{tmp_path}/elsewhere/lab.sqlite") as opened:
        yield Archive(opened, Blobs(str(tmp_path / "elsewhere" / "blobs")))


@pytest.fixture(scope="session")
def spec() -> dict[str, Any]:
    layers = [{"kind": "flatten"}, {"kind": "dense", "units": 10, "activation": "linear"}]
    return RunSpec.parse({"dataset": {"name": "digits"}, "network": {"layers": layers}}).model_dump(mode="json")


@pytest.fixture
def claimed(store: Store, spec: dict[str, Any]) -> Lease:
    return claim(store, spec)


@pytest.fixture
def finished(archive: Archive, spec: dict[str, Any]) -> str:
    return train(archive, spec, name="quiet-otter")


@pytest.fixture
def in_threads() -> Callable[..., list[Any]]:
    def call(function: Callable[[int], Any], count: int) -> list[Any]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(function, range(count)))

    return call
