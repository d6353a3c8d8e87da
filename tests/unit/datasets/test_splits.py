from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mnist_core.datasets.dataset import Dataset
from mnist_core.datasets.digits import load_digits
from mnist_core.datasets.splits import Splits, split, training_sample
from mnist_core.errors import InvalidSplit
from mnist_core.spec import SplitSpec


def make(labels: list[int] | np.ndarray, official_train: int | None = None, classes: int | None = None) -> Dataset:
    labels = np.array(labels, np.uint8)
    return Dataset(
        name="some",
        images=np.zeros((len(labels), 28, 28), np.uint8),
        labels=labels,
        classes=tuple(str(label) for label in range(classes or int(labels.max()) + 1)),
        official_train=official_train,
        content_hash="0" * 64,
        source="made",
        official=False,
    )


def sizes(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.validation), len(splits.test)


def official(train: int = 60_000, test: int = 10_000) -> Dataset:
    return make(np.random.default_rng(0).integers(0, 10, train + test), official_train=train)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SplitSpec(), (55_000, 5_000, 10_000)),
        (SplitSpec(validation=0.3), (42_000, 18_000, 10_000)),
        (SplitSpec(validation=0.05), (57_000, 3_000, 10_000)),
        (SplitSpec(train=0.9, validation=0.05), (54_000, 3_000, 10_000)),
        (SplitSpec(train=100, validation=5_000), (100, 5_000, 10_000)),
        (SplitSpec(train=55_000, validation=5_000), (55_000, 5_000, 10_000)),
    ],
)
def test_sizes_with_an_official_test_part(spec, expected):
    splits = split(official(), spec)
    assert sizes(splits) == expected
    np.testing.assert_array_equal(splits.test, np.arange(60_000, 70_000))


def test_sizes_without_one():
    assert sizes(split(load_digits(), SplitSpec())) == (1400, 127, 270)
    assert sizes(split(load_digits(), SplitSpec(test=297, validation=0.1, train=0.9))) == (1350, 150, 297)


def test_each_class_has_its_proportion_in_each_part():
    digits = load_digits()
    splits = split(digits, SplitSpec(validation=0.2))
    whole = np.bincount(digits.labels) / len(digits.labels)
    for ids in (splits.train, splits.validation, splits.test):
        assert np.abs(np.bincount(digits.labels[ids]) - whole * len(ids)).max() < 2


def test_the_same_ids_on_every_machine():
    splits = split(make([i % 3 for i in range(24)]), SplitSpec(validation=4, seed=5))
    assert splits.test.tolist() == [10, 15, 20, 21]
    assert splits.validation.tolist() == [13, 14, 18, 22]


def test_the_seed_decides():
    first, again, other = (split(load_digits(), SplitSpec(seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


def test_the_size_of_a_later_part_does_not_move_an_earlier_one():
    first = split(load_digits(), SplitSpec(validation=100))
    np.testing.assert_array_equal(first.test, split(load_digits(), SplitSpec(validation=200)).test)
    np.testing.assert_array_equal(
        first.validation, split(load_digits(), SplitSpec(validation=100, train=50)).validation
    )


def test_grouped_labels_are_what_is_stratified():
    dataset = make([0] * 90 + [1] * 90 + [2] * 20, official_train=200)
    grouped = replace(dataset, labels=np.minimum(dataset.labels, 1), classes=("rest", "other"))
    splits = split(grouped, SplitSpec(validation=20))
    assert np.bincount(grouped.labels[splits.validation]).tolist() == [9, 11]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        (SplitSpec(test=0.15), r"`split.test` must be null for `some`.*10,000 images.*got 0.15"),
        (SplitSpec(validation=60_000), "`split.validation` must be between 10 and 59,990 .* got 60,000;"),
        (SplitSpec(validation=9), "must be between 10 and 59,990 .* got 9;"),
        (SplitSpec(validation=1e-5), r"got 1e-05 \(1 images\)"),
        (SplitSpec(validation=5_000, train=55_001), "`split.train` must be between 10 and 55,000 .* got 55,001"),
        (SplitSpec(validation=0.3, train=0.8), r"between 10 and 42,000 .* got 0.8 \(48,000 images\)"),
        (SplitSpec(train=3), "`split.train` must be between 10 and 55,000"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_sizes_that_would(spec, fault):
    with pytest.raises(InvalidSplit, match=fault):
        split(official(), spec)


def test_the_sizes_that_are_named_do_fit():
    digits = load_digits()
    for size in (10, 1777):
        assert len(split(digits, SplitSpec(test=size, validation=10)).test) == size
    for size in (9, 1778):
        with pytest.raises(InvalidSplit, match=r"`split.test` must be between 10 and 1,777"):
            split(digits, SplitSpec(test=size))


@pytest.mark.parametrize(
    ("dataset", "fault"),
    [
        (make([0] * 9 + [1] * 2), "at least 3 images.* got 2 of class `1`"),
        (make([0] * 9 + [1], official_train=10), "at least 2 images.* got 1 of class `1`"),
        (make([0] * 9, official_train=5, classes=2), "at least 2 images.* got 0 of class `1`"),
    ],
)
def test_classes_that_are_too_small_to_divide(dataset, fault):
    with pytest.raises(InvalidSplit, match=fault):
        split(dataset, SplitSpec(validation=1))


part_sizes = st.integers(1, 120) | st.floats(0.01, 0.99)


@hypothesis_settings(deadline=None, max_examples=300)
@given(
    counts=st.lists(st.integers(3, 40), min_size=2, max_size=8),
    has_test=st.booleans(),
    validation=part_sizes,
    train=st.none() | part_sizes,
    test=st.none() | part_sizes,
    seed=st.integers(0, 2**31 - 1),
)
def test_parts_are_disjoint_sorted_and_hold_every_class(counts, has_test, validation, train, test, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    order = np.random.default_rng(seed).permutation(len(labels))
    dataset = make(np.concatenate([labels[order], labels]), official_train=len(labels) if has_test else None)
    spec = SplitSpec(train=train, validation=validation, test=None if has_test else test, seed=seed)
    try:
        splits = split(dataset, spec)
    except InvalidSplit as error:
        assert "must be between" in str(error)
        return
    parts = [splits.train, splits.validation, splits.test]
    joined = np.concatenate(parts)
    assert len(np.unique(joined)) == len(joined)
    if train is None:
        assert len(joined) == len(dataset.labels)
    for ids in parts:
        assert ids.dtype == np.int32
        assert (np.diff(ids) > 0).all()
        assert np.bincount(dataset.labels[ids], minlength=len(counts)).min() >= 1
        assert not ids.flags.writeable
    whole = len(labels) if has_test else len(dataset.labels) - len(splits.test)
    assert len(splits.validation) == (
        validation if isinstance(validation, int) else pytest.approx(whole * validation, abs=0.51)
    )


@hypothesis_settings(deadline=None)
@given(share=st.integers(1, 99), count=st.integers(20, 400))
def test_shares_that_add_up_to_one_use_every_image(share, count):
    assume(min(share, 100 - share) * count >= 200)
    dataset = make(np.arange(count) % 2, official_train=count)
    splits = split(dataset, SplitSpec(train=share / 100, validation=1 - share / 100))
    assert len(splits.train) + len(splits.validation) == count


def test_the_training_sample_is_stratified_fixed_and_small():
    dataset = official()
    splits = split(dataset, SplitSpec())
    sample = training_sample(splits, dataset.labels)
    assert (len(sample), sample.dtype) == (10_000, np.int32)
    assert np.isin(sample, splits.train).all()
    assert (np.diff(sample) > 0).all()
    expected = np.bincount(dataset.labels[splits.train]) * 10_000 / len(splits.train)
    assert np.abs(np.bincount(dataset.labels[sample]) - expected).max() < 1
    np.testing.assert_array_equal(sample, training_sample(splits, dataset.labels))


def test_a_small_training_part_is_its_own_sample():
    digits = load_digits()
    splits = split(digits, SplitSpec())
    assert training_sample(splits, digits.labels) is splits.train
    assert len(training_sample(splits, digits.labels, limit=7)) == 7
