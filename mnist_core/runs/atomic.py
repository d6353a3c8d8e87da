"""Files that are whole or absent: written beside their place, forced to disk, then renamed into it."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from mnist_core.errors import StorageError, StorageFull

__all__ = ["TEMP_PREFIX", "disk_errors", "replacing", "sync_folder", "temporary_name", "write_all"]

TEMP_PREFIX = ".tmp-"
"""How the names of files begin that are not finished."""

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def temporary_name() -> str:
    """A new name for a file that is not finished."""
    return f"{TEMP_PREFIX}{uuid4().hex}"


@contextmanager
def replacing(path: Path) -> Iterator[int]:
    """Yields the descriptor of a new file that takes the place of `path` when the block ends well.

    After it the file survives a power cut; when the block fails nothing is left of it.
    """
    temporary = path.with_name(temporary_name())
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of the data; one call to the system may write less."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Forces the names in a folder to disk, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turns the system's errors into sentences about `what`.

    Raises:
        StorageFull: no space is left.
        StorageError: anything else that the system refuses.
    """
    try:
        yield
    except OSError as error:
        capital = what[:1].upper() + what[1:]
        if error.errno in NO_SPACE:
            raise StorageFull(
                f"{capital} cannot be written, as no space is left; delete files or runs and try again."
            ) from error
        reason = error.strerror or error
        raise StorageError(
            f"{capital} cannot be read or written: {reason}; check the folder and its rights."
        ) from error
