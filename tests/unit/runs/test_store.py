"""The contract of the store; every database at hand goes through it (see conftest.py)."""

import json
import time
from dataclasses import replace

import pytest

from mnist_core.errors import InvalidInput, LeaseLost, RunBusy, RunNotFound, StorageError
from mnist_core.runs import RUN_LEVEL, Artifact, Lease, PointRecord, RunState, Store, Wish, writing
from tests.unit.runs.sample_runs import claim, epoch_record

SHA = "ab" * 32


def points(*steps, epoch=1):
    return [PointRecord(epoch, step, float(step), {"loss": [step + 0.5]}) for step in steps]


def steps(store, run_id, after=-1):
    return [point.step for _, point in store.points(run_id, after)]


def test_a_submitted_run_is_queued_and_says_all_that_was_given(store, spec):
    more = {"kind": "embed", "source": "s", "parent": "p", "owner": "me", "note": "n", "lane": "view", "device": "gpu"}
    run = store.submit(spec, digest=SHA, name="mine", cost=2.5, **more)
    assert (run.state, run.spec, run.digest, run.name, run.cost) == (RunState.QUEUED, spec, SHA, "mine", 2.5)
    assert {key: getattr(run, key) for key in more} == more
    assert abs(run.created - time.time()) < 5
    assert run.short_id == run.id[:13]
    assert store.run(run.id) == run
    json.dumps(run.to_json(), allow_nan=False)


def test_the_database_clock_agrees_with_this_machine(store):
    assert abs(store.now() - time.time()) < 5


def test_runs_are_newest_first(store, spec):
    submitted = [store.submit(spec, digest=SHA).id for _ in range(3)]
    assert [run.id for run in store.runs()] == submitted[::-1]


def test_a_name_is_unique(store, spec, monkeypatch):
    store.submit(spec, digest=SHA, name="mine")
    with pytest.raises(InvalidInput, match="`name` must be new, got 'mine'"):
        store.submit(spec, digest=SHA, name="mine")
    monkeypatch.setattr(writing, "friendly_name", lambda: "mine")
    assert [store.submit(spec, digest=SHA).name for _ in range(2)] == ["mine-2", "mine-3"]


def test_a_run_is_found_by_id_prefix_and_name(store, spec):
    run = store.submit(spec, digest=SHA, name="Quiet-Otter")
    refs = [run.id, run.id.upper(), run.id[:4], run.short_id, "Quiet-Otter"]
    assert all(store.run(ref) == run for ref in refs)


def test_a_run_that_is_not_found_has_a_sentence(store, spec):
    with pytest.raises(RunNotFound, match="none is recorded yet"):
        store.run("anything")
    first = store.submit(spec, digest=SHA, name="quiet-otter")
    second = store.submit(spec, digest=SHA, name="loud-seal")
    with pytest.raises(RunNotFound, match="did you mean `quiet-otter`"):
        store.run("quiet-oter")
    with pytest.raises(RunNotFound, match="`runs` lists all of them"):
        store.run("x%")
    with pytest.raises(RunNotFound, match="fits more") as ambiguous:
        store.run(first.id[:4])
    assert first.id in str(ambiguous.value)
    assert second.name in str(ambiguous.value)


def test_a_claim_takes_a_queued_run_once(store, spec):
    run = store.submit(spec, digest=SHA)
    assert store.claim(run.id, ticket="t", worker="w", device="cpu") == Lease(run.id, "t", 1)
    assert store.claim(run.id, ticket="u", worker="w", device="cpu") is None
    assert store.claim("no-run", ticket="u", worker="w", device="cpu") is None
    now = store.run(run.id)
    assert (now.state, now.ticket, now.worker, now.device) == (RunState.RUNNING, "t", "w", "cpu")
    assert now.started and now.beat and not now.ended


def test_of_many_who_claim_at_once_one_wins(store, spec, in_threads):
    runs = [store.submit(spec, digest=SHA) for _ in range(5)]
    leases = in_threads(lambda n: store.claim(runs[n // 8].id, ticket=f"t{n}", worker="w", device="cpu"), 40)
    won = {lease.run: lease for lease in leases if lease}
    assert len(won) == sum(lease is not None for lease in leases) == len(runs)
    assert all((run.ticket, run.attempt) == (won[run.id].ticket, 1) for run in store.runs())


def test_a_requeued_run_keeps_its_start_and_raises_its_attempt(store, claimed):
    before = store.run(claimed.run)
    assert not store.requeue(claimed.run, ticket="other", attempt=1)
    assert not store.requeue(claimed.run, ticket="ticket-1", attempt=2)
    assert store.requeue(claimed.run, ticket="ticket-1", attempt=1)
    queued = store.run(claimed.run)
    assert (queued.state, queued.ticket, queued.worker) == (RunState.QUEUED, None, None)
    again = store.claim(claimed.run, ticket="ticket-1", worker="w", device="cpu")
    assert again == Lease(claimed.run, "ticket-1", 2)
    assert store.run(claimed.run).started == before.started


def test_a_beat_appends_points_and_brings_the_wish(store, claimed):
    assert store.beat(claimed) is None
    assert store.beat(claimed, points(0, 1)) is None
    assert store.wish(claimed.run, Wish.STOP)
    assert store.beat(claimed, points(2)) is Wish.STOP
    assert steps(store, claimed.run) == [0, 1, 2]
    seqs = [seq for seq, _ in store.points(claimed.run)]
    assert seqs == sorted(set(seqs))
    assert steps(store, claimed.run, after=seqs[1]) == [2]


def test_a_point_keeps_its_values_and_none_for_what_is_not_finite(store, claimed):
    store.beat(claimed, [PointRecord(2, 7, 1.5, {"loss": [0.1, float("nan"), float("-inf")], "accuracy": []})])
    ((_, point),) = store.points(claimed.run)
    assert point == PointRecord(2, 7, 1.5, {"loss": [0.1, None, None], "accuracy": []})


def test_news_are_what_came_after_what_is_known(store, spec, claimed):
    store.beat(claimed, points(0, 1))
    for number in (0, 1):
        store.commit_epoch(claimed, epoch_record(number), [])
    known = store.news(claimed.run)
    assert known == (store.run(claimed.run), store.points(claimed.run), store.epochs(claimed.run))
    store.beat(claimed, points(2))
    store.commit_epoch(claimed, epoch_record(2), [])
    record, new_points, new_epochs = store.news(claimed.run, points=known.points[-1][0], epochs=1)
    assert record.epoch == 2
    assert [point.step for _, point in new_points] == [2]
    assert [one.epoch for one in new_epochs] == [2]
    looker = store.submit(spec, digest=SHA, kind="embed", source=claimed.run)
    assert store.news(looker.id) == (looker, [], [])
    with pytest.raises(RunNotFound, match="No run answers to"):
        store.news("no-run")


def test_a_wish_to_kill_is_not_weakened(store, spec):
    run = store.submit(spec, digest=SHA)
    assert store.wish(run.id, Wish.KILL)
    assert store.wish(run.id, Wish.STOP)
    assert store.run(run.id).wish is Wish.KILL
    assert not store.wish("no-run", Wish.STOP)


def test_an_epoch_is_committed_whole(store, claimed):
    artifacts = [Artifact(0, "predictions", SHA, 10), Artifact(0, "weights", "cd" * 32, 20)]
    record = epoch_record(0, train=None, nested={"rows": [1, 2.5]})
    store.commit_epoch(claimed, record, artifacts)
    assert store.epochs(claimed.run) == [record]
    assert store.artifacts(claimed.run) == artifacts
    assert store.artifact(claimed.run, 0, "weights") == artifacts[1]
    assert store.artifact(claimed.run, 1, "weights") is None
    assert store.run(claimed.run).epoch == 0
    assert store.referenced_blobs() == {SHA, "cd" * 32}


def test_an_epochs_points_and_what_it_thins_out_are_part_of_its_commit(store, claimed):
    store.keep(claimed, [Artifact(0, "optimizer", SHA, 1), Artifact(0, "weights", SHA, 2)])
    store.beat(claimed, points(0, epoch=1))
    store.wish(claimed.run, Wish.STOP)
    last, gone = points(1, 2, epoch=1), [(0, "optimizer")]
    assert store.commit_epoch(claimed, epoch_record(1), [], points=last, dropped=gone) is Wish.STOP
    assert steps(store, claimed.run) == [0, 1, 2]
    assert [artifact.name for artifact in store.artifacts(claimed.run)] == ["weights"]
    twice = [Artifact(2, "weights", SHA, 1)] * 2
    with pytest.raises(StorageError):
        store.commit_epoch(claimed, epoch_record(2), twice, points=points(3, epoch=2), dropped=[(0, "weights")])
    assert steps(store, claimed.run) == [0, 1, 2]
    assert [record.epoch for record in store.epochs(claimed.run)] == [1]
    assert [artifact.name for artifact in store.artifacts(claimed.run)] == ["weights"]


@pytest.mark.parametrize("second", [1, 0])
def test_epochs_are_committed_once_and_in_order(store, claimed, second):
    store.commit_epoch(claimed, epoch_record(1), [])
    with pytest.raises(StorageError, match=f"got epoch {second} of run"):
        store.commit_epoch(claimed, epoch_record(second), [Artifact(second, "weights", SHA, 1)])
    assert store.run(claimed.run).epoch == 1
    assert store.artifacts(claimed.run) == []


def test_a_kept_artifact_replaces_one_of_its_name(store, claimed):
    store.keep(claimed, [Artifact(RUN_LEVEL, "splits", SHA, 1), Artifact(0, "weights", SHA, 2)])
    store.keep(claimed, [Artifact(RUN_LEVEL, "splits", "cd" * 32, 3)])
    store.commit_epoch(claimed, epoch_record(0), [Artifact(0, "weights", "ef" * 32, 4)])
    assert [artifact.bytes for artifact in store.artifacts(claimed.run)] == [3, 4]


def test_dropped_artifacts_are_forgotten(store, claimed):
    store.keep(claimed, [Artifact(number, name, SHA, 1) for number in (0, 1) for name in ("a", "b")])
    store.drop(claimed, [(0, "a"), (1, "b"), (7, "none")])
    store.drop(claimed, [])
    assert [(artifact.epoch, artifact.name) for artifact in store.artifacts(claimed.run)] == [(0, "b"), (1, "a")]


def test_a_rewound_run_repeats_steps_under_new_numbers(store, claimed):
    store.beat(claimed, points(0, epoch=1))
    store.commit_epoch(claimed, epoch_record(1), [])
    store.beat(claimed, points(1, 2, epoch=2))
    seen = store.points(claimed.run)[-1][0]
    store.requeue(claimed.run, ticket=claimed.ticket, attempt=claimed.attempt)
    again = store.claim(claimed.run, ticket="t", worker="w", device="cpu")
    store.rewind(again)
    assert steps(store, claimed.run) == [0]
    store.beat(again, points(1, epoch=2))
    assert steps(store, claimed.run, after=seen) == [1]


def test_a_run_without_an_epoch_rewinds_to_nothing(store, claimed):
    store.beat(claimed, points(0, epoch=0))
    store.rewind(claimed)
    assert store.points(claimed.run) == []


def writes(store, lease):
    """Every write under a lease that raises when it is lost."""
    return {
        "beat": lambda: store.beat(lease, points(9)),
        "keep": lambda: store.keep(lease, [Artifact(0, "x", SHA, 1)]),
        "commit_epoch": lambda: store.commit_epoch(
            lease, epoch_record(5), [Artifact(5, "x", SHA, 1)], points=points(9), dropped=[(0, "weights")]
        ),
        "drop": lambda: store.drop(lease, [(0, "weights")]),
        "rewind": lambda: store.rewind(lease),
    }


def everything(store, run_id):
    return (store.run(run_id), store.epochs(run_id), store.points(run_id), store.artifacts(run_id))


@pytest.mark.parametrize("state", ["done", "failed", "stopped"])
def test_finished_is_final_under_every_method(store, claimed, state):
    store.beat(claimed, points(0, epoch=3))
    store.commit_epoch(claimed, epoch_record(0), [Artifact(0, "weights", SHA, 1)])
    assert store.finish(claimed, RunState(state), reason="why", result={"loss": float("nan"), "n": 1}, used=2.0)
    before = everything(store, claimed.run)
    assert (before[0].state, before[0].reason, before[0].used) == (state, "why", 2.0)
    assert before[0].result == {"loss": None, "n": 1}
    assert before[0].ended
    for write in writes(store, claimed).values():
        with pytest.raises(LeaseLost):
            write()
    assert not store.finish(claimed, RunState.FAILED)
    assert not store.wish(claimed.run, Wish.STOP)
    assert not store.requeue(claimed.run, ticket=claimed.ticket, attempt=claimed.attempt)
    assert not store.discard_queued(claimed.run, "no")
    assert store.claim(claimed.run, ticket="t", worker="w", device="cpu") is None
    assert everything(store, claimed.run) == before


@pytest.mark.parametrize("method", ["beat", "keep", "commit_epoch", "drop", "rewind"])
@pytest.mark.parametrize("lost", ["ticket", "attempt", "queued"])
def test_a_lost_lease_writes_nothing(store, claimed, lost, method):
    store.commit_epoch(claimed, epoch_record(0), [Artifact(0, "weights", SHA, 1)])
    lease = {"ticket": replace(claimed, ticket="other"), "attempt": replace(claimed, attempt=2)}.get(lost, claimed)
    if lost == "queued":
        store.requeue(claimed.run, ticket=claimed.ticket, attempt=claimed.attempt)
    before = everything(store, claimed.run)
    with pytest.raises(LeaseLost, match=f"ticket `{lease.ticket}`, attempt {lease.attempt}"):
        writes(store, lease)[method]()
    assert not store.finish(lease, RunState.DONE)
    assert everything(store, claimed.run) == before


def test_only_a_final_state_finishes(store, claimed):
    with pytest.raises(ValueError, match="must be done, failed or stopped"):
        store.finish(claimed, RunState.QUEUED)


def test_of_many_who_finish_at_once_one_wins(store, claimed, in_threads):
    states = [RunState.DONE, RunState.FAILED, RunState.STOPPED] * 2
    won = in_threads(lambda n: store.finish(claimed, states[n], reason=str(n)), len(states))
    assert won.count(True) == 1
    assert store.run(claimed.run).reason == str(won.index(True))


def test_a_queued_run_can_be_discarded(store, spec):
    run = store.submit(spec, digest=SHA)
    assert store.discard_queued(run.id, "not wanted")
    assert not store.discard_queued(run.id, "again")
    now = store.run(run.id)
    assert (now.state, now.reason) == (RunState.STOPPED, "not wanted")
    assert now.ended


def test_each_look_at_the_test_split_is_recorded(store, claimed):
    store.opened(claimed.run, "me")
    store.finish(claimed, RunState.DONE)
    store.opened(claimed.run, "you")
    assert [(look.by, look.state) for look in store.openings(claimed.run)] == [("me", "running"), ("you", "done")]
    with pytest.raises(RunNotFound):
        store.opened("no-run", "me")


def test_a_begun_run_is_never_seen_queued(store, spec):
    holder = {"ticket": "t", "worker": "me", "device": "cpu"}
    run, lease = store.begin(spec, digest=SHA, name="mine", holder=holder, cost=2.5)
    assert lease == Lease(run.id, "t", 1)
    assert (run.state, run.worker, run.device, run.cost, run.attempt) == (RunState.RUNNING, "me", "cpu", 2.5, 1)
    assert run.started and run.beat
    assert store.run("mine") == run
    assert store.claim_next("train", ticket="u", worker="other", device="cpu") is None
    with pytest.raises(InvalidInput, match="`name` must be new"):
        store.begin(spec, digest=SHA, name="mine", holder=holder)
    assert len(store.runs()) == 1
    assert store.finish(lease, RunState.DONE)


def test_the_next_run_is_of_that_lane_and_device(store, spec):
    more = [{}, {"device": "cpu"}, {"device": "gpu"}, {"device": "cpu", "lane": "view", "kind": "embed"}]
    anywhere, cpu, gpu, view = (store.submit(spec, digest=SHA, **one).id for one in more)

    def take(lane, device):
        lease = store.claim_next(lane, ticket="t", worker="w", device=device)
        return lease and lease.run

    assert [take("train", "cpu") for _ in range(3)] == [anywhere, cpu, None]
    assert [take("train", "gpu"), take("train", "gpu")] == [gpu, None]
    assert [take("view", "cpu"), take("view", "gpu")] == [view, None]
    assert store.run(gpu).device == "gpu"


def test_owners_take_turns(store, spec):
    pressed = ["ann", "ann", "ann", "bob", "bob", "cem"]
    runs = [store.submit(spec, digest=SHA, owner=owner, device="cpu").id for owner in pressed]
    taken = [store.claim_next("train", ticket=str(n), worker="w", device="cpu").run for n in range(6)]
    assert [store.run(run).owner for run in taken] == ["ann", "bob", "cem", "ann", "bob", "ann"]
    assert [run for run in taken if run in runs[:3]] == runs[:3]


def test_who_has_used_less_lately_comes_first(store, spec):
    greedy = claim(store, spec, owner="ann")
    store.finish(greedy, RunState.DONE, used=100.0)
    assert store.used() == {"ann": 100.0}
    assert store.used(lately_s=-1) == {}
    for owner in ("ann", "bob"):
        store.submit(spec, digest=SHA, owner=owner, device="cpu")
    lease = store.claim_next("train", ticket="t", worker="w", device="cpu")
    assert store.run(lease.run).owner == "bob"


def test_of_many_who_take_the_next_run_none_gets_the_same(store, spec, in_threads):
    runs = {store.submit(spec, digest=SHA, device="cpu").id for _ in range(6)}
    leases = in_threads(lambda n: store.claim_next("train", ticket=f"t{n}", worker="w", device="cpu"), 9)
    won = [lease.run for lease in leases if lease]
    assert sorted(won) == sorted(runs)


def test_a_worker_says_that_it_lives(store, claimed):
    before = store.run(claimed.run)
    assert store.alive(claimed)
    after = store.run(claimed.run)
    assert after.beat > before.beat
    assert replace(after, beat=before.beat) == before
    assert not store.alive(replace(claimed, ticket="other"))
    store.requeue(claimed.run, ticket=claimed.ticket, attempt=claimed.attempt)
    assert not store.alive(claimed)


def test_a_deleted_run_is_nowhere_but_can_be_restored(store, claimed):
    store.beat(claimed, points(0))
    store.commit_epoch(claimed, epoch_record(0), [Artifact(0, "weights", SHA, 1)])
    store.opened(claimed.run, "me")
    with pytest.raises(RunBusy, match="is running and cannot be deleted"):
        store.delete(claimed.run)
    store.finish(claimed, RunState.DONE)
    before = everything(store, claimed.run)
    store.delete(claimed.run)
    assert store.runs() == []
    for ask in (store.run, store.delete, lambda run: store.rename(run, "x"), lambda run: store.set_note(run, "x")):
        with pytest.raises(RunNotFound):
            ask(claimed.run)
    assert store.referenced_blobs() == {SHA}
    assert store.restore(claimed.run)
    assert not store.restore(claimed.run)
    assert everything(store, claimed.run) == before
    assert len(store.openings(claimed.run)) == 1


def test_a_deleted_run_is_restored_only_for_its_owner(store, spec):
    run = store.submit(spec, digest=SHA, owner="ann")
    store.delete(run.id)
    assert not store.restore(run.id, "bob")
    assert not store.restore("no-run", "ann")
    assert store.restore(run.id, "ann")


def test_a_deleted_run_that_was_queued_is_not_taken_until_it_is_restored(store, spec):
    run = store.submit(spec, digest=SHA, device="cpu")
    store.delete(run.id)
    assert store.active() == []
    assert store.claim(run.id, ticket="t", worker="w", device="cpu") is None
    assert store.claim_next("train", ticket="t", worker="w", device="cpu") is None
    store.restore(run.id)
    assert store.active() == [run]
    assert store.claim_next("train", ticket="t", worker="w", device="cpu")


def test_a_run_deleted_long_ago_goes_for_good(store, claimed):
    store.beat(claimed, points(0))
    store.commit_epoch(claimed, epoch_record(0), [Artifact(0, "weights", SHA, 1)])
    store.opened(claimed.run, "me")
    store.finish(claimed, RunState.DONE)
    assert store.purge(older_than_s=-1) == 0
    store.delete(claimed.run)
    assert store.purge(older_than_s=3600) == 0
    assert store.referenced_blobs() == {SHA}
    assert store.purge(older_than_s=-1) == 1
    assert store.referenced_blobs() == set()
    assert (store.points(claimed.run), store.epochs(claimed.run), store.openings(claimed.run)) == ([], [], [])
    assert not store.restore(claimed.run)


def test_short_work_goes_with_the_run_that_it_looked_at(store, spec, claimed):
    other = claim(store, spec)
    for lease in (claimed, other):
        store.finish(lease, RunState.DONE)
        store.order("predict", lease.run, {}, owner="ann")
        view = store.claim_next("view", ticket="t", worker="w", device="cpu")
        store.keep(view, [Artifact(RUN_LEVEL, "predictions", SHA if lease is other else "cd" * 32, 1)])
    store.delete(claimed.run)
    assert store.purge(older_than_s=-1) == 1
    assert store.referenced_blobs() == {SHA}
    with pytest.raises(LeaseLost):
        store.keep(Lease(store.order("predict", other.run, {}, owner="ann").id, "lost", 1), [])


def test_short_work_is_ordered_once(store, spec, claimed):
    first = store.order("predict", claimed.run, {"split": "train", "epoch": 1}, owner="ann")
    assert (first.state, first.lane, first.source, first.digest) == ("queued", "view", claimed.run, "0" * 64)
    assert store.order("predict", claimed.run, {"epoch": 1, "split": "train"}, owner="bob") == first
    assert store.order("predict", claimed.run, {"split": "train", "epoch": 2}, owner="bob").id != first.id
    assert first.id not in {run.id for run in store.runs()}
    assert first.id in {run.id for run in store.active()}
    lease = store.claim_next("view", ticket="t", worker="w", device="cpu")
    assert lease.run == first.id
    store.finish(lease, RunState.FAILED)
    assert store.order("predict", claimed.run, {"split": "train", "epoch": 1}, owner="ann").id != first.id
    with pytest.raises(RunNotFound):
        store.order("predict", "no-run", {}, owner="ann")


def test_names_and_notes_can_be_changed(store, spec):
    run = store.submit(spec, digest=SHA, name="one")
    store.submit(spec, digest=SHA, name="two")
    store.rename(run.id, "one")
    store.rename(run.id, "three")
    store.set_note(run.id, "a note")
    assert (store.run(run.id).name, store.run(run.id).note) == ("three", "a note")
    with pytest.raises(InvalidInput, match="`name` must be new"):
        store.rename(run.id, "two")
    for change in (store.rename, store.set_note):
        with pytest.raises(RunNotFound):
            change("no-run", "x")


def test_a_run_from_elsewhere_is_inserted_once(store, spec):
    template = store.submit(spec, digest=SHA, name="mine")
    record = replace(template, id=template.id[:-4] + "0000", state=RunState.DONE, epoch=1, ended=5.0)
    rows = {"epochs": [epoch_record(1)], "points": points(0, 4), "artifacts": [Artifact(1, "weights", SHA, 1)]}
    inserted = store.insert(record, **rows)
    assert inserted == replace(record, name="mine-2")
    assert store.insert(record, epochs=[], points=[], artifacts=[]) == inserted
    assert everything(store, record.id)[1:] == (rows["epochs"], list(enumerate(rows["points"])), rows["artifacts"])


def test_a_deleted_run_that_comes_again_is_seen_again(store, claimed):
    store.commit_epoch(claimed, epoch_record(1), [])
    store.finish(claimed, RunState.DONE)
    record = store.run(claimed.run)
    store.delete(record.id)
    assert store.insert(record, epochs=[], points=[], artifacts=[]) == record
    assert store.run(record.id) == record
    assert [one.epoch for one in store.epochs(record.id)] == [1]


def test_many_threads_write_many_runs(store, spec, in_threads):
    def whole_life(_):
        lease = claim(store, spec)
        for step in range(5):
            store.beat(lease, points(step))
        store.commit_epoch(lease, epoch_record(1), [])
        return store.finish(lease, RunState.DONE)

    assert all(in_threads(whole_life, 6))
    assert len({run.name for run in store.runs()}) == 6


def test_two_stores_see_each_other(store, url, claimed):
    with Store(url) as other:
        other.beat(claimed, points(0))
        assert steps(store, claimed.run) == [0]
