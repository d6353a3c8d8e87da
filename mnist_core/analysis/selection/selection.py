"""A selection: images that someone singled out, and where it came from. It is what links carry between views.

A rule ("true 4, predicted 9") together with a run, an epoch and a split gives image ids; the ids are the selection,
whatever run and epoch is looked at. As text, fit for a URL: `cell.4.9~3~validation~RUN`, where the parts are the rule,
the epoch (`-` where the rule is read anew at each epoch that is looked at), the split and the run's id.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.selection.judged import Judge
from mnist_core.analysis.selection.rules import NUMBER, Ids, Lassoed, Rule, read_rule
from mnist_core.errors import InvalidInput

__all__ = ["Selection", "phrase_of"]

SPLITS = ("train", "validation", "test")
FOLLOWS = "-"


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
            if epoch != FOLLOWS and not re.fullmatch(NUMBER, epoch):
                raise ValueError(epoch)
            return cls(read_rule(rule), run, None if epoch == FOLLOWS else int(epoch), split)
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
        if isinstance(self.rule, Ids | Lassoed):
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


def _fit_for_a_sentence(text: str) -> str:
    return re.sub("[^0-9A-Za-z.~-]", "?", text if len(text) <= 60 else f"{text[:57]}...")
