"""A worker looks inside a network: each answer is made once and kept, a stop ends it, failures have their sentence.

What is computed is played here; training tests have the real thing.
"""

from typing import ClassVar

import numpy as np
import pytest

from mnist_core.errors import EpochNotRecorded, InvalidInput, LeaseLost, QueueFull, RunNotFound
from mnist_core.inference.predictions import Predictions
from mnist_core.inspection import Ablation, AblationRequest, ImageRequest, UnitsRequest
from mnist_core.jobs import Jobs, shelf, stopping, work
from mnist_core.jobs.desk import MOST_WAITING
from mnist_core.runs import RUN_LEVEL, RunState, Wish
from tests.unit.jobs.memory_engine import GONE, HERE
from tests.unit.runs.sample_runs import SPEC, train

N = 12


@pytest.fixture
def run(lab):
    return train(lab.archive, SPEC.model_dump(mode="json"))


@pytest.fixture
def jobs(lab):
    return Jobs(lab, None)


class Played:
    """How an ablation goes here: what was asked, and what happens between its two chunks."""

    asked: ClassVar[list[AblationRequest]] = []
    events: ClassVar[list] = []


@pytest.fixture(autouse=True)
def played(monkeypatch):
    def compute(self, run, between=lambda: None):
        Played.asked.append(self)
        for event in Played.events:
            event()
        between()
        units = len(self.units)
        predictions = Predictions(
            np.full(N, units, np.uint8), np.full(N, 0.5, np.float32), np.full((N, 10), -2, np.float16)
        )
        return Ablation(predictions, run.sample(self.split).ids)

    Played.asked, Played.events = [], []
    monkeypatch.setattr(AblationRequest, "compute", compute)
    monkeypatch.setattr(stopping, "LOOK_SECONDS", 0)
    return Played


def request(*units, epoch=2, **more):
    return AblationRequest.parse({"layer": "dense_1", "units": units or (1,), "epoch": epoch} | more)


def carried_out(lab, order, worker=HERE):
    store = lab.archive.store
    work.carry_out(lab, store.claim(order.id, ticket="t", worker=worker, device="cpu"))
    return store.run(order.id)


def test_the_answer_is_read_as_it_was_made(lab, jobs, run):
    order = carried_out(lab, jobs.ask(request(2, 0), run, owner="ann"))
    assert (order.kind, order.state, order.reason, order.lane, order.source) == (
        "ablate", RunState.DONE, None, "view", run
    )  # fmt: skip
    assert order.spec == {"layer": "dense_1", "units": [0, 2], "split": "validation", "epoch": 2}
    assert order.result["seconds"] >= 0
    answer = jobs.answer(request(0, 2), order)
    assert answer.predictions.predicted.tolist() == [2] * N
    np.testing.assert_array_equal(answer.ids, lab.run(run).sample("validation").ids)


def test_the_same_is_made_once_whoever_asks(lab, jobs, run, played):
    assert jobs.known(request(1), run) is None
    order = jobs.ask(request(1), run, owner="ann")
    assert jobs.ask(request(1), run, owner="bob") == order == jobs.known(request(1), run)
    done = carried_out(lab, order)
    assert jobs.ask(request(1), run, owner="bob") == done == jobs.known(request(1), run)
    assert [one.units for one in played.asked] == [(1,)]
    for other in (request(2), request(1, epoch=1), request(1, split="test"), request(1, layer="output")):
        assert jobs.known(other, run) is None


@pytest.mark.parametrize("wish", [Wish.STOP, Wish.KILL])
def test_a_stop_ends_it_and_keeps_nothing(lab, jobs, run, played, wish):
    order = jobs.ask(request(1), run, owner="ann")
    played.events.append(lambda: lab.archive.store.wish(order.id, wish))
    stopped = carried_out(lab, order)
    assert (stopped.state, stopped.reason) == (RunState.STOPPED, "Stopped on request.")
    assert lab.archive.store.artifacts(order.id) == []
    assert jobs.known(request(1), run) is None, "it can be asked for again"
    with pytest.raises(EpochNotRecorded):
        jobs.answer(request(1), stopped)


def test_a_stop_before_it_begins_lets_it_not_begin(lab, jobs, run, played):
    order = jobs.ask(request(1), run, owner="ann")
    lease = lab.archive.store.claim(order.id, ticket="t", worker=HERE, device="cpu")
    jobs.stop(order.id, owner="ann")
    work.carry_out(lab, lease)
    assert lab.archive.store.run(order.id).state is RunState.STOPPED
    assert played.asked == []


def test_a_worker_that_lost_it_is_followed_by_the_next(lab, jobs, run, played):
    store = lab.archive.store
    order = jobs.ask(request(1), run, owner="ann")
    lost = store.claim(order.id, ticket="t", worker=GONE, device="cpu")
    played.events.append(lambda: store.requeue(order.id, ticket="t", attempt=1))
    with pytest.raises(LeaseLost):
        work.carry_out(lab, lost)
    played.events.clear()
    again = carried_out(lab, store.run(order.id))
    assert (again.state, again.attempt) == (RunState.DONE, 2)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidInput("It is another dataset."), "It is another dataset."),
        (ZeroDivisionError("oh"), "ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_is_said_in_the_order(lab, jobs, run, played, error, reason):
    def fail():
        raise error

    played.events.append(fail)
    order = carried_out(lab, jobs.ask(request(1), run, owner="ann"))
    assert order.state is RunState.FAILED
    assert reason in order.reason
    played.events.clear()
    assert carried_out(lab, jobs.ask(request(1), run, owner="ann")).state is RunState.DONE, "it can be tried again"


def test_what_does_not_fit_is_not_queued(lab, jobs, run):
    for wrong in (request(4), request(1, layer="pool_1"), request(1, epoch=9)):
        with pytest.raises(InvalidInput):
            jobs.ask(wrong, run, owner="ann")
    with pytest.raises(InvalidInput, match="`image` must be"):
        jobs.ask(ImageRequest(image=47, epoch=1), run, owner="ann")
    with pytest.raises(RunNotFound):
        jobs.ask(request(1), "gone", owner="ann")
    assert lab.archive.store.active() == []


def test_answers_have_a_limit(lab, jobs, run, monkeypatch):
    first = carried_out(lab, jobs.ask(request(0), run, owner="ann"))
    [(_, size)] = lab.archive.store.sizes("ablate")
    monkeypatch.setitem(shelf.ROOM, "ablate", size)
    second = carried_out(lab, jobs.ask(request(1), run, owner="ann"))
    assert [one for one, _ in lab.archive.store.sizes("ablate")] == [second.id], "the oldest goes"
    assert jobs.known(request(0), run) is None
    assert lab.archive.read(first.id, RUN_LEVEL, "ablation"), "until it is cleared away, whoever reads it can go on"


def test_of_small_answers_only_so_many_are_kept(lab, jobs, run, monkeypatch):
    monkeypatch.setattr(shelf, "MOST_ORDERS", 2)
    orders = [carried_out(lab, jobs.ask(request(unit), run, owner="ann")).id for unit in range(4)]
    assert [one for one, _ in lab.archive.store.sizes("ablate")] == orders[:1:-1]


def test_every_kind_is_work_with_room(lab):
    for kind in ("inspect", "ablate", "units"):
        assert kind in work.WORK
        assert shelf.ROOM[kind] > 0


def test_nobody_fills_the_queue(make_lab):
    lab = make_lab(profile="demo")
    demo, run = Jobs(lab, None), train(lab.archive, SPEC.model_dump(mode="json"))
    for image in range(MOST_WAITING):
        demo.ask(ImageRequest(image=image, epoch=2), run, owner="ann")
    with pytest.raises(QueueFull):
        demo.ask(UnitsRequest(layer="output", epoch=2), run, owner="ann")
    assert demo.ask(UnitsRequest(layer="output", epoch=2), run, owner="bob")
