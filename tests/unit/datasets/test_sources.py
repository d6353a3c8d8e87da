import gzip
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_core import datasets
from mnist_core.datasets import sources
from mnist_core.datasets.idx_set import FILES
from mnist_core.datasets.sources import MNIST, SOURCES, IdxSource, available, class_count, load
from mnist_core.errors import DatasetDamaged, DatasetMissing
from mnist_core.settings import Settings

CONTENT_HASHES = {
    "mnist": "c65580678af93f1ea48c2c0d01d543ec89307c6b8a0eb7ca542d7c18c5f4c681",
    "fashion-mnist": "d1fd84a877f3b78fa9a171b3de73f93e7b6f69ed94bada3feae9d96821401f5c",
}
REAL = os.environ.get("MNIST_LAB_DATA", "")
needs_real_files = pytest.mark.skipif(not REAL, reason="needs the official files in MNIST_LAB_DATA")


def with_data(settings: Settings, *folders: Path) -> Settings:
    return Settings(home=settings.home, data=folders)


def test_public_names():
    assert datasets.__all__ == [
        "Dataset",
        "DatasetInfo",
        "Splits",
        "available",
        "class_count",
        "is_own",
        "load",
        "parse_npz",
        "read_bytes",
        "read_npz",
        "split",
        "to_model_input",
        "training_sample",
    ]


@needs_real_files
@pytest.mark.parametrize("name", CONTENT_HASHES)
def test_the_official_files(settings, name):
    dataset = load(name, with_data(settings, *map(Path, REAL.split(os.pathsep))))
    assert dataset.content_hash == CONTENT_HASHES[name]
    assert dataset.official
    assert (len(dataset.images), dataset.official_train, dataset.official_test) == (70_000, 60_000, 10_000)
    assert not settings.home.exists()


@needs_real_files
def test_official_files_in_no_named_folder_belong_to_the_set_they_are(settings, tmp_path):
    real = next(path for path in (Path(part) / "fashion-mnist" for part in REAL.split(os.pathsep)) if path.exists())
    for path in real.iterdir():
        (tmp_path / path.name).symlink_to(path.absolute())
    here = with_data(settings, tmp_path)
    assert [info.name for info in available(here) if info.available] == ["digits", "fashion-mnist"]
    assert load("fashion-mnist", here).official


def test_unknown_names_are_told_what_exists(settings):
    with pytest.raises(DatasetMissing, match=r"must be one of `digits`, `mnist`, `fashion-mnist`.* got 'emnist'"):
        load("emnist", settings)


def test_class_counts():
    assert {name: class_count(name) for name in SOURCES} == {"digits": 10, "mnist": 10, "fashion-mnist": 10}
    assert class_count("0" * 64) is None


def test_what_is_available_in_an_empty_home(settings):
    infos = available(settings)
    assert [(info.name, info.train, info.test, info.available) for info in infos] == [
        ("digits", 1797, 0, True),
        ("mnist", 60_000, 10_000, False),
        ("fashion-mnist", 60_000, 10_000, False),
    ]
    assert "downloaded at first use" in infos[1].source
    assert infos[2].classes[9] == "Ankle boot"
    assert not settings.home.exists()


def test_digits_need_nothing(settings):
    assert load("digits", settings).name == "digits"


def test_named_folder_before_bare_files_before_home(settings, tmp_path, write_files):
    places = [tmp_path / "a" / "mnist", tmp_path / "a", tmp_path / "b" / "mnist", settings.home / "datasets" / "mnist"]
    for place in reversed(places):
        write_files(place)
        here = with_data(settings, tmp_path / "nowhere", tmp_path / "a", tmp_path / "b")
        assert load("mnist", here).source == f"{place} (not the official files)"
        (info,) = [info for info in available(here) if info.name == "mnist"]
        assert (info.available, info.train, info.test, info.source) == (True, 40, 20, str(place))


def test_bare_files_that_nobody_published_are_mnist(settings, tmp_path, write_files):
    here = with_data(settings, write_files(tmp_path / "bare"))
    assert [info.available for info in available(here)] == [True, True, False]


def test_bare_files_belong_to_the_set_whose_labels_they_have(settings, tmp_path, write_files, idx_set, monkeypatch):
    mine = IdxSource(replace(idx_set(), name="mine"))
    monkeypatch.setitem(sources.SOURCES, "mine", mine)
    here = with_data(settings, write_files(tmp_path / "bare", {FILES[0]: b"damaged"}))
    assert [info.available for info in available(here)] == [True, False, False, False]
    with pytest.raises(DatasetDamaged, match="no IDX header"):
        load("mine", here)


@pytest.mark.parametrize("change", [b"\x1f\x8b\x08damaged", b"<html>", b""])
@pytest.mark.parametrize("name", FILES)
def test_damaged_never_means_the_next_place(settings, tmp_path, write_files, name, change):
    write_files(settings.home / "datasets" / "mnist")
    (write_files(tmp_path / "mnist") / f"{name}.gz").write_bytes(change)
    with pytest.raises(DatasetDamaged, match=name):
        load("mnist", with_data(settings, tmp_path))


def test_a_place_that_holds_some_files_decides(settings, tmp_path, write_files):
    write_files(settings.home / "datasets" / "mnist")
    (write_files(tmp_path / "mnist") / f"{FILES[3]}.gz").unlink()
    here = with_data(settings, tmp_path)
    with pytest.raises(DatasetDamaged, match=f"got no `{FILES[3]}`"):
        load("mnist", here)
    assert f"got no `{FILES[3]}`" in available(here)[1].source


def test_availability_of_damaged_files_is_told_in_a_sentence(settings, tmp_path, write_files):
    (write_files(tmp_path / "mnist") / f"{FILES[0]}.gz").write_bytes(gzip.compress(b"something else altogether"))
    info = available(with_data(settings, tmp_path))[1]
    assert not info.available
    assert "must begin with 2051" in info.source


def test_downloads_into_home_once(settings, start_mirror, idx_set):
    mirror = start_mirror()
    source = IdxSource(idx_set(mirror))
    first = source.load(settings)
    assert first.source == str(settings.home / "datasets" / "mnist")
    assert first.official
    assert source.load(settings).content_hash == first.content_hash
    assert len(mirror.requests) == 4
    assert source.info(settings).available


def test_a_download_that_failed_half_way_goes_on(settings, start_mirror, idx_set):
    mirror = start_mirror(t10k_images=404)
    source = IdxSource(idx_set(mirror))
    with pytest.raises(DatasetMissing, match="answered 404"):
        source.load(settings)
    assert not source.info(settings).available
    mirror.answers[FILES[2]] = start_mirror().answers[FILES[2]]
    assert source.load(settings).official


def test_pinned_sums_are_four_different_ones():
    assert len({*MNIST.sums, *sources.FASHION_MNIST.sums}) == 8
