"""The thread that looks after runs, with an engine in memory: what it sees in the store, it does."""

import logging
import threading
from collections import Counter

import pytest

from mnist_core.errors import StorageError
from mnist_core.jobs import Jobs, reconcile
from mnist_core.jobs.control import Control
from mnist_core.runs import RunState, Wish
from tests.unit.jobs.memory_engine import GONE, HERE, MemoryEngine, until

TRAIN = ("train", "cpu")


@pytest.fixture
def begin(lab, store):
    """Starts looking after the store's runs."""
    controls = []

    def start(engine):
        make = engine if callable(engine) else lambda _: engine
        controls.append(Control(store, lab.settings, make))
        controls[-1].start()
        return controls[-1]

    yield start
    for one in controls:
        one.close()


@pytest.fixture
def looks(engine):
    """Waits until the engine has been looked at so many times more."""

    def wait(count=3):
        last = engine.looks + count
        until(lambda: engine.looks >= last)

    return wait


def submit(store, **more):
    return store.submit({}, digest="ab" * 32, **{"device": "cpu"} | more).id


def claim(store, run, worker=HERE):
    return store.claim(run, ticket="t", worker=worker, device="cpu")


def state(store, run):
    return store.run(run).state


def test_each_queued_run_gets_one_ticket(store, engine, begin, looks):
    for more in ({}, {}, {"lane": "view", "kind": "predict", "source": "x"}, {"device": "gpu"}):
        submit(store, **more)
    begin(engine)
    looks()
    assert engine.tickets == Counter({TRAIN: 2, ("view", "cpu"): 1, ("train", "gpu"): 1})


def test_a_lost_ticket_is_given_again(store, engine, begin, looks):
    submit(store)
    begin(engine)
    until(lambda: engine.tickets[TRAIN] == 1)
    engine.tickets.clear()
    until(lambda: engine.tickets[TRAIN] == 1)


def test_runs_that_follow_or_are_deleted_get_none(store, engine, begin, looks):
    submit(store)
    submit(store, follow=True)
    store.delete(submit(store))
    begin(engine)
    looks()
    assert engine.tickets == Counter({TRAIN: 1})


def test_a_run_whose_worker_has_ended_goes_back_to_the_queue(store, engine, begin, caplog):
    run = submit(store)
    claim(store, run, worker=GONE)
    begin(engine)
    until(lambda: state(store, run) is RunState.QUEUED)
    until(lambda: engine.tickets[TRAIN])
    assert f"goes back to the queue: its worker {GONE} is gone" in caplog.text
    assert claim(store, run).attempt == 2


def test_a_run_whose_workers_end_every_time_has_failed(store, engine, begin):
    run = submit(store)
    follower = submit(store, follow=True)
    begin(engine)
    for attempt in range(1, 4):
        until(lambda: state(store, run) is RunState.QUEUED)
        assert claim(store, run, worker=GONE).attempt == attempt
    record = until(lambda: (record := store.run(run)).state is RunState.FAILED and record)
    assert (
        record.reason
        == f"Its worker ended without a word 3 times, the last time on {GONE}; see the log, then train it again."
    )
    assert state(store, follower) is RunState.FAILED


def test_a_worker_that_does_not_stop_is_ended_and_who_follows_goes_on(store, engine, begin, looks, monkeypatch, caplog):
    monkeypatch.setattr(reconcile, "STOP_SECONDS", 0.2)
    run = submit(store)
    follower = submit(store, follow=True)
    claim(store, run)
    begin(engine)
    looks()
    assert (state(store, run), engine.killed) == (RunState.RUNNING, [])
    store.wish(run, Wish.STOP)
    until(lambda: state(store, run) is RunState.STOPPED)
    until(lambda: engine.killed)
    assert "did not react and was started anew" in store.run(run).reason
    assert store.run(follower).source is None
    assert state(store, follower) is RunState.QUEUED
    looks()
    assert engine.killed == [HERE]
    until(lambda: f"Worker {HERE} did not react" in caplog.text)


def test_a_worker_that_stops_in_time_is_left_alone(store, engine, begin, looks):
    run = submit(store)
    lease = claim(store, run)
    begin(engine)
    store.wish(run, Wish.STOP)
    looks()
    store.finish(lease, RunState.STOPPED)
    looks()
    assert engine.killed == []


def test_a_stopped_run_whose_worker_has_ended_is_stopped(store, engine, begin):
    run = submit(store)
    claim(store, run, worker=GONE)
    store.wish(run, Wish.STOP)
    begin(engine)
    until(lambda: state(store, run) is RunState.STOPPED)


def test_a_queued_run_that_nobody_wants_is_stopped(store, engine, begin, looks):
    run = submit(store)
    store.wish(run, Wish.STOP)
    begin(engine)
    until(lambda: state(store, run) is RunState.STOPPED)
    assert engine.tickets == Counter()


def test_a_worker_of_another_engine_that_is_silent_loses_its_run(store, engine, begin, monkeypatch):
    monkeypatch.setattr(reconcile, "LEASE_SECONDS", 0.05)
    run = submit(store)
    claim(store, run, worker="elsewhere:1:1")
    begin(engine)
    until(lambda: engine.killed == ["elsewhere:1:1"])
    until(lambda: engine.tickets[TRAIN])
    assert state(store, run) is RunState.QUEUED


def test_an_engine_that_does_not_come_up_is_tried_again(store, engine, begin, caplog):
    run = submit(store)
    tries = []

    def start(_):
        tries.append(1)
        if len(tries) < 3:
            raise OSError("Timed out trying to connect to tcp://127.0.0.1:1.")
        return engine

    begin(start)
    until(lambda: engine.tickets[TRAIN] == 1)
    assert len(tries) == 3
    assert state(store, run) is RunState.QUEUED
    [first, second] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert first.getMessage() == second.getMessage()
    assert "Jobs wait, and are looked after again in" in first.getMessage()
    assert "Timed out trying to connect" in first.getMessage()


@pytest.mark.parametrize("error", [OSError("broken"), TimeoutError("late"), StorageError("The database is locked.")])
def test_a_look_that_fails_is_taken_again_with_the_same_engine(store, engine, begin, looks, caplog, error):
    engine.errors = [error] * 2
    submit(store)
    control = begin(engine)
    until(lambda: engine.tickets[TRAIN] == 1)
    assert caplog.text.count(str(error)) == 2
    assert engine.closed == 0
    assert control.slots == engine.given


def test_an_engine_that_lost_its_scheduler_is_started_anew(store, begin):
    engines = []

    def start(_):
        engines.append(MemoryEngine())
        return engines[-1]

    control = begin(start)
    until(lambda: control.slots)
    engines[0].errors = [ConnectionError("out of reach")]
    until(lambda: len(engines) == 2)
    submit(store)
    until(lambda: engines[1].tickets[TRAIN] == 1)
    assert [one.closed for one in engines] == [1, 0]
    assert control.slots == engines[1].given


def test_the_end_closes_the_engine_and_the_thread(lab, store, engine):
    control = Control(store, lab.settings, lambda _: engine)
    control.close()
    assert engine.closed == 0
    control = Control(store, lab.settings, lambda _: engine)
    control.start()
    until(lambda: control.slots)
    control.close()
    assert engine.closed == 1
    assert "jobs" not in {thread.name for thread in threading.enumerate()}


def test_the_view_worker_starts_before_it_is_asked_for_anything(lab, engine, start_jobs, looks):
    jobs = start_jobs(engine)
    looks()
    assert engine.views == 0
    jobs.expect_views()
    until(lambda: engine.views)
    Jobs(lab, None).expect_views()


def test_whatever_an_engine_raises_its_jobs_are_looked_after_again(store, engine, begin, monkeypatch, caplog):
    monkeypatch.setattr("mnist_core.jobs.control.RETRY_SECONDS", 0.05)
    tries = []

    def fails_once(_):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("Cluster failed to start")
        return engine

    submit(store)
    begin(fails_once)
    until(lambda: engine.open_tickets()[TRAIN] == 1)
    assert "Cluster failed to start" in caplog.text
