"""One image through all epochs of a run: what was predicted of it, when it was learnt, forgotten and learnt again."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.inference.predictions import Predictions

__all__ = ["Biography", "Moment", "biography", "moment"]


class Moment(NamedTuple):
    """What was predicted of one image at one epoch.

    Attributes:
        epoch: 0 is the untrained network.
        predicted: the most probable class.
        loss: cross-entropy of the true class in nats.
        probabilities: float32 (classes,) in [0, 1].
    """

    epoch: int
    predicted: int
    loss: float
    probabilities: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Biography:
    """One image through the recorded epochs of a run; arrays are read-only.

    Attributes:
        image: its id.
        label: the true class.
        epochs: int32 (E,), ascending; 0 is the untrained network.
        probabilities: float32 (E, classes) in [0, 1].
        predicted: uint8 (E,), the most probable class.
        loss: float32 (E,), cross-entropy of the true class in nats.
    """

    image: int
    label: int
    epochs: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.uint8]
    loss: NDArray[np.float32]

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """At which epochs it is right: bool (E,)."""
        right: NDArray[np.bool_] = self.predicted == self.label
        return right

    @property
    def first_learnt(self) -> int | None:
        """The first epoch at which it is right, be it the untrained network's; None where it never is."""
        return int(self.epochs[self.right.argmax()]) if self.right.any() else None

    @property
    def learnt(self) -> tuple[int, ...]:
        """The epochs at which it turns from wrong to right."""
        return self._turns(to_right=True)

    @property
    def forgotten(self) -> tuple[int, ...]:
        """The epochs at which it turns from right to wrong."""
        return self._turns(to_right=False)

    @property
    def relearnt(self) -> tuple[int, ...]:
        """The epochs at which it turns right after it was forgotten."""
        first = min(self.forgotten, default=None)
        return tuple(epoch for epoch in self.learnt if first is not None and epoch > first)

    @property
    def wrong_epochs(self) -> int:
        """At how many recorded epochs it is wrong."""
        return int(np.count_nonzero(~self.right))

    def extended(self, moments: Iterable[Moment]) -> "Biography":
        """The same with later epochs behind it, for a run that still trains.

        Args:
            moments: at least one, of the same image, by ascending epoch, later than all that are here.
        """
        later = biography(self.image, self.label, moments)
        return replace(
            self,
            epochs=_joined(self.epochs, later.epochs),
            probabilities=_joined(self.probabilities, later.probabilities),
            predicted=_joined(self.predicted, later.predicted),
            loss=_joined(self.loss, later.loss),
        )

    def to_json(self) -> dict[str, Any]:
        """What the command line prints; a number that is not finite is null."""
        columns = (self.epochs, self.predicted, self.right, self.loss, self.probabilities)
        names = ("epoch", "predicted", "right", "loss", "probabilities")
        moments = zip(*(column.tolist() for column in columns), strict=True)
        return {
            "image": self.image,
            "label": self.label,
            "first_learnt": self.first_learnt,
            "learnt": list(self.learnt),
            "forgotten": list(self.forgotten),
            "relearnt": list(self.relearnt),
            "wrong_epochs": self.wrong_epochs,
            "epochs": [dict(zip(names, map(_plain, values), strict=True)) for values in moments],
        }

    def _turns(self, *, to_right: bool) -> tuple[int, ...]:
        turned = (self.right[1:] == to_right) & (self.right[:-1] != to_right)
        return tuple(self.epochs[1:][turned].tolist())


def biography(image: int, label: int, moments: Iterable[Moment]) -> Biography:
    """Puts the moments of one image together.

    Args:
        image: its id.
        label: the true class.
        moments: at least one, by ascending epoch.
    """
    epochs, predicted, loss, probabilities = zip(*moments, strict=True)
    return Biography(
        image=image,
        label=label,
        epochs=_read_only(np.array(epochs, np.int32)),
        probabilities=_read_only(np.array(probabilities, np.float32)),
        predicted=_read_only(np.array(predicted, np.uint8)),
        loss=_read_only(np.array(loss, np.float32)),
    )


def moment(epoch: int, predictions: Predictions, row: int) -> Moment:
    """What one epoch's predictions say of the image in one row."""
    probabilities = predictions.probabilities(np.array([row]))[0]
    return Moment(epoch, int(predictions.predicted[row]), float(predictions.loss[row]), probabilities)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _joined(known: NDArray[Any], later: NDArray[Any]) -> NDArray[Any]:
    return _read_only(np.concatenate([known, later]))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value
