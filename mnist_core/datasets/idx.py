"""Reads one IDX file, the format of the MNIST files, gzipped or not, and refuses what is not sound.

An IDX file is a big-endian header (a magic number and one 32-bit size per axis), then the bytes. Nothing here knows
which file belongs to which dataset. `where` is the file or address that a sentence names.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from mnist_core.datasets.dataset import SIDE, ByteArray
from mnist_core.errors import DatasetDamaged

__all__ = ["MAX_BYTES", "MAX_IMAGES", "parse_images", "parse_labels", "read_bytes", "read_count", "unpack"]

IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049
KINDS = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}
GZIP_MAGIC = b"\x1f\x8b"
GZIP_FORMAT = 31
HEADER_BLOCK = 4096
MAX_IMAGES = 200_000
MAX_BYTES = 16 + MAX_IMAGES * SIDE * SIDE
AGAIN = "fetch it again or remove it"


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked if they are gzipped, whatever its name says.

    Raises:
        DatasetDamaged: it cannot be read, its gzip stream is damaged, or it is larger than any set may be.
    """
    return unpack(_read(path, MAX_BYTES + 1), path)


def read_count(path: Path) -> int:
    """How many images a file says it holds; only its first bytes are read.

    Raises:
        DatasetDamaged: it cannot be read or does not begin like an IDX file of images.
    """
    data = _read(path, HEADER_BLOCK)
    if data.startswith(GZIP_MAGIC):
        data = _start_of_gzip(data, 16, path)[0]
    return _sizes(data, IMAGES_MAGIC, path)[0]


def unpack(data: bytes, where: Path | str) -> bytes:
    """The bytes as they were before gzip; they stay as they are if they were not gzipped.

    Raises:
        DatasetDamaged: it is a web page, the gzip stream is damaged, or it is larger than any set may be.
    """
    if data.startswith(GZIP_MAGIC):
        data = _gunzip(data, where)
    if len(data) > MAX_BYTES:
        raise DatasetDamaged(f"`{where}` must hold at most {MAX_IMAGES:,} images ({MAX_BYTES:,} bytes), got more.")
    if _is_web_page(data):
        raise DatasetDamaged(f"`{where}` is a web page, not an IDX file; {AGAIN}.")
    return data


def parse_images(data: bytes, where: Path | str) -> ByteArray:
    """The images of an unpacked IDX file.

    Returns:
        uint8 (n, 28, 28) in 0..255, read-only, n at least 1.

    Raises:
        DatasetDamaged: magic number, sizes and bytes do not agree, or the images are not 28x28.
    """
    count, *sides = _sizes(data, IMAGES_MAGIC, where)
    if sides != [SIDE, SIDE]:
        raise DatasetDamaged(f"`{where}` must hold images of 28x28 pixels, got {sides[0]}x{sides[1]}; {AGAIN}.")
    return _items(data, 16, count, SIDE * SIDE, where).reshape(count, SIDE, SIDE)


def parse_labels(data: bytes, where: Path | str, *, classes: int) -> ByteArray:
    """The labels of an unpacked IDX file.

    Returns:
        uint8 (n,) in 0..classes-1, read-only, n at least 1.

    Raises:
        DatasetDamaged: magic number, size and bytes do not agree, or a label is out of range.
    """
    (count,) = _sizes(data, LABELS_MAGIC, where)
    labels = _items(data, 8, count, 1, where)
    if labels.max() >= classes:
        raise DatasetDamaged(f"Labels in `{where}` must be between 0 and {classes - 1}, got {labels.max()}; {AGAIN}.")
    return labels


def _is_web_page(data: bytes) -> bool:
    return data[:256].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _read(path: Path, size: int) -> bytes:
    try:
        # Asked first, because opening a named pipe would wait for ever.
        if not path.is_file():
            raise DatasetDamaged(f"`{path}` must be a file, got a folder or something else; remove it.")
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise DatasetDamaged(
            f"`{path}` cannot be read ({error.strerror}); check its permissions and the disk."
        ) from None


def _gunzip(packed: bytes, where: Path | str) -> bytes:
    data, ended, rest = _start_of_gzip(packed, MAX_BYTES + 1, where)
    if len(data) <= MAX_BYTES and not ended:
        raise DatasetDamaged(f"`{where}` is truncated: its gzip stream does not end; {AGAIN}.")
    if rest.strip(b"\0"):
        raise DatasetDamaged(f"`{where}` must be one gzip stream, got more bytes after its end; {AGAIN}.")
    return data


def _start_of_gzip(packed: bytes, size: int, where: Path | str) -> tuple[bytes, bool, bytes]:
    """At most `size` unpacked bytes, whether the stream ended with a sound checksum, and what follows it."""
    stream = zlib.decompressobj(GZIP_FORMAT)
    try:
        data = stream.decompress(packed, size)
    except zlib.error as error:
        raise DatasetDamaged(f"`{where}` is not a sound gzip file ({error}); {AGAIN}.") from None
    return data, stream.eof, stream.unused_data


def _sizes(data: bytes, magic: int, where: Path | str) -> tuple[int, ...]:
    axes = 3 if magic == IMAGES_MAGIC else 1
    if len(data) < 4 + 4 * axes:
        raise DatasetDamaged(f"`{where}` is truncated: {len(data)} bytes hold no IDX header; {AGAIN}.")
    found, *sizes = struct.unpack_from(f">{1 + axes}I", data)
    if found != magic:
        what = f" ({KINDS[found]})" if found in KINDS else ""
        rule = f"must begin with {magic}, the magic number of IDX {KINDS[magic]}"
        raise DatasetDamaged(f"`{where}` {rule}, got {found}{what}; {AGAIN}.")
    return tuple(sizes)


def _items(data: bytes, offset: int, count: int, size: int, where: Path | str) -> ByteArray:
    # Python's integers do not overflow, so absurd sizes in a header simply disagree with the file.
    expected = offset + count * size
    if len(data) != expected or count == 0:
        fault = "is truncated" if len(data) < expected else "is too long" if len(data) > expected else "is empty"
        sizes = f"its header says {count:,} items, which is {expected:,} bytes, got {len(data):,}"
        raise DatasetDamaged(f"`{where}` {fault}: {sizes}; {AGAIN}.")
    return np.frombuffer(data, np.uint8, offset=offset)
