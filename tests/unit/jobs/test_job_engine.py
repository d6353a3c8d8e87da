"""What the engine makes of Dask's answers, with Dask's part played here; the faults suite has the real one."""

from types import SimpleNamespace

import pytest

from mnist_core.jobs import Slot
from mnist_core.jobs.engine import DaskEngine

ADDRESS = "tcp://127.0.0.1:1"
SAID = {"threads": 1, "machine": "here", "worker": "here:1:1", "warm": True}


def client(status="running", **workers):
    events = [(0, {"address": ADDRESS, "said": SAID | {"warm": False}}), (1, {"address": ADDRESS, "said": SAID})]
    return SimpleNamespace(
        status=status,
        scheduler_info=lambda n_workers: {
            "workers": workers.get("workers", {ADDRESS: {"resources": {"train-cpu": 1}}})
        },
        get_events=lambda topic: events,
    )


class Cluster(SimpleNamespace):
    def __init__(self, **states):
        workers = {name: SimpleNamespace(status=SimpleNamespace(name=state)) for name, state in states.items()}
        super().__init__(workers=workers, worker_spec=dict.fromkeys(["train"]), scaled=[])

    def scale(self, count):
        self.scaled.append(count)


def test_a_worker_is_what_it_said_last():
    assert DaskEngine(client()).slots() == (Slot("train", "cpu", **SAID),)


def test_a_worker_that_has_said_nothing_yet_is_cold():
    silent = client(workers={"tcp://127.0.0.1:2": {"resources": {"train-cpu": 1}}})
    assert DaskEngine(silent).slots() == (Slot("train", "cpu"),)


def test_a_client_that_gave_up_must_be_started_anew():
    with pytest.raises(ConnectionError, match="scheduler has been out of reach"):
        DaskEngine(client("closed")).slots()


def test_a_client_that_gives_up_while_it_is_asked_must_be_started_anew():
    dying = client()

    def give_up(n_workers):
        dying.status = "closed"
        return {}

    dying.scheduler_info = give_up
    with pytest.raises(ConnectionError, match="scheduler has been out of reach"):
        DaskEngine(dying).slots()


def test_what_else_breaks_is_not_hidden():
    broken = client()
    broken.scheduler_info = lambda n_workers: {}
    with pytest.raises(KeyError):
        DaskEngine(broken).slots()


@pytest.mark.parametrize(
    ("states", "scaled"),
    [
        ({"train": "running"}, []),
        ({"train": "starting"}, []),
        ({"train": "failed"}, [1]),
        ({"train": "closed"}, [1]),
        ({}, [1]),
    ],
)
def test_a_worker_that_does_not_come_back_is_replaced(states, scaled):
    cluster = Cluster(**states)
    DaskEngine(client(), cluster).slots()
    assert cluster.scaled == scaled


def test_a_worker_of_someone_else_is_not_killed():
    engine = DaskEngine(client())
    engine.slots()
    assert not engine.kill("elsewhere:1:1")
