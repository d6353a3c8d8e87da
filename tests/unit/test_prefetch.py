import threading
import time

import pytest

from pages.ui.frame import prefetch as module
from pages.ui.frame.prefetch import MOST_WAITING, Prefetcher, close_prefetching, neighbours, open_prefetching, prefetch


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(("epoch", "expected"), [(0, [1, 2]), (1, [2, 4, 0]), (4, [9, 2]), (9, [4])])
def test_the_next_two_come_first_then_the_one_before(epoch, expected):
    assert neighbours(epoch, [0, 1, 2, 4, 9]) == expected


def test_neighbours_are_read_once_each_in_the_background(monkeypatch):
    read = []
    monkeypatch.setattr(module, "load_snapshot", lambda *wanted: read.append(wanted))
    open_prefetching()
    prefetch("r", 1, [0, 1, 2], "validation")
    prefetch("r", 1, [0, 1, 2], "train")
    wait_for(lambda: len(read) == 2)
    close_prefetching()
    assert sorted(read) == [("r", 0, "validation"), ("r", 2, "validation")]
    prefetch("r", 1, [0, 1, 2], "validation")
    assert len(read) == 2


def test_what_waits_is_bounded_and_an_error_ends_nothing(monkeypatch, caplog):
    gate, read = threading.Event(), []

    def slowly(run, epoch, split):
        gate.wait(10)
        read.append(epoch)
        raise OSError("the disk")

    monkeypatch.setattr(module, "load_snapshot", slowly)
    caplog.set_level("INFO", "mnist_lab")
    reader = Prefetcher()
    for epoch in [*range(100), *range(100)]:
        reader.want("r", epoch, "validation")
    gate.set()
    wait_for(lambda: len(read) == MOST_WAITING)
    reader.close()
    assert read == list(range(MOST_WAITING))
    assert "the disk" in caplog.text
