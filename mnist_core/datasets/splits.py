"""Which image goes where: stratified train, validation and test splits that depend on the data and one seed alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnist_core.datasets.dataset import ByteArray, Dataset
from mnist_core.errors import InvalidSplit
from mnist_core.spec import SplitSpec

__all__ = ["DEFAULT_TEST_SHARE", "Ids", "Splits", "split", "training_sample"]

DEFAULT_TEST_SHARE = 0.15
SAMPLE_SEED = 0

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Splits:
    """Three disjoint sets of image ids, each int32 (k,), sorted, read-only."""

    train: Ids
    validation: Ids
    test: Ids


def split(dataset: Dataset, spec: SplitSpec) -> Splits:
    """Divides a dataset, each class in the same proportions (largest remainders).

    `split.train` and `split.validation` are counts or shares of the official training part; where there is no official
    test part, `split.test` (0.15 if null) is a count or share of all images, and the other two are of what it leaves.
    The seed fixes one order of all images, from which test, then validation, then train are taken, so that the size of
    a later part never moves an earlier one.

    Args:
        dataset: the dataset, its labels grouped if the run groups them.
        spec: sizes and seed.

    Returns:
        Image ids. Every class has at least one image in train and validation, and in test if that is drawn here.

    Raises:
        InvalidSplit: the sizes do not fit; the sentence says which would.
    """
    pool = _shuffled(len(dataset.labels), spec.seed)
    if dataset.official_train is not None:
        test, pool = _official_test(dataset, dataset.official_train, spec, pool)
    else:
        _check_classes(dataset, pool, needed=3)
        share = DEFAULT_TEST_SHARE if spec.test is None else spec.test
        test, pool = _draw(_Wish("split.test", share, _size(share, len(pool)), keep=2), dataset, pool)
    whole = len(pool)
    validation_size = _size(spec.validation, whole)
    validation, pool = _draw(_Wish("split.validation", spec.validation, validation_size, keep=1), dataset, pool)
    train_size = len(pool) if spec.train is None else _size(spec.train, whole, half_up=False)
    train, _ = _draw(_Wish("split.train", spec.train, train_size, keep=0), dataset, pool)
    return Splits(train=_sorted(train), validation=_sorted(validation), test=_sorted(test))


def training_sample(splits: Splits, labels: ByteArray, limit: int = 10_000) -> Ids:
    """The training images that are evaluated after each epoch: all, or a fixed stratified sample.

    Args:
        splits: the splits of the run.
        labels: uint8 (n,), the labels of the whole dataset.
        limit: largest number of images.

    Returns:
        int32 (k,), k at most `limit`, sorted image ids.
    """
    ids = splits.train
    if len(ids) <= limit:
        return ids
    counts = _class_counts(labels[ids], int(labels.max()) + 1)
    takes = _allocate(limit, counts, low=[0] * len(counts), high=counts)
    return _sorted(_take(ids[_shuffled(len(ids), SAMPLE_SEED)], labels, takes)[0])


@dataclass(frozen=True)
class _Wish:
    """How many images one part is to get, and how many of each class must be left for the parts that follow."""

    field: str
    given: float | None
    size: int
    keep: int


def _official_test(dataset: Dataset, train: int, spec: SplitSpec, pool: Ids) -> tuple[Ids, Ids]:
    if spec.test is not None:
        rule = f"`split.test` must be null for `{dataset.name}`, whose official test part is used whole"
        raise InvalidSplit(f"{rule} ({dataset.official_test:,} images), got {spec.test}; leave it out.")
    rest = pool[pool < train]
    _check_classes(dataset, rest, needed=2)
    return pool[pool >= train], rest


def _check_classes(dataset: Dataset, pool: Ids, *, needed: int) -> None:
    for name, count in zip(dataset.classes, _counts(dataset, pool), strict=True):
        if count < needed:
            rule = f"Every class of `{dataset.name}` must have at least {needed} images, one for each part of the split"
            raise InvalidSplit(f"{rule}, got {count} of class `{name}`; add images, or merge it with another class.")


def _draw(wish: _Wish, dataset: Dataset, pool: Ids) -> tuple[Ids, Ids]:
    """Takes the wished number from the front of the pool, class by class; returns what is taken and what is left."""
    counts = _counts(dataset, pool)
    low, high = [1] * len(counts), [count - wish.keep for count in counts]
    if not sum(low) <= wish.size <= sum(high):
        rule = f"`{wish.field}` must be between {sum(low):,} and {sum(high):,} of the {len(pool):,} images left for it"
        reason = "at least one image of each class for this part and for those after it"
        shown = f"{wish.size:,}" if wish.given == wish.size else f"{wish.given} ({wish.size:,} images)"
        raise InvalidSplit(f"{rule} ({reason}), got {shown}; choose a size between them.")
    return _take(pool, dataset.labels, _allocate(wish.size, counts, low, high))


def _take(pool: Ids, labels: ByteArray, takes: Sequence[int]) -> tuple[Ids, Ids]:
    """The first `takes[c]` images of each class c in the pool's order, and all the others."""
    taken = np.zeros(len(pool), bool)
    for label, take in enumerate(takes):
        taken[np.flatnonzero(labels[pool] == label)[:take]] = True
    return pool[taken], pool[~taken]


def _allocate(size: int, counts: Sequence[int], low: Sequence[int], high: Sequence[int]) -> list[int]:
    """Divides a size among classes in proportion to their counts, within bounds, by largest remainder.

    In integers, so that no rounding differs between machines; of equal remainders the lower label wins.
    """
    total, labels = sum(counts), range(len(counts))
    takes = [min(max(size * counts[i] // total, low[i]), high[i]) for i in labels]

    def remainder(i: int) -> int:
        return size * counts[i] - takes[i] * total

    while sum(takes) < size:
        takes[max((i for i in labels if takes[i] < high[i]), key=remainder)] += 1
    while sum(takes) > size:
        takes[min((i for i in labels if takes[i] > low[i]), key=remainder)] -= 1
    return takes


def _size(wish: float, whole: int, *, half_up: bool = True) -> int:
    """A count as it is, a share of the whole rounded; two halves rounded to opposite sides fill the whole exactly."""
    if isinstance(wish, int):
        return wish
    exact = round(wish * whole, 6)
    return math.floor(exact + 0.5) if half_up else math.ceil(exact - 0.5)


def _shuffled(n: int, seed: int) -> Ids:
    """0..n-1 in an order that the seed fixes.

    Sorted by raw random bits: numpy promises that these never change, which it does not of `Generator.permutation`.
    """
    return np.argsort(np.random.Philox(seed).random_raw(n), kind="stable").astype(np.int32)


def _counts(dataset: Dataset, ids: Ids) -> list[int]:
    return _class_counts(dataset.labels[ids], len(dataset.classes))


def _class_counts(labels: ByteArray, classes: int) -> list[int]:
    return [int(count) for count in np.bincount(labels, minlength=classes)]


def _sorted(ids: Ids) -> Ids:
    ordered = np.sort(ids)
    ordered.flags.writeable = False
    return ordered
