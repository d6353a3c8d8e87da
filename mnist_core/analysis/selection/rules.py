"""What singles images out, each as a link holds it, in words, and as the images that it means.

A new rule is one class here and one entry of `READERS`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.calibration import bin_of_confidence
from mnist_core.analysis.change import change, common_rows
from mnist_core.analysis.distribution import bin_of_probability
from mnist_core.analysis.selection.judged import Judged
from mnist_core.analysis.selection.packed import packed, unpacked

__all__ = [
    "MOST_IDS",
    "NUMBER",
    "Cell",
    "Changed",
    "ConfidenceBin",
    "Ids",
    "Lassoed",
    "ProbabilityBin",
    "Rule",
    "read_rule",
]

MOST_IDS = 400
"""Images that may be pointed at one by one."""

MOST_BINS = 100
NUMBER = "[0-9]{1,9}"
LETTERS = "[A-Za-z0-9_]{1,40}"
MAPS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
Rows = NDArray[np.int64]


class Rule(Protocol):
    """What singles images out."""

    kind: ClassVar[str]
    reads_predictions: ClassVar[bool]
    """Whether it means other images at another epoch."""

    def arguments(self) -> tuple[str, ...]:
        """What stands behind the kind in a link."""

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:
        """Rows of the images, ascending: int64.

        Args:
            judged: the split that the selection was made in, at its epoch.
            judge: the same split by a run (empty: the same one) at an epoch.
        """

    def phrase(self, classes: Sequence[str]) -> str:
        """In words."""

    def fits(self, classes: int) -> bool:
        """Whether a run with so many classes can be asked for it."""


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix, or the errors of a row, of a column, or of all of it.

    Attributes:
        true: the true class by number; None takes the errors of every class.
        predicted: the predicted one; None takes the errors into every class.
    """

    kind: ClassVar[str] = "cell"
    reads_predictions: ClassVar[bool] = True
    true: int | None = None
    predicted: int | None = None

    @property
    def is_one(self) -> bool:
        """Whether it is one cell."""
        return self.true is not None and self.predicted is not None

    def fits(self, classes: int) -> bool:
        """Whether the run has its classes."""
        return max(self.true or 0, self.predicted or 0) < classes

    def arguments(self) -> tuple[str, ...]:
        """True and predicted class."""
        return tuple("x" if one is None else str(one) for one in (self.true, self.predicted))

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:  # noqa: ARG002 - part of the protocol
        """Rows of its images."""
        labels, predicted = judged.labels, judged.predictions.predicted
        inside = np.ones(len(labels), np.bool_) if self.is_one else labels != predicted
        if self.true is not None:
            inside &= labels == self.true
        if self.predicted is not None:
            inside &= predicted == self.predicted
        return np.flatnonzero(inside)

    def phrase(self, classes: Sequence[str]) -> str:
        """As "true 4, predicted 9", "errors of 4", "taken for 9", "all errors"."""
        if self.true is not None and self.predicted is not None:
            return f"true {_name(classes, self.true)}, predicted {_name(classes, self.predicted)}"
        if self.true is not None:
            return f"errors of {_name(classes, self.true)}"
        return "all errors" if self.predicted is None else f"taken for {_name(classes, self.predicted)}"


@dataclass(frozen=True)
class Changed:
    """The images that were wrong before and are right now, or the other way round.

    Attributes:
        fixed: whether those that became right are meant; False means the newly broken.
        epoch: the epoch that it is compared with.
        run: id of the run that it is compared with; empty for the same run.
    """

    kind: ClassVar[str] = "changed"
    reads_predictions: ClassVar[bool] = True
    fixed: bool
    epoch: int
    run: str = ""

    def fits(self, classes: int) -> bool:  # noqa: ARG002 - part of the protocol
        """Every run can."""
        return True

    def arguments(self) -> tuple[str, ...]:
        """Which way, the other epoch, and the other run where there is one."""
        return ("fixed" if self.fixed else "broken", str(self.epoch), *([self.run] if self.run else []))

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:
        """Rows of its images, among those that both know."""
        other = judge(self.run, self.epoch)
        mine, theirs = common_rows(judged.ids, other.ids)
        classes = judged.predictions.log_probabilities.shape[1]
        found = change(
            judged.labels[mine], other.predictions.predicted[theirs], judged.predictions.predicted[mine], classes
        )
        return mine[found.fixed if self.fixed else found.broken]

    def phrase(self, classes: Sequence[str]) -> str:  # noqa: ARG002 - part of the protocol
        """As "fixed against epoch 3"."""
        other = "another run at " if self.run else ""
        return f"{'fixed' if self.fixed else 'newly broken'} against {other}epoch {self.epoch}"


@dataclass(frozen=True)
class ProbabilityBin:
    """The images to which a class was given a probability within a bin of its histogram.

    Attributes:
        number: the class.
        place: the bin, from 0.
        bins: how many equal bins there are between 0 and 1.
    """

    kind: ClassVar[str] = "probability"
    reads_predictions: ClassVar[bool] = True
    number: int
    place: int
    bins: int

    def fits(self, classes: int) -> bool:
        """Whether the run has its classes."""
        return self.number < classes

    def arguments(self) -> tuple[str, ...]:
        """Class, bin, number of bins."""
        return str(self.number), str(self.place), str(self.bins)

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:  # noqa: ARG002 - part of the protocol
        """Rows of its images."""
        if not self.fits(judged.predictions.log_probabilities.shape[1]):
            return np.zeros(0, np.int64)
        inside: Rows = np.flatnonzero(bin_of_probability(judged.predictions, self.number, self.bins) == self.place)
        return inside

    def phrase(self, classes: Sequence[str]) -> str:
        """As "probability of 4 from 0.90 to 0.95"."""
        return f"probability of {_name(classes, self.number)} {_from_to(self.place, self.bins)}"


@dataclass(frozen=True)
class ConfidenceBin:
    """The images whose predicted class has a probability within a bin of the reliability diagram.

    Attributes:
        place: the bin, from 0.
        bins: how many equal bins there are between 0 and 1.
    """

    kind: ClassVar[str] = "confidence"
    reads_predictions: ClassVar[bool] = True
    place: int
    bins: int

    def fits(self, classes: int) -> bool:  # noqa: ARG002 - part of the protocol
        """Every run can."""
        return True

    def arguments(self) -> tuple[str, ...]:
        """Bin, number of bins."""
        return str(self.place), str(self.bins)

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:  # noqa: ARG002 - part of the protocol
        """Rows of its images."""
        return np.flatnonzero(bin_of_confidence(judged.predictions, self.bins) == self.place)

    def phrase(self, classes: Sequence[str]) -> str:  # noqa: ARG002 - part of the protocol
        """As "confidence from 0.93 to 1.00"."""
        return f"confidence {_from_to(self.place, self.bins)}"


@dataclass(frozen=True)
class Ids:
    """Images that someone pointed at, one by one.

    Attributes:
        ids: at most `MOST_IDS`, ascending.
    """

    kind: ClassVar[str] = "ids"
    reads_predictions: ClassVar[bool] = False
    ids: tuple[int, ...]

    def fits(self, classes: int) -> bool:  # noqa: ARG002 - part of the protocol
        """Every run can."""
        return True

    def arguments(self) -> tuple[str, ...]:
        """The ids."""
        return tuple(map(str, self.ids))

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:  # noqa: ARG002 - part of the protocol
        """Rows of its images that are in the split."""
        return np.flatnonzero(np.isin(judged.ids, self.ids))

    def phrase(self, classes: Sequence[str]) -> str:  # noqa: ARG002 - part of the protocol
        """As "12 chosen images"."""
        return f"image {self.ids[0]}" if len(self.ids) == 1 else f"{len(self.ids)} chosen images"


@dataclass(frozen=True)
class Lassoed:
    """The images around which somebody drew a line in a map.

    Attributes:
        method: how the map was made.
        layer: the layer that it shows.
        ids: ascending; as many as a link holds, see `packed`.
    """

    kind: ClassVar[str] = "map"
    reads_predictions: ClassVar[bool] = False
    method: str
    layer: str
    ids: tuple[int, ...]

    def fits(self, classes: int) -> bool:  # noqa: ARG002 - part of the protocol
        """Every run can."""
        return True

    def arguments(self) -> tuple[str, ...]:
        """Method, layer, and the ids, packed."""
        return self.method, self.layer, packed(self.ids)

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:  # noqa: ARG002 - part of the protocol
        """Rows of its images that are in the split."""
        return np.flatnonzero(np.isin(judged.ids, self.ids))

    def phrase(self, classes: Sequence[str]) -> str:  # noqa: ARG002 - part of the protocol
        """As "lasso in the UMAP of dense_1"."""
        return f"lasso in the {MAPS.get(self.method, self.method)} of {self.layer}"


def read_rule(text: str) -> Rule:
    """Reads what `kind` and `arguments` wrote, joined by dots.

    Raises:
        ValueError: it is no rule.
        KeyError: there is no rule of this kind.
    """
    kind, *arguments = text.split(".")
    return READERS[kind](arguments)


def _cell(arguments: list[str]) -> Cell:
    true, predicted = (None if one == "x" else _number(one) for one in arguments)
    return Cell(true, predicted)


def _changed(arguments: list[str]) -> Changed:
    way, epoch, *run = arguments
    if way not in ("fixed", "broken") or len(run) > 1 or (run and not re.fullmatch("[0-9a-f-]{4,36}", run[0])):
        raise ValueError(way)
    return Changed(way == "fixed", _number(epoch), *run)


def _probability_bin(arguments: list[str]) -> ProbabilityBin:
    number, place, bins = map(_number, arguments)
    return ProbabilityBin(number, *_bin(place, bins))


def _confidence_bin(arguments: list[str]) -> ConfidenceBin:
    place, bins = map(_number, arguments)
    return ConfidenceBin(*_bin(place, bins))


def _ids(arguments: list[str]) -> Ids:
    if not 1 <= len(arguments) <= MOST_IDS:
        raise ValueError(len(arguments))
    return Ids(tuple(sorted({_number(one) for one in arguments})))


def _lassoed(arguments: list[str]) -> Lassoed:
    method, layer, text = arguments
    if not (re.fullmatch(LETTERS, method) and re.fullmatch(LETTERS, layer)):
        raise ValueError(method)
    return Lassoed(method, layer, unpacked(text))


READERS: dict[str, Callable[[list[str]], Rule]] = {
    Cell.kind: _cell,
    Changed.kind: _changed,
    ProbabilityBin.kind: _probability_bin,
    ConfidenceBin.kind: _confidence_bin,
    Ids.kind: _ids,
    Lassoed.kind: _lassoed,
}


def _number(text: str) -> int:
    if not re.fullmatch(NUMBER, text):
        raise ValueError(text)
    return int(text)


def _bin(place: int, bins: int) -> tuple[int, int]:
    if not place < bins <= MOST_BINS:
        raise ValueError(place)
    return place, bins


def _name(classes: Sequence[str], number: int) -> str:
    return classes[number] if number < len(classes) else str(number)


def _from_to(place: int, bins: int) -> str:
    return f"from {place / bins:.2f} to {(place + 1) / bins:.2f}"
