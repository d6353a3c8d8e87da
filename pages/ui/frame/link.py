"""What every view is a function of, as the URL holds it: run, epoch, split and selection. Nothing here draws.

The URL wins where it names anything; a page switch clears it, and then the session's link is written back, with the
options that the page had.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import streamlit as st

from mnist_core.analysis.selection import Selection
from mnist_core.errors import InvalidInput
from pages.ui.frame.address import forget_of_run, is_said, remembered, write_address

__all__ = ["EPOCH_NAMES", "Link", "current_link", "go_to", "link_now", "link_query", "pin"]

LINK_KEY = "link"
PAGE_KEY = "page_of_link"
EPOCH_NAMES = ("kept", "best", "last")
PARTS = ("run", "epoch", "split", "selection")
SPLITS = ("validation", "test", "train")
Split = Literal["validation", "test", "train"]


@dataclass(frozen=True)
class Link:
    """What is looked at.

    Attributes:
        run: id, name or unambiguous beginning of an id; empty where none is chosen.
        epoch: a number, or one of `EPOCH_NAMES`.
        split: which images.
        selection: those of them, or of another run's, that were singled out; None where none are.
        problems: what the URL asked for that cannot be, as sentences.
    """

    run: str = ""
    epoch: str = "kept"
    split: Split = "validation"
    selection: Selection | None = None
    problems: tuple[str, ...] = ()

    def query(self) -> dict[str, str]:
        """The query parameters; what is at its default is left out."""
        default = Link()
        given = {"run": self.run, "epoch": self.epoch, "split": self.split}
        named = {name: value for name, value in given.items() if value != getattr(default, name)}
        return named | ({"selection": self.selection.text()} if self.selection else {})

    @classmethod
    def parse(cls, query: dict[str, str]) -> Self:
        """Reads query parameters; each that breaks its rule is left at its default, and a sentence says so."""
        epoch, split = query.get("epoch", "kept"), query.get("split", "validation")
        problems = []
        if epoch not in EPOCH_NAMES and not re.fullmatch("[0-9]{1,9}", epoch):
            problems.append(f"`epoch` in the link must be a number or one of {', '.join(EPOCH_NAMES)}; kept is shown.")
            epoch = "kept"
        if split not in SPLITS:
            problems.append(f"`split` in the link must be one of {', '.join(SPLITS)}; validation is shown.")
            split = "validation"
        selection = None
        try:
            selection = Selection.parse(query["selection"]) if query.get("selection") else None
        except InvalidInput as error:
            problems.append(f"{error} Nothing is selected.")
        return cls(_one_word(query.get("run", "")), epoch, split, selection, tuple(problems))  # type: ignore[arg-type]


def _one_word(ref: str) -> str:
    """What a link calls a run, fit for a sentence: no run's name holds a line break or a backtick."""
    return "".join(letter if letter.isprintable() and letter != "`" else "?" for letter in ref[:100])


def current_link(page: str | None = None, *, pins: bool = False) -> Link:
    """The link of this session, after a look at the URL.

    Args:
        page: the page that begins to run; the frame gives it, so that a URL that lost its parameters on the same page,
            by the browser's Back, is told from one that a page switch cleared.
        pins: whether the page always names its run, so that a URL that names nothing is never somebody's wish: it is
            what a page switch left behind in the browser's history.
    """
    link = link_now()
    is_new_page = page is not None and page != st.session_state.get(PAGE_KEY)
    named = {name: st.query_params[name] for name in PARTS if is_said(name)}
    if named:
        link = _after(link, Link.parse(named))
    elif page is not None and not is_new_page and not pins:
        link = Link()
    is_cleared = is_new_page or (pins and not named)
    st.session_state[LINK_KEY] = link
    _write(link, remembered(page, link.run) if page is not None and is_cleared else {})
    if page is not None:
        st.session_state[PAGE_KEY] = page
    return link


def _after(old: Link, new: Link) -> Link:
    """The new link; where only what was wrong in the URL is gone from it, the sentences about that stay."""
    return old if not new.problems and new == replace(old, problems=()) else new


def link_now() -> Link:
    """The link of this session as it stands, without a look at the URL; for callbacks."""
    link: Link = st.session_state.get(LINK_KEY, Link())
    return link


def go_to(**changes: Any) -> None:
    """Changes what is looked at, in the session and the URL; for callbacks, and before `st.switch_page`."""
    before = link_now()
    link = replace(before, problems=(), **changes)
    st.session_state[LINK_KEY] = link
    _write(link, forget_of_run() if link.run != before.run else {})


def pin(link: Link, run: str, problems: Sequence[str]) -> Link:
    """The link with the run that is shown in place of what it named, so that no newer run takes its place.

    Args:
        link: as `current_link` answered it.
        run: id of the run that is shown.
        problems: why it is not the one that was named, as sentences, which stay until somebody moves; its epoch means
            nothing then.
    """
    if link.run == run:
        return link
    pinned = replace(link, run=run, problems=(*link.problems, *problems))
    pinned = replace(pinned, epoch="kept") if problems else pinned
    st.session_state[LINK_KEY] = pinned
    _write(pinned, forget_of_run() if problems else {})
    return pinned


def link_query(**changes: Any) -> dict[str, str]:
    """The query parameters of another view, for `st.page_link` and `st.switch_page`."""
    return replace(link_now(), **changes).query()


def _write(link: Link, options: Mapping[str, str] | None = None) -> None:
    write_address(dict.fromkeys(PARTS, "") | link.query() | dict(options or {}))
