"""Named arrays as bytes and back: NumPy's `.npz` without compression, without pickle, with the same bytes each time."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "from_npz", "to_npz"]

Arrays = dict[str, NDArray[Any]]


def to_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays in one file, in the order of the mapping."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(arrays))
    return buffer.getvalue()


def from_npz(data: bytes, names: Iterable[str] | None = None) -> Arrays:
    """Reads the arrays of these names, or every one; what would need pickle is refused by NumPy with a ValueError."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in (file.files if names is None else names)}
