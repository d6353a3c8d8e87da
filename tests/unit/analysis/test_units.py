"""Order and flags of units, against loops over single units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from mnist_core.analysis.units import flags, unit_activity, unit_changes, unit_norms, unit_order
from mnist_core.analysis.weights import LayerWeights
from mnist_core.errors import InvalidInput


def kernel_of(shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layer_of(kernel):
    return LayerWeights("conv_1", kernel, np.zeros(kernel.shape[-1], np.float32))


def said(found):
    return [(flag.unit, flag.kind, flag.of) for flag in found]


@pytest.mark.parametrize("shape", [(784, 1), (9, 3000), (3, 3, 2, 5)])
def test_norms_and_orders_are_those_of_single_units(shape):
    before, after = kernel_of(shape), kernel_of(shape, 2)
    units = range(shape[-1])
    norms = [np.linalg.norm(after[..., unit]) for unit in units]
    moved = [np.linalg.norm(after[..., unit].astype(float) - before[..., unit]) for unit in units]
    assert unit_norms(after) == pytest.approx(norms)
    assert unit_changes(before, after) == pytest.approx(moved)
    assert unit_order(before, after, "index").tolist() == list(units)
    for by, sizes in (("norm", norms), ("change", moved)):
        order = unit_order(before, after, by)
        assert sorted(order.tolist()) == list(units)
        assert (np.diff(np.array(sizes)[order]) <= 1e-5).all()


def test_equal_units_stay_in_their_order():
    same = np.ones((4, 6), np.float32)
    assert unit_order(same, same, "norm").tolist() == unit_order(same, same, "change").tolist() == list(range(6))


@given(st.integers(0, 10**6), st.integers(2, 40), st.floats(0.01, 0.1))
def test_duplicates_are_those_of_scikit_learn(seed, inputs, noise):
    random = np.random.default_rng(seed)
    base = random.normal(size=(3, inputs))
    vectors = base[random.integers(3, size=12)] * random.uniform(0.01, 100, (12, 1))
    vectors += random.normal(size=vectors.shape) * noise * np.linalg.norm(vectors, axis=1, keepdims=True) / inputs**0.5
    cosines = cosine_similarity(vectors.astype(np.float32).astype(float)) - 2 * np.eye(12)
    found = {flag.unit: flag for flag in flags(layer_of(vectors.T.astype(np.float32)))}
    for unit, nearest in enumerate(cosines.max(axis=1)):
        if abs(nearest - 0.999) > 1e-5:
            assert (unit in found) == (nearest > 0.999)
    for flag in found.values():
        assert (flag.kind, flag.value) == ("duplicate", pytest.approx(cosines[flag.unit].max(), abs=2e-6))
        assert cosines[flag.unit, flag.of] == pytest.approx(cosines[flag.unit].max(), abs=2e-6)
        assert "0.999" in flag.rule


def test_duplicates_are_found_among_thousands():
    kernel = kernel_of((30, 2500))
    kernel[:, 2400] = 3 * kernel[:, 7]
    assert said(flags(layer_of(kernel))) == [(7, "duplicate", 2400), (2400, "duplicate", 7)]


def test_duplicates_are_not_looked_for_where_nobody_wants_them():
    kernel = np.ones((5, 3), np.float32)
    kernel[:, 1] = 0
    assert said(flags(layer_of(kernel), duplicates=False)) == [(1, "dead", None)]


def test_opposite_units_are_no_duplicates_and_a_single_weight_has_no_direction():
    kernel = kernel_of((9, 1))
    assert flags(layer_of(np.c_[kernel, -kernel])) == ()
    assert flags(layer_of(np.ones((1, 5), np.float32))) == ()
    assert flags(layer_of(kernel)) == ()


def test_a_layer_that_starts_the_same_everywhere_is_all_duplicates():
    found = flags(layer_of(np.full((784, 1500), 0.1, np.float32)))
    assert said(found) == [(0, "duplicate", 1), *((unit, "duplicate", 0) for unit in range(1, 1500))]


def test_without_weights_a_unit_is_dead_and_no_duplicate():
    kernel = kernel_of((3, 3, 1, 5))
    kernel[..., [1, 3]] = 0
    found = flags(layer_of(kernel))
    assert said(found) == [(1, "dead", None), (3, "dead", None)]
    assert all("incoming weights are 0" in flag.rule for flag in found)
    activity = unit_activity(np.zeros((10, 5), np.float32), "relu")
    assert [flag.unit for flag in flags(layer_of(kernel), activity)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("shape", [(50,), (50, 4, 6)])
def test_a_relu_that_never_answers_is_dead(shape):
    activations = np.zeros((*shape, 3), np.float32)
    activations.reshape(-1, 3)[17, 1] = 1e-6
    found = flags(layer_of(kernel_of((9, 3))), unit_activity(activations, "relu"))
    assert said(found) == [(0, "dead", None), (2, "dead", None)]
    assert found[0].value == 0
    for other in ("linear", "tanh", "leaky_relu", "sigmoid"):
        kinds = {flag.kind for flag in flags(layer_of(kernel_of((9, 3))), unit_activity(activations - 0.5, other))}
        assert "dead" not in kinds


@pytest.mark.parametrize(("function", "low", "high"), [("sigmoid", 0, 1), ("tanh", -1, 1)])
def test_a_unit_that_stays_at_the_bounds_of_its_function_is_saturated(function, low, high):
    margin = 0.01 * (high - low)
    activations = np.full((1000, 4), (low + high) / 2, np.float32)
    activations[:960, 0] = high - margin / 2
    activations[:950, 1] = low + margin / 2  # 95 %, not more
    activations[:480, 2], activations[480:960, 2] = low, high
    activations[:, 3] = high - 2 * margin
    found = flags(layer_of(kernel_of((9, 4))), unit_activity(activations, function))
    assert [(flag.unit, flag.kind, flag.value) for flag in found] == [(0, "saturated", 0.96), (2, "saturated", 0.96)]
    assert "95%" in found[0].rule
    assert flags(layer_of(kernel_of((9, 4))), unit_activity(activations, "linear")) == ()


@given(st.integers(0, 10**6), st.integers(1, 59))
def test_images_may_come_in_parts(seed, cut):
    activations = np.tanh(np.random.default_rng(seed).normal(size=(60, 2, 2, 3)) * 5).astype(np.float32)
    whole = unit_activity(activations, "tanh")
    parts = unit_activity(activations[:cut], "tanh").joined(unit_activity(activations[cut:], "tanh"))
    assert (parts.function, parts.values) == (whole.function, whole.values) == ("tanh", 240)
    assert np.array_equal(parts.highest, whole.highest)
    assert np.array_equal(parts.at_bounds, whole.at_bounds)


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (lambda: unit_order(kernel_of((2, 3)), kernel_of((2, 3)), "size"), "`by` must be one of index, norm, change"),
        (lambda: unit_order(kernel_of((2, 3)), kernel_of((3, 2)), "change"), "the same shape"),
        (
            lambda: flags(layer_of(kernel_of((9, 3))), unit_activity(np.zeros((5, 4), np.float32), "relu")),
            "the 3 units",
        ),
    ],
)
def test_bad_input_is_a_sentence(ask, part):
    with pytest.raises(InvalidInput, match=part):
        ask()
