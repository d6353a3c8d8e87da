"""Downloads the files of a published set, so that each is there whole and verified, or not there at all.

A lock file lets one process at a time download into a folder, so that a room full of starting processes fetches each
file once. Each file is written under a name of its own and renamed when its sum is right, so that even without the
lock (Windows has none of this kind) nobody ever reads half a file.
"""

import errno
import hashlib
import logging
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import IO

from mnist_core.datasets import idx
from mnist_core.datasets.idx_set import FILES, IdxSet, file_sum, find_files
from mnist_core.errors import DatasetDamaged, DatasetError, DatasetMissing, StorageError, StorageFull

__all__ = ["download"]

ANSWER_SECONDS = 15.0
FILE_SECONDS = 600.0
MAX_DOWNLOAD = 64 * 2**20
BLOCK = 2**16
# EFBIG is what a limit on file sizes answers, EDQUOT a quota.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

log = logging.getLogger(__name__)


def download(idx_set: IdxSet, folder: Path) -> None:
    """Downloads those of the four files that the folder does not hold yet.

    Raises:
        DatasetMissing: no mirror answered with the file.
        DatasetDamaged: mirrors answered, none with the right file; or files that are here are not the official ones.
        StorageFull: no space is left; nothing partial stays behind.
        StorageError: the folder cannot be written.
    """
    with _as_storage_errors(folder), _turn(folder):
        present = find_files(folder)
        _refuse_mixture(idx_set, present, folder)
        for name, sha256 in zip(FILES, idx_set.sums, strict=True):
            if name not in present:
                _fetch(idx_set, name, sha256, folder)


def _refuse_mixture(idx_set: IdxSet, present: dict[str, Path], folder: Path) -> None:
    """Official files never complete a set of others: the mixture would be nobody's dataset."""
    if len(present) == len(FILES):
        return
    for name, path in present.items():
        if file_sum(path) != idx_set.sums[FILES.index(name)]:
            rule = f"`{folder}` must hold all four files of `{idx_set.name}`, or only official ones"
            raise DatasetDamaged(f"{rule}, got `{path.name}`, which is not; add the missing files or remove it.")


def _fetch(idx_set: IdxSet, name: str, sha256: str, folder: Path) -> None:
    failures: list[DatasetError] = []
    for mirror in idx_set.mirrors:
        try:
            return _fetch_from(f"{mirror}/{name}.gz", sha256, folder / f"{name}.gz")
        except DatasetError as error:
            log.info("%s", error)
            failures.append(error)
    answers = " ".join(str(failure) for failure in failures)
    advice = "Put its four files into a folder named by `MNIST_LAB_DATA`, or use `digits`, which is always here."
    answered = any(isinstance(failure, DatasetDamaged) for failure in failures)
    fault = DatasetDamaged if answered else DatasetMissing
    raise fault(f"`{idx_set.name}` is not here and could not be downloaded. {answers} {advice}")


def _fetch_from(url: str, sha256: str, target: Path) -> None:
    log.info("downloading %s", url)
    part = target.with_name(f"{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file, closing(_blocks(url)) as blocks:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        _verify(part.read_bytes(), sha256, url)
        part.replace(target)
        _sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _blocks(url: str) -> Generator[bytes, None, None]:
    """The body of an answer; whatever the network does wrong becomes a `DatasetError`."""
    left, deadline = MAX_DOWNLOAD, time.monotonic() + FILE_SECONDS
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 (mirrors are constants)
            # read1 returns what has come, so that a server that drips bytes meets the deadline.
            while block := answer.read1(BLOCK):
                left -= len(block)
                if left < 0:
                    raise DatasetDamaged(f"`{url}` sent more than {MAX_DOWNLOAD:,} bytes.")
                if time.monotonic() > deadline:
                    raise DatasetMissing(f"`{url}` took more than {FILE_SECONDS:.0f} seconds.")
                yield block
    except urllib.error.HTTPError as error:
        error.close()
        raise DatasetMissing(f"`{url}` answered {error.code} {error.reason}.") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error) or type(error).__name__
        raise DatasetMissing(f"`{url}` did not answer ({reason}).") from None


def _verify(packed: bytes, sha256: str, url: str) -> None:
    found = hashlib.sha256(idx.unpack(packed, url)).hexdigest()
    if found != sha256:
        raise DatasetDamaged(f"`{url}` sent another file: its sha256 must begin with {sha256[:12]}, got {found[:12]}.")


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Waits until no other process downloads into the folder, then clears what a killed one left."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as lock:
        if _locked(lock):
            for part in folder.glob("*.part"):
                part.unlink(missing_ok=True)
        yield


def _locked(lock: IO[bytes]) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    fcntl.flock(lock, fcntl.LOCK_EX)
    return True


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _as_storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            advice = "free some, or name another folder with `MNIST_LAB_HOME`"
            raise StorageFull(f"No space is left in `{folder}` for the download; {advice}.") from error
        advice = "check its permissions, or name another folder with `MNIST_LAB_HOME`"
        raise StorageError(f"`{folder}` cannot be written ({error.strerror}); {advice}.") from error
