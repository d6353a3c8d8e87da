"""Reads one array of an `.npz` file that nobody vouches for: bounded, never unpickled, the header checked first.

numpy's own reader is not used because it trusts the header: it builds any dtype, warns, and raises whatever comes.
"""

import io
import struct
import zipfile
import zlib

import numpy as np
import numpy.typing as npt

from mnist_core.errors import DatasetDamaged, InvalidDataset
from mnist_core.npz import ArrayHeader, read_header

__all__ = ["MAX_MEMBER", "NpzFile"]

MAX_MEMBER = 512 * 2**20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1 | 0x40
# All that the standard library raises for an archive that is not sound.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    struct.error,
)


class NpzFile:
    """An `.npz` file in memory, of which single arrays are read; members that nobody asks for are never touched."""

    def __init__(self, data: bytes, where: str) -> None:
        """Opens the archive in the bytes of a file.

        Raises:
            DatasetDamaged: they are not a sound zip archive.
        """
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except UNREADABLE as error:
            raise DatasetDamaged(f"`{where}` must be an `.npz` file ({error}); write it with `np.savez`.") from None
        self._where = where

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self._archive.namelist()

    @property
    def names(self) -> str:
        """The first few members, for an error's sentence."""
        names = [ascii(name[:40])[1:-1] for name in self._archive.namelist()]
        return ", ".join(f"`{name}`" for name in names[:5]) + ", ..." * (len(names) > 5) or "nothing"

    def read(self, name: str) -> npt.NDArray[np.generic]:
        """Reads one array.

        Raises:
            InvalidDataset: it is too large, encrypted, in the file twice, or holds Python objects.
            DatasetDamaged: its bytes are not those of an array.
        """
        data = self._member(name)
        header = _header(data, f"`{name}` in `{self._where}`")
        if len(data) - header.end != header.size:
            rule = f"`{name}` in `{self._where}` must hold the {header.size:,} bytes that its shape needs"
            raise DatasetDamaged(f"{rule}, got {len(data) - header.end:,}; write the file again.")
        try:
            return np.ndarray(header.shape, header.dtype, data, header.end, order="F" if header.fortran_order else "C")
        except (ValueError, OverflowError) as error:
            raise DatasetDamaged(f"`{name}` in `{self._where}` cannot be an array ({error}); write it again.") from None

    def _member(self, name: str) -> bytes:
        info = self._info(name)
        try:
            with self._archive.open(info) as member:
                # The directory may lie about the size, so the reading is bounded too.
                data = member.read(MAX_MEMBER + 1)
        except UNREADABLE as error:
            raise DatasetDamaged(
                f"`{name}` in `{self._where}` cannot be read ({error}); write the file again."
            ) from None
        if len(data) != info.file_size:
            rule = f"`{name}` in `{self._where}` must be {info.file_size:,} bytes long, as its directory says"
            raise DatasetDamaged(f"{rule}, got {len(data):,}; write the file again.")
        return data

    def _info(self, name: str) -> zipfile.ZipInfo:
        found = [info for info in self._archive.infolist() if info.filename == f"{name}.npy"]
        if len(found) != 1:
            raise InvalidDataset(
                f"`{self._where}` must hold `{name}` once, got it {len(found)} times among {self.names}."
            )
        info = found[0]
        if info.flag_bits & ENCRYPTED or info.compress_type not in METHODS:
            rule = f"`{name}` in `{self._where}` must be stored or deflated, without a password"
            raise InvalidDataset(f"{rule}; write the file with `np.savez_compressed`.")
        if info.file_size > MAX_MEMBER:
            rule = f"`{name}` in `{self._where}` must be at most {MAX_MEMBER // 2**20} MiB unpacked"
            raise InvalidDataset(f"{rule}, got {info.file_size:,} bytes; store uint8, or fewer images.")
        return info


def _header(data: bytes, what: str) -> ArrayHeader:
    try:
        header = read_header(data)
    except ValueError as error:
        raise DatasetDamaged(f"{what} must be an array in numpy's format ({error}); write the file again.") from None
    if header.descr is None:
        raise InvalidDataset(f"{what} must be a plain array, got records with named fields; store its columns.")
    if header.descr.lstrip("<>|=").startswith("O"):
        raise InvalidDataset(
            f"{what} must hold plain numbers or text, got Python objects, which are never unpickled; "
            "convert them, for example with `np.array(..., dtype=np.uint8)` or `dtype=str`."
        )
    if not header.is_plain:
        raise InvalidDataset(f"{what} must hold plain numbers or text, got {header.kind}; convert it.")
    return header
