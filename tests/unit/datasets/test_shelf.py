import io
import json
import os

import numpy as np
import pytest

from mnist_core.datasets import disk as module
from mnist_core.datasets import parse_npz
from mnist_core.datasets.shelf import off_shelf, on_shelf, own_sets, shelve
from mnist_core.errors import DatasetMissing, StorageFull


def npz(count: int = 9) -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.zeros((count, 28, 28), np.uint8), y=np.arange(count) % 3, classes=np.array(["a", "b", "c"]))
    return file.getvalue()


@pytest.fixture
def data() -> bytes:
    return npz()


def test_what_is_put_there_is_listed_and_had_again(settings, data):
    assert own_sets(settings) == ()
    own = shelve(data, parse_npz(data), settings)
    assert own_sets(settings) == (own,)
    assert (own.classes, own.images, own.label) == (("a", "b", "c"), 9, f"own data {own.name[:8]}")
    assert on_shelf(own.name, settings) == data
    assert sorted(path.suffix for path in (settings.home / "datasets" / "own").iterdir()) == [".json", ".npz"]


def test_the_latest_comes_first_and_once(settings, data):
    other = npz(12)
    first, second = (shelve(one, parse_npz(one), settings) for one in (data, other))
    shelve(data, parse_npz(data), settings)
    for age, own in enumerate((first, second)):
        os.utime(settings.home / "datasets" / "own" / f"{own.name}.json", (1000 - age, 1000 - age))
    assert own_sets(settings) == (first, second)


def test_taken_off_it_is_gone(settings, data):
    own = shelve(data, parse_npz(data), settings)
    off_shelf(own.name, settings)
    assert own_sets(settings) == ()
    with pytest.raises(DatasetMissing, match="is not here; take its file in"):
        on_shelf(own.name, settings)
    off_shelf(own.name, settings)
    off_shelf("../../secret", settings)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "mnist", "", "A" * 64])
def test_no_other_name_is_looked_for(settings, name):
    with pytest.raises(DatasetMissing):
        on_shelf(name, settings)


def without_classes(text: str) -> str:
    return json.dumps({name: value for name, value in json.loads(text).items() if name != "classes"})


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "[]",
        without_classes,
        lambda text: text.replace('"images": 9', '"images": 0'),
        lambda text: text.replace('"a", "b", "c"', '"a"'),
        lambda text: text.replace('"name": "', '"name": "0'),
    ],
)
def test_a_damaged_description_is_passed_over(settings, data, change):
    own = shelve(data, parse_npz(data), settings)
    path = settings.home / "datasets" / "own" / f"{own.name}.json"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert own_sets(settings) == ()


def test_a_full_disk_leaves_nothing(settings, data, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StorageFull, match="for your data"):
        shelve(data, parse_npz(data), settings)
    assert list((settings.home / "datasets" / "own").iterdir()) == []
