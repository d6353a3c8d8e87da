import numpy as np
import pytest

from mnist_core.datasets.dataset import Dataset
from mnist_core.errors import InvalidSpec
from mnist_core.spec import SHIPPED_GROUPINGS, ClassGroup


def make(labels: list[int], classes: int = 10, official_train: int | None = None) -> Dataset:
    return Dataset(
        name="some",
        images=np.zeros((len(labels), 28, 28), np.uint8),
        labels=np.array(labels, np.uint8),
        classes=tuple(str(label) for label in range(classes)),
        official_train=official_train,
        content_hash="0" * 64,
        source="made",
        official=False,
    )


def groups(*labels: tuple[int, ...]) -> tuple[ClassGroup, ...]:
    return tuple(ClassGroup(name=f"g{i}", labels=group) for i, group in enumerate(labels))


def test_arrays_are_read_only():
    dataset = make([0, 1])
    for array in (dataset.images, dataset.labels, dataset.grouped(groups((0, 1), tuple(range(2, 10)))).labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_official_test_is_what_follows_the_training_part():
    assert make([0] * 5, official_train=3).official_test == 2
    assert make([0] * 5).official_test == 0


def test_no_grouping_changes_nothing():
    dataset = make([0, 1])
    assert dataset.grouped(None) is dataset


def test_shipped_fashion_grouping():
    dataset = make(list(range(10)))
    grouped = dataset.grouped(SHIPPED_GROUPINGS["fashion-5"])
    assert grouped.classes == ("tops", "trousers", "dress", "footwear", "bag")
    assert grouped.labels.tolist() == [0, 1, 0, 2, 0, 3, 0, 3, 4, 3]
    assert grouped.labels.dtype == np.uint8
    assert grouped.content_hash == dataset.content_hash
    assert grouped.images is dataset.images


@pytest.mark.parametrize(
    ("grouping", "fault"),
    [
        (groups((0, 1), (2,)), "no group with label 3"),
        (groups((0, 1), (2, 3, 4)), "label 4, which it does not have"),
        (groups((0, 1, 2), (2, 3)), "label 2 twice"),
    ],
)
def test_each_label_must_be_in_one_group(grouping, fault):
    with pytest.raises(InvalidSpec, match=fault):
        make([0, 1, 2, 3], classes=4).grouped(grouping)
