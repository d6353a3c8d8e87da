"""The datasets that have a name, and where each is looked for; a new dataset is one new entry of `SOURCES`.

A published set is taken from the first place that has a file of it: each folder of `MNIST_LAB_DATA` (in it the folder
with the set's name, then the files themselves), the downloads in `MNIST_LAB_HOME`, a mirror. What is damaged there is
refused; the next place is not asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mnist_core.datasets import digits, idx
from mnist_core.datasets.dataset import Dataset, DatasetInfo
from mnist_core.datasets.download import Report, download
from mnist_core.datasets.idx_set import (
    FILES,
    LABEL_FILES,
    IdxSet,
    check_complete,
    file_sum,
    find_files,
    read_set,
)
from mnist_core.errors import DatasetDamaged, DatasetMissing
from mnist_core.settings import Settings

__all__ = ["FASHION_MNIST", "MNIST", "SOURCES", "IdxSource", "Source", "available", "class_count", "fetch", "load"]


class Source(Protocol):
    """Where one named dataset comes from."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes, known before it is loaded."""

    def load(self, settings: Settings) -> Dataset:
        """Gets the dataset, from wherever it is first found."""

    def info(self, settings: Settings) -> DatasetInfo:
        """Says whether it is at hand; reads headers at most, downloads nothing."""


@dataclass(frozen=True)
class DigitsSource:
    """The bundled digits."""

    classes: tuple[str, ...] = digits.CLASSES

    def load(self, settings: Settings) -> Dataset:  # noqa: ARG002 (every source is asked alike)
        """Unpacks the bundled digits; the same record each time."""
        return digits.load_digits()

    def info(self, settings: Settings) -> DatasetInfo:  # noqa: ARG002 (every source is asked alike)
        """All images count as training: there is no official test part, `split.test` takes one from them."""
        return DatasetInfo("digits", self.classes, digits.COUNT, 0, available=True, source="bundled")


@dataclass(frozen=True)
class IdxSource:
    """A published set of four IDX files."""

    idx_set: IdxSet

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the set's classes."""
        return self.idx_set.classes

    def load(self, settings: Settings) -> Dataset:
        """Reads the set from the first place that has a file of it, after a download if none has.

        Raises:
            DatasetMissing: it is nowhere, and no mirror answers.
            DatasetDamaged: a file is not what it should be.
            StorageError: the download cannot be stored.
        """
        home = self._home(settings)
        folder = self._folder(settings) or home
        if folder == home and len(find_files(home)) < len(FILES):
            download(self.idx_set, home)
        return read_set(self.idx_set, folder)

    def fetch(self, settings: Settings, report: Report) -> None:
        """Downloads what is missing of the set into `MNIST_LAB_HOME`, unless a folder that is only read has it.

        Raises:
            DatasetMissing: no mirror answers.
            DatasetDamaged: a mirror sends another file, or those that are here are not official ones.
            StorageError: the download cannot be stored.
        """
        if self._folder(settings) is None:
            download(self.idx_set, self._home(settings), report)

    def info(self, settings: Settings) -> DatasetInfo:
        """The numbers that the files' headers say, or the published ones while it is not at hand."""
        home = self._home(settings)
        try:
            folder = self._folder(settings) or home
            files = find_files(folder)
            if folder == home and len(files) < len(FILES):
                return self._info(f"downloaded at first use into {home}; or name its folder with MNIST_LAB_DATA")
            check_complete(self.idx_set, files, folder)
            train, test = (idx.read_count(files[name]) for name in FILES if name not in LABEL_FILES)
        except DatasetDamaged as error:
            return self._info(str(error))
        return DatasetInfo(self.idx_set.name, self.classes, train, test, available=True, source=str(folder))

    def _info(self, source: str) -> DatasetInfo:
        known = self.idx_set
        return DatasetInfo(known.name, known.classes, known.train, known.test, available=False, source=source)

    def _home(self, settings: Settings) -> Path:
        return settings.home / "datasets" / self.idx_set.name

    def _folder(self, settings: Settings) -> Path | None:
        """The first of the read-only folders that holds a file of this set."""
        for folder in settings.data:
            named = folder / self.idx_set.name
            if find_files(named):
                return named
            bare = find_files(folder)
            if bare and self.idx_set.name in _owners(bare):
                return folder
        return None


MNIST = IdxSet(
    name="mnist",
    classes=tuple(str(digit) for digit in range(10)),
    sums=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
)

FASHION_MNIST = IdxSet(
    name="fashion-mnist",
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    sums=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    mirrors=(
        # This one speaks http only; the pinned sums are what makes it safe.
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
)

SOURCES: dict[str, Source] = {
    "digits": DigitsSource(),
    "mnist": IdxSource(MNIST),
    "fashion-mnist": IdxSource(FASHION_MNIST),
}


def load(name: str, settings: Settings) -> Dataset:
    """Gets a dataset by its name.

    Raises:
        DatasetMissing: no dataset has that name, or it is neither here nor to be had.
        DatasetDamaged: a file is not what it should be.
        StorageError: a download cannot be stored.
    """
    if name not in SOURCES:
        known = ", ".join(f"`{known}`" for known in SOURCES)
        raise DatasetMissing(f"`dataset` must be one of {known}, or an `.npz` file of your own, got {name!r}.")
    return SOURCES[name].load(settings)


def fetch(name: str, settings: Settings, report: Report) -> None:
    """Downloads a named dataset that is not here yet, telling how far it is; nothing to do for what is bundled.

    Raises:
        DatasetMissing: no mirror answers.
        DatasetDamaged: a mirror sends another file, or those that are here are not official ones.
        StorageError: the download cannot be stored.
    """
    source = SOURCES.get(name)
    if isinstance(source, IdxSource):
        source.fetch(settings, report)


def available(settings: Settings) -> tuple[DatasetInfo, ...]:
    """What is known of each named dataset; headers are read at most, and nothing is downloaded."""
    return tuple(source.info(settings) for source in SOURCES.values())


def class_count(name: str) -> int | None:
    """Number of classes of a named dataset, before any grouping; None for own data and unknown names."""
    return len(SOURCES[name].classes) if name in SOURCES else None


def _owners(bare: Mapping[str, Path]) -> list[str]:
    """The sets that files lying in no named folder belong to, by the sums of the label files, which are small.

    Files that are no published set's count as `mnist`, the set that the file names come from.
    """
    published = [source.idx_set for source in SOURCES.values() if isinstance(source, IdxSource)]
    sums = set()
    for name in LABEL_FILES:
        try:
            sums.add(file_sum(bare[name]))
        except (KeyError, DatasetDamaged):
            # Missing or damaged: says nothing about the owner, and is refused when the set is read.
            continue
    return [known.name for known in published if sums & set(known.sums)] or [MNIST.name]
