"""A store on every database at hand, and runs to put into it."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from mnist_core.runs import Archive, Blobs, Lease, Store, write_bundle
from mnist_core.runs.tables import metadata
from tests.unit.runs.sample_runs import SPEC, claim, train

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
    return SPEC.model_dump(mode="json")


@pytest.fixture
def claimed(store: Store, spec: dict[str, Any]) -> Lease:
    return claim(store, spec)


@pytest.fixture
def finished(archive: Archive, spec: dict[str, Any]) -> str:
    return train(archive, spec, name="quiet-otter")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.zip"


@pytest.fixture
def exported(archive: Archive, finished: str, path: Path) -> Path:
    write_bundle(archive, finished, path)
    return path


@pytest.fixture
def in_threads() -> Callable[..., list[Any]]:
    def call(function: Callable[[int], Any], count: int) -> list[Any]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(function, range(count)))

    return call
