"""Whose turn it is: owners take turns, each one's runs keep their order."""

from hypothesis import given
from hypothesis import strategies as st

from mnist_core.runs.queue import Waiting, fair_order

OWNERS = ("ann", "bob", "cem")


def order(waiting, working=None, used=None):
    """The names of the runs as they are taken; `waiting` lists owners in the order in which their runs came."""
    queued = [Waiting(f"{owner}{number}", owner, float(number)) for number, owner in enumerate(waiting)]
    return [one.run for one in fair_order(queued, working or {}, used or {})]


def test_one_owner_is_served_in_the_order_of_coming():
    assert order(["ann"] * 3) == ["ann0", "ann1", "ann2"]


def test_owners_take_turns():
    assert order(["ann", "ann", "ann", "bob", "cem"]) == ["ann0", "bob3", "cem4", "ann1", "ann2"]


def test_whoever_has_a_run_at_work_comes_later():
    assert order(["ann", "ann", "bob"], working={"ann": 1}) == ["bob2", "ann0", "ann1"]


def test_whoever_used_less_lately_comes_first():
    assert order(["ann", "bob"], used={"ann": 10.0, "bob": 9.0}) == ["bob1", "ann0"]


def test_turns_count_more_than_use():
    assert order(["ann", "bob", "bob"], used={"ann": 1000.0}) == ["bob1", "ann0", "bob2"]


def test_nobody_waits_in_an_empty_queue():
    assert order([]) == []


QUEUES = st.lists(st.sampled_from(OWNERS), max_size=12)
COUNTS = st.dictionaries(st.sampled_from(OWNERS), st.integers(0, 3))
SECONDS = st.dictionaries(st.sampled_from(OWNERS), st.floats(0, 1e6))


@given(QUEUES, COUNTS, SECONDS)
def test_everyone_is_served_once_and_in_their_own_order(waiting, working, used):
    taken = order(waiting, working, used)
    assert sorted(taken) == sorted(f"{owner}{number}" for number, owner in enumerate(waiting))
    for owner in OWNERS:
        numbers = [int(run[3:]) for run in taken if run.startswith(owner)]
        assert numbers == sorted(numbers)


@given(QUEUES, SECONDS)
def test_nobody_is_two_turns_ahead_of_someone_who_waits(waiting, used):
    taken = [run[:3] for run in order(waiting, used=used)]
    for position in range(len(taken)):
        before, after = taken[:position], set(taken[position:])
        assert all(before.count(owner) <= before.count(other) + 1 for other in after for owner in OWNERS)


@given(QUEUES, COUNTS, SECONDS, st.randoms())
def test_the_order_in_which_rows_are_read_does_not_matter(waiting, working, used, random):
    queued = [Waiting(f"{owner}{number}", owner, float(number)) for number, owner in enumerate(waiting)]
    shuffled = random.sample(queued, len(queued))
    assert fair_order(shuffled, working, used) == fair_order(queued, working, used)
