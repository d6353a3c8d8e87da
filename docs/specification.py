"""Prints docs/specification.md from the declarations: `python docs/specification.py > docs/specification.md`."""

import json
import sys

from mnist_core.overrides import SHORT_NAMES
from mnist_core.part import FieldDoc, Part, field_docs, tags
from mnist_core.spec import RunSpec

__all__ = ["page"]

TELLS_APART = "tells the variants apart"
INTRODUCTION = """\
# The specification of a run

Everything that decides the numbers of a run, field by field. This page is made from the declarations in
`mnist_core/spec.py` and `mnist_core/networks/layers.py` by `docs/specification.py`; change it there.

A path is what `--set PATH=VALUE` takes; in Python, `__` stands for the dot (`training__epochs=3`). `N` is the place of
an item in a list, from 0. Values are JSON; what is no JSON is a text.

{short}

Changing `optimizer.name`, `schedule.kind` or the `kind` of a layer or initialiser resets the other fields of that part
to the defaults of the new one, unless they are set too. Turning early stopping on sets `training.keep` to `best`,
unless it is set too. The units of the last layer follow the dataset's classes, unless they are set. Wherever an
initialiser stands, its name alone will do: `network.layers.1.kernel_initializer=he_normal`. `dataset.grouping` also
takes the name of a shipped grouping, or an object of names with their labels: `{{"even": [0, 2], "odd": [1, 3]}}`.
`split.train`, `split.validation` and `split.test` are counts where they are whole numbers, shares where they lie
between 0 and 1. Residual layers nest at most 8 deep, and a network has at most 100,000,000 parameters; it ends with a
dense layer with linear activation, which softmax follows by itself.

Two runs of one specification have the same digest, which their records show. Names are not in it: a dataset counts by
its content, a group by its labels.
"""


def page() -> str:
    """The whole page, as markdown."""
    short = "Short names: " + ", ".join(f"`{name}` for `{path}`" for name, path in SHORT_NAMES.items()) + "."
    sections: dict[str, dict[str, str]] = {}
    for doc in field_docs(RunSpec):
        sections.setdefault(_title(doc), {})[doc.path] = _row(doc)
    return "\n".join([INTRODUCTION.format(short=short), *(_section(title, rows) for title, rows in sections.items())])


def _title(doc: FieldDoc) -> str:
    if doc.variant:
        where, _, which = doc.variant.partition("=")
        return f"`{where}` {which.replace('|', ', ')}"
    part = doc.path.rpartition(".")[0]
    return f"`{part}`" if part else "The parts of a run"


def _section(title: str, rows: dict[str, str]) -> str:
    head = ["| field | must be | unit | default | meaning |", "|---|---|---|---|---|"]
    return "\n".join([f"## {title}", "", *head, *rows.values(), ""])


def _row(doc: FieldDoc) -> str:
    rule = doc.rule.removeprefix("must be ").replace(f" ({doc.unit})", "")
    return f"| `{doc.path}` | {rule} | {doc.unit} | {_default(doc)} | {doc.help or TELLS_APART} |"


def _default(doc: FieldDoc) -> str:
    """The default as it is written; of a part, what tells its variants apart, or that its fields have their own."""
    if doc.required:
        return "required"
    if isinstance(doc.default, Part):
        known = tags(type(doc.default))
        return f"`{getattr(doc.default, known[0])}`" if known else "its fields'"
    return "empty" if doc.default == "" else f"`{json.dumps(doc.default)}`".replace('"', "")


if __name__ == "__main__":
    sys.stdout.write(page())
