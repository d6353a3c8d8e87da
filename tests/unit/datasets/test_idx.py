import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mnist_core.datasets import idx
from mnist_core.errors import DatasetDamaged

IMAGES = struct.pack(">4I", 2051, 2, 28, 28) + bytes(2 * 784)
LABELS = struct.pack(">2I", 2049, 3) + bytes([0, 9, 5])
PACKED = gzip.compress(IMAGES, mtime=0)


def test_images_and_labels():
    images, labels = idx.parse_images(IMAGES, "here"), idx.parse_labels(LABELS, "here", classes=10)
    assert (images.shape, images.dtype) == ((2, 28, 28), np.uint8)
    assert labels.tolist() == [0, 9, 5]
    assert not images.flags.writeable


@pytest.mark.parametrize("data", [IMAGES, PACKED, PACKED + bytes(10)])
def test_gzip_is_known_by_its_content_and_may_be_padded(tmp_path: Path, data: bytes):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert idx.read_bytes(path) == IMAGES
    assert idx.read_count(path) == 2


def header(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "no IDX header"),
        (IMAGES[:15], "no IDX header"),
        (header(2049, 2, 28, 28), r"must begin with 2051.*got 2049 \(labels\)"),
        (header(7, 2, 28, 28), "got 7;"),
        (IMAGES[:-1], "is truncated"),
        (IMAGES + b"\0", "is too long"),
        (header(2051, 0, 28, 28), "is empty"),
        (header(2051, 2, 32, 32) + bytes(2048), "28x28 pixels, got 32x32"),
        (header(2051, 2**32 - 1, 28, 28), "its header says 4,294,967,295 items"),
        (header(2051, 2, 2**32 - 1, 2**32 - 1), "got 4294967295x4294967295"),
    ],
)
def test_images_that_are_refused(data: bytes, fault: str):
    with pytest.raises(DatasetDamaged, match=f"`here` .*{fault}"):
        idx.parse_images(data, "here")


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (LABELS[:7], "no IDX header"),
        (LABELS[:-1], "is truncated"),
        (LABELS + b"\0", "is too long"),
        (header(2049, 2**32 - 1) + b"\0", "is truncated"),
        (header(2051, 3) + b"\0\0\0", r"got 2051 \(images\)"),
        (header(2049, 2) + b"\x03\x0a", "between 0 and 9, got 10"),
    ],
)
def test_labels_that_are_refused(data: bytes, fault: str):
    with pytest.raises(DatasetDamaged, match=fault):
        idx.parse_labels(data, "here", classes=10)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (PACKED[:-1], "gzip stream does not end"),
        (PACKED[: len(PACKED) // 2], "gzip stream does not end"),
        (PACKED[:5], "gzip stream does not end"),
        (PACKED[:-8] + bytes(8), "not a sound gzip file"),
        (PACKED[:12] + b"\xff\xff" + PACKED[14:], "not a sound gzip file"),
        (PACKED + PACKED, "more bytes after its end"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "is a web page"),
        (gzip.compress(b"<html>", mtime=0), "is a web page"),
    ],
)
def test_files_that_cannot_be_unpacked(data: bytes, fault: str):
    with pytest.raises(DatasetDamaged, match=fault):
        idx.unpack(data, "here")


def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    for data in (gzip.compress(bytes(10**7)), bytes(1001)):
        with pytest.raises(DatasetDamaged, match="at most 200,000 images"):
            idx.unpack(data, "here")
    assert len(idx.unpack(gzip.compress(bytes(1000)), "here")) == 1000


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path in (pipe, tmp_path, tmp_path / "link"):
        with pytest.raises(DatasetDamaged, match="must be a file"):
            idx.read_bytes(path)


def test_a_disk_error_becomes_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "file"
    path.write_bytes(IMAGES)
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(DatasetDamaged, match=r"cannot be read \(Permission denied\)"):
        idx.read_bytes(path)


@st.composite
def almost_sound(draw: st.DrawFn) -> bytes:
    sound = draw(st.sampled_from([IMAGES, LABELS, PACKED]))
    position = draw(st.integers(0, len(sound) - 1))
    return sound[:position] + draw(st.binary(max_size=4)) + sound[position + draw(st.integers(0, 4)) :]


@hypothesis_settings(deadline=None)
@given(st.binary(max_size=40) | almost_sound())
def test_any_bytes_give_an_array_or_a_named_error(data: bytes):
    for parse in (idx.parse_images, lambda raw, where: idx.parse_labels(raw, where, classes=10)):
        try:
            array = parse(idx.unpack(data, "here"), "here")
        except DatasetDamaged:
            continue
        assert len(array) > 0
