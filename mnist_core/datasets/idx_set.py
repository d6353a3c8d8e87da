"""Four IDX files that make a dataset: their names, their pinned sums, and how they become one `Dataset`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_core.datasets import idx
from mnist_core.datasets.dataset import ByteArray, Dataset
from mnist_core.errors import DatasetDamaged

__all__ = ["FILES", "LABEL_FILES", "IdxSet", "check_complete", "file_sum", "find_files", "read_set"]

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
LABEL_FILES = (TRAIN_LABELS, TEST_LABELS)


@dataclass(frozen=True)
class IdxSet:
    """What is known of a published set.

    Attributes:
        name: name in the registry.
        classes: names of its classes.
        sums: sha256 of each uncompressed file, in the order of `FILES`.
        mirrors: addresses of folders that hold the gzipped files, first choice first.
        train: number of images of the published training part.
        test: number of images of the published test part.
    """

    name: str
    classes: tuple[str, ...]
    sums: tuple[str, str, str, str]
    mirrors: tuple[str, ...]
    train: int = 60_000
    test: int = 10_000


def find_files(folder: Path) -> dict[str, Path]:
    """Those of the four files that a folder holds, gzipped or not, in either spelling (`-idx3-ubyte`, `.idx3-ubyte`).

    Raises:
        DatasetDamaged: the folder exists and cannot be listed.
    """
    try:
        present = {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DatasetDamaged(f"`{folder}` cannot be listed ({error.strerror}); check its permissions.") from None
    found = {name: [spelling for spelling in _spellings(name) if spelling in present] for name in FILES}
    return {name: folder / spellings[0] for name, spellings in found.items() if spellings}


def check_complete(idx_set: IdxSet, files: Mapping[str, Path], folder: Path) -> None:
    """Refuses a folder that holds only some of the four files.

    Raises:
        DatasetDamaged: a file is missing.
    """
    for name in FILES:
        if name not in files:
            rule = f"`{folder}` must hold all four files of `{idx_set.name}`"
            raise DatasetDamaged(f"{rule}, got no `{name}`; add it, or move the others away.")


def read_set(idx_set: IdxSet, folder: Path) -> Dataset:
    """Reads the four files of a folder into one dataset.

    A sound set whose sums are not the pinned ones is used and says so in its `source`. The content hash is the sha256
    of the four sums, as hexadecimal text, joined in the order of `FILES`.

    Raises:
        DatasetDamaged: a file is missing or unsound, or images and labels differ in number.
    """
    files = find_files(folder)
    check_complete(idx_set, files, folder)
    # One part after the other, so that only one of them is in memory as file and as array at once.
    train_images, train_labels, train_sums = _read_part(files[TRAIN_IMAGES], files[TRAIN_LABELS], idx_set)
    test_images, test_labels, test_sums = _read_part(files[TEST_IMAGES], files[TEST_LABELS], idx_set)
    sums = train_sums + test_sums
    official = sums == idx_set.sums
    return Dataset(
        name=idx_set.name,
        images=np.concatenate([train_images, test_images]),
        labels=np.concatenate([train_labels, test_labels]),
        classes=idx_set.classes,
        official_train=len(train_labels),
        content_hash=hashlib.sha256("".join(sums).encode()).hexdigest(),
        source=f"{folder}" if official else f"{folder} (not the official files)",
        official=official,
    )


def file_sum(path: Path) -> str:
    """The sha256 of a file's uncompressed bytes.

    Raises:
        DatasetDamaged: it cannot be read or unpacked.
    """
    return hashlib.sha256(idx.read_bytes(path)).hexdigest()


def _spellings(name: str) -> tuple[str, ...]:
    dotted = name.replace("-idx", ".idx")
    return name, f"{name}.gz", dotted, f"{dotted}.gz"


def _read_part(images_path: Path, labels_path: Path, idx_set: IdxSet) -> tuple[ByteArray, ByteArray, tuple[str, str]]:
    images_data, labels_data = idx.read_bytes(images_path), idx.read_bytes(labels_path)
    images = idx.parse_images(images_data, images_path)
    labels = idx.parse_labels(labels_data, labels_path, classes=len(idx_set.classes))
    if len(images) != len(labels):
        rule = f"`{images_path}` and `{labels_path}` must be of the same length"
        raise DatasetDamaged(f"{rule}, got {len(images):,} images and {len(labels):,} labels; fetch both again.")
    return images, labels, (hashlib.sha256(images_data).hexdigest(), hashlib.sha256(labels_data).hexdigest())
