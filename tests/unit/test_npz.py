"""Arrays as bytes: every bit comes back, the bytes are the same each time, and nothing is ever unpickled."""

import io
import pickle

import numpy as np
import pytest

from mnist_core.npz import from_npz, to_npz

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


def test_objects_are_never_written_or_read():
    with pytest.raises(ValueError, match="allow_pickle"):
        to_npz({"a": np.array([{}], object)})
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        from_npz(buffer.getvalue())


def test_a_pickle_is_refused():
    with pytest.raises(ValueError, match="pickle"):
        from_npz(pickle.dumps({"a": 1}))
