"""Immutable files named by the sha256 of their bytes, in a local folder or any other place that fsspec knows.

A blob is whole or absent, also after a power cut. Who still needs a blob is not decided here.
"""

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from mnist_core.errors import BlobMissing, InvalidInput
from mnist_core.runs.atomic import disk_errors
from mnist_core.runs.folders import BlobFolder, LocalFolder, RemoteFolder

__all__ = ["Blobs", "is_sha256"]

SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(text: str) -> bool:
    """Whether the text is a sha256 in lower-case hexadecimal digits."""
    return SHA256.fullmatch(text) is not None


class Blobs:
    """Puts and gets bytes by their sha256; usable from several threads and processes."""

    def __init__(self, url: str) -> None:
        """Names the place; it is made when the first blob is put.

        Args:
            url: a local folder, or a URL such as `s3://bucket/blobs`.

        Raises:
            StorageError: no file system here answers to that URL.
        """
        self._url = url
        self._folder = _open_folder(url)

    def put(self, data: bytes) -> str:
        """Stores bytes, once for all times they are put, and returns their sha256.

        Raises:
            StorageFull: no space is left; nothing is left behind.
            StorageError: the place cannot be written.
        """
        sha = hashlib.sha256(data).hexdigest()
        with self._errors():
            self._folder.write(sha, data)
        return sha

    def get(self, sha: str) -> bytes:
        """The bytes with this sha256, checked.

        Raises:
            BlobMissing: they are gone, or are not what their name says.
            StorageError: the place cannot be read.
        """
        with self._errors():
            data = self._folder.read(sha) if is_sha256(sha) else None
        if data is None:
            raise BlobMissing(f"The blob `{sha}` is gone from `{self._url}`; put a copy back or delete its run.")
        if hashlib.sha256(data).hexdigest() != sha:
            raise BlobMissing(f"The blob `{sha}` in `{self._url}` is damaged; put a copy back or delete its run.")
        return data

    def exists(self, sha: str) -> bool:
        """Whether there is a blob of this name; its bytes are not checked.

        Raises:
            StorageError: the place cannot be read.
        """
        with self._errors():
            return is_sha256(sha) and self._folder.exists(sha)

    def collect(self, referenced: set[str], *, older_than_s: float = 3600) -> int:
        """Removes the blobs that nobody references and the temporary files, both only when they are old.

        Young ones may belong to a commit under way: blobs are written before the rows that name them.

        Args:
            referenced: sha256 of every blob to keep.
            older_than_s: age in seconds.

        Returns:
            How many files were removed.

        Raises:
            StorageError: the place cannot be read or written.
        """
        with self._errors():
            return self._folder.sweep(_is_garbage(referenced), time.time() - older_than_s)

    def _errors(self) -> AbstractContextManager[None]:
        return disk_errors(f"the blob folder `{self._url}`")


def _is_garbage(referenced: set[str]) -> Callable[[str], bool]:
    return lambda name: is_sha256(name) and name not in referenced


def _open_folder(url: str) -> BlobFolder:
    try:
        # Listings kept in memory would hide what other processes write.
        system, path = url_to_fs(url, use_listings_cache=False)
    except (ValueError, ImportError) as error:
        raise InvalidInput(f"`MNIST_LAB_BLOBS` must be a folder or a known URL, got {url!r}: {error}.") from error
    return LocalFolder(Path(path)) if isinstance(system, LocalFileSystem) else RemoteFolder(system, path)
