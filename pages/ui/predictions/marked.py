"""The rule that a view's own charts and tables mark: what was selected in this very run and split."""

from typing import NamedTuple

from mnist_core.analysis.selection import Rule
from pages.ui.frame.view import View

__all__ = ["Marked", "marked"]


class Marked(NamedTuple):
    """What is selected.

    Attributes:
        rule: what singles the images out.
        is_now: whether it does so by the epoch that is shown; otherwise it can be selected anew.
    """

    rule: Rule
    is_now: bool


def marked(view: View) -> Marked | None:
    """What was selected in the run and the split that are looked at, at whatever epoch; None where that is nothing."""
    if view.selected is None:
        return None
    selection = view.selected.selection
    if (selection.run, selection.split) != (view.run.id, view.split):
        return None
    return Marked(selection.rule, is_now=selection.epoch in (view.epoch, None))
