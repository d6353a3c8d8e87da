"""The user's own images, from one `.npz` file: read within limits, checked against every rule, named by its sha256."""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnist_core.datasets.dataset import SIDE, ByteArray, Dataset
from mnist_core.datasets.npy import MAX_MEMBER, NpzFile
from mnist_core.errors import DatasetDamaged, DatasetMissing, InvalidDataset

__all__ = ["MAX_CLASSES", "MAX_IMAGES", "is_own", "parse_npz", "read_bytes", "read_npz"]

MAX_IMAGES = 200_000
MAX_CLASSES = 100
MAX_CLASS_NAME = 60
MAX_FILE = MAX_MEMBER + 16 * 2**20
BLOCK = 4096


def is_own(name: str) -> bool:
    """Whether a dataset's name is that of own data: 64 hexadecimal digits."""
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def read_npz(path: Path) -> Dataset:
    """Reads own data from a file; see `parse_npz` for what it must hold.

    Raises:
        DatasetMissing: there is no such file.
        DatasetDamaged: it cannot be read.
        InvalidDataset: it breaks one of the rules for own data.
    """
    return parse_npz(read_bytes(path), source=str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of own data, at most a byte more than such a file may have.

    Raises:
        DatasetMissing: there is no such file.
        DatasetDamaged: it cannot be read.
    """
    try:
        if not path.exists():
            raise DatasetMissing(f"`{path}` must be an `.npz` file, got no such file; check its name.")
        # Asked before it is opened, because opening a named pipe would wait for ever.
        if not path.is_file():
            raise DatasetDamaged(f"`{path}` must be an `.npz` file, got a folder or something else; check its name.")
        with path.open("rb") as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise DatasetDamaged(
            f"`{path}` cannot be read ({error.strerror}); check its permissions and the disk."
        ) from None


def parse_npz(data: bytes, *, source: str = "own data") -> Dataset:
    """Makes a dataset of the bytes of an `.npz` file.

    It holds `x`, (n, 28, 28), uint8 or floats in [0, 1], which become round(255 x); `y`, integers (n,), 0..k-1, each
    of them at least once, k between 2 and 100; optionally `classes`, the k names. Other members are ignored.

    Args:
        data: the file's bytes; their sha256 is the dataset's name and content hash.
        source: where they come from, for display and for sentences.

    Raises:
        DatasetDamaged: the bytes are not a sound `.npz` file.
        InvalidDataset: what is in it breaks one of the rules.
    """
    if len(data) > MAX_FILE:
        raise InvalidDataset(f"`{source}` must be at most {MAX_FILE // 2**20} MiB, got more; use fewer images.")
    npz = NpzFile(data, source)
    sha256 = hashlib.sha256(data).hexdigest()
    for name in ("x", "y"):
        if name not in npz:
            raise InvalidDataset(f"`{source}` must hold `x` and `y`, got {npz.names}; add `{name}`.")
    # The labels first: they are small, and what is wrong with them is known before the images are unpacked.
    labels = _labels(npz.read("y"), source)
    classes = _classes(npz, int(labels.max()) + 1, source)
    images = _images(npz.read("x"), source)
    if len(images) != len(labels):
        rule = f"`x` and `y` in `{source}` must be of the same length"
        raise InvalidDataset(f"{rule}, got {len(images):,} images and {len(labels):,} labels; pair them.")
    return Dataset(
        name=sha256,
        images=images,
        labels=labels,
        classes=classes,
        official_train=None,
        content_hash=sha256,
        source=source,
        official=False,
    )


def _labels(y: npt.NDArray[np.generic], source: str) -> ByteArray:
    rule = f"`y` in `{source}` must be integers of shape (n,), n between 1 and {MAX_IMAGES:,}"
    if y.dtype.kind not in "iu" or y.ndim != 1 or not 1 <= len(y) <= MAX_IMAGES:
        raise InvalidDataset(f"{rule}, got {y.dtype} of shape {y.shape}; convert it.")
    present = [int(label) for label in np.unique(y)]
    _check_labels(present, source)
    return y.astype(np.uint8)


def _check_labels(present: list[int], source: str) -> None:
    low, high = present[0], present[-1]
    rule = f"Labels in `y` of `{source}` must be 0 to k-1, k between 2 and {MAX_CLASSES}"
    if low == 1 and len(present) == high:
        raise InvalidDataset(f"{rule}, got 1 to {high}; subtract 1 from each.")
    if low < 0 or not 2 <= high + 1 <= MAX_CLASSES:
        raise InvalidDataset(f"{rule}, got {low} to {high}; number the classes from 0.")
    if missing := sorted(set(range(high + 1)) - set(present)):
        raise InvalidDataset(f"{rule}, each at least once, got none of {missing[0]}; number the classes without gaps.")


def _classes(npz: NpzFile, count: int, source: str) -> tuple[str, ...]:
    if "classes" not in npz:
        return tuple(str(label) for label in range(count))
    array = npz.read("classes")
    rule = f"`classes` in `{source}` must be {count} names, one per label, as text of shape ({count},)"
    if array.dtype.kind not in "US" or array.shape != (count,):
        raise InvalidDataset(f"{rule}, got {array.dtype} of shape {array.shape}; convert it.")
    try:
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in array.tolist()]
    except ValueError as error:
        raise InvalidDataset(f"{rule}, got bytes that are no text ({error}); write them as str.") from None
    for name in names:
        if not (0 < len(name) <= MAX_CLASS_NAME and name.isprintable() and name.strip() and names.count(name) == 1):
            what = f"different, printable and 1 to {MAX_CLASS_NAME} characters long"
            raise InvalidDataset(f"{rule}, {what}, got {name[:MAX_CLASS_NAME]!a}; rename it.")
    return tuple(names)


def _images(x: npt.NDArray[np.generic], source: str) -> ByteArray:
    rule = f"`x` in `{source}` must have shape (n, {SIDE}, {SIDE}), n between 1 and {MAX_IMAGES:,}"
    if x.ndim != 3 or x.shape[1:] != (SIDE, SIDE) or not 1 <= len(x) <= MAX_IMAGES:
        raise InvalidDataset(f"{rule}, got {x.shape}; reshape or resize the images.")
    if x.dtype == np.uint8:
        return x.astype(np.uint8, order="C")
    if x.dtype.kind != "f":
        raise InvalidDataset(f"`x` in `{source}` must be uint8, or floats in [0, 1], got {x.dtype}; convert it.")
    images = np.empty(x.shape, np.uint8)
    # In blocks, so that no second copy of all images in float64 is ever in memory.
    for start in range(0, len(x), BLOCK):
        images[start : start + BLOCK] = _scaled(x[start : start + BLOCK], source)
    return images


def _scaled(stored: npt.NDArray[np.generic], source: str) -> npt.NDArray[np.float64]:
    # A signalling NaN would warn here; like every NaN it is refused below.
    with np.errstate(invalid="ignore"):
        block = stored.astype(np.float64)
    low, high = block.min(), block.max()
    # Written so that NaN, which compares false with everything, is refused too.
    if not (low >= 0 and high <= 1):
        advice = "replace them" if not np.isfinite([low, high]).all() else "divide by 255, or store uint8"
        raise InvalidDataset(f"Floats in `x` of `{source}` must be in [0, 1], got {low:g} to {high:g}; {advice}.")
    return np.rint(block * 255)
