"""The chosen cell of the confusion matrix: true class, predicted class, or both, kept in the URL and the session.

The chart and two menus choose it alike, and the chosen one is shown by all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui.guard import guarded

__all__ = ["ANY", "Cell", "cell_menus", "choose_cell", "current_cell"]

ANY = -1
KEY = "cell"
MENUS = ("cell_true", "cell_predicted")


@dataclass(frozen=True)
class Cell:
    """A true and a predicted class by number; None stands for any."""

    true: int | None = None
    predicted: int | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether it says anything."""
        return self.true is not None or self.predicted is not None

    @property
    def is_one(self) -> bool:
        """Whether it is one cell, not a row or a column."""
        return self.true is not None and self.predicted is not None

    @property
    def is_right(self) -> bool:
        """Whether it is on the diagonal."""
        return self.is_one and self.true == self.predicted

    def phrase(self, classes: Sequence[str]) -> str:
        """In words: "true 4, predicted 9"."""
        sides = (("true", self.true), ("predicted", self.predicted))
        return ", ".join(f"{side} {classes[number]}" for side, number in sides if number is not None)

    def text(self) -> str:
        """As the URL holds it: "4-9", "4-", "-9"; empty where nothing is chosen."""
        true, predicted = ("" if one is None else str(one) for one in (self.true, self.predicted))
        return f"{true}-{predicted}" if self.is_chosen else ""

    @classmethod
    def parse(cls, text: str, classes: int) -> "Cell":
        """Reads what `text` wrote; what is not a cell of so many classes is no choice."""
        found = re.fullmatch(r"([0-9]{0,2})-([0-9]{0,2})", text)
        if not found:
            return cls()
        true, predicted = (int(one) if one else None for one in found.groups())
        return cls(true, predicted) if all(one is None or one < classes for one in (true, predicted)) else cls()


def current_cell(classes: int) -> Cell:
    """What is chosen, for a run of so many classes; the URL wins over the session."""
    asked = st.query_params.get(KEY) or st.session_state.get(KEY, "")
    cell = Cell.parse(str(asked), classes)
    _keep(cell)
    return cell


def choose_cell(cell: Cell, *, toggle: bool = False) -> None:
    """Chooses a cell; for callbacks.

    Args:
        cell: which; `Cell()` clears the choice.
        toggle: whether what is chosen already is cleared.
    """
    is_same = toggle and st.session_state.get(KEY) == cell.text()
    _keep(Cell() if is_same else cell)


def cell_menus(classes: Sequence[str], cell: Cell) -> None:
    """Two menus that choose the cell, for the keyboard and for matrices with small cells."""
    options = [ANY, *range(len(classes))]
    for key, label, value in zip(MENUS, ("true class", "predicted class"), (cell.true, cell.predicted), strict=True):
        st.session_state[key] = ANY if value is None else value
        st.selectbox(
            label, options, key=key, on_change=_menus_changed, format_func=lambda n: "any" if n == ANY else classes[n]
        )


@guarded
def _menus_changed() -> None:
    true, predicted = (None if (n := st.session_state.get(key, ANY)) == ANY else n for key in MENUS)
    choose_cell(Cell(true, predicted))


def _keep(cell: Cell) -> None:
    text = cell.text()
    st.session_state[KEY] = text
    if text and st.query_params.get(KEY) != text:
        st.query_params[KEY] = text
    elif not text and KEY in st.query_params:
        del st.query_params[KEY]
