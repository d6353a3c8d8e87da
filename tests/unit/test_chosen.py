import pytest

from mnist_core.runs import EpochRecord
from pages.ui.frame.chosen import choose_epoch
from pages.ui.recorded import Recorded


def recorded(last: int, best: int | None, kept: int | None) -> Recorded:
    return Recorded(tuple(EpochRecord(number, {}, 1.0, 0.0, 0.0) for number in range(last + 1)), best, kept)


@pytest.mark.parametrize(("wanted", "epoch"), [("kept", 5), ("best", 3), ("last", 7), ("0", 0), ("6", 6)])
def test_an_epoch_by_name_or_number(wanted: str, epoch: int):
    assert choose_epoch(wanted, recorded(7, 3, 5)) == (epoch, [])


def test_an_epoch_that_is_not_there_gives_the_kept_one_and_says_which_there_are():
    epoch, (problem,) = choose_epoch("8", recorded(7, 3, 5))
    assert epoch == 5
    assert problem == "Epoch 8 is not recorded. Epochs 0 to 7 are recorded; the kept one is shown."


def test_with_epoch_0_alone_everything_is_epoch_0():
    assert choose_epoch("kept", recorded(0, None, None)) == (0, [])
    epoch, (problem,) = choose_epoch("3", recorded(0, None, None))
    assert epoch == 0
    assert "Only epoch 0 is recorded" in problem


def test_nothing_can_be_chosen_where_nothing_is_recorded():
    assert choose_epoch("kept", Recorded((), None, None)) == (None, [])
