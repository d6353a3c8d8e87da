"""The form of a run: a preset's values, what is changed of them, and the specification that comes out.

Every widget is made from the declaration of its field. Choosing another preset fills the form anew; choosing another
kind of a part, such as the optimiser, sets the other fields of that part to their defaults, as `RunSpec.replace` does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import streamlit as st

from mnist_core.datasets import Dataset, class_count
from mnist_core.errors import InvalidSpec
from mnist_core.networks.catalogue import Preset
from mnist_core.overrides import apply_overrides
from mnist_core.spec import SHIPPED_GROUPINGS, RunSpec
from pages.ui.field_widget import Field, field_widget
from pages.ui.guard import guarded
from pages.ui.train.spec_fields import LABELS, NO_EFFECT, VARIANTS, fields_of

__all__ = ["Draft", "draw_common", "draw_more", "groups", "start_anew", "start_draft"]

GENERATION = "form:generation"
LIKE = "form:like"
COMMON = ("training.epochs", "training.batch_size", "optimizer.learning_rate")
GROUPS = {
    "Optimiser": ("optimizer",),
    "Schedule": ("schedule",),
    "Stopping, and which epoch counts": ("training",),
    "Augmentation": ("augmentation",),
    "Split": ("split",),
    "Classes": ("dataset",),
    "Machine": ("precision", "seed", "device"),
}
STRUCTURAL = (*VARIANTS, "training.early_stopping")
"""What decides which other fields there are."""

NO_GROUPS, OWN_GROUPS = "as they are", "own groups"
MADE_KEY = "grouping"
"""The groups that this session made on the data page: {"dataset": name, "groups": {name: labels}}."""

Groups = dict[str, list[int]]


@dataclass
class Draft:
    """What the form holds while it is drawn.

    Attributes:
        preset: whose values fill it.
        like: the run's specification that fills it instead; None for the preset's own.
        dataset: by name, or own data as loaded.
        structure: the kinds of parts that differ from the preset's.
        plain: the data that the widgets start from.
        changed: what was typed, by path.
        problem: the first thing that cannot be read, as a sentence.
    """

    preset: Preset
    like: RunSpec | None
    dataset: str | Dataset
    structure: dict[str, Any]
    plain: dict[str, Any]
    changed: dict[str, Any]
    problem: str = ""

    @property
    def dataset_name(self) -> str:
        """The name of the dataset."""
        return self.dataset if isinstance(self.dataset, str) else self.dataset.name

    def spec(self) -> RunSpec:
        """The specification that the form describes.

        Raises:
            InvalidSpec: a field breaks its rule.
        """
        if self.problem:
            raise InvalidSpec(self.problem)
        overrides = self.structure | self.changed
        return self._like(self.like, overrides) if self.like else self.preset.specify(self.dataset, overrides)

    def _like(self, like: RunSpec, overrides: dict[str, Any]) -> RunSpec:
        """Another run's specification with changes; its output layer follows the number of classes, as a preset's."""
        spec = like.replace(overrides)
        grouping = spec.dataset.grouping
        named = class_count(self.dataset) if isinstance(self.dataset, str) else len(self.dataset.classes)
        classes = len(grouping) if grouping else named
        last = len(spec.network.layers) - 1
        return spec if classes in (None, spec.classes) else spec.replace({f"network.layers.{last}.units": classes})


def start_draft(preset: Preset, dataset: str | Dataset) -> Draft:
    """The form's start, from the preset and the kinds of parts that are chosen."""
    name = dataset if isinstance(dataset, str) else dataset.name
    like = st.session_state.get(LIKE)
    if like is not None and (like.network.preset, like.dataset.name) != (preset.name, name):
        like = None
    base = (like or preset.specify(dataset, {})).model_dump(mode="json")
    structure = _structure(base)
    return Draft(preset, like, dataset, structure, apply_overrides(base, structure), {})


def start_anew(like: RunSpec | None = None) -> None:
    """Forgets what was typed: the next form starts from its preset, or from another run of that preset."""
    st.session_state[GENERATION] = _generation() + 1
    st.session_state[LIKE] = like


def _generation() -> int:
    return int(st.session_state.get(GENERATION, 0))


def groups(draft: Draft) -> dict[str, list[Field]]:
    """The fields of the form but the common ones, by the heading that they stand under."""
    fields = _fields(draft)
    named = {
        heading: [field for field in fields if field.path.partition(".")[0] in parts and field.path not in COMMON]
        for heading, parts in GROUPS.items()
    }
    return {heading: inside for heading, inside in named.items() if inside}


def draw_common(draft: Draft) -> None:
    """Draws the fields that everybody wants."""
    _draw(draft, [field for path in COMMON for field in _fields(draft) if field.path == path])


def draw_more(draft: Draft) -> None:
    """Draws all other fields, under headings."""
    for heading, fields in groups(draft).items():
        st.markdown(f"**{heading}**")
        _draw(draft, fields)


def _draw(draft: Draft, fields: Iterable[Field]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for field in fields:
            try:
                value = _widget(draft, field)
            except InvalidSpec as error:
                draft.problem = draft.problem or str(error)
                continue
            if field.path not in STRUCTURAL and value != field.default:
                draft.changed[field.path] = value


def _widget(draft: Draft, field: Field) -> Any:
    if field.path == "dataset.grouping":
        return _grouping_widget(draft, field)
    if field.path in STRUCTURAL:
        return field_widget(field, on_change=lambda: _reset(field.path))
    return field_widget(field)


@guarded
def _reset(part: str) -> None:
    """Gives the fields of a part new widgets, which start from their defaults."""
    st.session_state[f"form:reset:{part}"] = int(st.session_state.get(f"form:reset:{part}", 0)) + 1


def _fields(draft: Draft) -> list[Field]:
    return [
        Field(doc.path, doc, value, _key(draft, doc.path, value), LABELS.get(doc.path, ""))
        for doc, value in fields_of(draft.plain)
    ]


def _key(draft: Draft, path: str, default: Any) -> str:
    if path in STRUCTURAL:
        return _structure_key(path)
    resets = [st.session_state.get(f"form:reset:{part}", 0) for part in STRUCTURAL if path.startswith(f"{part}.")]
    scope = draft.dataset_name if path == "dataset.grouping" else sum(resets)
    return f"spec:{_generation()}:{scope}:{path}:{default}"


def _structure_key(path: str) -> str:
    return f"spec:{_generation()}:{path}"


def _structure(base: dict[str, Any]) -> dict[str, Any]:
    """The kinds of parts that are chosen, where they are not the preset's own."""
    changed: dict[str, Any] = {}
    for path, doc in VARIANTS.items():
        given, own = st.session_state.get(_structure_key(path)), base[path][doc.fields[0]]
        if given in doc.choices and given != own:
            changed[f"{path}.{doc.fields[0]}"] = given
    early = st.session_state.get(_structure_key("training.early_stopping"))
    if early is not None and bool(early) != (base["training"]["early_stopping"] is not None):
        changed["training.early_stopping"] = {} if early else None
    return _without_the_useless(base, changed)


def _without_the_useless(base: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Leaves out, and sets to its default, what the chosen optimiser has no use for."""
    unused = NO_EFFECT.get(changed.get("optimizer.name", base["optimizer"]["name"]), ())
    if not unused:
        return changed
    kept = {key: value for key, value in changed.items() if not key.startswith(unused)}
    defaults = RunSpec.parse({"dataset": base["dataset"], "network": base["network"]}).model_dump(mode="json")
    return kept | {path: _value(defaults, path) for path in unused if _value(base, path) != _value(defaults, path)}


def _value(plain: dict[str, Any], path: str) -> Any:
    part, _, name = path.partition(".")
    return plain[part][name] if name else plain[part]


def _grouping_widget(draft: Draft, field: Field) -> Any:
    shipped = [name for name in SHIPPED_GROUPINGS if name.partition("-")[0] == draft.dataset_name.partition("-")[0]]
    options = [NO_GROUPS, *shipped, OWN_GROUPS]
    given = {group["name"]: group["labels"] for group in field.default or ()}
    known = next((name for name in shipped if _plain_groups(name) == given), OWN_GROUPS if given else NO_GROUPS)
    choice = st.selectbox(
        "grouping",
        options,
        index=options.index(known),
        key=field.key,
        help=f"{field.doc.help[:1].upper()}{field.doc.help[1:]}.",
        persist_state="session",
        width=142,
    )
    made = _made_groups(draft.dataset_name)
    if choice != OWN_GROUPS:
        if made:
            st.caption("Under own groups stand those that you made on the data page.", width="content")
        return choice if choice in shipped else None
    start = _groups_text(made or (given if known == OWN_GROUPS else {}))
    text = st.text_area(
        "groups, one a line",
        value=start,
        placeholder="round: 0, 6, 8, 9\nstraight: 1, 4, 7",
        key=f"{field.key}:text:{crc32(start.encode())}",
        persist_state="session",
    )
    return _read_groups(text)


def _plain_groups(shipped: str) -> Groups:
    return {group.name: list(group.labels) for group in SHIPPED_GROUPINGS[shipped]}


def _made_groups(dataset: str) -> Groups:
    """The groups of this dataset that were made on the data page; empty where there are none."""
    made = st.session_state.get(MADE_KEY)
    return dict(made["groups"]) if isinstance(made, dict) and made.get("dataset") == dataset else {}


def _groups_text(groups: Groups) -> str:
    return "\n".join(f"{name}: {', '.join(map(str, labels))}" for name, labels in groups.items())


def _read_groups(text: str) -> Groups:
    groups: Groups = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, labels = line.rpartition(":")
        numbers = labels.replace(",", " ").split()
        if not colon or not numbers or not all(number.isdecimal() and len(number) <= 3 for number in numbers):
            raise InvalidSpec(f"A group must be a name and its labels, such as `round: 0, 6, 8`, got {line[:40]!r}.")
        if name.strip() in groups:
            raise InvalidSpec(f"A group must have a name of its own, got {name.strip()[:40]!r} twice.")
        groups[name.strip()] = [int(number) for number in numbers]
    return groups
