"""Which epochs keep their weights."""

from hypothesis import given
from hypothesis import strategies as st

from mnist_core.training.thinning import epochs_to_drop


def test_nothing_goes_while_everything_fits():
    assert epochs_to_drop(dict.fromkeys(range(10), 5), 50, best=3) == set()


def test_powers_of_two_the_best_and_the_last_two_stay():
    gone = epochs_to_drop(dict.fromkeys(range(21), 5), 50, best=11)
    assert set(range(21)) - gone == {0, 1, 2, 4, 8, 11, 16, 19, 20}


def test_without_an_epoch_nothing_goes():
    assert epochs_to_drop({}, 0, best=None) == set()


@given(st.sets(st.integers(0, 300), max_size=40), st.integers(0, 200), st.integers(0, 300) | st.none())
def test_what_must_stay_stays_whatever_the_budget(epochs, budget, best):
    gone = epochs_to_drop(dict.fromkeys(epochs, 7), budget, best=best)
    assert gone <= epochs
    kept = epochs - gone
    assert set(sorted(epochs)[-2:]) <= kept
    assert {best} & epochs <= kept
    assert {0, 1, 2, 4, 8, 16, 32, 64, 128, 256} & epochs <= kept
    if 7 * len(epochs) <= budget:
        assert not gone


@given(st.integers(1, 200), st.integers(1, 20))
def test_thinning_each_epoch_keeps_the_same_as_thinning_once(epochs, best):
    sizes: dict[int, int] = {}
    for epoch in range(epochs + 1):
        sizes[epoch] = 1
        for old in epochs_to_drop(sizes, 5, best=min(best, epoch)):
            del sizes[old]
    assert {0, epochs} <= set(sizes)
    assert len(sizes) <= 14
