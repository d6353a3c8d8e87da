"""How long a chunk is: never far from its time, whatever the machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.training.chunks import CHUNK_STEPS, TARGET_SECONDS, Pace


def test_the_first_chunk_is_one_step_so_that_the_first_point_comes_at_once():
    assert Pace().steps == 1


def test_growth_is_bounded_as_the_first_time_holds_the_compilation():
    pace = Pace()
    pace.took(1, 1e-9)
    assert pace.steps == 8


@given(st.floats(1e-5, 3))
def test_the_pace_settles_near_its_time(seconds_per_step):
    pace = Pace()
    pace.took(1, 5.0)
    for _ in range(20):
        pace.took(pace.steps, pace.steps * seconds_per_step)
    assert 1 <= pace.steps <= CHUNK_STEPS
    if 1 < pace.steps < CHUNK_STEPS:
        assert pace.steps * seconds_per_step == pytest.approx(TARGET_SECONDS, rel=0.5)


@given(st.lists(st.tuples(st.integers(1, CHUNK_STEPS), st.floats(0, 1e3)), max_size=30))
def test_a_chunk_always_has_a_step_and_fits_its_buffers(chunks):
    pace = Pace()
    for steps, seconds in chunks:
        pace.took(steps, seconds)
        assert 1 <= pace.steps <= CHUNK_STEPS
