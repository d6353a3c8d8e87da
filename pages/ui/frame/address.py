"""The one place where pages write into the URL themselves, and what a session keeps of it for its next visit to a page.

Streamlit makes a step in the browser's history of each message, so what is set together is sent together.
"""

from collections.abc import Mapping

import streamlit as st

__all__ = ["kept_options", "remembered", "write_address"]

OPTIONS = "options_of_pages"


def write_address(values: Mapping[str, str]) -> None:
    """Writes query parameters; an empty value takes one out."""
    for name, value in values.items():
        if not value and name in st.query_params:
            del st.query_params[name]
    new = {name: value for name, value in values.items() if value and st.query_params.get(name) != value}
    if new:
        st.query_params.update(new)


def kept_options(page: str) -> dict[str, str]:
    """The options of a page, by name, as they were when the session last saw it; to be changed in place."""
    every: dict[str, dict[str, str]] = st.session_state.setdefault(OPTIONS, {})
    return every.setdefault(page, {})


def remembered(page: str) -> dict[str, str]:
    """What a visit to a page begins with: its options as they were, unless the URL says any of them itself."""
    known = kept_options(page)
    return {} if any(name in st.query_params for name in known) else dict(known)
