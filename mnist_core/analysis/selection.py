"""A selection: images that someone singled out, and where it came from. It is what links carry between views.

A rule ("true 4, predicted 9") together with a run, an epoch and a split gives image ids; the ids are the selection,
whatever run and epoch is looked at. As text, fit for a URL: `cell.4.9~3~validation~RUN`, where the parts are the rule,
the epoch (`-` where the rule is read anew at each epoch that is looked at), the split and the run's id.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.calibration import bin_of_confidence
from mnist_core.analysis.change import change, common_rows
from mnist_core.analysis.distribution import bin_of_probability
from mnist_core.errors import InvalidInput
from mnist_core.inference.predictions import Predictions

__all__ = [
    "MOST_IDS",
    "Cell",
    "Changed",
    "ConfidenceBin",
    "Ids",
    "Judged",
    "ProbabilityBin",
    "Rule",
    "Selection",
    "phrase_of",
]

MOST_IDS = 400
"""Ids that a selection without a rule may hold, and a link with it."""

MOST_BINS = 100
NUMBER = "[0-9]{1,9}"
SPLITS = ("train", "validation", "test")
FOLLOWS = "-"
Rows = NDArray[np.int64]


class Judged(NamedTuple):
    """What a run says of a split at an epoch; arrays are ordered by image id.

    Attributes:
        ids: int32 (n,), the images.
        labels: uint8 (n,), their true classes.
        predictions: of the same n images.
    """

    ids: NDArray[np.int32]
    labels: NDArray[np.uint8]
    predictions: Predictions


Judge = Callable[[str, int, str], Judged]
"""Reads what a run (its id) says at an epoch of a split."""


class Rule(Protocol):
    """What singles images out."""

    kind: ClassVar[str]

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


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix, or the errors of a row, of a column, or of all of it.

    Attributes:
        true: the true class by number; None takes the errors of every class.
        predicted: the predicted one; None takes the errors into every class.
    """

    kind: ClassVar[str] = "cell"
    true: int | None = None
    predicted: int | None = None

    @property
    def is_one(self) -> bool:
        """Whether it is one cell."""
        return self.true is not None and self.predicted is not None

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
    fixed: bool
    epoch: int
    run: str = ""

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
    number: int
    place: int
    bins: int

    def arguments(self) -> tuple[str, ...]:
        """Class, bin, number of bins."""
        return str(self.number), str(self.place), str(self.bins)

    def rows(self, judged: Judged, judge: Callable[[str, int], Judged]) -> Rows:  # noqa: ARG002 - part of the protocol
        """Rows of its images."""
        if self.number >= judged.predictions.log_probabilities.shape[1]:
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
    place: int
    bins: int

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
    ids: tuple[int, ...]

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
class Selection:
    """A rule, and where it was made.

    Attributes:
        rule: what singles the images out.
        run: id of the run that it was made in.
        epoch: the epoch that it was made at; None reads the rule anew at each epoch that is looked at.
        split: the split that it was made in.
    """

    rule: Rule
    run: str
    epoch: int | None
    split: str

    def text(self) -> str:
        """As a link holds it."""
        rule = ".".join((self.rule.kind, *self.rule.arguments()))
        return "~".join((rule, FOLLOWS if self.epoch is None else str(self.epoch), self.split, self.run))

    @classmethod
    def parse(cls, text: str) -> "Selection":
        """Reads what `text` wrote.

        Raises:
            InvalidInput: it is no selection.
        """
        parts = text.split("~")
        try:
            rule, epoch, split, run = parts
            if split not in SPLITS or not re.fullmatch("[0-9a-f-]{4,36}", run):
                raise ValueError(split)
            return cls(_rule(rule), run, None if epoch == FOLLOWS else _number(epoch), split)
        except (ValueError, KeyError):
            raise InvalidInput(
                "`selection` in the link must be a rule, an epoch, a split and a run, such as"
                f" `cell.4.9~3~validation~RUN`, got `{_fit_for_a_sentence(text)}`."
            ) from None

    def ids(self, judge: Judge, epoch: int) -> NDArray[np.int32]:
        """The images: int32, ascending.

        Args:
            judge: reads what a run says.
            epoch: the epoch that is looked at, for rules that follow it.

        Raises:
            MnistLabError: what it was made from is gone; as `judge`.
        """
        if isinstance(self.rule, Ids):
            return np.array(self.rule.ids, np.int32)
        judged = judge(self.run, epoch if self.epoch is None else self.epoch, self.split)
        rows = self.rule.rows(judged, lambda run, at: judge(run or self.run, at, self.split))
        return judged.ids[rows]


def phrase_of(selection: Selection, classes: Sequence[str]) -> str:
    """A selection in words, with the epoch that it was made at."""
    said = selection.rule.phrase(classes)
    if isinstance(selection.rule, Ids):
        return said
    return f"{said}, at {'each epoch' if selection.epoch is None else f'epoch {selection.epoch}'}"


def _rule(text: str) -> Rule:
    kind, *arguments = text.split(".")
    return _READERS[kind](arguments)


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


_READERS: dict[str, Callable[[list[str]], Rule]] = {
    Cell.kind: _cell,
    Changed.kind: _changed,
    ProbabilityBin.kind: _probability_bin,
    ConfidenceBin.kind: _confidence_bin,
    Ids.kind: _ids,
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


def _fit_for_a_sentence(text: str) -> str:
    return re.sub("[^0-9A-Za-z.~-]", "?", text if len(text) <= 60 else f"{text[:57]}...")
