"""A laboratory in a new home, and jobs that look after their runs a hundred times faster than in real life."""

import pytest

from mnist_core.jobs import Jobs, control, desk
from mnist_core.lab import Lab
from mnist_core.settings import Settings
from tests.unit.jobs.memory_engine import MemoryEngine


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    for name in ("ROUND_SECONDS", "URGENT_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(control, name, 0.01)
    monkeypatch.setattr(desk, "has_gpu", lambda: False)


@pytest.fixture
def make_lab(tmp_path):
    labs = []

    def make(**more):
        labs.append(Lab(Settings(home=tmp_path / "home", data=(), **more)))
        return labs[-1]

    yield make
    for one in labs:
        one.close()


@pytest.fixture
def lab(make_lab):
    return make_lab()


@pytest.fixture
def store(lab):
    return lab.archive.store


@pytest.fixture
def engine():
    return MemoryEngine()


@pytest.fixture
def start_jobs(lab):
    """Opens jobs with an engine, or with a function that starts one."""
    opened = []

    def start(engine):
        opened.append(Jobs(lab, engine if callable(engine) else lambda _: engine))
        opened[-1].start()
        return opened[-1]

    yield start
    for one in opened:
        one.close()
