"""The border of the pages: an error becomes one sentence on the screen, and its traceback goes to the log."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from mnist_core.errors import InvalidInput, MnistLabError, StorageError
from mnist_core.settings import load_settings

__all__ = ["guard", "guarded", "said_of", "show_script_error"]

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("mnist_lab")
BROKEN = "This part of the page broke ({kind}). The rest still works; reload the page, or tell us what the log says."
FOLDERS = re.compile(r"`(?:~|[A-Za-z]:)?/[^`]*?([^`/]*)/?`")
UNREADABLE = "Something recorded cannot be read or written on this server; its log says what, to whoever runs it."


def show_script_error(error: BaseException) -> bool:
    """Says what went wrong; what nobody raised on purpose is logged with its traceback.

    Returns:
        True, as the error has been shown.
    """
    if isinstance(error, MnistLabError):
        st.error(said_of(error), icon=":material/error:")
        if not isinstance(error, InvalidInput):
            log.error("%s", error, exc_info=error)
    else:
        log.error("A page broke", exc_info=error)
        st.error(BROKEN.format(kind=type(error).__name__), icon=":material/error:")
    return True


def said_of(error: MnistLabError) -> str:
    """The sentence of an error, fit for this screen: where strangers look, it names no folder of this server."""
    if load_settings().profile == "local":
        return str(error)
    return UNREADABLE if isinstance(error, StorageError) else FOLDERS.sub(r"`\1`", str(error))


@contextmanager
def guard() -> Iterator[None]:
    """Keeps an error of what is inside from taking the rest of the page along."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the border: whatever it was, the frame must stay
        show_script_error(error)


def guarded(function: Callable[P, T]) -> Callable[P, T | None]:
    """`guard` for fragments and callbacks, which run outside of the page's own."""

    @wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T | None:
        with guard():
            return function(*args, **kwargs)
        return None

    return inner
