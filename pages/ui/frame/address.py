"""The one place where pages write into the URL themselves, and what a session keeps of it for its next visit to a page.

Streamlit makes a step in the browser's history of each message and offers no way to replace one, so what is set
together is sent together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

__all__ = [
    "Declared",
    "declare",
    "forget_of_run",
    "is_said",
    "keep",
    "remember",
    "remembered",
    "wishes",
    "write_address",
]

OPTIONS, WISHES, RUNS = "options_of_pages", "wishes_of_pages", "runs_of_options"


@dataclass(frozen=True)
class Declared:
    """What is known of an option, whoever draws it.

    Attributes:
        name: of the query parameter.
        pages: those that have it; they share its value.
        is_of_run: whether it means nothing in another run.
    """

    name: str
    pages: tuple[str, ...]
    is_of_run: bool = field(default=False, compare=False)


_DECLARED: set[Declared] = set()


def declare(option: Declared) -> None:
    """Has an option remembered between visits to its pages, also where nothing draws it."""
    _DECLARED.add(option)


def is_said(name: str) -> bool:
    """Whether the URL says a query parameter."""
    return name in st.query_params


def write_address(values: Mapping[str, str]) -> None:
    """Writes query parameters in one message; an empty value takes one out."""
    new = {name: value for name, value in values.items() if value and st.query_params.get(name) != value}
    gone = [name for name, value in values.items() if not value and is_said(name)]
    if new or len(gone) > 1:
        st.query_params.update(new | {name: [] for name in gone})  # what holds an empty list is not in the URL
    for name in gone:
        del st.query_params[name]  # says the same to the browser, and makes no step of its own


def remember(page: str, run: str) -> None:
    """Takes over what the URL says of the options of a page; what it leaves out is at its default.

    Args:
        page: the page that is looked at.
        run: id of the run that it shows.
    """
    _of_session(RUNS)[page] = run
    for option in tuple(_DECLARED):
        if page in option.pages:
            keep(option, st.query_params.get(option.name, ""))


def remembered(page: str, run: str) -> dict[str, str]:
    """What a visit to a page begins with: its options as they were, unless the URL says any of them itself.

    Args:
        page: the page that is come to.
        run: id of the run that is looked at; of another one, what means nothing in it is left out.
    """
    known = _kept(page)
    if any(map(is_said, known)):
        return {}
    gone = (
        {option.name for option in tuple(_DECLARED) if option.is_of_run} if _of_session(RUNS).get(page) != run else ()
    )
    return {name: text for name, text in known.items() if name not in gone}


def keep(option: Declared, text: str) -> None:
    """Keeps what is asked for, for the next visit to each page that has the option; nothing where it is empty."""
    for page in option.pages:
        if text:
            _kept(page)[option.name] = text
        else:
            _kept(page).pop(option.name, None)


def forget_of_run() -> dict[str, str]:
    """Forgets what means nothing in another run; what takes it out of the URL, for `write_address`."""
    gone = [option for option in tuple(_DECLARED) if option.is_of_run]
    for option in gone:
        keep(option, "")
    return {option.name: "" for option in gone}


def _kept(page: str) -> dict[str, str]:
    found: dict[str, str] = _of_session(OPTIONS).setdefault(page, {})
    return found


def wishes(page: str) -> dict[str, str]:
    """What is asked for though the URL does not say it, by name; to be changed in place."""
    found: dict[str, str] = _of_session(WISHES).setdefault(page, {})
    return found


def _of_session(key: str) -> dict[str, Any]:
    found: dict[str, Any] = st.session_state.setdefault(key, {})
    return found
