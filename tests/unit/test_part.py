"""What a field says of itself, read from its declaration."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from mnist_core.part import Part, field_doc, field_docs, tags, unit
from mnist_core.spec import AdamSpec, RunSpec, SgdSpec


class Round(Part):
    kind: Literal["round"] = "round"
    radius: float = Field(default=1, gt=0, le=9, description="how far it reaches", json_schema_extra=unit("pixels"))


class Square(Part):
    kind: Literal["square", "box"]
    side: int = Field(ge=2, description="how long its sides are")


class Picture(Part):
    name: str = Field(max_length=5, description="what it is called")
    shapes: tuple[Annotated[Round | Square, Field(discriminator="kind")], ...] = Field(
        default=(), max_length=3, description="what it shows"
    )
    dark: bool = Field(default=False, description="whether it is dark")
    share: int | float | None = Field(default=None, le=1, description="how much of it")
    nothing: None = Field(default=None, description="reserved")


DOCS = {(doc.path, doc.variant): doc for doc in field_docs(Picture)}


def test_fields_stand_depth_first():
    assert list(DOCS) == [
        ("name", ""),
        ("shapes", ""),
        ("shapes.N.kind", "shapes.N.kind=round"),
        ("shapes.N.radius", "shapes.N.kind=round"),
        ("shapes.N.kind", "shapes.N.kind=square|box"),
        ("shapes.N.side", "shapes.N.kind=square|box"),
        ("dark", ""),
        ("share", ""),
        ("nothing", ""),
    ]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("name", "must be a text of at most 5 characters"),
        ("shapes", "must be a list of at most 3 items"),
        ("dark", "must be true or false"),
        ("share", "must be a number of at most 1 or null"),
        ("nothing", "must be null"),
    ],
)
def test_rules(path, rule):
    assert DOCS[path, ""].rule == rule


def test_a_number_knows_its_bounds_unit_and_default():
    doc = DOCS["shapes.N.radius", "shapes.N.kind=round"]
    assert (doc.kind, doc.low, doc.low_open, doc.high, doc.high_open) == ("number", 0, True, 9, False)
    assert (doc.unit, doc.default, doc.required, doc.optional) == ("pixels", 1, False, False)
    assert doc.rule == "must be a number between 0 (excluded) and 9 (pixels)"
    assert DOCS["shapes.N.side", "shapes.N.kind=square|box"].rule == "must be a whole number of at least 2"


def test_what_is_required_has_no_default():
    assert DOCS["name", ""].required
    assert DOCS["name", ""].default is None
    assert not DOCS["nothing", ""].required


def test_a_union_is_told_apart_by_its_tag():
    doc = field_doc(RunSpec.model_fields["optimizer"])
    assert doc.fields == ("name",)
    assert doc.choices == ("sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs")
    assert tags(SgdSpec) == ("name", ("sgd",))
    assert tags(Square) == ("kind", ("square", "box"))
    assert tags(Picture) is None


def test_documented_paths_are_unique():
    paths = [(doc.path, doc.variant, doc.help) for doc in field_docs(RunSpec)]
    own = [path for path in paths if "initializer." not in path[0]]
    assert len(set(own)) == len(own)


@pytest.mark.parametrize("value", [True, False])
def test_true_and_false_are_no_numbers(value):
    with pytest.raises(ValidationError):
        AdamSpec(learning_rate=value)
    with pytest.raises(ValidationError):
        Square(kind="square", side=value)
    assert Picture(name="a", dark=value).dark is value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValidationError):
        Round(radius=value)


def test_parts_are_frozen_and_closed():
    with pytest.raises(ValidationError):
        Round().radius = 3
    with pytest.raises(ValidationError):
        Round(colour="red")
