"""Random streams: the same for the same use, others for every other use."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.seeding import derive_seed, generator

USES = st.lists(st.one_of(st.integers(0, 10**6), st.text("abc", min_size=1, max_size=4)), max_size=3)


def test_derived_seeds_stay():
    """A run that is resumed after an update goes on with the same streams; a change raises ENGINE_VERSION."""
    assert derive_seed(0) == 804681139
    assert derive_seed(1, "order", 3) == 1225553697


@given(st.integers(0, 2**31 - 1), USES)
def test_a_derived_seed_is_a_seed(seed, use):
    assert 0 <= derive_seed(seed, *use) < 2**31
    assert derive_seed(seed, *use) == derive_seed(seed, *use)


def test_every_use_has_its_own_stream():
    seeds = {derive_seed(seed, use, epoch) for seed in range(10) for use in ("order", "dropout") for epoch in range(50)}
    assert len(seeds) == 1000


def test_a_generator_is_the_same_for_the_same_use():
    first, again = generator(3, "order", 1).random(5), generator(3, "order", 1).random(5)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, generator(3, "order", 2).random(5))
