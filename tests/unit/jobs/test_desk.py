"""What people ask of jobs, with an engine in memory: two people and one run in every state, and who may do what."""

import pytest

from mnist_core.errors import DatasetMissing, InvalidInput, InvalidSpec, NotOwner, QueueFull, RunBusy, RunNotFound
from mnist_core.jobs import EVERYBODY, Jobs, Slot, Standing
from mnist_core.jobs.desk import MOST_WAITING
from mnist_core.networks.catalogue import presets
from mnist_core.runs import PointRecord, RunState, Wish
from tests.unit.jobs.memory_engine import HERE, MemoryEngine, until
from tests.unit.runs.sample_runs import epoch_record

SPEC = presets["softmax-regression"].on("digits", epochs=2)


@pytest.fixture
def jobs(lab):
    """Jobs whose runs wait for someone else's engine."""
    return Jobs(lab, None)


@pytest.fixture
def demo(make_lab):
    return Jobs(make_lab(profile="demo"), None)


def claim(store, run):
    return store.claim(run.id, ticket="t", worker=HERE, device="cpu")


def learn(store, lease, *epochs):
    for number in epochs:
        store.beat(lease, [PointRecord(number, number, 0.0, {"loss": [0.5]})])
        store.commit_epoch(lease, epoch_record(number), [])


def epochs(store, run):
    return [record.epoch for record in store.epochs(run.id)]


def states(store, *runs):
    return [store.run(run.id).state.value for run in runs]


def test_a_submitted_run_says_all_that_a_worker_needs(jobs, store):
    run = jobs.submit(SPEC, owner="ann", name="mine")
    plan = jobs.check(SPEC)
    assert (run.state, run.owner, run.name, run.lane, run.device) == (RunState.QUEUED, "ann", "mine", "train", "cpu")
    assert run.spec == SPEC.model_dump(mode="json")
    assert run.digest == SPEC.digest(plan.dataset.content_hash, "cpu")
    assert run.cost == plan.cost.seconds_per_run
    assert store.run("mine") == run
    assert jobs.submit(SPEC, owner="ann", name="").name


def test_a_check_records_nothing(jobs, store):
    plan = jobs.check(SPEC)
    assert (plan.spec, plan.device, plan.dataset.name) == (SPEC, "cpu", "digits")
    assert len(plan.splits.train) + len(plan.splits.validation) + len(plan.splits.test) == len(plan.dataset.labels)
    assert store.runs() == []


@pytest.mark.parametrize("name", ["mine", "a/b", "x" * 200])
def test_a_name_that_cannot_be_used_queues_nothing(jobs, store, name):
    jobs.submit(SPEC, owner="ann", name="mine")
    with pytest.raises(InvalidInput, match="`name`"):
        jobs.submit(SPEC, owner="bob", name=name)
    assert len(store.runs()) == 1


def test_a_dataset_that_is_not_at_hand_is_not_fetched_on_the_way(jobs, store):
    with pytest.raises(DatasetMissing, match="The dataset `mnist` is not at hand: "):
        jobs.submit(presets["softmax-regression"].on("mnist"), owner="ann")
    assert store.runs() == []


def test_a_gpu_is_asked_for_only_where_a_slot_has_one(lab, start_jobs, jobs):
    wanted = presets["softmax-regression"].on("digits", device="gpu")
    with pytest.raises(InvalidSpec, match="`device` must be cpu or auto while there is no training slot with a GPU"):
        jobs.submit(wanted, owner="ann")
    both = start_jobs(MemoryEngine(Slot("train", "cpu", warm=True), Slot("train", "gpu", warm=True)))
    until(both.slots)
    assert both.submit(wanted, owner="ann").device == "gpu"
    assert both.check(SPEC.model_copy(update={"device": "auto"})).device == "gpu"
    assert both.check(SPEC.model_copy(update={"device": "cpu"})).device == "cpu"


@pytest.mark.parametrize("state", ["queued", "running", "done"])
def test_the_same_asked_for_by_two_is_trained_once(jobs, store, state):
    first = jobs.submit(SPEC, owner="ann")
    if state != "queued":
        lease = claim(store, first)
        learn(store, lease, 0, 1)
    if state == "done":
        store.finish(lease, RunState.DONE, result={"kept_epoch": 1})
    second = jobs.submit(SPEC, owner="bob")
    assert (second.source, second.state.value, second.owner) == (first.id, state, "bob")
    assert epochs(store, second) == epochs(store, first)
    assert second.result == store.run(first.id).result
    assert store.claim_next("train", ticket="t", worker=HERE, device="cpu") is None or state == "queued"


def test_whoever_stops_a_run_that_others_follow_leaves_it_to_them(jobs, store):
    first = jobs.submit(SPEC, owner="ann")
    second, third = (jobs.submit(SPEC, owner=owner) for owner in ("bob", "cem"))
    lease = claim(store, first)
    learn(store, lease, 0, 1)
    jobs.stop(first.id, owner="ann")
    assert store.beat(lease) is Wish.STOP
    store.finish(lease, RunState.STOPPED)
    assert states(store, first, second, third) == ["stopped", "queued", "queued"]
    assert store.run(third.id).source == second.id
    again = claim(store, second)
    learn(store, again, 2)
    store.finish(again, RunState.DONE)
    assert states(store, first, second, third) == ["stopped", "done", "done"]
    assert [epochs(store, run) for run in (first, second, third)] == [[0, 1], [0, 1, 2], [0, 1, 2]]


def test_whoever_follows_and_stops_keeps_what_was_learnt(jobs, store):
    first = jobs.submit(SPEC, owner="ann")
    second = jobs.submit(SPEC, owner="bob")
    lease = claim(store, first)
    learn(store, lease, 0, 1)
    jobs.stop(second.id, owner="bob")
    assert store.beat(lease) is None
    learn(store, lease, 2)
    assert states(store, first, second) == ["running", "stopped"]
    assert [epochs(store, run) for run in (first, second)] == [[0, 1, 2], [0, 1]]


def test_a_queued_run_stops_at_once(jobs, store):
    first = jobs.submit(SPEC, owner="ann")
    second = jobs.submit(SPEC, owner="bob")
    jobs.stop(first.id, owner="ann")
    assert states(store, first, second) == ["stopped", "queued"]
    assert store.run(second.id).source is None
    jobs.stop(second.id, owner="bob")
    jobs.stop(second.id, owner="bob")
    assert states(store, second) == ["stopped"]


def test_a_finished_run_stays_as_it_is_when_stopped(jobs, store):
    run = jobs.submit(SPEC, owner="ann")
    store.finish(claim(store, run), RunState.DONE)
    before = store.run(run.id)
    jobs.stop(run.id, owner="ann")
    assert store.run(run.id) == before


def test_a_deleted_run_can_be_brought_back(jobs, store):
    run = jobs.submit(SPEC, owner="ann")
    lease = claim(store, run)
    with pytest.raises(RunBusy, match="stop it first"):
        jobs.delete(run.id, owner="ann")
    store.finish(lease, RunState.DONE)
    jobs.delete(run.id, owner="ann")
    with pytest.raises(RunNotFound):
        jobs.delete(run.id, owner="ann")
    assert jobs.restore(run.id, owner="ann")
    assert not jobs.restore(run.id, owner="ann")
    assert not jobs.restore("no-run", owner="ann")
    assert states(store, run) == ["done"]


def changes(jobs):
    """Everything that only the owner may do."""
    return {
        "stop": jobs.stop,
        "delete": jobs.delete,
        "rename": lambda run, owner: jobs.rename(run, "other", owner=owner),
        "note": lambda run, owner: jobs.set_note(run, "other", owner=owner),
    }


@pytest.mark.parametrize("what", ["stop", "delete", "rename", "note"])
def test_in_the_demo_only_the_owner_changes_a_run(demo, what):
    run = demo.submit(SPEC, owner="ann", name="mine")
    store = demo._lab.archive.store
    with pytest.raises(NotOwner, match="Run `mine` belongs to someone else; only its owner may change it"):
        changes(demo)[what](run.id, owner="bob")
    assert store.run(run.id) == run
    assert demo.may_change(run, "ann")
    assert not demo.may_change(run, "bob")
    changes(demo)[what](run.id, owner="ann")
    assert what == "delete" or store.run(run.id) != run


@pytest.mark.parametrize("what", ["stop", "delete", "rename", "note"])
def test_alone_everybody_may_change_everything(jobs, store, what):
    run = jobs.submit(SPEC, owner="ann")
    assert jobs.may_change(run, EVERYBODY)
    changes(jobs)[what](run.id, owner="bob")


@pytest.mark.parametrize("what", ["stop", "delete", "rename", "note"])
def test_a_run_that_is_not_there_has_a_sentence(jobs, what):
    with pytest.raises(RunNotFound, match="No run answers to `gone`"):
        changes(jobs)[what]("gone", owner="ann")


def test_in_the_demo_only_the_owner_brings_a_run_back(demo):
    run = demo.submit(SPEC, owner="ann")
    demo.delete(run.id, owner="ann")
    assert not demo.restore(run.id, owner="bob")
    assert demo.restore(run.id, owner="ann")


def test_a_follower_of_a_foreign_run_may_not_stop_it_but_leave_it(demo):
    store = demo._lab.archive.store
    first, second = demo.submit(SPEC, owner="ann"), demo.submit(SPEC, owner="bob")
    claim(store, first)
    with pytest.raises(NotOwner):
        demo.stop(first.id, owner="bob")
    demo.stop(second.id, owner="bob")
    assert states(store, first, second) == ["running", "stopped"]
    assert store.run(first.id).wish is None


def test_two_who_do_opposite_things_leave_a_sound_state(jobs, store):
    run = jobs.submit(SPEC, owner="ann")
    jobs.stop(run.id, owner="ann")
    jobs.delete(run.id, owner="bob")
    for change in (changes(jobs)[what] for what in ("stop", "rename", "note")):
        with pytest.raises(RunNotFound):
            change(run.id, owner="ann")
    assert jobs.restore(run.id, owner="ann")
    assert states(store, run) == ["stopped"]


def queue(store, *owners):
    """Queued runs of unlike specs, of 10 seconds each."""
    return [store.submit({}, digest=str(n), owner=owner, device="cpu", cost=10.0) for n, owner in enumerate(owners)]


def test_nobody_fills_the_queue_of_a_shared_laboratory(demo, jobs):
    runs = [demo.submit(SPEC.model_copy(update={"seed": seed}), owner="ann") for seed in range(MOST_WAITING)]
    with pytest.raises(QueueFull, match=f"at most {MOST_WAITING} runs waiting here, and you have {MOST_WAITING}"):
        demo.submit(SPEC.model_copy(update={"seed": 99}), owner="ann")
    looks = [demo.predictions(runs[0].id, "train", epoch, owner="ann") for epoch in range(MOST_WAITING)]
    assert demo.predictions(runs[0].id, "train", 0, owner="ann") == looks[0], "what is asked for already needs no room"
    with pytest.raises(QueueFull, match=f"at most {MOST_WAITING} views waiting here"):
        demo.predictions(runs[0].id, "train", MOST_WAITING, owner="ann")
    assert demo.submit(SPEC.model_copy(update={"seed": 99}), owner="bob")
    demo.stop(runs[0].id, owner="ann")
    assert demo.submit(SPEC.model_copy(update={"seed": 101}), owner="ann")
    assert jobs.submit(SPEC.model_copy(update={"seed": 100}), owner="ann"), "alone, nobody counts"


def test_where_a_run_stands_in_its_life(start_jobs, store):
    jobs = start_jobs(MemoryEngine())
    until(jobs.slots)
    [run] = queue(store, "ann")
    seen = [jobs.standing(store.run(run.id))]
    lease = claim(store, run)
    seen.append(jobs.standing(store.run(run.id)))
    store.beat(lease, [PointRecord(1, 0, 0.0, {"loss": [0.5]})])
    seen.append(jobs.standing(store.run(run.id)))
    store.wish(run.id, Wish.STOP)
    seen.append(jobs.standing(store.run(run.id)))
    store.finish(lease, RunState.STOPPED)
    seen.append(jobs.standing(store.run(run.id)))
    assert [one.phase for one in seen] == ["queued", "compiling", "training", "stopping", "finished"]
    assert seen[0] == Standing("queued", 1, 0)
    assert {(one.position, one.starts_in) for one in seen[1:]} == {(None, None)}


def test_a_resumed_run_is_training_not_compiling_as_there_is_something_to_see(jobs, store):
    [run] = queue(store, "ann")
    lease = claim(store, run)
    learn(store, lease, 0)
    store.requeue(run.id, ticket="t", attempt=1)
    claim(store, run)
    assert jobs.standing(store.run(run.id)).phase == "training"


@pytest.mark.parametrize("slots", [(), (Slot("train", "cpu"),), (Slot("view", "cpu", warm=True),)])
def test_a_run_waits_for_its_worker_to_warm_up(start_jobs, store, slots):
    engine = MemoryEngine()
    engine.given = slots
    jobs = start_jobs(engine)
    until(lambda: engine.looks > 1)
    first, second = queue(store, "ann", "ann")
    assert jobs.standing(first) == Standing("warming up", 1)
    assert jobs.standing(second).phase == "queued"
    assert jobs.standing(second).position == 2


def test_the_queue_is_as_fair_as_it_is_told(start_jobs, store):
    jobs = start_jobs(MemoryEngine())
    until(jobs.slots)
    runs = queue(store, "ann", "ann", "ann", "bob")
    told = {jobs.standing(run).position: run.id for run in runs}
    assert [jobs.standing(run).position for run in runs] == [1, 3, 4, 2]
    taken = []
    while lease := store.claim_next("train", ticket="t", worker=HERE, device="cpu"):
        taken.append(lease.run)
    assert taken == [told[position] for position in sorted(told)]


def test_the_start_is_expected_after_all_that_comes_before(start_jobs, store):
    jobs = start_jobs(MemoryEngine())
    until(jobs.slots)
    working, second, third = queue(store, "ann", "ann", "ann")
    claim(store, working)
    assert jobs.standing(second).starts_in == pytest.approx(10, abs=5)
    assert jobs.standing(third).starts_in == pytest.approx(20, abs=5)
    two = start_jobs(MemoryEngine(*(Slot("train", "cpu", worker=f"w{n}", warm=True) for n in range(2))))
    until(two.slots)
    assert two.standing(third).starts_in == pytest.approx(10, abs=2.5)
    store.submit({}, digest="x", owner="bob", device="cpu")
    assert jobs.standing(third).starts_in is None


def test_a_follower_stands_where_its_leader_stands(start_jobs, store):
    jobs = start_jobs(MemoryEngine())
    until(jobs.slots)
    queue(store, "ann", "ann")
    leader = jobs.submit(SPEC, owner="ann")
    follower = jobs.submit(SPEC, owner="bob")
    assert jobs.standing(follower) == jobs.standing(leader)
    assert jobs.standing(leader).position == 3
    claim(store, leader)
    assert jobs.standing(store.run(follower.id)).phase == "compiling"


def test_short_work_waits_in_its_own_lane(jobs, store):
    run = jobs.submit(SPEC, owner="ann")
    asked = [jobs.predictions(run.id, "train", epoch, owner="bob") for epoch in (1, 2, 1)]
    assert asked[0] == asked[2]
    assert [jobs.standing(one).position for one in asked[:2]] == [1, 2]
    assert jobs.standing(run).position == 1


def test_pages_work_while_no_scheduler_answers(start_jobs, store, caplog):
    def start(_):
        raise OSError("no scheduler there")

    jobs = start_jobs(start)
    until(lambda: "no scheduler there" in caplog.text)
    run = jobs.submit(SPEC, owner="ann")
    assert jobs.slots() == ()
    assert jobs.standing(run) == Standing("warming up", 1)
    jobs.stop(run.id, owner="ann")
    assert states(store, run) == ["stopped"]
