import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core.errors import InvalidInput
from mnist_core.runs.names import MAX_NAME, check_name, free_name, friendly_name, looks_like_id
from mnist_core.runs.records import RunState, finite

NUMBERS = st.floats() | st.integers() | st.none() | st.text(max_size=3)
TREES = st.recursive(NUMBERS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=9)


def test_only_queued_and_running_are_not_final():
    assert [state.value for state in RunState if not state.is_finished] == ["queued", "running"]


@settings(max_examples=30)
@given(TREES)
def test_finite_data_is_always_strict_json(tree):
    json.dumps(finite(tree), allow_nan=False)


def test_finite_changes_only_what_json_lacks():
    assert finite({"a": [1, 2.5, math.inf, (math.nan, "x")]}) == {"a": [1, 2.5, None, [None, "x"]]}


def test_friendly_names_are_allowed_and_not_all_the_same():
    names = {friendly_name() for _ in range(50)}
    assert len(names) > 25
    assert all(check_name(name) == name for name in names)


@pytest.mark.parametrize("name", ["a", "LeNet 5x5, no"[:9], "run_2.b", "über-Maß", "z" * MAX_NAME, "fade-in"])
def test_allowed_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "-a", "a/b", "a\n", "z" * (MAX_NAME + 1), "cafe", "01a1fd2c", "01a1fd2c-3f94", "BEEF"]
)
def test_refused_names_say_what_was_given(name):
    with pytest.raises(InvalidInput, match="`name` must"):
        check_name(name)


def test_whatever_begins_an_id_looks_like_one():
    run_id = "01a1fd2c-3f94-781d-a340-940bf2a849cc"
    assert all(looks_like_id(run_id[:length]) for length in range(4, 37))
    assert not looks_like_id(run_id[:3])


@given(st.integers(1, 40), st.integers(1, MAX_NAME))
def test_a_free_name_is_free_and_short_enough(taken, length):
    names: set[str] = set()
    for _ in range(taken):
        names.add(free_name("z" * length, names.__contains__))
    assert len(names) == taken
    assert max(map(len, names)) <= MAX_NAME
