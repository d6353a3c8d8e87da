"""Weights over epochs: each row is what a comparison of that epoch says, and histograms are those of NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as drawn_arrays

from mnist_core.analysis.weight_history import BINS, weight_distribution, weight_history
from mnist_core.analysis.weights import change, layer_weights
from mnist_core.errors import InvalidInput
from tests.unit.analysis.sample_weights import drawn, stack

PLANNED = stack({"kind": "conv", "filters": 2}, {"kind": "batch_norm"})
EPOCHS = (0, 1, 2, 4, 9)


def snapshots(zero=()):
    scales = dict(zip(EPOCHS, (0.1, 0.3, 5, 0.2, 1), strict=True))
    for epoch in EPOCHS:
        weights = drawn(PLANNED, epoch, scale=scales[epoch])
        if epoch in zero:
            weights["output/kernel"][:] = 0
        yield epoch, weights


def same(one, other):
    assert np.array_equal(one.epochs, other.epochs)
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        assert mine.name == theirs.name
        assert mine.distribution.limit == theirs.distribution.limit
        assert np.array_equal(mine.distribution.counts, theirs.distribution.counts)
        assert (mine.relative_change is None) == (theirs.relative_change is None)
        for name in ("kernel_sum", "bias_sum", "kernel_norm", "change", "relative_change", "update"):
            if getattr(mine, name) is not None:
                assert np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=True)


def test_each_epoch_is_compared_with_the_first_and_with_the_one_before():
    found = weight_history(snapshots(), PLANNED)
    assert found.epochs.tolist() == list(EPOCHS)
    assert [layer.name for layer in found.layers] == ["conv_1", "output"]
    layers = [layer_weights(weights, PLANNED) for _, weights in snapshots()]
    for place, layer in enumerate(found.layers):
        assert np.isnan(layer.update[0])
        assert layer.relative_change[0] == layer.change[0] == 0
        for row, now in enumerate(layers):
            wanted = change(layers[0][place], now[place])
            for name in ("kernel_sum", "bias_sum", "kernel_norm", "change", "relative_change"):
                assert getattr(layer, name)[row] == getattr(wanted, name)
            if row:
                assert layer.update[row] == change(layers[row - 1][place], now[place]).change


def test_the_bins_are_the_same_at_all_epochs_and_hold_every_weight():
    found = weight_history(snapshots(), PLANNED)
    for place, layer in enumerate(found.layers):
        edges = layer.distribution.edges
        assert (len(edges), edges[0], edges[-1]) == (BINS + 1, -layer.distribution.limit, layer.distribution.limit)
        for row, (_, weights) in enumerate(snapshots()):
            kernel = layer_weights(weights, PLANNED)[place].kernel.astype(np.float64)
            assert np.array_equal(layer.distribution.counts[row], np.histogram(kernel, edges)[0])
            assert layer.distribution.counts[row].sum() == kernel.size


@pytest.mark.parametrize("cut", range(1, 6))
def test_what_is_known_is_not_computed_again(cut):
    every = list(snapshots())
    known = weight_history(every[:cut], PLANNED)
    rest = [every[0], *every[max(cut - 1, 1) :]]
    same(weight_history(rest, PLANNED, known), weight_history(every, PLANNED))
    same(known, weight_history(every[:cut], PLANNED))


def test_a_layer_that_starts_at_0_has_no_share():
    found = weight_history(snapshots(zero=[0]), PLANNED).layers[1]
    assert found.relative_change is None
    assert found.change[1:] == pytest.approx(found.kernel_norm[1:])
    (held,) = np.flatnonzero(found.distribution.counts[0])
    assert found.distribution.edges[held] == 0
    assert weight_history([next(snapshots(zero=[0]))], PLANNED).layers[1].distribution.limit == 0


def test_without_snapshots_there_is_nothing():
    found = weight_history([], PLANNED)
    assert (len(found.epochs), found.layers) == (0, ())


FLOATS = st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False)


@given(drawn_arrays(np.float32, st.integers(1, 50), elements=FLOATS), st.sampled_from([4, 16, 64]))
def test_a_distribution_counts_as_numpy_does(kernel, bins):
    found = weight_distribution(kernel, bins)
    assert found.counts.sum() == len(kernel)
    if found.limit:
        assert found.limit / 2 <= np.abs(kernel).max() < found.limit
        assert np.array_equal(found.counts, np.histogram(kernel.astype(np.float64), found.edges)[0])
        wide = found.widened(found.limit * 8)
        assert wide.limit == found.limit * 8
        assert np.array_equal(wide.counts, np.histogram(kernel.astype(np.float64), wide.edges)[0])
    else:
        assert not kernel.any()


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (lambda: weight_distribution(np.ones(3, np.float32), 6), "`bins` must be a power of two of at least 4, got 6"),
        (lambda: weight_distribution(np.array([1, np.nan], np.float32)), "finite"),
        (lambda: weight_distribution(np.array([-np.inf], np.float32)), "finite"),
        (lambda: weight_history(list(snapshots())[1:], PLANNED), "must ascend from epoch 0, got epoch 1"),
        (lambda: weight_history(list(snapshots())[::-1], PLANNED), "must ascend from epoch 0, got epoch 9"),
    ],
)
def test_bad_input_is_a_sentence(ask, part):
    with pytest.raises(InvalidInput, match=part):
        ask()
