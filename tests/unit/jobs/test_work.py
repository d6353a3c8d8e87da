"""The border of the workers: whatever goes wrong stands in the run's row."""

import pytest

from mnist_core.errors import DatasetMissing, LeaseLost, StorageError, TrainingFailed
from mnist_core.jobs import work, worker
from mnist_core.jobs.worker import _staying_in_touch
from mnist_core.runs import RUN_LEVEL, RunState
from tests.unit.jobs.memory_engine import HERE, until


@pytest.fixture
def lease(store):
    run = store.submit({}, digest="ab" * 32, kind="odd", device="cpu")
    return store.claim(run.id, ticket="t", worker=HERE, device="cpu")


@pytest.fixture
def doing(lab, lease, monkeypatch):
    """Carries out a run whose work is to call a function."""

    def carry_out(function):
        monkeypatch.setattr(work, "WORK", {"odd": lambda *_: function()})
        work.carry_out(lab, lease)

    return carry_out


def raising(error):
    def fail():
        raise error

    return fail


def test_bad_input_is_said_as_it_is(store, lease, doing):
    doing(raising(DatasetMissing("The dataset is not at hand.")))
    record = store.run(lease.run)
    assert (record.state, record.reason) == (RunState.FAILED, "The dataset is not at hand.")
    assert store.artifacts(lease.run) == []


def test_what_nobody_expected_is_kept_with_its_traceback(lab, store, lease, doing):
    doing(raising(ZeroDivisionError("division by zero")))
    record = store.run(lease.run)
    assert record.state is RunState.FAILED
    assert record.reason == "It broke with ZeroDivisionError: division by zero"
    assert b"ZeroDivisionError" in lab.archive.read(lease.run, RUN_LEVEL, "traceback")


def test_a_failed_training_has_its_sentence_already(store, lease, doing):
    def fail():
        store.finish(lease, RunState.FAILED, reason="diverged")
        raise TrainingFailed("diverged")

    doing(fail)
    assert store.run(lease.run).reason == "diverged"


@pytest.mark.parametrize("error", [LeaseLost("taken over"), StorageError("no space")])
def test_what_cannot_be_recorded_leaves_the_run_as_it_is(store, lease, doing, error):
    before = store.run(lease.run)
    with pytest.raises(type(error)):
        doing(raising(error))
    assert store.run(lease.run) == before


def test_a_kind_that_this_version_does_not_know_has_failed(lab, store, lease):
    work.carry_out(lab, lease)
    assert store.run(lease.run).state is RunState.FAILED
    assert "'odd'" in store.run(lease.run).reason


def test_a_worker_without_a_word_still_says_that_it_lives(lab, store, lease, monkeypatch):
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.01)
    first = store.run(lease.run).beat
    with _staying_in_touch(lab, lease):
        until(lambda: store.run(lease.run).beat > first)
    last = store.run(lease.run).beat
    assert last > first
    assert store.run(lease.run).beat == last


def test_a_worker_that_lost_its_run_falls_silent(lab, store, lease, monkeypatch):
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.01)
    said = []
    real = store.alive
    monkeypatch.setattr(store, "alive", lambda lease: said.append(real(lease)) or said[-1])
    with _staying_in_touch(lab, lease):
        until(lambda: True in said)
        store.requeue(lease.run, ticket="t", attempt=1)
        until(lambda: False in said)
    assert said.count(False) == 1


def test_a_beat_that_cannot_be_written_is_tried_again(lab, store, lease, monkeypatch):
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.01)
    tries = []

    def locked(_):
        tries.append(1)
        raise StorageError("The database is locked.")

    monkeypatch.setattr(store, "alive", locked)
    with _staying_in_touch(lab, lease):
        until(lambda: len(tries) >= 2)


@pytest.mark.parametrize("queued", [True, False])
def test_a_ticket_takes_the_next_run_or_nothing(lab, store, monkeypatch, queued):
    run = store.submit({}, digest="ab" * 32, kind="odd", device="cpu") if queued else None
    monkeypatch.setattr(worker, "warm_up", lambda: None)
    monkeypatch.setattr(worker, "_lab", lambda: lab)
    monkeypatch.setattr(work, "WORK", {"odd": lambda lab, lease, _: lab.archive.store.finish(lease, RunState.DONE)})
    assert worker.take_ticket("train", "cpu") == (run.id if run else None)
    if run:
        record = store.run(run.id)
        assert (record.state, record.worker, record.attempt) == (RunState.DONE, HERE, 1)


def test_a_ticket_whose_run_is_taken_away_ends_quietly(lab, store, lease, monkeypatch):
    monkeypatch.setattr(worker, "warm_up", lambda: None)
    monkeypatch.setattr(worker, "_lab", lambda: lab)
    monkeypatch.setattr(work, "WORK", {"odd": lambda *_: raising(LeaseLost("taken over"))()})
    store.requeue(lease.run, ticket="t", attempt=1)
    assert worker.take_ticket("train", "cpu") == lease.run
