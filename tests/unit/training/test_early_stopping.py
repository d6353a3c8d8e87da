"""Best epoch, kept epoch and early stopping, from validation losses alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.networks.catalogue import presets
from mnist_core.runs import EpochRecord, best_epoch, kept_epoch
from mnist_core.spec import EarlyStopping
from mnist_core.training.early_stopping import stops_early

LOSSES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), max_size=12)


def records(losses, untrained=2.3):
    return [EpochRecord(epoch, {"val_loss": loss}, 1, 1, 1) for epoch, loss in enumerate([untrained, *losses])]


def test_the_best_epoch_has_the_lowest_loss_and_is_the_first_of_equals():
    assert best_epoch(records([0.5, 0.3, 0.4, 0.3])) == 2
    assert best_epoch(records([0.5])) == 1


def test_the_untrained_network_is_never_the_best():
    assert best_epoch(records([0.5, 0.6], untrained=0.1)) == 1


def test_before_the_first_epoch_there_is_none():
    spec = presets["bottleneck-cnn"].on("mnist")
    for epochs in ([], records([])):
        assert best_epoch(epochs) is None
        assert kept_epoch(spec, epochs) is None


def test_the_specification_says_which_epoch_is_kept():
    epochs = records([0.5, 0.3, 0.4])
    assert kept_epoch(presets["bottleneck-cnn"].on("mnist", training__keep="best"), epochs) == 2
    assert kept_epoch(presets["bottleneck-cnn"].on("mnist", training__keep="last"), epochs) == 3


@pytest.mark.parametrize(
    ("patience", "losses", "stops"),
    [
        (1, [0.5], False),
        (1, [0.5, 0.5], True),
        (1, [0.5, 0.4], False),
        (2, [0.5, 0.6], False),
        (2, [0.5, 0.6, 0.7], True),
        (2, [0.5, 0.6, 0.4, 0.5], False),
        (2, [0.5, 0.6, 0.4, 0.5, 0.45], True),
        (3, [], False),
    ],
)
def test_it_stops_after_patience_epochs_without_a_better_one(patience, losses, stops):
    assert stops_early(EarlyStopping(patience=patience), records(losses)) is stops


def test_what_is_hardly_better_does_not_count():
    losses = [0.5, 0.495, 0.49]
    assert stops_early(EarlyStopping(patience=2, min_delta=0.02), records(losses))
    assert not stops_early(EarlyStopping(patience=2, min_delta=0.001), records(losses))


def test_many_small_steps_add_up_to_a_better_one():
    losses = [0.5, 0.495, 0.489, 0.484, 0.479]
    assert not stops_early(EarlyStopping(patience=3, min_delta=0.01), records(losses))


def test_without_a_rule_it_never_stops():
    assert not stops_early(None, records([0.5] * 50))


@given(LOSSES, st.integers(1, 5))
def test_it_stops_as_the_reference_does(losses, patience):
    """Keras's rule, written out: wait counts epochs since the best one."""
    best, wait, stopped = float("inf"), 0, False
    for loss in losses:
        wait += 1
        if loss < best:
            best, wait = loss, 0
        stopped = wait >= patience
    assert stops_early(EarlyStopping(patience=patience), records(losses)) is stopped


@given(LOSSES)
def test_the_order_of_the_records_does_not_matter(losses):
    epochs = records(losses)
    assert best_epoch(epochs) == best_epoch(epochs[::-1])
    rule = EarlyStopping(patience=2)
    assert stops_early(rule, epochs) is stops_early(rule, epochs[::-1])
