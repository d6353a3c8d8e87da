"""One option of a page that no bound widget can hold: the URL has it, so that a link and the browser's Back do too.

Not a bound widget: those pass over what is not there in silence, and an option may be asked for before it is there.
A page switch clears the URL; `current_link` then writes back what `address.py` keeps.
"""

from dataclasses import dataclass

import streamlit as st

from pages.ui.frame.address import kept_options, write_address

__all__ = ["Option", "shown_text"]

WISHES = "wishes_of_pages"


@dataclass(frozen=True)
class Option:
    """An option by its name in the URL.

    Attributes:
        name: of the query parameter.
        pages: those that have it, by the last part of their address; several share one value.
    """

    name: str
    pages: tuple[str, ...]

    @property
    def menu(self) -> str:
        """Key of its widget."""
        return f"{self.pages[0]}_{self.name}_menu"

    @property
    def is_in_link(self) -> bool:
        """Whether the URL says it."""
        return self.name in st.query_params

    @property
    def asked(self) -> str:
        """What is asked for; empty for the default."""
        if not self.is_in_link:
            self._remember("")  # taken back, be it by the browser's Back
        return str(st.query_params.get(self.name) or self._wishes.get(self.name, ""))

    def keep(self, text: str) -> None:
        """Asks for it from now on; empty asks for the default. Also for callbacks."""
        self._wishes.pop(self.name, None)
        self._remember(text)
        write_address({self.name: text})

    def leave_link(self) -> None:
        """Takes it out of the URL; it is asked for again, by this session, until something else is."""
        self._wishes[self.name] = self.asked
        write_address({self.name: ""})

    def _remember(self, text: str) -> None:
        for page in self.pages:
            options = kept_options(page)
            if text:
                options[self.name] = text
            else:
                options.pop(self.name, None)

    @property
    def _wishes(self) -> dict[str, str]:
        every: dict[str, dict[str, str]] = st.session_state.setdefault(WISHES, {})
        return every.setdefault(self.pages[0], {})


def shown_text(text: str) -> str:
    """What a URL says, fit for a sentence."""
    return "".join(letter for letter in text[:40] if letter.isalnum() or letter in "_-,:.")
