"""Arrays as bytes: every bit comes back, the bytes are the same each time, and nothing is ever unpickled."""

import ast
import io
import pickle
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest

import mnist_core
from mnist_core.datasets.digits import read_pixels
from mnist_core.npz import ArrayHeader, from_npz, read_header, to_npz
from mnist_core.runs.checked_npz import check_npz

ARRAYS = {
    "dense_1/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([np.inf, -0.0, np.nan], np.float16),
    "empty": np.zeros((0, 3), np.uint8),
    "scalar": np.array(3, np.int64),
}


def test_arrays_come_back_bit_for_bit_in_their_order():
    back = from_npz(to_npz(ARRAYS))
    assert list(back) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


def test_the_bytes_are_the_same_each_time():
    assert to_npz(ARRAYS) == to_npz(dict(ARRAYS))


def test_what_numpy_writes_is_read_as_numpy_reads_it():
    more = {
        "fortran": np.arange(6.0).reshape(2, 3).T,
        "big-endian": np.arange(3, dtype=">i4"),
        "text": np.array(["nine", "\u00e9"]),
        "bytes": np.array([b"a", b""]),
        "truth": np.array([True, False]),
        "many axes": np.zeros((1,) * 32 + (2,)),
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **more)
    back = from_npz(buffer.getvalue())
    with np.load(io.BytesIO(buffer.getvalue())) as file:
        for name in more:
            assert back[name].dtype == file[name].dtype
            assert back[name].strides == file[name].strides
            assert back[name].flags.writeable
            np.testing.assert_array_equal(back[name], file[name])


def test_a_member_without_the_suffix_is_an_array_too():
    data = to_npz(ARRAYS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        half = archive.read("half.npy")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("half", half)
    assert from_npz(buffer.getvalue())["half"].tobytes() == ARRAYS["half"].tobytes()


def test_single_arrays_are_read_by_name():
    assert list(from_npz(to_npz(ARRAYS), ["scalar", "half"])) == ["scalar", "half"]
    with pytest.raises(KeyError, match="nothing"):
        from_npz(to_npz(ARRAYS), ["nothing"])


@pytest.mark.parametrize(
    ("header", "shape"),
    [
        ("{'shape': (4,), 'descr': '|u1', 'fortran_order': True}", (4,)),
        ("  {'descr':'|u1','fortran_order':True,'shape':(2,2),}  ", (2, 2)),
        ("{'descr': '|u1', 'fortran_order': True, 'shape': (), }", ()),
    ],
)
def test_headers_that_others_write(header: str, shape: tuple[int, ...]):
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    assert read_header(data) == ArrayHeader("|u1", True, shape, len(data))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': True}",
        "{'descr': '|u1', 'fortran_order': True, 'shape': (4)}",
        "{'descr': '|u1', 'fortran_order': True, 'shape': (4,,)}",
        "{'descr': '|u1', 'fortran_order': True, 'shape': (4,), 'more': 1}",
        "{'descr': '|u1', 'descr': '|u1', 'shape': (4,)}",
        "{'shape': (4,), 'fortran_order': True, 'shape': (4,)}",
        "'descr': '|u1', 'fortran_order': True, 'shape': (4,)",
        "{'descr': [" + "]," * 4000,
    ],
)
def test_headers_that_are_none(header: str):
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with pytest.raises(ValueError, match="its header is"):
        read_header(data)


@pytest.mark.parametrize(
    ("descr", "shape", "body"),
    [("|u1", "(4,)", b"123"), ("|u1", "(4,)", b"12345"), ("(,)f4", "(1,)", b"1234"), ("|S0", f"({10**13},)", b"")],
)
def test_arrays_that_are_none(descr: str, shape: str, body: bytes):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body)
    with pytest.raises(ValueError, match="an array must h"):
        from_npz(buffer.getvalue())


def test_reading_parses_no_source(monkeypatch: pytest.MonkeyPatch):
    data, parsed = to_npz(ARRAYS), list[object]()
    with monkeypatch.context() as patched:
        patched.setattr(ast, "parse", lambda source, *_, **__: parsed.append(source))
        from_npz(data)
        check_npz(data, "weights.npz")
        read_pixels()
    assert parsed == [], "two threads that do this at once may break each other"


def test_no_page_is_rewritten_when_it_is_compiled():
    config = tomllib.loads((Path(mnist_core.__file__).parents[1] / ".streamlit/config.toml").read_text())
    assert config["runner"]["magicEnabled"] is False


def test_objects_are_never_written_or_read():
    with pytest.raises(ValueError, match="allow_pickle"):
        to_npz({"a": np.array([{}], object)})
    nested = np.zeros(2, [("a", [("b", "M8[ns]")]), ("c", "f4")])
    for array in (np.array([{}], object), np.zeros(2, [("a", "f4")]), nested):
        buffer = io.BytesIO()
        np.savez(buffer, a=array)
        with pytest.raises(ValueError, match="need no pickle"):
            from_npz(buffer.getvalue())


def test_a_pickle_is_refused():
    with pytest.raises(zipfile.BadZipFile):
        from_npz(pickle.dumps({"a": 1}))
