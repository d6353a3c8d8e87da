"""Judging `.npz` bytes from elsewhere before they are used: no pickle, and no header claims more than is there."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from mnist_core.errors import BundleError
from mnist_core.npz import MAX_HEADER, Arrays, from_npz, read_header

__all__ = ["DAMAGED", "check_npz", "load_npz"]

MAX_ARRAYS = 10_000
MAX_BYTES = 512 * 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError)
"""What the readers of zip and npy files raise when bytes are not what they should be."""


def load_npz(data: bytes, what: str) -> Arrays:
    """The arrays of an npz file, after `check_npz`.

    Raises:
        BundleError: it is damaged or holds what it must not.
    """
    check_npz(data, what)
    with _sound(what):
        return from_npz(data)


def check_npz(data: bytes, what: str) -> None:
    """Reads an npz file through without keeping it.

    Args:
        data: the file's bytes.
        what: how the sentence calls it.

    Raises:
        BundleError: it is damaged, holds objects, or a header claims more or less than is there.
    """
    with _sound(what), zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if not 1 <= len(members) <= MAX_ARRAYS:
            raise BundleError(f"`{what}` must hold 1 to {MAX_ARRAYS} arrays, got {len(members)}.")
        if any(member.compress_type not in METHODS for member in members):
            raise BundleError(f"The arrays of `{what}` must be stored or deflated; export the run again.")
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise BundleError(f"`{what}` must unpack to at most {MAX_BYTES} bytes, got more.")
        for member in members:
            _check_array(archive, member, what)


@contextmanager
def _sound(what: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise BundleError(f"`{what}` is not a sound npz file: {error}; export the run again.") from error


def _check_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, what: str) -> None:
    shown = f"`{member.filename}` in `{what}`"
    with archive.open(member) as file:
        header = read_header(file.read(MAX_HEADER + 12))
        if not header.is_plain:
            raise BundleError(f"{shown} must hold plain numbers, got {header.kind}; nothing of it was read.")
        if header.end + header.size != member.file_size:
            raise BundleError(f"{shown} must be as long as its header says, got {member.file_size} bytes.")
        while file.read(2**20):
            pass
