import numpy as np
import pytest

from mnist_core.datasets.preprocessing import to_model_input


def test_scales_to_0_and_1_with_a_channel_axis():
    images = np.arange(784, dtype=np.uint8).reshape(1, 28, 28)
    given = to_model_input(images)
    assert (given.shape, given.dtype) == ((1, 28, 28, 1), np.float32)
    np.testing.assert_array_equal(given[..., 0], images.astype(np.float32) / np.float32(255))
    assert (given.min(), given.max()) == (0, 1)


def test_refuses_what_may_have_been_scaled_already():
    with pytest.raises(TypeError, match=r"must be uint8 in 0\.\.255, got float32"):
        to_model_input(np.zeros((1, 28, 28), np.float32))
