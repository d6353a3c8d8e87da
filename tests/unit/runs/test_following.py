"""Rows that follow a run: one training, a row for each who asked, and records that outlive any of them."""

from contextlib import suppress
from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from mnist_core.errors import InvalidInput, RunBusy, RunNotFound
from mnist_core.runs import Artifact, PointRecord, RunState, Store, tables
from mnist_core.runs.following import SHIPPED_OWNER
from tests.unit.runs.sample_runs import epoch_record

DIGEST = "ab" * 32
SHA = "cd" * 32
HOLDER = {"ticket": "t", "worker": "w", "device": "cpu"}


def press(store, spec, owner, **more):
    return store.submit(spec, digest=DIGEST, follow=True, owner=owner, **more)


def claimed(store, run):
    lease = store.claim(run.id, **HOLDER)
    assert lease
    return lease


def learn(store, lease, *epochs):
    for number in epochs:
        store.beat(lease, [PointRecord(number, number * 10, 1.0, {"loss": [number + 0.5]})])
        store.commit_epoch(lease, epoch_record(number), [Artifact(number, "weights", SHA, number + 1)])


def records(store, run):
    return store.epochs(run.id), [point for _, point in store.points(run.id)], store.artifacts(run.id)


def states(store, *runs):
    return [store.run(run.id).state.value for run in runs]


@pytest.fixture
def pair(store, spec):
    return press(store, spec, "ann"), press(store, spec, "bob")


def test_who_asks_for_a_queued_run_follows_it(store, spec, pair):
    leader, follower = pair
    assert (leader.source, leader.state) == (None, RunState.QUEUED)
    assert (follower.source, follower.state, follower.started) == (leader.id, RunState.QUEUED, None)
    assert follower.name != leader.name
    assert store.followers(leader.id) == 1
    assert store.claim(follower.id, **HOLDER) is None


def test_who_asks_for_a_running_run_sees_what_it_has_learnt(store, spec):
    leader = press(store, spec, "ann", device="cpu")
    lease = claimed(store, leader)
    learn(store, lease, 0, 1)
    follower = press(store, spec, "bob", device="cpu")
    assert (follower.state, follower.epoch, follower.source) == (RunState.RUNNING, 1, leader.id)
    assert follower.started and not follower.ended
    assert store.has_points(follower.id)
    assert records(store, follower) == records(store, leader)


def test_who_asks_for_a_done_run_has_its_result_at_once(store, spec):
    leader = press(store, spec, "ann")
    lease = claimed(store, leader)
    learn(store, lease, 0)
    store.finish(lease, RunState.DONE, result={"best_epoch": 0}, reason="early", used=3.0)
    follower = press(store, spec, "bob")
    assert (follower.state, follower.result, follower.reason) == (RunState.DONE, {"best_epoch": 0}, "early")
    assert follower.started and follower.ended
    assert follower.used is None
    assert records(store, follower) == records(store, leader)


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.STOPPED])
def test_what_failed_or_was_stopped_is_trained_anew(store, spec, state):
    store.finish(claimed(store, press(store, spec, "ann")), state)
    assert press(store, spec, "bob").source is None


def test_who_is_asked_for_twice_is_asked_for_the_leader(store, spec, pair):
    leader, follower = pair
    third = press(store, spec, "cem")
    assert third.source == leader.id
    assert store.followers(leader.id) == 2
    assert store.followers(follower.id) == 0


def test_another_digest_or_no_wish_to_follow_makes_a_run_of_its_own(store, spec, pair):
    assert store.submit(spec, digest="0" * 64, follow=True).source is None
    assert store.submit(spec, digest=DIGEST).source is None


def test_followers_keep_in_step(store, pair):
    leader, follower = pair
    lease = claimed(store, leader)
    assert states(store, leader, follower) == ["running", "running"]
    assert store.run(follower.id).started
    learn(store, lease, 0, 1)
    assert store.run(follower.id).epoch == 1
    assert records(store, follower) == records(store, leader)
    store.requeue(leader.id, ticket="t", attempt=1)
    assert states(store, leader, follower) == ["queued", "queued"]
    lease = claimed(store, leader)
    store.finish(lease, RunState.FAILED, reason="why", result={"kept_epoch": 1})
    assert states(store, leader, follower) == ["failed", "failed"]
    now = store.run(follower.id)
    assert (now.reason, now.result, now.ended is None) == ("why", {"kept_epoch": 1}, False)


def test_a_stopped_leader_leaves_its_records_to_the_first_who_follows(store, spec, pair):
    leader, first = pair
    second = press(store, spec, "cem")
    lease = claimed(store, leader)
    learn(store, lease, 0, 1)
    before = records(store, leader)
    store.finish(lease, RunState.STOPPED, reason="enough")
    assert states(store, leader, first, second) == ["stopped", "queued", "queued"]
    assert [store.run(run.id).source for run in (leader, first, second)] == [None, None, first.id]
    assert [records(store, run) for run in (leader, first, second)] == [before] * 3
    assert store.claim(second.id, **HOLDER) is None
    again = claimed(store, first)
    store.rewind(again)
    learn(store, again, 2)
    store.finish(again, RunState.DONE)
    assert states(store, leader, first, second) == ["stopped", "done", "done"]
    assert store.run(second.id).epoch == 2
    assert records(store, second) == records(store, first) != records(store, leader) == before


def test_the_points_of_a_promoted_run_go_on_growing(store, pair):
    leader, follower = pair
    for _ in range(3):
        lease = claimed(store, leader)
        store.requeue(leader.id, ticket="t", attempt=lease.attempt)
    lease = claimed(store, leader)
    learn(store, lease, 0)
    seen = store.points(follower.id)[-1][0]
    store.finish(lease, RunState.STOPPED)
    store.beat(claimed(store, follower), [PointRecord(1, 1, 0.0, {"loss": [1.0]})])
    assert [point.step for _, point in store.points(follower.id, after=seen)] == [1]


def test_a_queued_leader_that_is_stopped_or_deleted_lets_the_next_one_train(store, spec, pair):
    leader, follower = pair
    assert store.discard_queued(leader.id, "not now")
    assert states(store, leader, follower) == ["stopped", "queued"]
    third = press(store, spec, "cem")
    assert third.source == follower.id
    store.delete(follower.id)
    assert store.run(third.id).source is None
    assert claimed(store, third)


def test_a_follower_that_is_taken_off_keeps_what_was_learnt_until_then(store, spec, pair):
    leader, follower = pair
    lease = claimed(store, leader)
    learn(store, lease, 0, 1)
    before = records(store, leader)
    assert store.detach(follower.id, "enough")
    assert not store.detach(follower.id, "again")
    assert not store.detach(leader.id, "it trains")
    learn(store, lease, 2)
    now = store.run(follower.id)
    assert (now.state, now.reason, now.source, now.epoch) == (RunState.STOPPED, "enough", None, 1)
    assert now.ended
    assert records(store, follower) == before
    assert states(store, leader) == ["running"]


def test_a_follower_of_a_running_run_can_be_deleted_and_is_up_to_date_when_restored(store, pair):
    leader, follower = pair
    lease = claimed(store, leader)
    store.delete(follower.id)
    assert store.followers(leader.id) == 0
    learn(store, lease, 0)
    store.finish(lease, RunState.DONE, result={"kept_epoch": 0})
    assert store.restore(follower.id)
    now = store.run(follower.id)
    assert (now.state, now.epoch, now.result) == (RunState.DONE, 0, {"kept_epoch": 0})
    assert records(store, follower) == records(store, leader)


def test_a_deleted_follower_waits_and_goes_on_when_restored(store, pair):
    leader, follower = pair
    lease = claimed(store, leader)
    learn(store, lease, 0)
    store.delete(follower.id)
    store.finish(lease, RunState.STOPPED)
    assert store.active() == []
    assert store.claim(follower.id, **HOLDER) is None
    assert store.restore(follower.id)
    assert states(store, leader, follower) == ["stopped", "queued"]
    assert records(store, follower) == records(store, leader)
    assert claimed(store, follower)


def test_a_deleted_follower_is_promoted_after_those_who_are_there(store, spec, pair):
    leader, deleted = pair
    third = press(store, spec, "cem")
    store.delete(deleted.id)
    store.finish(claimed(store, leader), RunState.STOPPED)
    assert store.run(third.id).source is None
    assert store.restore(deleted.id)
    assert store.run(deleted.id).source == third.id
    claimed(store, third)
    assert states(store, third, deleted) == ["running", "running"]


def test_records_outlive_the_run_that_made_them(store, spec):
    leader = press(store, spec, "ann")
    lease = claimed(store, leader)
    learn(store, lease, 0, 1)
    store.finish(lease, RunState.DONE)
    first, second = (press(store, spec, owner) for owner in ("bob", "cem"))
    before = records(store, leader)
    store.delete(leader.id)
    third = press(store, spec, "dee")
    assert third.source == leader.id
    assert store.purge(older_than_s=-1) == 1
    assert [store.run(run.id).source for run in (first, second, third)] == [None, first.id, first.id]
    assert [records(store, run) for run in (first, second, third)] == [before] * 3
    store.delete(first.id)
    store.delete(second.id)
    assert store.purge(older_than_s=-1) == 2
    assert records(store, third) == before
    store.delete(third.id)
    assert store.purge(older_than_s=-1) == 1
    assert store.referenced_blobs() == set()


def test_a_view_shows_its_own_records_not_those_of_the_run_that_it_looks_at(store, spec, claimed):
    learn(store, claimed, 0)
    view = store.submit({}, digest=DIGEST, kind="embed", source=claimed.run, lane="view")
    assert records(store, view) == ([], [], [])
    assert store.followers(claimed.run) == 0
    assert store.claim(view.id, **HOLDER)
    store.finish(claimed, RunState.DONE)
    assert states(store, view) == ["running"]


def test_of_many_who_press_at_once_one_leads(store, spec, in_threads):
    runs = in_threads(lambda n: press(store, spec, f"owner-{n}"), 8)
    leaders = [run for run in runs if run.source is None]
    assert len(leaders) == 1
    assert {run.source for run in runs} == {None, leaders[0].id}
    assert store.followers(leaders[0].id) == 7


class ManyWhoFollow(RuleBasedStateMachine):
    """Some people press, stop, delete and undo in any order, while a worker works, dies and comes back."""

    runs = Bundle("runs")

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Store(f"sqlite:///{self.folder.name}/lab.sqlite")
        self.lease = None
        self.shown = {}

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    @rule(target=runs, digest=st.sampled_from("ab"))
    def press(self, digest):
        return self.store.submit({}, digest=digest, follow=True, device="cpu").id

    @rule()
    def take(self):
        if self.lease is None:
            self.lease = self.store.claim_next("train", **HOLDER)
            if self.lease:
                self.store.rewind(self.lease)

    @precondition(lambda self: self.lease)
    @rule()
    def learn(self):
        number = len(self.store.epochs(self.lease.run))
        self.store.beat(self.lease, [PointRecord(number, number, 0.0, {"loss": [0.5]})])
        self.store.commit_epoch(self.lease, epoch_record(number), [Artifact(number, "weights", SHA, 1)])

    @precondition(lambda self: self.lease)
    @rule(state=st.sampled_from([RunState.DONE, RunState.FAILED, RunState.STOPPED]))
    def end(self, state):
        assert self.store.finish(self.lease, state)
        self.lease = None

    @precondition(lambda self: self.lease)
    @rule()
    def die(self):
        assert self.store.requeue(self.lease.run, ticket=self.lease.ticket, attempt=self.lease.attempt)
        self.lease = None

    @rule(run=runs)
    def stop(self, run):
        self.store.detach(run, "enough") or self.store.discard_queued(run, "enough")

    @rule(run=runs)
    def delete(self, run):
        with suppress(RunBusy, RunNotFound):
            self.store.delete(run)

    @rule(run=runs)
    def undo(self, run):
        self.store.restore(run)

    @rule()
    def purge(self):
        self.store.purge(older_than_s=-1)

    @invariant()
    def each_row_is_in_step_with_the_one_that_it_follows(self):
        for run in self.store.runs():
            with self.store._database.reading() as connection:
                query = select(tables.run).where(tables.run.c.id == run.source)
                leader = connection.execute(query).mappings().one_or_none()
            if run.source is None:
                continue
            assert leader is not None and leader["source"] is None
            assert (leader["state"], leader["epoch"], leader["digest"]) == (run.state, run.epoch, run.digest)

    @invariant()
    def the_last_epoch_is_the_last_that_is_shown(self):
        for run in self.store.runs():
            epochs, points, artifacts = records(self.store, run)
            assert [record.epoch for record in epochs] == list(range(len(epochs)))
            assert run.epoch == (epochs[-1].epoch if epochs else None)
            assert [artifact.epoch for artifact in artifacts] == [record.epoch for record in epochs]
            assert [point.step for point in points] == [record.epoch for record in epochs]

    @invariant()
    def what_has_ended_never_changes(self):
        for run in self.store.runs():
            if run.state.is_finished:
                now = (run.state, run.epoch, run.reason, *records(self.store, run))
                assert self.shown.setdefault(run.id, now) == now

    @invariant()
    def one_run_at_most_trains_what_two_have_asked_for(self):
        working = [run for run in self.store.active() if run.source is None and run.state is RunState.RUNNING]
        assert len(working) <= 1
        assert not working or self.lease.run == working[0].id


TestManyWhoFollow = ManyWhoFollow.TestCase
TestManyWhoFollow.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)


def imported(store, run, **more):
    """The same run as it comes out of a bundle: without the process that trained it."""
    other = replace(store.run(run.id), id="01a1fe47-0000-7000-8000-000000000000", name="imported", worker=None, **more)
    return store.insert(other, epochs=[], points=[], artifacts=[])


def test_what_somebody_imported_answers_nobody_else(store, spec):
    trained = press(store, spec, "ann")
    store.finish(claimed(store, trained), RunState.DONE)
    forged = imported(store, trained, digest="ef" * 32, owner="eve")
    assert store.submit(spec, digest="ef" * 32, follow=True, owner="bob").source is None
    shipped = replace(forged, id="01a1fe47-0000-7000-8000-000000000001", name="shipped", digest="09" * 32)
    store.insert(replace(shipped, owner=SHIPPED_OWNER), epochs=[], points=[], artifacts=[])
    assert store.submit(spec, digest="09" * 32, follow=True, owner="bob").source == shipped.id


def test_importing_anothers_deleted_run_does_not_bring_it_back(store, spec):
    run = press(store, spec, "ann")
    store.finish(claimed(store, run), RunState.DONE)
    record = store.run(run.id)
    store.delete(run.id)
    with pytest.raises(InvalidInput, match="was deleted here by its owner"):
        store.insert(replace(record, owner="bob"), epochs=[], points=[], artifacts=[])
    assert store.insert(record, epochs=[], points=[], artifacts=[]).id == run.id


def test_a_queued_run_that_comes_back_follows_who_went_on_without_it(store, pair):
    leader, follower = pair
    store.delete(leader.id)
    assert store.run(follower.id).source is None
    assert store.restore(leader.id)
    assert store.run(leader.id).source == follower.id


def test_a_reader_with_a_cursor_misses_nothing_of_a_promoted_run(store, pair):
    leader, follower = pair
    lease = claimed(store, leader)
    learn(store, lease, 0, 1)
    store.beat(lease, [PointRecord(2, 20, 1.0, {"loss": [0.5]})])
    cursor = store.points(follower.id)[-1][0]
    store.finish(lease, RunState.STOPPED)
    again = claimed(store, follower)
    store.rewind(again)
    learn(store, again, 2)
    assert [point.step for _, point in store.points(follower.id, after=cursor)] == [20]
