"""What is kept of what was read lately: bounded by bytes, the oldest goes first."""

from dataclasses import dataclass
from threading import Barrier, Thread

import numpy as np

from pages.ui.recent import Recent, bytes_of


@dataclass
class Held:
    values: np.ndarray
    name: str


def test_arrays_are_counted_however_deep():
    arrays = (np.zeros(3, np.float32), {"a": np.zeros((2, 2)), "b": ("words", [np.zeros(1, np.int8)])}, None)
    assert bytes_of(arrays) == 12 + 32 + 1
    assert bytes_of(Held(np.zeros(5), "words")) == 40


def test_what_was_wanted_longest_ago_makes_room():
    recent, read = Recent[np.ndarray](3000), []

    def get(key, size=1000):
        return recent.get(key, lambda: read.append(key) or np.zeros(size, np.uint8))

    for key in "abca":
        get(key)
    assert read == ["a", "b", "c"]
    get("d")
    assert get("a") is get("a")
    get("b")
    assert read == ["a", "b", "c", "d", "b"]


def test_the_newest_stays_however_large():
    recent = Recent[np.ndarray](10)
    one = recent.get("large", lambda: np.zeros(1000))
    assert recent.get("large", lambda: np.zeros(1)) is one


def test_what_several_want_at_once_is_read_once():
    recent, read, start = Recent[np.ndarray](1000), [], Barrier(4)

    def want():
        start.wait()
        recent.get("one", lambda: read.append("one") or np.zeros(3))

    threads = [Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == ["one"]
