"""One option of a page that no bound widget can hold: the URL has it, so that a link and the browser's Back do too.

Not a bound widget: those pass over what is not there in silence, make no step in the browser's history, and cannot be
asked for before they are there. A page switch clears the URL; `current_link` then writes back what `address.py` keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui.frame.address import Declared, declare, is_said, keep, wishes, write_address
from pages.ui.guard import guarded

__all__ = ["Option", "keep_all", "leave_all", "pick", "shown_text"]

WRONG = "`{name}` in the link must be one of {offered}, got `{given}`; {shown} is shown."


@dataclass(frozen=True)
class Option:
    """An option by its name in the URL.

    Attributes:
        name: of the query parameter.
        pages: those that have it, by the last part of their address; several share one value.
        is_of_run: whether it means nothing in another run, and is forgotten when one is picked.
    """

    name: str
    pages: tuple[str, ...]
    is_of_run: bool = False

    def __post_init__(self) -> None:
        declare(self._declared)

    @property
    def menu(self) -> str:
        """Key of its widget."""
        return f"{self.pages[0]}_{self.name}_menu"

    @property
    def is_in_link(self) -> bool:
        """Whether the URL says it."""
        return is_said(self.name)

    @property
    def asked(self) -> str:
        """What is asked for; empty for the default."""
        return str(st.query_params.get(self.name) or self._wishes.get(self.name, ""))

    def keep(self, text: str) -> None:
        """Asks for it from now on; empty asks for the default. Also for callbacks."""
        keep_all({self: text})

    def forget_wish(self) -> None:
        """What left the URL is no longer asked for."""
        self._wishes.pop(self.name, None)

    def leave_link(self) -> None:
        """Takes it out of the URL; it is asked for again, by this session, until something else is."""
        leave_all([self])

    @property
    def _declared(self) -> Declared:
        return Declared(self.name, self.pages, self.is_of_run)

    @property
    def _wishes(self) -> dict[str, str]:
        return wishes(self.pages[0])


def keep_all(values: Mapping[Option, str]) -> None:
    """Asks for several options at once, so that they are one step in the browser's history."""
    for option, text in values.items():
        option.forget_wish()
        keep(option._declared, text)
    write_address({option.name: text for option, text in values.items()})


def leave_all(options: Sequence[Option]) -> None:
    """Takes options out of the URL at once; each is asked for again, by this session, until something else is."""
    for option in options:
        if not option.is_of_run:
            option._wishes[option.name] = option.asked
    write_address({option.name: "" for option in options})


def pick(
    option: Option, label: str, offered: Sequence[str], *, explained: str | None = None, clears: Sequence[Option] = ()
) -> tuple[str, str]:
    """Draws a choice between a few; which it is, and what is wrong with the one that the link asks for, as a sentence.

    Args:
        option: whose choice it is.
        label: what stands above it; only read aloud where nothing explains it.
        offered: what there is; the first one is the default.
        explained: what the choice means.
        clears: options that go back to their default with another choice.
    """
    asked = option.asked or offered[0]
    chosen = asked if asked in offered else offered[0]
    st.session_state[option.menu] = chosen
    st.segmented_control(
        label,
        offered,
        required=True,
        key=option.menu,
        on_change=_picked,
        args=(option, offered[0], tuple(clears)),
        help=explained,
        label_visibility="visible" if explained else "collapsed",
    )
    if chosen == asked:
        option.keep("" if chosen == offered[0] else chosen)
        return chosen, ""
    given = shown_text(asked)
    return chosen, WRONG.format(name=option.name, offered=", ".join(offered), given=given, shown=chosen)


@guarded
def _picked(option: Option, default: str, clears: Sequence[Option]) -> None:
    chosen = str(st.session_state[option.menu])
    keep_all(dict.fromkeys(clears, "") | {option: "" if chosen == default else chosen})


def shown_text(text: str) -> str:
    """What a URL says, fit for a sentence."""
    said = "".join(letter for letter in text[:40] if letter.isalnum() or letter in "_-,:. ")
    return f"{said}..." if len(text) > 40 else said
