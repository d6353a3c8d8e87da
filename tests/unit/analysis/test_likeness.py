"""Matching against all permutations, and CKA against the formula of its paper, written out with kernels."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.likeness import MOST_UNITS, first_layer_likeness, likeness, matched_units
from mnist_core.errors import InvalidInput

SEEDS = st.integers(0, 10**6)


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(784, 1), (784, 40), (3, 3, 1, 32), (3, 3, 16, 16)])
def test_layers_that_differ_in_the_order_of_their_units_are_equal(shape):
    kernel = drawn(1, *shape)
    order = np.random.default_rng(2).permutation(shape[-1])
    found = matched_units(kernel, 3 * kernel[..., order])
    assert found.one.tolist() == list(range(shape[-1]))
    assert np.array_equal(order[found.other], found.one)
    assert found.similarity == pytest.approx(1)


@given(SEEDS, st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_the_pairs_are_the_best_of_all(seed, units, others, signed):
    one, other = drawn([seed, 0], 4, units), drawn([seed, 1], 4, others)
    cosines = (one / np.linalg.norm(one, axis=0)).T @ (other / np.linalg.norm(other, axis=0))
    values = cosines if signed else np.abs(cosines)
    if units > others:
        values = values.T
    sums = [
        values[range(len(values)), list(columns)].sum() for columns in permutations(range(values.shape[1]), len(values))
    ]
    found = matched_units(one, other, signed=signed)
    assert len(found.one) == len(found.other) == len(set(found.other.tolist())) == min(units, others)
    assert found.similarity == pytest.approx(cosines[found.one, found.other], abs=1e-5)
    best = found.similarity if signed else np.abs(found.similarity)
    assert best.sum() == pytest.approx(max(sums), abs=1e-5)


def test_a_negative_is_alike_but_for_its_sign_and_its_opposite_where_signs_count():
    kernel = drawn(1, 5, 2)
    found = matched_units(kernel, -kernel[:, ::-1])
    assert found.other.tolist() == [1, 0]
    assert found.similarity == pytest.approx(-1)
    assert matched_units(kernel, -kernel[:, ::-1], signed=True).similarity.sum() > -2


def test_units_without_weights_are_like_none():
    kernel = drawn(1, 5, 3)
    kernel[:, 1] = 0
    assert matched_units(kernel, kernel).similarity == pytest.approx([1, 0, 1])


def centred_kernel_alignment(one, other):
    """HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)), with K = X X', L = Y Y' and H = I - 1/n, as in the paper."""
    centre = np.eye(len(one)) - 1 / len(one)
    k, m = (part.astype(np.float64) @ part.astype(np.float64).T for part in (one, other))

    def hsic(a, b):
        return np.trace(a @ centre @ b @ centre)

    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


@given(SEEDS, st.integers(3, 30), st.integers(1, 40), st.integers(1, 40))
def test_likeness_is_the_alignment_of_the_paper(seed, images, width, other_width):
    one = drawn([seed, 0], images, width) + 3
    other = drawn([seed, 1], images, other_width) + one[:, :1]
    assert likeness(one, other) == pytest.approx(centred_kernel_alignment(one, other), abs=1e-6)


@pytest.mark.parametrize("images", [10, 200])
def test_likeness_minds_neither_order_nor_turn_nor_size(images):
    one = drawn(1, images, 3, 4, 2)
    flat = one.reshape(images, -1)
    turned = flat @ np.linalg.qr(drawn(2, 24, 24))[0]
    for same in (one, flat[:, ::-1], turned, 1e-20 * flat, 1e20 * flat + 1e19):
        assert likeness(one, same) == pytest.approx(1, abs=1e-5)
    assert likeness(one, drawn(3, images, 24)) < 0.9
    assert likeness(one, flat * np.geomspace(1, 1000, 24, dtype=np.float32)) < 0.9


@pytest.mark.parametrize("shape", [(784,), (5, 5, 1)])
def test_first_layers_that_differ_in_order_and_sign_of_their_units_are_alike(shape):
    images, kernel = np.abs(drawn(1, 300, 28, 28)), drawn(2, *shape, 12)
    same = -kernel[..., ::-1]
    assert first_layer_likeness(images, kernel, same) == pytest.approx(1, abs=1e-5)
    assert first_layer_likeness(images, kernel, drawn(3, *shape, 7)) < 0.8
    assert first_layer_likeness(images, kernel, np.zeros_like(kernel)) is None


def test_the_filters_of_a_convolution_see_windows_of_the_images():
    images = np.zeros((200, 28, 28), np.float32)
    images[:, :, 14:] = 1
    edge, ink = np.zeros((2, 3, 3, 1, 1), np.float32)
    edge[:, 0], edge[:, 2], ink[:] = -1, 1, 1
    assert first_layer_likeness(images, edge, edge) == pytest.approx(1)
    assert first_layer_likeness(images, edge, ink) < 0.2


@pytest.mark.parametrize("shapes", [((784, 3), (783, 3)), ((5, 5, 1, 3), (3, 3, 1, 3)), ((5, 5, 2, 3), (5, 5, 2, 3))])
def test_first_layers_that_look_at_different_things_are_refused(shapes):
    with pytest.raises(InvalidInput, match="look at the same pixels"):
        first_layer_likeness(drawn(1, 9, 28, 28), *(drawn(2, *shape) for shape in shapes))


def test_a_layer_that_always_answers_the_same_is_like_nothing():
    for constant in (np.full((50, 7), 0.1, np.float32), np.full((50, 7), 0.1)):
        assert likeness(constant, drawn(1, 50, 3)) is None
    assert likeness(drawn(1, 50, 3), np.zeros((50, 2), np.float32)) is None


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (lambda: matched_units(drawn(1, 4, 2), drawn(1, 5, 2)), "as many weights in both layers, got 4 and 5"),
        (lambda: matched_units(drawn(1, 1, MOST_UNITS + 1), drawn(1, 1, 2)), "at most 4,096 units, got 4,097"),
        (lambda: matched_units(np.full((2, 2), np.nan, np.float32), drawn(1, 2, 2)), "finite"),
        (lambda: likeness(drawn(1, 4, 2), drawn(1, 5, 2)), "the same images, at least 2, got 4 and 5"),
        (lambda: likeness(drawn(1, 1, 2), drawn(1, 1, 2)), "at least 2"),
        (lambda: likeness(np.full((4, 2), np.inf, np.float32), drawn(1, 4, 2)), "finite"),
    ],
)
def test_bad_input_is_a_sentence(ask, part):
    with pytest.raises(InvalidInput, match=part):
        ask()
