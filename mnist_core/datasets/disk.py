"""Files of datasets that are whole or not there at all, and sentences for what a disk refuses."""

import errno
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_core.errors import StorageError, StorageFull

__all__ = ["storage_errors", "sync_folder", "write_whole"]

# EFBIG is what a limit on file sizes answers, EDQUOT a quota.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file beside its place, forces it to disk and renames it; its folder is made where it is missing.

    Raises:
        OSError: the disk refuses; nothing of the file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Forces the names in a folder to disk, where the system can do that."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(folder: Path, purpose: str) -> Iterator[None]:
    """Turns the system's errors about a folder into sentences.

    Args:
        folder: where something is written.
        purpose: what for, as "the download".

    Raises:
        StorageFull: no space is left.
        StorageError: anything else that the system refuses.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            advice = "free some, or name another folder with `MNIST_LAB_HOME`"
            raise StorageFull(f"No space is left in `{folder}` for {purpose}; {advice}.") from error
        advice = "check its permissions, or name another folder with `MNIST_LAB_HOME`"
        raise StorageError(f"`{folder}` cannot be written ({error.strerror}); {advice}.") from error
