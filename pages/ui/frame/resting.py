"""Whether somebody stays where they are: who only passes an epoch orders no work for it."""

import time
from collections.abc import Hashable

import streamlit as st

__all__ = ["REST_SECONDS", "rests"]

REST_SECONDS = 0.4


def rests(what: str, key: Hashable) -> bool:
    """Whether this session has been at the same place for `REST_SECONDS`, as far as it was asked.

    Args:
        what: names the question.
        key: names the place.
    """
    now, memory = time.monotonic(), f"rests:{what}"
    seen, since = st.session_state.get(memory, (None, now))
    since = since if seen == key else now
    st.session_state[memory] = (key, since)
    return bool(now - since >= REST_SECONDS)
