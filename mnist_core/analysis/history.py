"""What a run predicted of one split at each epoch: matrices and scores over time, and how long each image is wrong.

Only the predicted classes are held, a byte an image and epoch; probabilities belong to one epoch at a time.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.evaluation import ClassScores, class_scores, confusion_matrix
from mnist_core.errors import EpochNotRecorded

__all__ = ["History"]

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, eq=False)
class History:
    """What a run predicted of one split at each recorded epoch; what is computed once is kept and read-only.

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
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix of each epoch: int64 (E, classes, classes), rows true."""
        return _read_only(_matrices(self.labels, self.predicted, self.classes))

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """The share that is right at each epoch: float64 (E,) in [0, 1]."""
        return _read_only(np.trace(self.confusion, axis1=1, axis2=2) / len(self.labels))

    def scores(self, epoch: int) -> ClassScores:
        """Precision, recall, F1 and support of each class at an epoch.

        Raises:
            EpochNotRecorded: the epoch is not among the recorded ones.
        """
        return class_scores(self.confusion[self.place(epoch)])

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """Precision of each class at each epoch: float64 (E, classes) in [0, 1]."""
        return self._over_epochs("precision")

    @cached_property
    def recall(self) -> NDArray[np.float64]:
        """Recall of each class at each epoch: float64 (E, classes) in [0, 1]."""
        return self._over_epochs("recall")

    @cached_property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class at each epoch: float64 (E, classes) in [0, 1]."""
        return self._over_epochs("f1")

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
        """The same with later epochs behind it, for a run that still trains; known matrices are not counted again.

        Args:
            epochs: int32 (m,), ascending and later than all that are here.
            predicted: uint8 (m, n), what was predicted at them.
        """
        longer = replace(
            self,
            epochs=np.concatenate([self.epochs, epochs]),
            predicted=np.concatenate([self.predicted, predicted]),
        )
        if "confusion" in vars(self):
            new = _matrices(self.labels, predicted, self.classes)
            # Where `cached_property` looks first.
            vars(longer)["confusion"] = _read_only(np.concatenate([self.confusion, new]))
        return longer

    @cached_property
    def _scores(self) -> tuple[ClassScores, ...]:
        return tuple(map(class_scores, self.confusion))

    def _over_epochs(self, name: str) -> NDArray[np.float64]:
        values = [getattr(scores, name) for scores in self._scores]
        return _read_only(np.array(values, np.float64).reshape(-1, self.classes))

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


def _matrices(labels: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int) -> NDArray[np.int64]:
    counts = np.zeros((len(predicted), classes, classes), np.int64)
    for place, one in enumerate(predicted):
        counts[place] = confusion_matrix(labels, one, classes)
    return counts


def _read_only(array: NDArray[Number]) -> NDArray[Number]:
    array.flags.writeable = False
    return array
