"""What is to be done about queued and running runs: situations one by one, and what holds in all of them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.jobs.reconcile import ATTEMPTS, STOP_SECONDS, Duties, Sight, duties
from mnist_core.lab import LEASE_SECONDS
from mnist_core.runs import RunRecord, RunState, Wish

NOW = 1000.0
TRAIN = ("train", "cpu")
EMPTY = ("source", "parent", "wish", "reason", "ticket", "worker", "started", "beat", "ended", "epoch", "result")


def run(name="r", state="running", **more):
    plain = dict.fromkeys((*EMPTY, "cost", "used")) | {
        "kind": "train",
        "owner": "o",
        "note": "",
        "spec": {},
        "digest": "",
        "lane": "train",
    }
    plain |= {"device": "cpu", "attempt": 1, "created": 0.0}
    working = {"worker": f"worker-of-{name}", "ticket": f"t-{name}", "beat": NOW} if state == "running" else {}
    return RunRecord(**plain | working | {"id": name, "name": name, "state": RunState(state)} | more)


def sight(dead=(), unknown=(), **more):
    def alive(worker):
        return None if worker in unknown else worker not in dead

    return Sight(now=NOW, alive=alive, **more)


SILENT = NOW - LEASE_SECONDS - 1
ASKED_LONG_AGO = {"r": NOW - STOP_SECONDS - 1}
SITUATIONS = {
    "nothing is there": ([], sight(), Duties()),
    "a run waits": ([run(state="queued")], sight(), {"tickets": {TRAIN: 1}}),
    "a run waits and its ticket too": ([run(state="queued")], sight(tickets={TRAIN: 1}), {}),
    "tickets are of a lane and a kind of device": (
        [run(state="queued"), run("v", "queued", lane="view"), run("g", "queued", device="gpu")],
        sight(tickets={("view", "cpu"): 1}),
        {"tickets": {TRAIN: 1, ("train", "gpu"): 1}},
    ),
    "a run that was never told its device waits for a processor": (
        [run(state="queued", device=None)],
        sight(),
        {"tickets": {TRAIN: 1}},
    ),
    "the ticket at work is not the one of the run that waits": (
        [run(), run("q", "queued")],
        sight(tickets={TRAIN: 1}, workers=frozenset({"worker-of-r"})),
        {"tickets": {TRAIN: 1}},
    ),
    "a worker that lost one run and does another well is left alone": (
        [run(worker="w", beat=SILENT), run("other", worker="w")],
        sight(workers=frozenset({"w"}), tickets={TRAIN: 1}),
        {"requeue": ["r"], "tickets": {TRAIN: 2}},
    ),
    "a run at work elsewhere holds no ticket": ([run(), run("q", "queued")], sight(tickets={TRAIN: 1}), {}),
    "a run goes on well": ([run()], sight(tickets={TRAIN: 1}), {}),
    "its worker has ended": ([run()], sight(dead=["worker-of-r"]), {"requeue": ["r"], "tickets": {TRAIN: 1}}),
    "its worker has ended too often": ([run(attempt=ATTEMPTS)], sight(dead=["worker-of-r"]), {"fail": ["r"]}),
    "its worker is silent": (
        [run(beat=SILENT)],
        sight(),
        {"requeue": ["r"], "kill": ["worker-of-r"], "tickets": {TRAIN: 1}},
    ),
    "its worker is silent, on another machine": (
        [run(beat=SILENT)],
        sight(unknown=["worker-of-r"]),
        {"requeue": ["r"], "kill": ["worker-of-r"], "tickets": {TRAIN: 1}},
    ),
    "its worker is on another machine and speaks": ([run()], sight(unknown=["worker-of-r"]), {}),
    "it was asked to stop just now": ([run(wish=Wish.STOP)], sight(wished={"r": NOW - 1}), {}),
    "it was asked to stop long ago": (
        [run(wish=Wish.STOP)],
        sight(wished=ASKED_LONG_AGO),
        {"stop": ["r"], "kill": ["worker-of-r"]},
    ),
    "it was asked to stop and its worker has ended": (
        [run(wish=Wish.STOP, attempt=ATTEMPTS)],
        sight(dead=["worker-of-r"], wished={"r": NOW}),
        {"stop": ["r"]},
    ),
    "it went back to the queue with a wish": ([run(state="queued", wish=Wish.STOP)], sight(), {"stop": ["r"]}),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_to_be_done(situation):
    active, seen, expected = SITUATIONS[situation]
    expected = {} if isinstance(expected, Duties) else expected
    todo = duties(active, seen)
    found = {name: [record.id for record in getattr(todo, name)] for name in ("requeue", "fail", "stop")}
    found |= {"kill": list(todo.kill), "tickets": dict(todo.tickets)}
    assert {name: what for name, what in found.items() if what} == expected


@st.composite
def worlds(draw):
    """Queued and running runs in any condition, and an engine that knows some of their workers."""
    active = []
    for number in range(draw(st.integers(0, 6))):
        more = {
            "lane": draw(st.sampled_from(["train", "view"])),
            "device": draw(st.sampled_from(["cpu", "gpu", None])),
            "attempt": draw(st.integers(1, ATTEMPTS + 1)),
            "wish": draw(st.sampled_from([None, Wish.STOP, Wish.KILL])),
        }
        state = draw(st.sampled_from(["queued", "running"]))
        if state == "running":
            more |= {"beat": draw(st.sampled_from([NOW, SILENT]))}
        active.append(run(f"r{number}", state, **more))
    workers = [one.worker for one in active if one.worker]
    health = {worker: draw(st.sampled_from([True, False, None])) for worker in workers}
    wished = {one.id: draw(st.sampled_from([NOW, NOW - STOP_SECONDS - 1])) for one in active if one.wish}
    engine = frozenset(draw(st.sets(st.sampled_from(workers)))) if workers else frozenset()
    kinds = st.tuples(st.sampled_from(["train", "view"]), st.sampled_from(["cpu", "gpu"]))
    waiting = draw(st.dictionaries(kinds, st.integers(0, 3)))
    return active, Sight(now=NOW, alive=health.get, wished=wished, tickets=waiting, workers=engine)


def kind(record):
    return record.lane, record.device or "cpu"


@given(worlds())
def test_a_run_has_one_fate(world):
    todo = duties(*world)
    fates = Counter(record.id for fate in (todo.requeue, todo.fail, todo.stop) for record in fate)
    assert not fates or max(fates.values()) == 1


@given(worlds())
def test_every_run_that_waits_has_a_ticket_that_nobody_is_at(world):
    active, seen = world
    todo = duties(active, seen)
    waiting = [one for one in (*active, *todo.requeue) if one.state is RunState.QUEUED or one in todo.requeue]
    waits = Counter(kind(one) for one in {one.id: one for one in waiting if not one.wish}.values())
    at_work = Counter(kind(one) for one in active if one.worker in seen.workers)
    for what, count in waits.items():
        assert seen.tickets.get(what, 0) + todo.tickets[what] - at_work[what] >= count
    assert set(todo.tickets) <= set(waits)
    assert all(count > 0 for count in todo.tickets.values())


@given(worlds())
def test_who_is_well_is_left_alone(world):
    active, seen = world
    todo = duties(active, seen)
    touched = {record.id for record in (*todo.requeue, *todo.fail, *todo.stop)}
    for one in active:
        if one.state is RunState.RUNNING and seen.alive(one.worker) is not False and one.beat == NOW and not one.wish:
            assert one.id not in touched
            assert one.worker not in todo.kill


@given(worlds())
def test_no_worker_goes_without_its_run_and_none_is_ended_twice(world):
    active, seen = world
    todo = duties(active, seen)
    let_go = {one.worker for one in (*todo.requeue, *todo.fail, *todo.stop)}
    assert set(todo.kill) <= let_go
    assert len(set(todo.kill)) == len(todo.kill)
    assert all(seen.alive(worker) is not False for worker in todo.kill)


@given(worlds())
def test_what_is_wished_is_never_trained_again(world):
    active, seen = world
    todo = duties(active, seen)
    assert not [one for one in (*todo.requeue, *todo.fail) if one.wish]
    assert {one.id for one in active if one.wish and one.state is RunState.QUEUED} <= {one.id for one in todo.stop}
