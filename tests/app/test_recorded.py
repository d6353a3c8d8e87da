"""The committed epochs of a run, as pages share them: each read once, and never more than the record says."""

import gc
from dataclasses import replace

import pytest

from mnist_core.runs import EpochRecord, Lease, best_epoch, kept_epoch
from mnist_core.spec import RunSpec
from pages.ui.recorded import epochs_of


@pytest.fixture
def read(shared, monkeypatch):
    """The number of each epoch that is read from the store, in order."""
    numbers = []
    store = shared.lab.archive.store
    ask = store.epochs

    def epochs(run_id, after=-1):
        found = ask(run_id, after)
        numbers.extend(one.epoch for one in found)
        return found

    monkeypatch.setattr(store, "epochs", epochs)
    return numbers


def losses_of(number):
    return {"val_loss": abs(number - 20) / 10 + 0.1, "val_accuracy": 0.5}


def test_a_look_after_each_epoch_reads_each_once_and_keeps_one_list(shared, add_run, read):
    store, record = shared.lab.archive.store, add_run("running", epochs=0)
    for number in range(1, 301):
        store.commit_epoch(
            Lease(record.id, "t", record.attempt), EpochRecord(number, losses_of(number), 4.0, 0.5, 0.1), []
        )
        now = store.run(record.id)
        seen = epochs_of(now)
        assert len(seen.epochs) == number + 1
        assert epochs_of(now) is seen
    assert read == list(range(301))
    assert (seen.best, seen.kept) == (20, 20)
    gc.collect()
    mine = [one for one in gc.get_objects() if isinstance(one, EpochRecord) and one.seconds == 4.0]
    assert len(mine) == 301


def test_who_holds_an_older_record_gets_what_was_there_then(shared, add_run, commit_epoch, read):
    old = add_run("running", epochs=2)
    was = epochs_of(old)
    for number in (3, 4, 5):
        commit_epoch(old, number)
    new = shared.lab.archive.store.run(old.id)
    assert len(epochs_of(new).epochs) == 6
    assert epochs_of(old) == was
    for last in range(6):
        seen = epochs_of(replace(old, epoch=last))
        assert [one.epoch for one in seen.epochs] == list(range(last + 1))
        spec = RunSpec.parse(old.spec)
        assert (seen.best, seen.kept) == (best_epoch(seen.epochs), kept_epoch(spec, seen.epochs))
    assert read == list(range(6))


def test_an_epoch_that_came_after_the_record_is_not_of_it(shared, add_run, commit_epoch, read):
    early = add_run("running", epochs=1)
    commit_epoch(early, 2)
    assert [one.epoch for one in epochs_of(early).epochs] == [0, 1]
    assert [one.epoch for one in epochs_of(shared.lab.archive.store.run(early.id)).epochs] == [0, 1, 2]
    assert read == [0, 1, 2]


def test_before_the_first_epoch_there_is_nothing(add_run):
    seen = epochs_of(add_run("queued"))
    assert (seen.epochs, seen.best, seen.kept) == ((), None, None)
