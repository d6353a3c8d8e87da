"""Where blobs lie: a local folder or a remote one, one level of folders named by the first two digits of the sha256."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from mnist_core.runs.atomic import TEMP_PREFIX, replacing, sync_folder, temporary_name, write_all

__all__ = ["BlobFolder", "LocalFolder", "RemoteFolder"]

ATOMIC_UPLOADS = {"memory", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"}
"""Protocols whose uploads appear whole or not at all."""

FRESH_S = 600
"""Seconds for which a remote blob counts as just written."""


class BlobFolder(Protocol):
    """What blobs need of a place; names are valid sha256."""

    def write(self, sha: str, data: bytes) -> None:
        """Stores the data whole and for good; what is there already counts as just written."""

    def read(self, sha: str) -> bytes | None:
        """The data, or None."""

    def exists(self, sha: str) -> bool:
        """Whether it is there."""

    def sweep(self, is_garbage: Callable[[str], bool], before: float) -> int:
        """Removes garbage and temporary files last written before that time; returns how many."""


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    def write(self, sha: str, data: bytes) -> None:
        """Stores the data: temporary file, disk, rename, disk."""
        path = self._path(sha)
        self._make(path.parent)
        if self._renewed(path, len(data)):
            sync_folder(path.parent)
            return
        with replacing(path) as descriptor:
            write_all(descriptor, data)

    def read(self, sha: str) -> bytes | None:
        """The data, or None."""
        try:
            return self._path(sha).read_bytes()
        except FileNotFoundError:
            return None

    def exists(self, sha: str) -> bool:
        """Whether it is there."""
        return self._path(sha).is_file()

    def sweep(self, is_garbage: Callable[[str], bool], before: float) -> int:
        """Removes garbage and temporary files last written before that time; returns how many."""
        files = (path for path in self._root.glob("??/*") if _is_garbage_name(path.name, is_garbage))
        return sum(_remove_if_older(path, before) for path in files)

    def _path(self, sha: str) -> Path:
        return self._root / sha[:2] / sha

    def _make(self, folder: Path) -> None:
        # A folder that is there may be the work of a process that died before it made the folder durable.
        if folder in self._durable:
            return
        if not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
        if folder != folder.parent and folder.is_relative_to(self._root):
            sync_folder(folder.parent)
            self._durable.add(folder)

    @staticmethod
    def _renewed(path: Path, size: int) -> bool:
        # The new time keeps an unreferenced blob from being collected before the row that will name it is written.
        try:
            os.utime(path)
            return path.stat().st_size == size
        except FileNotFoundError:
            return False


def _is_garbage_name(name: str, is_garbage: Callable[[str], bool]) -> bool:
    return name.startswith(TEMP_PREFIX) or is_garbage(name)


def _remove_if_older(path: Path, before: float) -> bool:
    # Set aside first, then look at the time once more: a writer who finds the blob renews its time, one who does not
    # writes it anew, so neither loses it.
    aside = path.with_name(temporary_name())
    try:
        if path.stat().st_mtime >= before:
            return False
        path.rename(aside)
    except FileNotFoundError:
        return False
    if aside.stat().st_mtime >= before:
        aside.replace(path)
        return False
    aside.unlink()
    return True


class RemoteFolder:
    """A folder of any fsspec file system."""

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = PurePosixPath(root)

    def write(self, sha: str, data: bytes) -> None:
        """Stores the data, by a temporary file where uploads are not atomic."""
        path = self._path(sha)
        if self._is_fresh(path, len(data)):
            return
        if self._has_atomic_uploads:
            self._system.pipe_file(path, data)
            return
        temporary = str(PurePosixPath(path).with_name(temporary_name()))
        self._system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        self._system.pipe_file(temporary, data)
        self._system.mv(temporary, path)

    def read(self, sha: str) -> bytes | None:
        """The data, or None."""
        try:
            data: bytes = self._system.cat_file(self._path(sha))
        except FileNotFoundError:
            return None
        return data

    def exists(self, sha: str) -> bool:
        """Whether it is there."""
        return bool(self._system.exists(self._path(sha)))

    def sweep(self, is_garbage: Callable[[str], bool], before: float) -> int:
        """Removes garbage and temporary files last written before that time; returns how many."""
        old = [path for path in self._garbage(is_garbage) if self._modified(path) < before]
        for path in old:
            self._system.rm_file(path)
        return len(old)

    def _garbage(self, is_garbage: Callable[[str], bool]) -> Iterator[str]:
        found: list[str] = self._system.find(str(self._root))
        return (path for path in found if _is_garbage_name(PurePosixPath(path).name, is_garbage))

    def _path(self, sha: str) -> str:
        return str(self._root / sha[:2] / sha)

    @property
    def _has_atomic_uploads(self) -> bool:
        protocol = self._system.protocol
        return bool(ATOMIC_UPLOADS.intersection([protocol] if isinstance(protocol, str) else protocol))

    def _is_fresh(self, path: str, size: int) -> bool:
        # An old one is uploaded again, as only that renews its time and so keeps it from being collected.
        try:
            is_whole = bool(self._system.info(path)["size"] == size)
            return is_whole and self._modified(path) > time.time() - FRESH_S
        except FileNotFoundError:
            return False

    def _modified(self, path: str) -> float:
        return float(self._system.modified(path).timestamp())
