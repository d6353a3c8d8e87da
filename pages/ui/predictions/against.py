"""What a view is to be compared with, as the URL holds it: `against` is an epoch, `against_run` a run. Nothing draws.

Not bound widgets: those would put labels into the URL, where ids belong, and pass over what is not there in silence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import streamlit as st

from mnist_core.runs import RunRecord
from pages.ui.format import plain
from pages.ui.frame.address import write_address
from pages.ui.recorded import epochs_of

__all__ = ["EPOCH_MENU", "NONE", "PREVIOUS", "RUN_MENU", "SAME", "Asked", "against_now", "is_comparing", "keep_against"]

EPOCH_NAME, RUN_NAME = "against", "against_run"
EPOCH_MENU, RUN_MENU, STATE = "against_epoch_menu", "against_run_menu", "against_kept"
NONE, SAME, PREVIOUS = "none", "same", "previous"
NAMES = (NONE, SAME, PREVIOUS, "kept", "best", "first")
WRONG_EPOCH = f"`{EPOCH_NAME}` in the link must be a number or one of {', '.join(NAMES)}; nothing is compared."
WRONG_RUN = f"`{RUN_NAME}` in the link must be the id of a run; nothing is compared."
GONE = "Run `{run}`, which is to be compared with, is not here, or is of other images; nothing is compared."
NOT_RECORDED = "Epoch {epoch}, which is to be compared with, is not recorded in run {name}; nothing is compared."
ITSELF = "The run that was compared with is the one that is looked at now; nothing is compared."


@dataclass(frozen=True)
class Asked:
    """What is to be compared with.

    Attributes:
        epoch: a number, or one of `NAMES`; `NONE` compares with nothing.
        run: id of another run; empty for the same one.
        problems: what was asked for and cannot be, as sentences.
    """

    epoch: str = NONE
    run: str = ""
    problems: tuple[str, ...] = ()

    def query(self) -> dict[str, str]:
        """The query parameters; what is at its default is left out."""
        return {name: one for name, one in ((EPOCH_NAME, self.epoch), (RUN_NAME, self.run)) if one not in (NONE, "")}

    @classmethod
    def parse(cls, epoch: str, run: str) -> Self:
        """Reads what a link or a menu says; where it breaks a rule, nothing is compared, and a sentence says so."""
        problems = []
        if epoch not in NAMES and not re.fullmatch("[0-9]{1,9}", epoch):
            problems.append(WRONG_EPOCH)
        if run and not re.fullmatch("[0-9a-f-]{4,36}", run):
            problems.append(WRONG_RUN)
        if problems:
            return cls(problems=tuple(problems))
        return cls(epoch if epoch in NAMES else str(int(epoch)), run)

    def checked(self, record: RunRecord, others: Mapping[str, RunRecord]) -> "Asked":
        """The same, or nothing with a sentence where its run or epoch is not there.

        Args:
            record: the run that is looked at.
            others: those that it can be compared with, by id.
        """
        if self.run == record.id:
            return Asked(problems=(ITSELF,))
        if self.run and self.run not in others:
            return Asked(problems=(GONE.format(run=self.run),))
        other = others.get(self.run, record)
        if self.epoch.isdigit() and int(self.epoch) not in {one.epoch for one in epochs_of(other).epochs}:
            return Asked(problems=(NOT_RECORDED.format(epoch=self.epoch, name=plain(other.name)),))
        if self.epoch == (PREVIOUS if self.run else SAME):
            return replace(self, epoch=SAME if self.run else NONE)
        return self


def against_now() -> Asked:
    """What the URL asks for; what the session remembers where a page switch cleared the URL."""
    known = _kept()
    if EPOCH_NAME in st.query_params or RUN_NAME in st.query_params:
        new = Asked.parse(st.query_params.get(EPOCH_NAME, NONE), st.query_params.get(RUN_NAME, ""))
        return known if new == replace(known, problems=()) else new
    went_back = EPOCH_MENU in st.session_state  # the menu was drawn last time, so no page switch came between
    return Asked() if went_back and known.query() else known


def is_comparing() -> bool:
    """Whether something is chosen to compare with, be it there at this epoch or not; after the menus were drawn."""
    return _kept().epoch != NONE


def keep_against(asked: Asked) -> None:
    """Writes it into the session and the URL."""
    st.session_state[STATE] = asked
    write_address({EPOCH_NAME: "", RUN_NAME: ""} | asked.query())


def _kept() -> Asked:
    known = st.session_state.get(STATE)
    return known if isinstance(known, Asked) else Asked()
