from pathlib import Path

import pytest

from mnist_core.lab import Lab
from mnist_core.settings import Settings


@pytest.fixture
def lab(tmp_path: Path):
    """An installation of its own, without any data folder."""
    lab = Lab(Settings(home=tmp_path / "home", data=(), threads=2))
    yield lab
    lab.archive.store.close()
