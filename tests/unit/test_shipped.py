import json
import shutil
import zipfile
from pathlib import Path

import pytest

from cached_models.build import FOLDER, MODELS, readme
from mnist_core.datasets.sources import SOURCES
from mnist_core.errors import StorageError
from mnist_core.networks.catalogue import presets
from mnist_core.runs import Archive, Blobs, Store
from mnist_core.runs.bundle import bundle_run
from mnist_core.runs.facts import Facts
from mnist_core.shipped import OWNER, import_in_background, import_shipped
from mnist_core.spec import RunSpec

DIGITS = "softmax-on-digits"
MOST_BYTES = 40_000_000
NAMES = [model.name for model in MODELS]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def archive(home: Path):
    with Store(f"sqlite:///{home}/lab.sqlite") as store:
        yield Archive(store, Blobs(str(home / "blobs")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one shipped bundle."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    shutil.copy(FOLDER / f"{DIGITS}.zip", folder)
    return folder


def names(archive: Archive) -> list[str]:
    return sorted(run.name for run in archive.store.runs())


def test_all_are_taken_in_once_and_belong_to_nobody_who_visits(archive, home):
    assert sorted(run.name for run in import_shipped(archive, FOLDER, home)) == sorted(NAMES)
    assert {run.owner for run in archive.store.runs()} == {OWNER}
    assert import_shipped(archive, FOLDER, home) == []
    assert names(archive) == sorted(NAMES)


def test_a_deleted_one_does_not_come_back(archive, folder, home):
    (run,) = import_shipped(archive, folder, home)
    archive.store.delete(run.id)
    assert import_shipped(archive, folder, home) == []
    assert names(archive) == []


def test_a_new_one_comes_and_one_with_the_same_numbers_does_not(archive, folder, home):
    import_shipped(archive, folder, home)
    shutil.copy(FOLDER / "bottleneck-on-digits.zip", folder)
    assert [run.name for run in import_shipped(archive, folder, home)] == ["bottleneck-on-digits"]
    offers = json.loads((home / "shipped.json").read_bytes())
    offers[0]["run"] = "of another build"
    (home / "shipped.json").write_text(json.dumps(offers), encoding="utf-8")
    archive.store.delete(bundle_run(folder / f"{DIGITS}.zip").id)
    assert import_shipped(archive, folder, home) == []


def test_a_damaged_one_is_left_out_and_said(archive, folder, home, caplog):
    data = bytearray((folder / f"{DIGITS}.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "damaged.zip").write_bytes(data)
    (folder / "nothing.zip").write_bytes(b"")
    shutil.move(folder / f"{DIGITS}.zip", folder / "sound.zip")
    assert [run.name for run in import_shipped(archive, folder, home)] == [DIGITS]
    assert "The shipped model `damaged.zip` is left out: " in caplog.text
    assert "The shipped model `nothing.zip` is left out: " in caplog.text


@pytest.mark.parametrize("text", ["", "{", "7", '[{"run": 1}]', "[[]]"])
def test_a_damaged_memory_takes_in_again_what_is_missing(archive, folder, home, caplog, text):
    import_shipped(archive, folder, home)
    (home / "shipped.json").write_text(text, encoding="utf-8")
    import_shipped(archive, folder, home)
    assert names(archive) == [DIGITS]
    assert "is written anew" in caplog.text
    assert len(json.loads((home / "shipped.json").read_bytes())) == 1


def test_no_folder_is_no_models(archive, tmp_path, home):
    assert import_shipped(archive, tmp_path / "nowhere", home) == []


def test_a_full_home_is_said(archive, folder, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"shipped\.json"):
        import_shipped(archive, folder, tmp_path / "file")


def test_the_background_says_what_it_did(archive, folder, home, caplog):
    caplog.set_level("INFO", "mnist_lab")
    import_in_background(archive, folder, home).join(30)
    assert f"Took in 1 shipped models: {DIGITS}." in caplog.text
    import_in_background(archive, folder, home / "lab.sqlite").join(30)
    assert "cannot be taken in now" in caplog.text


def test_the_list_is_what_the_folder_holds_and_the_readme_says():
    assert {path.stem for path in FOLDER.glob("*.zip")} == set(NAMES)
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == readme()


def test_together_they_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < MOST_BYTES


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_each_is_what_its_specification_gives_today(model):
    run = bundle_run(model.file)
    with zipfile.ZipFile(model.file) as bundle:
        facts = Facts.from_bytes(bundle.read("facts.json"))
        inside = {Path(name).name for name in bundle.namelist()}
    assert run.name == model.name
    assert RunSpec.parse(run.spec) == model.spec
    assert run.digest == model.spec.digest(facts.dataset.content_hash, facts.device)
    assert facts.dataset.official
    assert inside == {
        *("manifest.json", "run.json", "epochs.json", "points.npz", "splits.npz", "facts.json"),
        *("predictions.npz", "first_layer.npz", "weights.npz"),
    }


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_none_is_what_pressing_train_on_a_preset_would_show_at_once(model):
    digest = model.spec.digest("the same images", "cpu")
    untouched = [preset.on(name) for preset in presets.values() for name in SOURCES]
    assert digest not in {spec.digest("the same images", "cpu") for spec in untouched}
