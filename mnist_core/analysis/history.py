"""What a run predicted of one split at each epoch: matrices and scores over time, and how long each image is wrong.

Only the predicted classes are held, a byte an image and epoch, and what is counted of each class at each epoch;
matrices are kept only where they are asked for, and probabilities belong to one epoch at a time.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.evaluation import ClassScores, class_scores, confusion_matrix
from mnist_core.errors import EpochNotRecorded

__all__ = ["History"]

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class History:
    """What a run predicted of one split at each recorded epoch; what is computed is kept, and all arrays are read-only.

    Attributes:
        epochs: int32 (E,), ascending; 0 is the untrained network.
        labels: uint8 (n,), the true classes; n is at least 1.
        predicted: uint8 (E, n), the most probable class at each epoch.
        classes: how many classes there are.
    """

    epochs: NDArray[np.int32]
    labels: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    classes: int

    def __post_init__(self) -> None:
        if self.predicted.shape != (len(self.epochs), len(self.labels)):
            raise ValueError(f"`predicted` must be (epochs, images), got {self.predicted.shape}")
        if (np.diff(self.epochs) <= 0).any():
            raise ValueError(f"`epochs` must ascend, got {self.epochs.tolist()}")
        for name in ("epochs", "labels", "predicted"):
            # A view: what the caller holds stays writable.
            object.__setattr__(self, name, _read_only(getattr(self, name).view()))

    def place(self, epoch: int) -> int:
        """Where an epoch stands among the recorded ones.

        Raises:
            EpochNotRecorded: it is not among them.
        """
        place = int(np.searchsorted(self.epochs, epoch))
        if place < len(self.epochs) and self.epochs[place] == epoch:
            return place
        have = f"{self.epochs[0]} to {self.epochs[-1]}" if len(self.epochs) else "none yet"
        raise EpochNotRecorded(f"`epoch` must be a recorded epoch ({have}), got {epoch}.")

    @cached_property
    def confusion(self) -> NDArray[np.int32]:
        """The confusion matrix of each epoch: int32 (E, classes, classes), rows true; scores do without it."""
        return _read_only(_matrices(self.labels, self.predicted, self.classes))

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """The share that is right at each epoch: float64 (E,) in [0, 1]."""
        return _read_only(self._counts[0].sum(1) / len(self.labels))

    def scores(self, epoch: int) -> ClassScores:
        """Precision, recall, F1 and support of each class at an epoch.

        Raises:
            EpochNotRecorded: the epoch is not among the recorded ones.
        """
        return class_scores(confusion_matrix(self.labels, self.predicted[self.place(epoch)], self.classes))

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """Precision of each class at each epoch: float64 (E, classes) in [0, 1]."""
        hits, taken_for = self._counts
        return _shares(hits, taken_for)

    @cached_property
    def recall(self) -> NDArray[np.float64]:
        """Recall of each class at each epoch: float64 (E, classes) in [0, 1]."""
        return _shares(self._counts[0], self._support)

    @cached_property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class at each epoch: float64 (E, classes) in [0, 1]."""
        hits, taken_for = self._counts
        return _shares(2 * hits, taken_for + self._support)

    def wrong_for(self, epoch: int) -> NDArray[np.int32]:
        """For how many recorded epochs in a row, this one the last, each image is wrong: int32 (n,), 0 where right.

        Raises:
            EpochNotRecorded: the epoch is not among the recorded ones.
        """
        place = self.place(epoch)
        return np.where(self._right(place), np.int32(0), place + 1 - self._unchanged_since(place))

    def learnt_at(self, epoch: int) -> NDArray[np.int32]:
        """The recorded epoch since which each image is right without interruption: int32 (n,), -1 where wrong.

        Raises:
            EpochNotRecorded: the epoch is not among the recorded ones.
        """
        place = self.place(epoch)
        return np.where(self._right(place), self.epochs[self._unchanged_since(place)], np.int32(-1))

    def extended(self, epochs: NDArray[np.int32], predicted: NDArray[np.uint8]) -> "History":
        """The same with later epochs behind it, for a run that still trains; what is counted is not counted again.

        Args:
            epochs: int32 (m,), ascending and later than all that are here.
            predicted: uint8 (m, n), what was predicted at them.
        """
        longer = replace(
            self,
            epochs=np.concatenate([self.epochs, epochs]),
            predicted=np.concatenate([self.predicted, predicted]),
        )
        # Where `cached_property` looks first.
        if "confusion" in vars(self):
            new = _matrices(self.labels, predicted, self.classes)
            vars(longer)["confusion"] = _read_only(np.concatenate([self.confusion, new]))
        if "_counts" in vars(self):
            more = _class_counts(self.labels, predicted, self.classes)
            vars(longer)["_counts"] = _read_only(np.concatenate([self._counts, more], axis=1))
        return longer

    @cached_property
    def _counts(self) -> NDArray[np.int32]:
        """How many of each class are right, and how many are taken for it: int32 (2, E, classes)."""
        return _read_only(_class_counts(self.labels, self.predicted, self.classes))

    @property
    def _support(self) -> NDArray[np.int64]:
        return np.bincount(self.labels, minlength=self.classes)

    def _right(self, place: int) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = self.predicted[place] == self.labels
        return right

    def _unchanged_since(self, place: int) -> NDArray[np.int32]:
        """The first place since which each image is right without interruption, or wrong: int32 (n,)."""
        now = self._right(place)
        since = np.zeros(len(self.labels), np.int32)
        same = np.ones(len(self.labels), np.bool_)
        for before in range(place - 1, -1, -1):
            ended = np.flatnonzero(same & (self._right(before) != now))
            since[ended] = before + 1
            same[ended] = False
            if not same.any():
                break
        return since


def _matrices(labels: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int) -> NDArray[np.int32]:
    counts = np.zeros((len(predicted), classes, classes), np.int32)
    for place, one in enumerate(predicted):
        counts[place] = confusion_matrix(labels, one, classes)
    return counts


def _class_counts(labels: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int) -> NDArray[np.int32]:
    counts = np.zeros((2, len(predicted), classes), np.int32)
    for place, one in enumerate(predicted):
        counts[0, place] = np.bincount(labels[one == labels], minlength=classes)
        counts[1, place] = np.bincount(one, minlength=classes)
    return counts


def _shares(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    return _read_only(part / np.maximum(whole, 1))


def _read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    array.flags.writeable = False
    return array
