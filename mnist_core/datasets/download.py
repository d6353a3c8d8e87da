"""Downloads the files of a published set, so that each is there whole and verified, or not there at all.

A lock file lets one process at a time download into a folder, so that a room full of starting processes fetches each
file once. Each file is written under a name of its own and renamed when its sum is right, so that even without the
lock (Windows has none of this kind) nobody ever reads half a file.
"""

import hashlib
import logging
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO

from mnist_core.datasets import idx
from mnist_core.datasets.disk import storage_errors, sync_folder
from mnist_core.datasets.idx_set import FILES, IdxSet, file_sum, find_files
from mnist_core.errors import DatasetDamaged, DatasetError, DatasetMissing

__all__ = ["Progress", "Report", "download"]

ANSWER_SECONDS = 15.0
FILE_SECONDS = 600.0
MAX_DOWNLOAD = 64 * 2**20
BLOCK = 2**16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes:
        file: the file that is being fetched, 1 to 4.
        got: bytes of it that are here.
        size: its bytes as the mirror says; 0 where it does not say.
    """

    file: int
    got: int
    size: int

    @property
    def share(self) -> float:
        """Share of the current file that is here, 0 to 1."""
        return min(self.got / self.size, 1.0) if self.size else 0.0


Report = Callable[[Progress], None]
Tell = Callable[[int, int], None]


def download(idx_set: IdxSet, folder: Path, report: Report = lambda _: None) -> None:
    """Downloads those of the four files that the folder does not hold yet.

    Args:
        idx_set: which set, and where its mirrors are.
        folder: where the files go.
        report: told of each block that arrives, in this thread.

    Raises:
        DatasetMissing: no mirror answered with the file.
        DatasetDamaged: mirrors answered, none with the right file; or files that are here are not the official ones.
        StorageFull: no space is left; nothing partial stays behind.
        StorageError: the folder cannot be written.
    """
    with storage_errors(folder, "the download"), _turn(folder):
        present = find_files(folder)
        _refuse_mixture(idx_set, present, folder)
        for name in FILES:
            if name not in present:
                _fetch(idx_set, name, folder, report)


def _refuse_mixture(idx_set: IdxSet, present: dict[str, Path], folder: Path) -> None:
    """Official files never complete a set of others: the mixture would be nobody's dataset."""
    if len(present) == len(FILES):
        return
    for name, path in present.items():
        if file_sum(path) != idx_set.sums[FILES.index(name)]:
            rule = f"`{folder}` must hold all four files of `{idx_set.name}`, or only official ones"
            raise DatasetDamaged(f"{rule}, got `{path.name}`, which is not; add the missing files or remove it.")


def _fetch(idx_set: IdxSet, name: str, folder: Path, report: Report) -> None:
    failures: list[DatasetError] = []
    number = FILES.index(name)

    def tell(got: int, size: int) -> None:
        report(Progress(number + 1, got, size))

    for mirror in idx_set.mirrors:
        try:
            return _fetch_from(f"{mirror}/{name}.gz", idx_set.sums[number], folder / f"{name}.gz", tell)
        except DatasetError as error:
            log.info("%s", error)
            failures.append(error)
    answers = " ".join(str(failure) for failure in failures)
    advice = "Put its four files into a folder named by `MNIST_LAB_DATA`, or use `digits`, which is always here."
    answered = any(isinstance(failure, DatasetDamaged) for failure in failures)
    fault = DatasetDamaged if answered else DatasetMissing
    raise fault(f"`{idx_set.name}` is not here and could not be downloaded. {answers} {advice}")


def _fetch_from(url: str, sha256: str, target: Path, tell: Tell) -> None:
    log.info("downloading %s", url)
    part = target.with_name(f"{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file, closing(_blocks(url, tell)) as blocks:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        _verify(part.read_bytes(), sha256, url)
        part.replace(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _blocks(url: str, tell: Tell) -> Generator[bytes, None, None]:
    """The body of an answer; whatever the network does wrong becomes a `DatasetError`."""
    left, deadline = MAX_DOWNLOAD, time.monotonic() + FILE_SECONDS
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 (mirrors are constants)
            # read1 returns what has come, so that a server that drips bytes meets the deadline.
            size = _length(answer.headers.get("Content-Length"))
            while block := answer.read1(BLOCK):
                left -= len(block)
                tell(MAX_DOWNLOAD - left, size)
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


def _length(said: str | None) -> int:
    return int(said) if said and said.isascii() and said.isdigit() else 0


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
