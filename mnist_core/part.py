"""The base of every frozen piece of a specification, and how its fields describe themselves.

A field's bounds, unit, default and help stand once, in its declaration. `field_docs` reads them for whoever needs
them: the validator's sentences, the command line's help, the docs, the property tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo

__all__ = ["DISCRIMINATORS", "FieldDoc", "Part", "alternatives", "field_doc", "field_docs", "tags", "unit"]

DISCRIMINATORS = ("kind", "name")
"""The fields that tell the variants of a part apart."""


class Part(BaseModel):
    """A frozen piece of a specification: unknown fields, NaN, infinities and true for 1 are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _no_boolean_for_a_number(cls, data: Any) -> Any:
        """Booleans become words where a number is due, as pydantic would take them for 0 and 1."""
        if not isinstance(data, dict):
            return data
        booleans = [name for name, value in data.items() if isinstance(value, bool) and name in cls.model_fields]
        wrong = [name for name in booleans if _is_number(cls.model_fields[name].annotation)]
        return data | {name: str(data[name]).lower() for name in wrong}


def unit(name: str) -> dict[str, Any]:
    """The unit of a field, as `json_schema_extra`, so that it travels with the JSON schema too."""
    return {"unit": name}


Kind = Literal["integer", "number", "boolean", "choice", "text", "list", "part"]


@dataclass(frozen=True, kw_only=True)
class FieldDoc:
    """What one field of a specification is: everything that a form, a help page or a test needs to know.

    Attributes:
        path: where it stands; items of a list stand as `N`.
        variant: the variant of its part that has it, such as `optimizer.name=sgd`; empty where there is only one.
        kind: what a value of it is.
        help: what it means, as half a sentence.
        unit: empty where it has none.
        default: the value that it has where none is given; None where it is required.
        required: whether there is no default.
        choices: the values that it can have, where they are named.
        low: the smallest number.
        high: the largest number.
        low_open: whether the smallest number itself is refused.
        high_open: whether the largest number itself is refused.
        shortest: the smallest length of a text or list.
        longest: the largest length of a text or list.
        pattern: regular expression that a text must match; the help then says what it must be.
        fields: the names of its parts.
        optional: whether null is allowed.
    """

    path: str
    variant: str
    kind: Kind
    help: str
    unit: str
    default: object
    required: bool
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    low_open: bool
    high_open: bool
    shortest: int | None
    longest: int | None
    pattern: str
    fields: tuple[str, ...]
    optional: bool

    @property
    def rule(self) -> str:
        """The rule that a value must obey, as the second half of a sentence."""
        what = self._what()
        return f"must be {what}{' or null' * self.optional}" if what else "must be null"

    def _what(self) -> str:
        if self.choices and self.kind == "choice":
            return f"{'one of ' * (len(self.choices) > 1)}{', '.join(self.choices)}"
        if self.pattern:
            return self.help
        match self.kind:
            case "part" if self.choices:
                return f"an object with `{self.fields[0]}`, one of {', '.join(self.choices)}"
            case "part":
                return "an object with " + _named(self.fields) if self.fields else ""
            case "text" | "list":
                return f"a {self.kind}{self._length()}"
            case "integer" | "number":
                return f"a {'whole ' * (self.kind == 'integer')}number{self._range()}"
            case _:
                return "true or false"

    def _range(self) -> str:
        tail = f" ({self.unit})" if self.unit else ""
        low = f"{self.low:.15g}{' (excluded)' * self.low_open}" if self.low is not None else None
        high = f"{self.high:.15g}{' (excluded)' * self.high_open}" if self.high is not None else None
        if low and high:
            return f" between {low} and {high}{tail}"
        return (f" of at least {low}" if low else f" of at most {high}" if high else "") + tail

    def _length(self) -> str:
        of = "characters" if self.kind == "text" else "items"
        match self.shortest, self.longest:
            case None, None:
                return ""
            case None, longest:
                return f" of at most {longest} {of}"
            case shortest, None:
                return f" of at least {shortest} {of if shortest != 1 else of[:-1]}"
            case shortest, longest if shortest == longest:
                return f" of {longest} {of}"
            case shortest, longest:
                return f" of {shortest} to {longest} {of}"


def field_docs(model: type[Part], prefix: str = "", variant: str = "") -> Iterator[FieldDoc]:
    """Yields the fields of a model and of everything in it, depth first; list items stand as `N` in the path."""
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        yield field_doc(info, path, variant)
        if name == "body":  # the layers inside a residual layer are those outside of it
            continue
        for part, in_list in _parts(info.annotation):
            known = tags(part)
            inner = f"{path}{'.N' * in_list}"
            label = f"{inner}.{known[0]}={'|'.join(known[1])}" if known else variant
            yield from field_docs(part, f"{inner}.", label)


def field_doc(info: FieldInfo, path: str = "", variant: str = "") -> FieldDoc:
    """Reads what one declaration says of its field."""
    limits: dict[type, Any] = {type(m): m for m in _metadata(info)}
    plain = [a for a in alternatives(info.annotation) if a is not type(None)]
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    low, high = limits.get(Ge) or limits.get(Gt), limits.get(Le) or limits.get(Lt)
    sizes = [len(get_args(a)) for a in plain if get_origin(a) is tuple and ... not in get_args(a)]
    fields, choices = _fields_and_choices(plain)
    return FieldDoc(
        path=path,
        variant=variant,
        kind=_kind(plain),
        help=info.description or "",
        unit=str(extra.get("unit", "")),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        required=info.is_required(),
        choices=choices,
        low=getattr(low, "ge", getattr(low, "gt", None)),
        high=getattr(high, "le", getattr(high, "lt", None)),
        low_open=Gt in limits,
        high_open=Lt in limits,
        shortest=limits[MinLen].min_length if MinLen in limits else next(iter(sizes), None),
        longest=limits[MaxLen].max_length if MaxLen in limits else next(iter(sizes), None),
        pattern=next((m.pattern for m in limits.values() if getattr(m, "pattern", None)), ""),
        fields=fields,
        optional=type(None) in alternatives(info.annotation),
    )


def tags(part: type[Part]) -> tuple[str, tuple[str, ...]] | None:
    """The field that tells this variant from others, and its values for this one; None where there are no others."""
    for name in DISCRIMINATORS:
        field = part.model_fields.get(name)
        if field is not None and get_origin(field.annotation) is Literal:
            return name, get_args(field.annotation)
    return None


def alternatives(annotation: Any, *, keep_metadata: bool = False) -> list[Any]:
    """The members of a union, flat; of anything else, itself."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner = alternatives(get_args(annotation)[0], keep_metadata=keep_metadata)
        return [annotation] if keep_metadata and len(inner) == 1 else inner
    if origin in (Union, UnionType):
        return [one for part in get_args(annotation) for one in alternatives(part, keep_metadata=keep_metadata)]
    return [annotation]


def _is_number(annotation: Any) -> bool:
    plain = alternatives(annotation)
    return (int in plain or float in plain) and bool not in plain


def _metadata(info: FieldInfo) -> Iterator[Any]:
    yield from info.metadata
    for choice in alternatives(info.annotation, keep_metadata=True):
        if get_origin(choice) is Annotated:
            for extra in get_args(choice)[1:]:
                yield from extra.metadata if isinstance(extra, FieldInfo) else (extra,)


def _fields_and_choices(plain: list[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a value consists of: a part's fields, or the field that tells variants apart with all its values."""
    parts = [a for a in plain if isinstance(a, type) and issubclass(a, Part)]
    known = [tags(part) for part in parts]
    if parts and all(known):
        return (next(tag[0] for tag in known if tag),), tuple(value for tag in known if tag for value in tag[1])
    choices = tuple(str(c) for a in plain if get_origin(a) is Literal for c in get_args(a))
    return tuple(name for part in parts for name in part.model_fields), choices


def _kind(plain: list[Any]) -> Kind:
    if any(get_origin(a) is Literal for a in plain):
        return "choice"
    if any(get_origin(a) is tuple for a in plain):
        return "list"
    for python, name in ((bool, "boolean"), (float, "number"), (int, "integer"), (str, "text")):
        if python in plain:
            return name  # type: ignore[return-value]
    return "part"


def _parts(annotation: Any) -> Iterator[tuple[type[Part], bool]]:
    for choice in alternatives(annotation):
        if isinstance(choice, type) and issubclass(choice, Part):
            yield choice, False
        elif get_origin(choice) is tuple:
            for item, _ in _parts(get_args(choice)[0]):
                yield item, True


def _named(fields: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in fields)
