"""Training curves: joining points over a resume, and thinning them, against a naive reference."""

import math
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.curves import Stretch, binned, follow, steps_per_second

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
