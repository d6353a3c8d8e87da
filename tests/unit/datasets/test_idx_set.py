import hashlib
from pathlib import Path

import pytest

from mnist_core.datasets.idx_set import FILES, find_files, read_set
from mnist_core.datasets.sources import MNIST
from mnist_core.errors import DatasetDamaged


def test_reads_training_part_then_test_part(tmp_path, files, write_files, idx_set):
    dataset = read_set(idx_set(), write_files(tmp_path / "set"))
    sums = [hashlib.sha256(files[name]).hexdigest() for name in FILES]
    assert dataset.content_hash == hashlib.sha256("".join(sums).encode()).hexdigest()
    assert dataset.images.tobytes() == files[FILES[0]][16:] + files[FILES[2]][16:]
    assert dataset.labels.tobytes() == files[FILES[1]][8:] + files[FILES[3]][8:]
    assert (dataset.official_train, dataset.official_test, dataset.official) == (40, 20, True)
    assert dataset.source == str(tmp_path / "set")


def test_a_sound_set_of_other_files_is_used_and_says_so(tmp_path, write_files):
    dataset = read_set(MNIST, write_files(tmp_path))
    assert not dataset.official
    assert dataset.source.endswith("(not the official files)")


@pytest.mark.parametrize("spelling", ["{}", "{}.gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_every_spelling_is_found(tmp_path: Path, spelling: str, dotted: bool):
    for name in FILES:
        (tmp_path / spelling.format(name.replace("-idx", ".idx") if dotted else name)).touch()
    assert list(find_files(tmp_path)) == list(FILES)


def test_folders_that_hold_nothing(tmp_path: Path):
    (tmp_path / "file").touch()
    assert find_files(tmp_path) == find_files(tmp_path / "nowhere") == find_files(tmp_path / "file") == {}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, write_files, idx_set, name: str):
    (write_files(tmp_path) / f"{name}.gz").unlink()
    with pytest.raises(DatasetDamaged, match=f"all four files of `mnist`, got no `{name}`"):
        read_set(idx_set(), tmp_path)


def test_images_and_labels_must_be_of_the_same_length(tmp_path: Path, files, write_files, idx_set):
    write_files(tmp_path, {FILES[1]: files[FILES[3]]})
    with pytest.raises(DatasetDamaged, match="got 40 images and 20 labels"):
        read_set(idx_set(), tmp_path)
