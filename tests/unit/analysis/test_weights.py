"""How far layers moved, against NumPy's own norms and sums, and what sums hide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.weights import LayerWeights, change, layer_weights
from mnist_core.errors import InvalidInput
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import flat, plan
from tests.unit.analysis.sample_weights import drawn, stack

SHAPES = st.sampled_from([(1, 1), (784, 1), (3, 3, 1, 2), (5, 5, 3, 4), (2, 3000)])


def pair(shape, seed):
    random = np.random.default_rng(seed)
    kernels = [random.normal(size=shape).astype(np.float32) for _ in range(2)]
    return [LayerWeights("dense_1", kernel, kernel[..., 0, :].reshape(-1)) for kernel in kernels]


@given(SHAPES, st.integers(0, 10**6))
def test_every_number_is_that_of_numpy(shape, seed):
    before, after = pair(shape, seed)
    found = change(before, after)
    was, now = before.kernel.astype(np.float64).ravel(), after.kernel.astype(np.float64).ravel()
    assert found.kernel_sum_before == pytest.approx(was.sum(), abs=1e-9)
    assert found.kernel_sum == pytest.approx(now.sum(), abs=1e-9)
    assert found.bias_sum == pytest.approx(after.bias.sum(dtype=np.float64), abs=1e-9)
    assert (found.kernel_norm_before, found.kernel_norm) == pytest.approx([np.linalg.norm(was), np.linalg.norm(now)])
    assert found.change == pytest.approx(np.linalg.norm(now - was))
    assert found.relative_change == pytest.approx(np.linalg.norm(now - was) / np.linalg.norm(was))
    assert found.cosine == pytest.approx(np.corrcoef([*was, *-was], [*now, *-now])[0, 1])
    assert found.sign_changes == np.mean((was < 0) != (now < 0))


def test_a_sum_that_stays_hides_a_change():
    before = LayerWeights("a", np.array([[1.0, -1.0]], np.float32))
    after = LayerWeights("a", np.array([[-3.0, 3.0]], np.float32))
    found = change(before, after)
    assert found.kernel_sum_before == found.kernel_sum == 0
    assert (found.relative_change, found.cosine, found.sign_changes) == (pytest.approx(4), pytest.approx(-1), 1)
    assert found.bias_sum_before is found.bias_sum is None


def test_where_the_kernel_starts_at_0_there_is_no_share_and_no_angle():
    before, after = pair((4, 3), 1)
    zero = before._replace(kernel=np.zeros_like(before.kernel))
    found = change(zero, after)
    assert found.relative_change is found.cosine is None
    assert found.change == found.kernel_norm > 0
    assert found.sign_changes == 0
    assert change(after, zero).relative_change == 1


def test_many_small_weights_add_up_exactly():
    kernel = np.full((8192, 512), 0.1, np.float32)
    found = change(LayerWeights("a", kernel), LayerWeights("a", kernel))
    assert found.kernel_sum == pytest.approx(kernel.size * float(np.float32(0.1)), rel=1e-12)
    assert (found.change, found.cosine) == (0, pytest.approx(1))


@pytest.mark.parametrize("name", presets)
def test_layers_stand_in_network_order(name):
    planned = plan(presets[name].on("digits").network.layers)
    arrays = drawn(planned, 1)
    shuffled = dict(sorted(arrays.items(), key=lambda item: item[0][::-1]))
    wanted = [place.id for place in flat(planned) if f"{place.id}/kernel" in arrays]
    for given_layers in (planned, tuple(flat(planned))):
        found = layer_weights(shuffled, given_layers)
        assert [layer.name for layer in found] == wanted
        for layer in found:
            assert layer.kernel is arrays[f"{layer.name}/kernel"]
            assert layer.bias is arrays[f"{layer.name}/bias"]
            assert layer.units == len(layer.bias)


def test_layers_whose_weights_are_not_there_are_left_out():
    planned = stack({"kind": "conv", "filters": 2})
    first = {name: one for name, one in drawn(planned, 1).items() if name.startswith("conv_1/")}
    assert [layer.name for layer in layer_weights(first, planned)] == ["conv_1"]
    assert layer_weights({}, planned) == ()


def test_layers_of_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match=r"`dense_1` has 4 x 3 weights, `dense_1` 3 x 4"):
        change(pair((4, 3), 1)[0], pair((3, 4), 1)[0])
