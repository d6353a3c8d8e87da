"""Training curves: joining points over a resume, and thinning them, against a naive reference."""

import math
from itertools import pairwise
from operator import mul
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.curves import (
    MOST_SMOOTHING,
    Stretch,
    binned,
    follow,
    joined,
    nice,
    seconds_at,
    smoothed,
    steps_per_second,
    thinned,
)

VALUES = st.one_of(st.floats(0, 100, width=32), st.just(math.nan))


def stretch(step: int, losses: list[float], *, epoch: int = 1, t: float = 0.0) -> Stretch:
    values = np.array(losses, np.float32)
    return Stretch(epoch, step, t, values, values / 100)


def consecutive(parts: list[list[float]]) -> list[Stretch]:
    known: list[Stretch] = []
    step = 0
    for losses in parts:
        known = follow(known, stretch(step, losses))
        step += len(losses)
    return known


@given(
    parts=st.lists(st.lists(VALUES, max_size=30), max_size=12),
    buckets=st.integers(1, 40),
    per_epoch=st.integers(1, 50),
)
def test_buckets_are_means_of_their_steps(parts: list[list[float]], buckets: int, per_epoch: int) -> None:
    curve = binned(consecutive(parts), per_epoch, buckets=buckets)
    losses = [np.float32(value) for part in parts for value in part]
    assert len(curve.epochs) <= buckets
    assert curve.width & (curve.width - 1) == 0
    wanted = [losses[start : start + curve.width] for start in range(0, len(losses), curve.width)]
    assert len(curve.loss) == len(wanted)
    for index, held in enumerate(wanted):
        finite = [float(value) for value in held if math.isfinite(value)]
        middle = (index * curve.width + len(held) / 2) / per_epoch
        assert curve.epochs[index] == pytest.approx(middle)
        assert curve.loss[index] == pytest.approx(mean(finite) if finite else math.nan, nan_ok=True)
        assert curve.accuracy[index] == pytest.approx(mean(finite) / 100 if finite else math.nan, rel=1e-5, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 40), st.lists(VALUES, max_size=12)), max_size=12))
def test_what_is_repeated_replaces_what_was_there(events: list[tuple[int, list[float]]]) -> None:
    known: list[Stretch] = []
    reference: dict[int, float] = {}
    for step, losses in events:
        known = follow(known, stretch(step, losses))
        reference = {at: value for at, value in reference.items() if at < step}
        reference |= {step + index: float(np.float32(value)) for index, value in enumerate(losses)}
    found = {one.step + index: float(value) for one in known for index, value in enumerate(one.loss)}
    assert list(found) == sorted(reference)
    assert all(found[at] == reference[at] or math.isnan(reference[at]) for at in reference)


def test_a_growing_curve_keeps_its_buckets() -> None:
    """Until there are too many of them, what is drawn already stays as it is."""
    losses = [float(value) for value in range(150)]
    short, long = binned([stretch(0, losses[:101])], 10), binned([stretch(0, losses)], 10)
    assert short.loss.tolist() == long.loss.tolist()[:101]
    assert short.epochs.tolist() == long.epochs.tolist()[:101]


def test_no_points_no_curve() -> None:
    assert len(binned([], 10).epochs) == 0
    assert steps_per_second([]) is None


def test_speed_is_measured_within_an_epoch() -> None:
    first = stretch(0, [1.0] * 100, t=0.0)
    assert steps_per_second([first]) is None
    assert steps_per_second([first, stretch(100, [1.0] * 50, t=2.0)]) == 50
    assert steps_per_second([first, stretch(100, [1.0], epoch=2, t=9.0)]) is None
    assert steps_per_second([first, stretch(100, [1.0], t=0.0)]) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.lists(VALUES, min_size=1, max_size=12)), max_size=30))
def test_joining_changes_no_step(events: list[tuple[int, list[float]]]) -> None:
    known: list[Stretch] = []
    for step, losses in events:
        known = follow(known, stretch(step, losses))
    short = joined(known)
    steps = [
        [(one.step + index, repr(float(value))) for one in some for index, value in enumerate(one.loss)]
        for some in (known, short)
    ]
    assert steps[0] == steps[1]
    assert steps_per_second(short) == steps_per_second(known)
    gaps = sum(one.end != other.step for one, other in pairwise(known))
    assert len(short) <= 7 + gaps


@given(size=st.integers(0, 3000), most=st.integers(1, 300), always=st.lists(st.integers(-5, 3000), max_size=2))
def test_thinning_keeps_the_ends_and_what_it_must(size: int, most: int, always: list[int]) -> None:
    shown = thinned(size, always, most=most)
    assert shown == sorted(set(shown))
    assert len(shown) <= most + 1 + len(always)
    assert {place for place in (0, size - 1, *always) if 0 <= place < size} <= set(shown)
    assert all(0 <= place < size for place in shown)
    if size <= most:
        assert shown == list(range(size))


@given(st.floats(1e-6, 1e6))
def test_nice_numbers_are_the_next_round_ones(value: float) -> None:
    found = nice(value)
    assert value <= found * (1 + 1e-8) + 1e-9
    assert found <= 2.5 * value + 1e-8
    assert f"{found:e}"[:3] in ("1.0", "2.0", "2.5", "5.0")


@given(st.lists(st.one_of(st.floats(-100, 100), st.just(math.nan)), max_size=40), st.floats(0, MOST_SMOOTHING))
def test_a_smoothed_value_is_the_mean_of_those_before_by_falling_weights(values: list[float], weight: float) -> None:
    found = smoothed(np.array(values, np.float64), weight).tolist()
    for place, value in enumerate(values):
        held = [one for one in values[: place + 1] if math.isfinite(one)]
        shares = [weight**age for age in reversed(range(len(held)))]
        wanted = sum(map(mul, shares, held)) / sum(shares) if math.isfinite(value) else math.nan
        assert found[place] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("weight", [-0.01, 1.0, math.nan])
def test_no_weight_outside_smooths(weight: float) -> None:
    with pytest.raises(ValueError, match="`weight` must be between 0 and"):
        smoothed(np.zeros(3), weight)


@given(st.lists(st.floats(0, 1e4), max_size=20), st.floats(0, 25), st.one_of(st.none(), st.floats(0, 100)))
def test_a_place_in_time_counts_whole_epochs_and_a_share_of_the_next(
    seconds: list[float], at: float, ahead: float | None
) -> None:
    done, known = int(at), [*seconds, *[math.nan if ahead is None else ahead] * 30]
    wanted = sum(known[:done]) + ((at - done) * known[done] if at > done else 0.0)
    assert seconds_at(np.array([at]), seconds, ahead=ahead).item() == pytest.approx(
        wanted, rel=1e-6, abs=1e-6, nan_ok=True
    )
