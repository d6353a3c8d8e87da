"""The recorder's thread: who waits for it, what it raises and when, and that it ends with everything written."""

import signal
import threading

import numpy as np
import pytest

from mnist_core.errors import LeaseLost, StorageFull
from mnist_core.runs import Wish
from mnist_core.training.recorder import ArchiveRecorder, StopRequested

VALUES = np.zeros(2, np.float32)


class Writer:
    """Notes what it is told; may be held up, and may fail."""

    def __init__(self):
        self.wish = None
        self.told = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.failing = {}

    def _tell(self, what):
        assert self.may_go_on.wait(10)
        if what in self.failing:
            raise self.failing[what]
        self.told.append(what)

    def begin(self, weights):
        self._tell("begin")

    def points(self, epoch, step, losses, accuracies, at):
        self._tell(f"points {epoch}.{step}")

    def beat(self):
        self._tell("beat")

    def flush(self):
        self._tell("flush")

    def commit(self, epoch, waited):
        self._tell(f"commit {epoch}")


@pytest.fixture
def writer():
    writer = Writer()
    yield writer
    writer.may_go_on.set()


def train_two_epochs(recorder):
    recorder.begin({})
    for epoch in (1, 2):
        recorder.points(epoch, 0, VALUES, VALUES)
        recorder.commit(epoch)


WHOLE = ["begin", "points 1.0", "commit 1", "points 2.0", "commit 2", "flush"]


def test_everything_is_written_in_order_when_it_is_left(writer):
    with ArchiveRecorder(writer) as recorder:
        train_two_epochs(recorder)
    assert writer.told == WHOLE


def test_the_training_waits_only_for_the_epoch_before(writer):
    writer.may_go_on.clear()
    recorder = ArchiveRecorder(writer)
    recorder.points(1, 0, VALUES, VALUES)
    assert recorder.commit(1) < 5
    recorder.points(2, 0, VALUES, VALUES)
    assert writer.told == []
    threading.Timer(0.2, writer.may_go_on.set).start()
    assert recorder.commit(2) >= 0.1
    assert "commit 1" in writer.told
    recorder.close()
    assert writer.told[-2:] == ["commit 2", "flush"]


def test_a_failure_is_raised_by_what_comes_next_and_nothing_is_written_after_it(writer):
    writer.failing = {"commit 1": StorageFull("no space is left")}
    recorder = ArchiveRecorder(writer)
    with pytest.raises(StorageFull, match="no space"):
        train_two_epochs(recorder)
    with pytest.raises(StorageFull, match="no space"):
        recorder.beat()
    with pytest.raises(StorageFull, match="no space"):
        recorder.close()
    assert writer.told == ["begin", "points 1.0"]


def test_a_failure_of_the_last_epoch_is_raised_when_it_is_left(writer):
    writer.failing = {"commit 2": LeaseLost("another one writes it")}
    with pytest.raises(LeaseLost), ArchiveRecorder(writer) as recorder:
        train_two_epochs(recorder)
    assert writer.told == WHOLE[:4]


def test_an_error_of_the_training_comes_through_with_all_written(writer):
    with pytest.raises(ZeroDivisionError), ArchiveRecorder(writer) as recorder:
        train_two_epochs(recorder)
        raise ZeroDivisionError
    assert writer.told == WHOLE


def test_a_failure_to_write_hides_an_error_of_the_training_but_not_an_interruption(writer):
    writer.failing = {"flush": StorageFull("no space is left")}
    with pytest.raises(StorageFull), ArchiveRecorder(writer):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), ArchiveRecorder(writer):
        raise KeyboardInterrupt


def test_an_interruption_of_the_last_wait_still_waits(writer):
    writer.may_go_on.clear()
    main = threading.main_thread().ident
    threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()
    threading.Timer(0.5, writer.may_go_on.set).start()
    with pytest.raises(KeyboardInterrupt), ArchiveRecorder(writer) as recorder:
        recorder.commit(1)
    assert writer.told == ["commit 1", "flush"]


@pytest.mark.parametrize("asked", ["by a wish", "by this process"])
def test_a_stop_is_heard_at_points_and_beats_but_not_at_commits(writer, asked):
    is_due = False
    recorder = ArchiveRecorder(writer, lambda: is_due)
    recorder.points(1, 0, VALUES, VALUES)
    recorder.beat()
    if asked == "by a wish":
        writer.wish = Wish.STOP
    else:
        is_due = True
    recorder.commit(1)
    with pytest.raises(StopRequested):
        recorder.beat()
    with pytest.raises(StopRequested):
        recorder.points(2, 0, VALUES, VALUES)
    recorder.close()
    assert "commit 1" in writer.told
    assert writer.told[-1] == "flush"


def test_beats_do_not_pile_up_behind_a_slow_disk(writer):
    writer.may_go_on.clear()
    recorder = ArchiveRecorder(writer)
    for _ in range(100):
        recorder.beat()
    writer.may_go_on.set()
    recorder.close()
    assert writer.told.count("beat") <= 1
