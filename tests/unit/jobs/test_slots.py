"""What a worker offers, told from the names of its resources."""

import json

from mnist_core.jobs.slots import LANES, Slot, resource, slots_of

SAID = {"threads": 2, "machine": "here", "worker": "here:1:1", "warm": True}


def test_a_place_is_named_as_an_administrator_writes_it():
    assert [resource(lane, "cpu") for lane in LANES] == ["train-cpu", "view-cpu"]


def test_a_worker_is_a_slot_for_each_place_that_it_offers():
    assert slots_of({"train-cpu": 1.0}, SAID) == [Slot("train", "cpu", **SAID)]
    both = slots_of({"train-gpu": 1.0, "train-cpu": 1.0}, SAID)
    assert [(slot.lane, slot.device) for slot in both] == [("train", "cpu"), ("train", "gpu")]


def test_a_worker_that_has_not_spoken_is_there_but_not_warm():
    assert slots_of({"view-cpu": 1.0}, {}) == [Slot("view", "cpu")]
    assert not Slot("view", "cpu").warm


def test_what_is_no_place_is_no_slot():
    assert slots_of({}, SAID) == []
    assert slots_of({"train-cpu": 0, "memory": 5.0}, SAID) == []


def test_a_slot_is_plain_data():
    assert json.loads(json.dumps(Slot("train", "cpu", **SAID).to_json())) == SAID | {"lane": "train", "device": "cpu"}
