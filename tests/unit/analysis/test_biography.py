"""The life of one image: what it says of itself fits what was predicted at each epoch."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.biography import Moment, biography, moment
from mnist_core.analysis.history import History
from tests.unit.analysis.sample_predictions import probabilities, sample_split

SURE = np.array([0.25, 0.75], np.float32)


def life(*right: bool, first: int = 0):
    moments = [Moment(epoch, int(one), 0.5, SURE) for epoch, one in enumerate(right, first)]
    return biography(7, 1, moments)


@pytest.mark.parametrize(
    ("right", "first_learnt", "learnt", "forgotten", "relearnt"),
    [
        ("0011", 2, (2,), (), ()),
        ("1111", 0, (), (), ()),
        ("0000", None, (), (), ()),
        ("1011", 0, (2,), (1,), (2,)),
        ("0101101", 1, (1, 3, 6), (2, 5), (3, 6)),
        ("0110", 1, (1,), (3,), ()),
        ("1", 0, (), (), ()),
        ("0", None, (), (), ()),
    ],
)
def test_lives(right, first_learnt, learnt, forgotten, relearnt):
    one = life(*(sign == "1" for sign in right))
    assert (one.first_learnt, one.learnt, one.forgotten, one.relearnt) == (first_learnt, learnt, forgotten, relearnt)
    assert one.wrong_epochs == right.count("0")


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 5))
def test_turns_rebuild_the_life(right, first):
    one = life(*right, first=first)
    state, rebuilt = right[0], []
    for epoch in one.epochs.tolist():
        state = (state or epoch in one.learnt) and epoch not in one.forgotten
        rebuilt.append(state)
    assert rebuilt == right
    assert {*one.relearnt} <= {*one.learnt}
    history = History(one.epochs, np.array([1], np.uint8), one.predicted[:, np.newaxis], 2)
    if right[-1]:
        assert history.learnt_at(int(one.epochs[-1]))[0] == max(one.learnt, default=first)


def test_moments_are_what_was_recorded():
    snapshots = [sample_split(seed, 20, 10) for seed in (1, 2, 3)]
    label = int(snapshots[0][0][4])
    one = biography(1234, label, (moment(epoch, kept, 4) for epoch, (_, kept) in enumerate(snapshots)))
    assert (one.image, one.label, one.epochs.tolist()) == (1234, label, [0, 1, 2])
    for epoch, (_, kept) in enumerate(snapshots):
        assert one.predicted[epoch] == kept.predicted[4]
        assert one.loss[epoch] == kept.loss[4]
        assert np.array_equal(one.probabilities[epoch], probabilities(kept)[4])
    assert (one.predicted.dtype, one.loss.dtype, one.probabilities.dtype) == (np.uint8, np.float32, np.float32)
    assert one.probabilities.shape == (3, 10)


@given(st.lists(st.booleans(), min_size=2, max_size=12), st.data())
def test_a_life_that_grew_is_the_one_that_was_always_long(right, data):
    cut = data.draw(st.integers(1, len(right) - 1))
    whole = life(*right)
    short = life(*right[:cut])
    assert len(short.right) == cut
    grown = short.extended(Moment(epoch, int(right[epoch]), 0.5, SURE) for epoch in range(cut, len(right)))
    assert grown.to_json() == whole.to_json()
    for name in ("epochs", "probabilities", "predicted", "loss"):
        one, other = getattr(grown, name), getattr(whole, name)
        assert one.dtype == other.dtype
        assert not one.flags.writeable
        assert not other.flags.writeable


def test_the_answer_is_plain_data_without_numbers_that_json_lacks():
    moments = [Moment(0, 0, float("inf"), SURE), Moment(1, 1, 0.5, SURE), Moment(3, 0, float("nan"), SURE)]
    plain = json.loads(json.dumps(biography(7, 1, moments).to_json(), allow_nan=False))
    assert plain == {
        "image": 7,
        "label": 1,
        "first_learnt": 1,
        "learnt": [1],
        "forgotten": [3],
        "relearnt": [],
        "wrong_epochs": 2,
        "epochs": [
            {"epoch": 0, "predicted": 0, "right": False, "loss": None, "probabilities": [0.25, 0.75]},
            {"epoch": 1, "predicted": 1, "right": True, "loss": 0.5, "probabilities": [0.25, 0.75]},
            {"epoch": 3, "predicted": 0, "right": False, "loss": None, "probabilities": [0.25, 0.75]},
        ],
    }
