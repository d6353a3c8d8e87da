"""One option of the page that no bound widget can hold: the link says it, and the session where the URL was cleared.

Not a bound widget: those pass over what is not there in silence, and an option may be asked for before it is there.
"""

from dataclasses import dataclass

import streamlit as st

__all__ = ["Choice", "shown_text"]


@dataclass(frozen=True)
class Choice:
    """An option by its name in the link."""

    name: str

    @property
    def menu(self) -> str:
        """Key of its widget."""
        return f"weights_{self.name}_menu"

    @property
    def asked(self) -> str:
        """What is asked for; empty for the default."""
        return str(st.query_params.get(self.name) or st.session_state.get(self._memory) or "")

    @property
    def is_in_link(self) -> bool:
        """Whether the link names it."""
        return self.name in st.query_params

    def keep(self, text: str) -> None:
        """Writes it into session and link; empty takes it out of both. Also for callbacks."""
        st.session_state[self._memory] = text
        if text and st.query_params.get(self.name) != text:
            st.query_params[self.name] = text
        elif not text and self.name in st.query_params:
            del st.query_params[self.name]

    def forget(self) -> None:
        """Takes it out of the session alone; what the link says of it stays."""
        st.session_state.pop(self._memory, None)

    def is_new(self, text: str) -> bool:
        """Whether that is another wish than the session's."""
        return text != st.session_state.get(self._memory, "")

    def leave_link(self) -> None:
        """Takes it out of the link alone; the session goes on wishing for it."""
        if self.is_in_link:
            del st.query_params[self.name]

    @property
    def _memory(self) -> str:
        return f"weights_{self.name}"


def shown_text(text: str) -> str:
    """What a link says, fit for a sentence."""
    return "".join(letter for letter in text[:40] if letter.isalnum() or letter in "_-,:")
