"""Learning rates of every step: each schedule's ends, shape and bounds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core.spec import ConstantSchedule, CosineSchedule, OneCycleSchedule, StepSchedule, WarmUpSchedule
from mnist_core.training.schedule import learning_rates

SHARES = st.floats(0, 1, exclude_max=True)
OPEN_SHARES = st.floats(0.001, 0.999)
SCHEDULES = st.one_of(
    st.just(ConstantSchedule()),
    st.builds(StepSchedule, every=st.integers(1, 20), factor=OPEN_SHARES, warm_up=SHARES),
    st.builds(CosineSchedule, final=st.floats(0, 1), warm_up=SHARES),
    st.builds(OneCycleSchedule, rise=OPEN_SHARES, start=st.floats(0, 1), final=st.floats(0, 1)),
    st.builds(WarmUpSchedule, rise=OPEN_SHARES),
)


@settings(max_examples=200, deadline=None, database=None)
@given(SCHEDULES, st.floats(1e-6, 10), st.integers(1, 12), st.integers(1, 40))
def test_every_step_has_a_rate_between_zero_and_the_peak(schedule, peak, epochs, steps):
    rates = learning_rates(schedule, peak, epochs, steps)
    assert rates.dtype == np.float32
    assert rates.shape == (epochs * steps,)
    assert (rates >= 0).all()
    assert (rates <= np.float32(peak) * np.float32(1.000001)).all()


def test_constant():
    assert learning_rates(ConstantSchedule(), 0.1, 3, 4).tolist() == [np.float32(0.1)] * 12


def test_step_cuts_every_few_epochs():
    rates = learning_rates(StepSchedule(every=2, factor=0.5), 0.8, 5, 3)
    assert rates == pytest.approx([0.8] * 6 + [0.4] * 6 + [0.2] * 3)


def test_step_can_warm_up():
    rates = learning_rates(StepSchedule(every=1000, factor=0.5, warm_up=0.4), 1.0, 1, 10)
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1])


def test_cosine_falls_along_half_a_cosine():
    rates = learning_rates(CosineSchedule(final=0.1), 2.0, 4, 25)
    expected = [2 * (0.1 + 0.9 * (1 + math.cos(math.pi * step / 100)) / 2) for step in range(100)]
    assert rates == pytest.approx(expected, rel=1e-6)
    assert (np.diff(rates) < 0).all()


def test_cosine_with_warm_up_peaks_where_the_fall_begins():
    rates = learning_rates(CosineSchedule(warm_up=0.2), 1.0, 1, 50)
    assert np.argmax(rates) in (9, 10)
    assert rates[9] == pytest.approx(1)
    assert (np.diff(rates[10:]) < 0).all()


def test_one_cycle_rises_and_falls():
    rates = learning_rates(OneCycleSchedule(rise=0.3, start=0.04, final=0.01), 1.0, 10, 10)
    assert rates[0] == pytest.approx(0.04)
    assert np.argmax(rates) == 30
    assert rates[30] == pytest.approx(1)
    assert (np.diff(rates[:31]) > 0).all()
    assert (np.diff(rates[30:]) < 0).all()
    assert rates[-1] == pytest.approx(0.01, abs=0.001)


def test_warm_up_rises_in_a_straight_line_then_stays():
    rates = learning_rates(WarmUpSchedule(rise=0.5), 1.0, 2, 4)
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    assert rates[0] > 0
