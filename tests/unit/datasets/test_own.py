import hashlib
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mnist_core.datasets import npy, own
from mnist_core.datasets.own import parse_npz, read_npz
from mnist_core.errors import DatasetDamaged, DatasetError, DatasetMissing, InvalidDataset

X = np.arange(4 * 784, dtype=np.int64).reshape(4, 28, 28).astype(np.uint8)
Y = np.array([0, 1, 2, 1])


def npz(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{"x": X, "y": Y} | arrays)
    return file.getvalue()


def archive(members: dict[str, bytes], **how: object) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **how) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return file.getvalue()


def array_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_header(name: str, header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A file in which one member has this header."""
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    members = {"x.npy": array_bytes(X), "y.npy": array_bytes(Y)}
    return archive(members | {f"{name}.npy": b"\x93NUMPY" + version + size + header.encode() + body})


def test_the_record(tmp_path: Path):
    path = tmp_path / "mine.npz"
    path.write_bytes(npz())
    dataset = read_npz(path)
    np.testing.assert_array_equal(dataset.images, X)
    assert dataset.labels.tolist() == Y.tolist()
    assert (dataset.images.dtype, dataset.labels.dtype) == (np.uint8, np.uint8)
    assert dataset.name == dataset.content_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (dataset.classes, dataset.official_train, dataset.official) == (("0", "1", "2"), None, False)
    assert dataset.source == str(path)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_become_bytes(dtype):
    dataset = parse_npz(npz(x=(X / 255).astype(dtype)))
    np.testing.assert_array_equal(dataset.images, X)


@pytest.mark.parametrize("dtype", ["int8", "uint8", ">i4", "uint64"])
def test_any_integers_are_labels(dtype):
    assert parse_npz(npz(y=Y.astype(dtype))).labels.tolist() == Y.tolist()


def test_column_order_compression_and_other_members_do_not_matter():
    file = io.BytesIO()
    np.savez_compressed(file, x=np.asfortranarray(X), y=Y, note=np.array("hello"))
    dataset = parse_npz(file.getvalue())
    np.testing.assert_array_equal(dataset.images, X)
    assert dataset.images.flags.c_contiguous


@pytest.mark.parametrize("classes", [["cat", "dog", "Große Maus"], np.array([b"cat", b"dog", b"mouse"])])
def test_class_names(classes):
    names = parse_npz(npz(classes=classes)).classes
    assert names[:2] == ("cat", "dog")
    assert len(names) == 3


def objects(*values: object) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


NAN = np.full((4, 28, 28), np.nan, np.float32)


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"x": X[..., None]}, r"shape \(n, 28, 28\).*got \(4, 28, 28, 1\)"),
        ({"x": X.reshape(4, 784)}, "reshape or resize"),
        ({"x": np.zeros((4, 32, 32), np.uint8)}, r"got \(4, 32, 32\)"),
        ({"x": X.astype(np.int64)}, "got int64; convert it"),
        ({"x": NAN}, r"must be in \[0, 1\], got nan"),
        ({"x": np.where(X == 7, np.inf, -np.inf)}, "got -inf to inf; replace them"),
        ({"x": (X * np.uint16(0) + 0x7D01).view(np.float16)}, "got nan to nan"),
        ({"x": (X * np.uint32(0) + 0x7FA00001).view(np.float32)}, "got nan to nan"),
        ({"x": np.where(X == 7, np.inf, 0)}, "got 0 to inf; replace them"),
        ({"x": X.astype(np.float32)}, "divide by 255"),
        ({"x": -(X / 255)}, "got -1 to"),
        ({"x": X[:3]}, "got 3 images and 4 labels"),
        ({"x": X[:0], "y": Y[:0]}, "n between 1 and 200,000"),
        ({"x": X.astype(object)}, "`x` in .* Python objects, which are never unpickled"),
        ({"y": objects(0, 1, 2, 1)}, "Python objects"),
        ({"y": Y[:, None]}, r"shape \(n,\)"),
        ({"y": Y.astype(float)}, "must be integers .* got float64"),
        ({"y": Y == 1}, "got bool"),
        ({"y": Y + 1}, "got 1 to 3; subtract 1"),
        ({"y": np.array([1, 2, 3, 5])}, "got none of 0"),
        ({"y": np.array([0, 1, 3, 3])}, "got none of 2"),
        ({"y": Y - 1}, "got -1 to 1"),
        ({"y": Y * 0}, "k between 2 and 100, got 0 to 0"),
        ({"y": np.array([0, 1, 2, 100])}, "got 0 to 100"),
        ({"y": np.array([0, 1, 2, 2**63], np.uint64)}, "got 0 to 9223372036854775808"),
        ({"y": Y.astype("datetime64[s]")}, "got dtype '<M8.s.'"),
        ({"y": np.array([(0, 1)], dtype=[("a", "i4"), ("b", "i4")])}, "records with named fields"),
        ({"y": np.zeros(4, dtype=[("a", [("b", "M8[ns]")]), ("c", "i4")])}, "records with named fields"),
        ({"classes": ["cat", "dog"]}, "must be 3 names"),
        ({"classes": [1, 2, 3]}, "got int64 of shape"),
        ({"classes": objects("a", "b", "c")}, "Python objects"),
        ({"classes": ["cat", "cat", "dog"]}, "different, printable"),
        ({"classes": ["cat", "", "dog"]}, "different, printable"),
        ({"classes": ["cat", "do\ng", "dot"]}, "different, printable"),
        ({"classes": ["cat", "dog", "m" * 61]}, "1 to 60 characters"),
        ({"classes": np.array([b"cat", b"dog", b"\xff"])}, "bytes that are no text"),
    ],
)
def test_data_that_break_a_rule(arrays, fault):
    with pytest.raises(InvalidDataset, match=fault):
        parse_npz(npz(**arrays))


def test_too_many_images_or_labels(monkeypatch):
    monkeypatch.setattr(own, "MAX_IMAGES", 3)
    with pytest.raises(InvalidDataset, match="n between 1 and 3"):
        parse_npz(npz())


def test_a_file_that_is_too_large(monkeypatch):
    monkeypatch.setattr(own, "MAX_FILE", 1000)
    with pytest.raises(InvalidDataset, match="must be at most"):
        parse_npz(npz())


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({}, "got nothing; add `x`"),
        ({"y.npy": b""}, "got `y.npy`; add `x`"),
        ({"x_train.npy": b"", "y_train.npy": b""}, "got `x_train.npy`, `y_train.npy`; add `x`"),
        ({"../x.npy": b"", "a/b/y.npy": b""}, "got `../x.npy`, `a/b/y.npy`; add `x`"),
        ({"\x1b[31m/x.npy": b""}, r"\\x1b\[31m/x.npy`; add `x`"),
        ({str(i): b"" for i in range(10)}, r"`4`, \.\.\.; add"),
    ],
)
def test_missing_members(members, fault):
    with pytest.raises(InvalidDataset, match=fault):
        parse_npz(archive(members))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"<html>", b"\x93NUMPY", npz()[:-30], npz()[100:]])
def test_what_is_no_zip(data):
    with pytest.raises(DatasetDamaged):
        parse_npz(data)


def test_a_member_with_a_wrong_checksum():
    data = npz()
    place = data.index(X.tobytes())
    with pytest.raises(DatasetDamaged, match="Bad CRC-32"):
        parse_npz(data[:place] + b"\xff" + data[place + 1 :])


def test_a_member_twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = io.BytesIO(npz())
        with zipfile.ZipFile(file, "a") as target:
            target.writestr("y.npy", array_bytes(Y))
    with pytest.raises(InvalidDataset, match="must hold `y` once, got it 2 times"):
        parse_npz(file.getvalue())


def in_directory(data: bytes, member: str, offset: int, new: bytes) -> bytes:
    """Changes a field of a member's entry in the zip directory."""
    start = data.index(b"PK\x01\x02")
    while data[start + 46 : start + 46 + len(member)] != member.encode():
        start = data.index(b"PK\x01\x02", start + 1)
    return data[: start + offset] + new + data[start + offset + len(new) :]


def test_encrypted_or_oddly_compressed_members():
    members = {"x.npy": array_bytes(X), "y.npy": array_bytes(Y)}
    for data in (
        in_directory(npz(), "x.npy", 8, b"\x01"),
        archive(members, compression=zipfile.ZIP_LZMA),
        archive(members, compression=zipfile.ZIP_BZIP2),
    ):
        with pytest.raises(InvalidDataset, match="must be stored or deflated, without a password"):
            parse_npz(data)


def test_a_member_that_is_too_large_by_the_directory():
    data = in_directory(npz(), "x.npy", 24, struct.pack("<I", npy.MAX_MEMBER + 1))
    with pytest.raises(InvalidDataset, match="at most 512 MiB unpacked, got 536,870,913"):
        parse_npz(data)


def test_a_directory_that_lies_about_the_size():
    packed = archive({"x.npy": bytes(10**6), "y.npy": array_bytes(Y)}, compression=zipfile.ZIP_DEFLATED)
    for size in (100, 10**6 + 1):
        with pytest.raises(DatasetDamaged):
            parse_npz(in_directory(packed, "x.npy", 24, struct.pack("<I", size)))


def test_reading_is_bounded_whatever_the_directory_says(monkeypatch):
    monkeypatch.setattr(npy.zipfile.ZipExtFile, "read", lambda self, n: bytes(n))
    monkeypatch.setattr(npy, "MAX_MEMBER", 10_000)
    with pytest.raises(DatasetDamaged, match="bytes long, as its directory says, got 10,001"):
        parse_npz(npz())


GOOD = "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }\n"


def test_headers_of_every_version():
    for version in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        assert parse_npz(with_header("y", GOOD, b"\0\1\2\1", version)).labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "None",
        "(" * 5000,
        "{'descr': '|u1'}",
        GOOD.replace("4", "-4"),
        GOOD.replace("4", "True"),
        GOOD.replace("4", "4.0"),
        GOOD.replace("(4,)", "[4]"),
        GOOD.replace("4", "2**70"),
        GOOD.replace("4", str(2**70)),
        GOOD.replace("4", f"0, {2**40}, {2**40}"),
        GOOD.replace("4", f"0, {2**70}"),
        GOOD.replace("4", ",".join(["1"] * 100)),
        GOOD.replace("4", "5"),
        GOOD.replace("4", "3"),
        GOOD.replace("False", "__import__('os').abort()"),
        GOOD.replace("False", "0"),
        GOOD + " " * 20_000,
    ],
)
def test_absurd_headers(header):
    with pytest.raises(DatasetDamaged):
        parse_npz(with_header("y", header, b"\0\1\2\1"))


@pytest.mark.parametrize("descr", ["O", "|O", "<c16", "V8", "U99999", "x", "|O8", "\x1b"])
def test_dtypes_that_are_refused(descr):
    with pytest.raises(InvalidDataset, match="must hold plain numbers or text"):
        parse_npz(with_header("y", GOOD.replace("|u1", descr), b"\0\1\2\1"))


@pytest.mark.parametrize("version", [b"\x00\x00", b"\x01\x01", b"\x04\x00"])
def test_unknown_versions_of_the_header(version):
    with pytest.raises(DatasetDamaged, match="numpy's format"):
        parse_npz(with_header("y", GOOD, b"\0\1\2\1", version))


def test_files_that_are_none(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetMissing, match="got no such file"):
        read_npz(tmp_path / "nowhere.npz")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(DatasetDamaged, match="got a folder or something else"):
            read_npz(path)


@st.composite
def almost_sound(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from([npz(), npz(classes=["a", "b", "c"]), archive({"x.npy": array_bytes(X)})])))
    # The headers at the start and the directory at the end are where a change means something.
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, 200) | st.integers(len(data) - 400, len(data) - 1))
        data[position] = draw(st.integers(0, 255))
    return bytes(data)


@hypothesis_settings(deadline=None, max_examples=300)
@given(almost_sound() | st.binary(max_size=100))
def test_any_bytes_give_a_dataset_or_a_named_error(data: bytes):
    try:
        dataset = parse_npz(data)
    except DatasetError as error:
        assert str(error).endswith(".")
        return
    assert dataset.images.shape == (4, 28, 28)


@hypothesis_settings(deadline=None, max_examples=300)
@given(st.text(alphabet="{}()[],:'<|=iufUSbO0123456789 descrshapefortran_order", max_size=60))
def test_any_header_gives_a_dataset_or_a_named_error(header: str):
    for text in (header, GOOD.replace("|u1", header), GOOD.replace("4,", header)):
        try:
            parse_npz(with_header("y", text, b"\0\1\2\1"))
        except DatasetError:
            continue
