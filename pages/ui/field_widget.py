"""One widget for one field of a `Part`, made from what the field's declaration says of it.

Bounds are not given to the widgets: whatever is typed goes to the part, whose sentence then says what is wrong with it.
Browsers would keep a refused number on the screen and work with the one before.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import streamlit as st

from mnist_core.errors import InvalidSpec
from mnist_core.part import FieldDoc

__all__ = ["Field", "amount", "amount_text", "field_widget", "help_text"]

WIDTH = 142
FEW_CHOICES = 3


@dataclass(frozen=True)
class Field:
    """A field as the form shows it.

    Attributes:
        path: what it sets.
        doc: what its declaration says.
        default: what it holds before anyone changes it, as plain data.
        key: identity of its widget.
        name: in words; empty takes that of the path.
    """

    path: str
    doc: FieldDoc
    default: Any
    key: str
    name: str = ""

    @property
    def label(self) -> str:
        """Its name in words, with its unit."""
        name = self.name or self.doc.path.rpartition(".")[2].replace("_", " ")
        return f"{name} ({self.doc.unit})" if self.doc.unit and self.doc.unit != name else name


def help_text(doc: FieldDoc) -> str:
    """What a field means and which values it can have, in two sentences."""
    meaning = doc.help[:1].upper() + doc.help[1:]
    if doc.choices or doc.kind in ("part", "boolean") or not (doc.low is not None or doc.high is not None):
        return f"{meaning}."
    return f"{meaning}. {doc.rule[:1].upper()}{doc.rule[1:]}."


def field_widget(field: Field, *, on_change: Any = None) -> Any:
    """Draws the widget of a field; returns what it holds, as plain data for the specification.

    Raises:
        InvalidSpec: what was typed cannot be read.
    """
    doc = field.doc
    shared: dict[str, Any] = {"key": field.key, "help": help_text(doc), "persist_state": "session"}
    more: dict[str, Any] = {"on_change": on_change} if on_change else {}
    if doc.choices:
        return _choice(field, shared | more)
    if doc.kind in ("boolean", "part"):
        return st.toggle(field.label, value=field.default not in (None, False), **shared, **more)
    if doc.kind == "integer":
        value = None if field.default is None else int(field.default)
        return st.number_input(field.label, value=value, step=1, width=WIDTH, **shared)
    if doc.low is None and doc.high is None:
        text = st.text_input(
            field.label, value=amount_text(field.default), placeholder="automatic", width=WIDTH, **shared
        )
        return amount(field.path, text)
    number = float(field.default)
    return st.number_input(field.label, value=number, step=_step(field), format="%g", width=WIDTH, **shared)


def _choice(field: Field, shared: dict[str, Any]) -> Any:
    options, now = list(field.doc.choices), str(field.default)
    if len(options) <= FEW_CHOICES:
        chosen = st.segmented_control(field.label, options, default=now, required=True, **shared)
    else:
        chosen = st.selectbox(field.label, options, index=options.index(now), width=WIDTH, **shared)
    return int(chosen) if isinstance(field.default, int) else chosen


def _step(field: Field) -> float:
    """What one press of + adds: one unit of the first digit, or a fitting share of the range where it is 0."""
    size = abs(float(field.default)) or (field.doc.high or 1.0) / 4
    return float(10.0 ** math.floor(math.log10(size)))


def amount_text(value: float | None) -> str:
    """A count or a share as it is typed: 5000, 0.3, 1/12; empty for what is taken by itself."""
    if value is None:
        return ""
    simple = Fraction(value).limit_denominator(100)
    return str(simple) if float(simple) == value and len(repr(value)) > len("0.1234") else f"{value}"


def amount(path: str, text: str) -> int | float | None:
    """Reads a count or a share; the empty text is None.

    Raises:
        InvalidSpec: it is neither.
    """
    short = text.replace(",", "").replace("_", "").strip()
    if not short:
        return None
    try:
        if re.fullmatch("[0-9]{1,9}", short):
            return int(short)
        if short.endswith("%"):
            return float(short[:-1]) / 100
        return float(Fraction(short)) if re.fullmatch("[0-9]{1,9}/[0-9]{1,9}", short) else float(short)
    except (ValueError, ZeroDivisionError):
        raise InvalidSpec(
            f"`{path}` must be a count such as 5000, or a share such as 0.1, 1/12 or 10 %, got {text[:40]!r}."
        ) from None
