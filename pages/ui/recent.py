"""What was read or made lately, shared by all sessions and bounded by its bytes, not by its number."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np

__all__ = ["Recent", "bytes_of"]

Kept = TypeVar("Kept")


class Recent(Generic[Kept]):
    """Things that hold arrays, by key; those that were wanted longest ago make room, but the newest always stays.

    Args:
        most_bytes: of all that is kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, Kept] = OrderedDict()
        self._reading: dict[Hashable, threading.Lock] = {}
        self._bytes = 0

    def get(self, key: Hashable, read: Callable[[], Kept]) -> Kept:
        """What is kept under a key; read now, once for all who ask, where nothing is."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            with self._lock:
                if key in self._held:
                    return self._held[key]
            try:
                found = read()
                self._keep(key, found)
            finally:
                with self._lock:
                    self._reading.pop(key, None)
        return found

    def _keep(self, key: Hashable, found: Kept) -> None:
        with self._lock:
            if key not in self._held:
                self._held[key] = found
                self._bytes += bytes_of(found)
            while self._bytes > self._most and len(self._held) > 1:
                _, old = self._held.popitem(last=False)
                self._bytes -= bytes_of(old)


def bytes_of(value: Any) -> int:
    """How many bytes the arrays in something take: in arrays, mappings, tuples and dataclasses, however deep."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if is_dataclass(value) and not isinstance(value, type):
        value = tuple(getattr(value, one.name) for one in fields(value))
    if isinstance(value, Mapping):
        value = tuple(value.values())
    return sum(map(bytes_of, value)) if isinstance(value, tuple | list) else 0
