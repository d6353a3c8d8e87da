"""Named arrays as bytes and back: NumPy's `.npz` without compression, without pickle, with the same bytes each time.

NumPy's own reader evaluates the header of each array as Python source. Until Python 3.11.8 and 3.12.2, two threads that
do so at once may break each other (https://github.com/python/cpython/issues/106905), and a page of the app is a thread.
"""

import io
import math
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_HEADER", "ArrayHeader", "Arrays", "from_npz", "read_header", "to_npz"]

Arrays = dict[str, NDArray[Any]]

MAX_HEADER = 10_000
"""Bytes that the text of an array's header may have, as in NumPy; up to 12 stand before it."""
MAGIC = b"\x93NUMPY"
# NumPy would evaluate some other names as Python source.
PLAIN_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|[US][1-9]\d{0,3})", re.ASCII)
# By version: how many bytes the length takes, and how it is packed.
LENGTHS = {b"\x01\x00": (2, "<H"), b"\x02\x00": (4, "<I"), b"\x03\x00": (4, "<I")}
# Its three fields in any order, each once; of records, `descr` is a list, which may hold lists.
HEADER = re.compile(
    r"""\{ (?: \s* (?:
        'descr' \s*:\s* (?: '(?P<descr>[^'\\]*)'
                          | (?P<records>\[(?:[^]]|\](?!\s*,\s*'(?:fortran_order|shape)'|\s*,?\s*\}$))*\]) )
      | 'fortran_order' \s*:\s* (?P<order>True|False)
      | 'shape' \s*:\s* \( \s* (?P<shape>(?: (?:\d{1,19}\s*,\s*){1,64} (?:\d{1,19}\s*)? )?) \)
    ) \s* (?:,|(?=\})) ){3} \s* \}""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class ArrayHeader:
    """What the bytes of an array say of it.

    Attributes:
        descr: NumPy's name of the dtype; None of records, which have several.
        fortran_order: whether the first axis is the one whose neighbours lie side by side.
        shape: the length of each axis.
        end: where the values begin.
    """

    descr: str | None
    fortran_order: bool
    shape: tuple[int, ...]
    end: int

    @property
    def is_plain(self) -> bool:
        """Whether the values are truth values, numbers or text; only such are read."""
        return bool(PLAIN_DTYPE.fullmatch(self.descr or ""))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values.

        Raises:
            ValueError: they are not plain.
        """
        if not self.is_plain:
            raise ValueError(f"an array must hold plain values, which need no pickle, got {self.kind}")
        return np.dtype(self.descr)

    @property
    def kind(self) -> str:
        """The dtype as sentences say it."""
        return "records with named fields" if self.descr is None else f"dtype {self.descr[:40]!a}"

    @property
    def size(self) -> int:
        """How many bytes the values take."""
        return math.prod(self.shape) * self.dtype.itemsize


def to_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays in one file, in the order of the mapping."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def from_npz(data: bytes, names: Iterable[str] | None = None) -> Arrays:
    """Reads the arrays of these names, or every one.

    Raises:
        zipfile.BadZipFile: the bytes are no archive, or damaged.
        KeyError: it has no array of a name.
        ValueError: an array is not one of plain values; nothing is ever unpickled.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.namelist() if names is None else [f"{name}.npy" for name in names]
        return {member.removesuffix(".npy"): _array(archive.read(member)) for member in members}


def read_header(data: bytes) -> ArrayHeader:
    """Reads the header at the start of an array's bytes, in versions 1 to 3 of NumPy's format.

    Raises:
        ValueError: there is none.
    """
    magic, version = data[: len(MAGIC)], data[len(MAGIC) : len(MAGIC) + 2]
    if magic != MAGIC or version not in LENGTHS:
        raise ValueError(f"it begins with {data[:8]!r}")
    size, packed = LENGTHS[version]
    start = len(MAGIC) + 2 + size
    if len(data) < start:
        raise ValueError("it ends within its header")
    (length,) = struct.unpack_from(packed, data, start - size)
    text = data[start : start + length].decode("latin-1").strip() if length <= MAX_HEADER else ""
    match = HEADER.fullmatch(text)
    if match is None or None in (match["order"], match["shape"], match["descr"] or match["records"]):
        raise ValueError(f"its header is {text[:60]!a}")
    shape = tuple(int(axis) for axis in re.findall(r"\d+", match["shape"]))
    return ArrayHeader(match["descr"], match["order"] == "True", shape, start + length)


def _array(data: bytes) -> NDArray[Any]:
    header = read_header(data)
    if len(data) - header.end != header.size:
        raise ValueError(f"an array must have the {header.size:,} bytes that its header says, got others")
    order: Literal["C", "F"] = "F" if header.fortran_order else "C"
    # A copy may be written to, and its values lie at addresses that the processor likes.
    return np.ndarray(header.shape, header.dtype, data, header.end, order=order).copy("K")
