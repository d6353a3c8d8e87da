"""One plain sentence for a specification that breaks a rule: the field, the rule, what was given."""

import difflib
import reprlib
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from mnist_core.errors import InvalidInput
from mnist_core.part import FieldDoc, Part, alternatives, field_doc, field_docs, tags

__all__ = ["one_line", "sentence", "shown_value", "validated"]

LONGEST = 60
P = TypeVar("P", bound=Part)


def validated(model: type[P], data: Any) -> P:
    """A part from plain data, as JSON holds it.

    Raises:
        InvalidInput: a field breaks its rule; the sentence names field, rule and what was given.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(sentence(error, model)) from None


def sentence(error: ValidationError, model: type[Part]) -> str:
    """The first thing wrong, as a sentence on one line that ends with a full stop."""
    first = error.errors(include_url=False)[0]
    place = _locate(first["loc"], model)
    given, doc, what = shown_value(first["input"]), place.doc, first["type"]
    if what == "extra_forbidden":
        return one_line(_unknown_field(place, model))
    if what == "missing" and doc:
        return one_line(f"{place.shown} is missing; it {doc.rule}")
    if what.startswith("union_tag") and doc:
        return one_line(_wrong_tag(place, doc, first["input"]))
    if what == "value_error":
        text = str(first["ctx"]["error"])
        return one_line(text if text.startswith("`") else f"{place.shown} {text}")
    if what in ("too_short", "too_long"):
        given = str(first["ctx"]["actual_length"])
    return one_line(f"{place.shown} {doc.rule if doc else 'breaks a rule: ' + first['msg'].lower()}, got {given}")


def one_line(text: str) -> str:
    """The text on one line, with one full stop at its end."""
    return " ".join(text.split()).rstrip(".") + "."


def shown_value(value: Any) -> str:
    """A value as a sentence shows it: in few characters, null, true and false as JSON writes them."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a number of more than 40 digits"
    return _shortened(repr(value) if isinstance(value, str | float | int) else _BRIEF.repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 23]}...{text[-20:]}"


_BRIEF = reprlib.Repr()
_BRIEF.maxlevel = 3


@dataclass(frozen=True)
class _Place:
    """Where something is wrong: the path, the declaration there, and the part that it belongs to."""

    path: tuple[int | str, ...]
    doc: FieldDoc | None
    owner: type[Part] | None
    tag: str

    @property
    def shown(self) -> str:
        """The path in backticks."""
        return f"`{'.'.join(_shortened(str(key)) for key in self.path)}`" if self.path else "A run"


def _locate(location: tuple[int | str, ...], model: type[Part]) -> _Place:
    """Follows pydantic's location, which names the variants of unions too, through the declarations."""
    path: list[int | str] = []
    here: Any = model
    info: FieldInfo | None = FieldInfo.from_annotation(model)
    owner: type[Part] | None = None
    tag = ""
    for key in location:
        options = alternatives(here)
        parts = [option for option in options if isinstance(option, type) and issubclass(option, Part)]
        if len(parts) > 1:  # the key is the tag of a variant
            tag = str(key)
            here = next((part for part in parts if key in (tags(part) or ("", ()))[1]), None)
            continue
        if {int, float} <= set(options) and key in ("int", "float"):
            continue
        path.append(key)
        owner, tag = (parts[0], tag if here is parts[0] else "") if parts else (None, "")
        info = _inside(owner, options, key)
        here = info.annotation if info else None
    return _Place(tuple(path), field_doc(info) if info else None, owner, tag)


def _inside(owner: type[Part] | None, options: list[Any], key: int | str) -> FieldInfo | None:
    if owner is not None:
        return owner.model_fields.get(str(key))
    items = next((get_args(option) for option in options if get_origin(option) is tuple), ())
    return FieldInfo.from_annotation(items[0]) if items and isinstance(key, int) else None


def _unknown_field(place: _Place, model: type[Part]) -> str:
    fields = list(place.owner.model_fields) if place.owner else []
    *parents, last = (str(key) for key in place.path)
    where = f" of {place.tag}" if place.tag and tags(place.owner or Part) else ""
    if close := difflib.get_close_matches(last, fields, n=1):
        return f"{place.shown} is not a field{where}; did you mean `{'.'.join([*parents, close[0]])}`"
    elsewhere = {doc.path.rpartition(".")[2]: doc.path for doc in field_docs(model)} if not parents else {}
    if close := difflib.get_close_matches(last, list(elsewhere), n=1):
        return f"{place.shown} is not a field; did you mean `{elsewhere[close[0]]}`"
    has = ", ".join(f"`{name}`" for name in fields)
    if where:
        return f"{place.shown} is not a field{where}, which has {has}"
    what = f"`{'.'.join(parents)}`" if parents else "a run"
    return f"{place.shown} is not a field; {what} has {has}"


def _wrong_tag(place: _Place, doc: FieldDoc, given: Any) -> str:
    """The sentence for a variant that is not named, or that there is none of."""
    name = doc.fields[0]
    field = f"{place.shown[:-1]}.{name}`"
    if not isinstance(given, dict) or name not in given:
        return f"{field} is missing; it must be one of {', '.join(doc.choices)}"
    return f"{field} must be one of {', '.join(doc.choices)}, got {shown_value(given[name])}"
