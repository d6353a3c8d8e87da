"""The shelf: own data that was taken in here, kept until it is taken off, so that it can be chosen again.

Each set is two files in `HOME/datasets/own`: the `.npz` as it was given, named by its sha256, and a short description
beside it, so that listing the shelf reads no images.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from mnist_core.datasets.dataset import Dataset
from mnist_core.datasets.disk import storage_errors, write_whole
from mnist_core.datasets.own import MAX_CLASSES, MAX_IMAGES, is_own
from mnist_core.errors import DatasetMissing
from mnist_core.settings import Settings

__all__ = ["OwnSet", "is_shelved", "off_shelf", "on_shelf", "own_sets", "shelve"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OwnSet:
    """What the shelf says of one set.

    Attributes:
        name: its sha256.
        classes: names of its classes.
        images: number of its images.
    """

    name: str
    classes: tuple[str, ...]
    images: int

    @property
    def label(self) -> str:
        """How it is shown: "own data 3f9a12c4"."""
        return f"own data {self.name[:8]}"


def shelve(data: bytes, dataset: Dataset, settings: Settings) -> OwnSet:
    """Puts own data on the shelf; what is there already stays as it is.

    Args:
        data: the bytes of the `.npz` file.
        dataset: what `parse_npz` made of them.
        settings: where the shelf is.

    Raises:
        StorageError: it cannot be written.
    """
    own = OwnSet(dataset.name, dataset.classes, len(dataset.labels))
    file = _file(own.name, settings)
    with storage_errors(file.parent, "your data"):
        if not file.exists():
            write_whole(file, data)
        # The description comes last: a set is on the shelf when it is there.
        write_whole(file.with_suffix(".json"), json.dumps(asdict(own)).encode())
    return own


def own_sets(settings: Settings) -> tuple[OwnSet, ...]:
    """The sets on the shelf, the latest first; reads descriptions only."""
    described = _shelf(settings).glob("*.json")
    dated = []
    for path in described:
        own = _read(path)
        if own and path.with_suffix(".npz").exists():
            dated.append((path.stat().st_mtime, own.name, own))
    return tuple(own for *_, own in sorted(dated, reverse=True))


def on_shelf(name: str, settings: Settings) -> bytes:
    """The `.npz` file of a set.

    Raises:
        DatasetMissing: it is not on the shelf.
        StorageError: it cannot be read.
    """
    file = _file(name, settings)
    with storage_errors(file.parent, "your data"):
        if not is_own(name) or not file.exists():
            raise DatasetMissing(
                f"Own data `{name}` is not here; take its file in with `mnist_core.dataset(FILE.npz)` and try again."
            )
        return file.read_bytes()


def is_shelved(name: str, settings: Settings) -> bool:
    """Whether a set is on the shelf."""
    return is_own(name) and _file(name, settings).exists()


def off_shelf(name: str, settings: Settings) -> None:
    """Takes a set off the shelf; runs that were trained on it keep their own copy.

    Raises:
        StorageError: the shelf cannot be written.
    """
    if is_own(name):
        file = _file(name, settings)
        with storage_errors(file.parent, "your data"):
            file.with_suffix(".json").unlink(missing_ok=True)
            file.unlink(missing_ok=True)


def _shelf(settings: Settings) -> Path:
    return settings.home / "datasets" / "own"


def _file(name: str, settings: Settings) -> Path:
    return _shelf(settings) / f"{name}.npz"


def _read(path: Path) -> OwnSet | None:
    """A description; None for what is none, which is said in the log."""
    try:
        plain = json.loads(path.read_bytes())
        own = OwnSet(str(plain["name"]), tuple(map(str, plain["classes"])), int(plain["images"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is passed over, as it does not describe own data (%s).", path, error)
        return None
    sound = own.name == path.stem and is_own(own.name)
    return own if sound and 2 <= len(own.classes) <= MAX_CLASSES and 1 <= own.images <= MAX_IMAGES else None
