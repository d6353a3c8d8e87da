"""The environment settings: names, defaults, and the sentence of each broken rule."""

import os
from pathlib import Path

import pytest

from mnist_core.errors import InvalidInput
from mnist_core.settings import Settings, available_cores, load_settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MNIST_LAB_"):
            monkeypatch.delenv(name)


def test_defaults():
    settings = load_settings()
    assert settings.home.is_absolute()
    assert settings.data == ()
    assert (settings.profile, settings.scheduler) == ("local", "")
    assert settings.training_threads == available_cores() >= 1
    assert settings.snapshot_bytes == 256 * 2**20


def test_each_variable_is_read(monkeypatch, tmp_path):
    given = {
        "HOME": tmp_path / "home",
        "DATA": os.pathsep.join([str(tmp_path / "a"), "", str(tmp_path / "b")]),
        "DB": "sqlite:///elsewhere.sqlite",
        "BLOBS": "memory://blobs",
        "SCHEDULER": "tcp://127.0.0.1:8786",
        "PROFILE": "demo",
        "THREADS": 3,
        "SNAPSHOT_MB": 7,
    }
    assert set(given) == {name.upper() for name in Settings.model_fields}
    for name, value in given.items():
        monkeypatch.setenv(f"MNIST_LAB_{name}", str(value))
    settings = load_settings()
    assert settings.home == tmp_path / "home"
    assert settings.data == (tmp_path / "a", tmp_path / "b")
    assert settings.db == "sqlite:///elsewhere.sqlite"
    assert settings.blobs_url == "memory://blobs"
    assert settings.scheduler == "tcp://127.0.0.1:8786"
    assert (settings.profile, settings.training_threads, settings.snapshot_bytes) == ("demo", 3, 7 * 2**20)


def test_an_empty_variable_is_none(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.setenv(f"MNIST_LAB_{name.upper()}", "")
    assert load_settings() == Settings()


def test_blobs_are_kept_in_the_home_folder(tmp_path):
    settings = Settings(home=tmp_path)
    assert settings.blobs_url == str(tmp_path / "blobs")


def test_the_demo_keeps_less(tmp_path):
    assert Settings(profile="demo").snapshot_bytes == 64 * 2**20
    assert Settings(profile="workshop").snapshot_bytes == 256 * 2**20


def test_folders_are_absolute_and_may_begin_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_LAB_HOME", "~/lab")
    monkeypatch.setenv("MNIST_LAB_DATA", "images")
    settings = load_settings()
    assert settings.home == Path.home() / "lab"
    assert settings.data == (tmp_path / "images",)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PROFILE", "party", "`MNIST_LAB_PROFILE` must be one of local, demo, workshop, got 'party'."),
        ("THREADS", "many", "`MNIST_LAB_THREADS` must be a whole number between 0 and 1024, got 'many'."),
        ("THREADS", "-1", "`MNIST_LAB_THREADS` must be a whole number between 0 and 1024, got '-1'."),
        ("SNAPSHOT_MB", "1.5", "`MNIST_LAB_SNAPSHOT_MB` must be a whole number between 0 and 1000000, got '1.5'."),
        ("SCHEDULER", "localhost", "`MNIST_LAB_SCHEDULER` must be the address of a Dask scheduler, such as tcp://host"),
        ("HOME", "~nobody-of-that-name/x", "`MNIST_LAB_HOME` must name a folder, got '~nobody-of-that-name/x', a"),
        ("DATA", "~nobody-of-that-name/x", "`MNIST_LAB_DATA` must name a folder, got '~nobody-of-that-name/x', a"),
    ],
)  # fmt: skip
def test_a_broken_rule_gets_a_sentence(monkeypatch, name, value, expected):
    monkeypatch.setenv(f"MNIST_LAB_{name}", value)
    with pytest.raises(InvalidInput) as error:
        load_settings()
    assert str(error.value).startswith(expected)
    assert str(error.value).endswith(".")
