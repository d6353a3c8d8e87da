"""The settings of a method as a form made from their declarations; the URL holds those that are not the defaults."""

import re
from typing import Any

import streamlit as st

from mnist_core.analysis.embedding import METHODS
from mnist_core.errors import InvalidInput, InvalidSpec
from mnist_core.part import FieldDoc, Part, field_docs
from mnist_core.sentences import validated
from pages.ui.field_widget import Field, field_widget
from pages.ui.guard import guarded

__all__ = ["choose_settings", "settings_text"]

NAME = "settings"
KEPT = "embedding_settings"
RESET = "embedding_settings_reset"
COLUMNS = 2


def choose_settings(method: str) -> tuple[Part | None, str]:
    """Draws the form; the settings, None where what was typed breaks a rule, and what is wrong, as a sentence."""
    kind = METHODS[method].settings
    docs = list(field_docs(kind))
    start, problem = _start(method, docs)
    st.markdown(f"**{METHODS[method].title}**")
    given, broken = _form(method, docs, start)
    st.button("Back to the defaults", icon=":material/undo:", type="tertiary", on_click=_reset, args=(method,))
    settings, wrong = _validated(kind, given)
    if settings is None or broken:
        return None, broken or wrong
    if not problem or settings != kind():  # what the link asked for in vain stays there until something is chosen
        _keep(method, settings)
        return settings, ""
    return settings, problem


def settings_text(settings: Part) -> str:
    """What differs from the defaults, as a link holds it: "perplexity:50,seed:3"."""
    changed = settings.model_dump(mode="json", exclude_defaults=True)
    return ",".join(f"{name}:{value}" for name, value in changed.items())


def _form(method: str, docs: list[FieldDoc], start: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What the form holds, and what cannot be read in it, as a sentence."""
    given, broken, version = dict(start), "", st.session_state.get(RESET, 0)
    columns = st.columns(COLUMNS)
    for place, doc in enumerate(docs):
        field = Field(doc.path, doc, start.get(doc.path, doc.default), f"embedding:{method}:{doc.path}:{version}")
        with columns[place % COLUMNS]:
            try:
                given[doc.path] = field_widget(field)
            except InvalidSpec as error:
                broken = str(error)
    return given, broken


def _start(method: str, docs: list[FieldDoc]) -> tuple[dict[str, Any], str]:
    """What the fields hold at first: what the link says, else what the session remembers."""
    kept: dict[str, dict[str, Any]] = st.session_state.setdefault(KEPT, {})
    asked = st.query_params.get(NAME)
    if asked is None or method in kept:
        return kept.get(method, {}), ""
    given = _parsed(asked, docs)
    settings, wrong = _validated(METHODS[method].settings, given)
    if settings is None:
        return {}, f"`{NAME}` in the link: {wrong} The defaults are shown."
    kept[method] = given
    return given, ""


def _parsed(text: str, docs: list[FieldDoc]) -> dict[str, Any]:
    pairs = re.findall(r"([a-z_]{1,40}):([0-9a-z.+-]{1,40})", text[:1000])
    kinds = {doc.path: doc.kind for doc in docs}
    return {name: _number(value) if kinds.get(name) != "choice" or value.isdigit() else value for name, value in pairs}


def _number(text: str) -> Any:
    if re.fullmatch("[0-9]{1,12}", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _validated(kind: type[Part], given: dict[str, Any]) -> tuple[Part | None, str]:
    try:
        return validated(kind, given), ""
    except InvalidInput as error:
        return None, str(error)


def _keep(method: str, settings: Part) -> None:
    st.session_state[KEPT][method] = settings.model_dump(mode="json", exclude_defaults=True)
    text = settings_text(settings)
    if text and st.query_params.get(NAME) != text:
        st.query_params[NAME] = text
    elif not text and NAME in st.query_params:
        del st.query_params[NAME]


@guarded
def _reset(method: str) -> None:
    """New widgets, which start from the defaults."""
    st.session_state.setdefault(KEPT, {}).pop(method, None)
    st.session_state[RESET] = st.session_state.get(RESET, 0) + 1
    st.query_params.pop(NAME, None)
