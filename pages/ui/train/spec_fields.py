"""Which fields of a specification the form edits, and what they are called there."""

from collections.abc import Iterator, Mapping
from typing import Any

from mnist_core.part import DISCRIMINATORS, FieldDoc, field_docs
from mnist_core.spec import RunSpec

__all__ = ["FIELDS", "LABELS", "NO_EFFECT", "VARIANTS", "fields_of"]

NOT_EDITED = ("spec_version", "network", "dataset.name", "dataset.corruption", "dataset.grouping.N")
LABELS = {
    "optimizer": "optimiser",
    "optimizer.c": "C",
    "precision": "number format",
    "split.train": "training images",
    "split.validation": "validation images",
    "split.test": "test images",
    "split.seed": "split seed",
    "training.keep": "epoch that counts",
}
NO_EFFECT = {
    "lbfgs": (
        "schedule",
        "training.batch_size",
        "training.early_stopping",
        "augmentation",
        "precision",
        "seed",
        "device",
    )
}
"""Fields that an optimiser refuses, as they would do nothing."""

DOCS = tuple(field_docs(RunSpec))
VARIANTS = {doc.path: doc for doc in DOCS if doc.kind == "part" and doc.choices and not doc.variant}
"""The parts of which there are several kinds, such as `optimizer`."""


def _is_edited(doc: FieldDoc) -> bool:
    if doc.variant.startswith("network") or doc.path.rpartition(".")[2] in DISCRIMINATORS:
        return False
    if any(doc.path == path or doc.path.startswith(f"{path}.") for path in NOT_EDITED):
        return False
    return doc.kind != "part" or doc.optional or doc.path in VARIANTS


FIELDS = tuple(doc for doc in DOCS if _is_edited(doc) and not doc.path.startswith("network"))
"""Every field that the form has a widget for, of all variants."""


def fields_of(plain: Mapping[str, Any]) -> Iterator[tuple[FieldDoc, Any]]:
    """The fields that a specification's plain data has, with what they hold; those without effect are left out."""
    unused = NO_EFFECT.get(_at(plain, "optimizer.name", ""), ())
    for doc in FIELDS:
        if any(doc.path == path or doc.path.startswith(f"{path}.") for path in unused):
            continue
        parent = doc.path.rpartition(".")[0]
        if doc.variant and not _is_variant(plain, doc.variant):
            continue
        if parent and _at(plain, parent, {}) is None:
            continue
        if doc.path in VARIANTS:
            yield doc, _at(plain, f"{doc.path}.{doc.fields[0]}", None)
        else:
            yield doc, _at(plain, doc.path, doc.default)


def _is_variant(plain: Mapping[str, Any], variant: str) -> bool:
    path, _, values = variant.partition("=")
    return _at(plain, path, None) in values.split("|")


def _at(plain: Mapping[str, Any], path: str, default: Any) -> Any:
    place: Any = plain
    for key in path.split("."):
        if not isinstance(place, Mapping) or key not in place:
            return default
        place = place[key]
    return place
