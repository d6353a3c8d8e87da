"""The groups view of the data page: classes merged into named groups, with the counts that follow from it."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mnist_core.networks.catalogue import presets
from mnist_core.palette import class_colour
from mnist_core.spec import SHIPPED_GROUPINGS, ClassGroup, RunSpec
from pages.ui.data.source import SPLITS, Material
from pages.ui.format import count, plain
from pages.ui.guard import guarded
from pages.ui.theme import palette

__all__ = ["groups_chart", "setting_text", "show_groups"]

LONGEST_NAME = 60
FIELD = 148
"""Pixels of a field, so that two stand beside each other on a phone."""


@st.fragment
@guarded
def show_groups(material: Material) -> None:
    """An editor with the name of each class's group, beside what the groups come to."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        names = _editor(material)
    with right, st.container():
        _outcome(material, names)


def _editor(material: Material) -> list[str]:
    classes = material.dataset.classes
    st.markdown("**Which group is each class in?**")
    st.caption("Classes with the same group name become one class. A network then learns the groups.")
    fitting = {name: groups for name, groups in SHIPPED_GROUPINGS.items() if _fits(groups, material)}
    with st.container(horizontal=True):
        for name, groups in fitting.items():
            st.button(name, icon=":material/category:", key=f"take-{name}", on_click=_take, args=(material, groups))
        st.button("Each by itself", icon=":material/restart_alt:", key="take-none", on_click=_take, args=(material, ()))
    start = _start(material)
    names = []
    with st.container(horizontal=True):
        for number, name in enumerate(classes):
            title = f"{number} {plain(name)}" if name != str(number) else name
            key = _key(material, number)
            if key not in st.session_state:
                st.session_state[key] = start[number]
            names.append(str(st.text_input(title, key=key, max_chars=LONGEST_NAME, width=FIELD)).strip())
    return names


def _key(material: Material, number: int) -> str:
    return f"group-{material.dataset.name[:16]}-{number}"


def _fits(groups: tuple[ClassGroup, ...], material: Material) -> bool:
    """Whether a shipped grouping is of this dataset; those that ship are of clothes."""
    labels = sorted(label for group in groups for label in group.labels)
    return material.dataset.name == "fashion-mnist" and labels == list(range(len(material.dataset.classes)))


def _start(material: Material) -> list[str]:
    """The names at first: those chosen in this session, else those of the link's run, else each class its own."""
    kept = st.session_state.get("grouping")
    chosen: Mapping[str, Any] = kept if isinstance(kept, dict) and kept.get("dataset") == material.dataset.name else {}
    names = list(material.dataset.classes)
    groups = material.spec.dataset.grouping if material.spec else None
    by_name = chosen.get("groups") or {group.name: group.labels for group in groups or ()}
    for name, labels in by_name.items():
        for label in labels:
            names[label] = name
    return names


def _take(material: Material, groups: tuple[ClassGroup, ...]) -> None:
    names = list(material.dataset.classes)
    for group in groups:
        for label in group.labels:
            names[label] = group.name
    for number, name in enumerate(names):
        st.session_state[_key(material, number)] = name


def _outcome(material: Material, names: list[str]) -> None:
    groups: dict[str, list[int]] = {}
    for label, name in enumerate(names):
        groups.setdefault(name, []).append(label)
    spec = _checked(material, groups)
    merged = len(groups) < len(names)
    if merged:
        st.session_state["grouping"] = {"dataset": material.dataset.name, "groups": groups}
    else:
        st.session_state.pop("grouping", None)
    st.echarts_chart(
        groups_chart(material, groups),
        key="groups",
        height=70 + 34 * len(groups),
        alt="Bar chart: images of each group, by the classes in it",
    )
    st.caption("Images of each group, in the colours of the classes that it is made of.")
    st.table(_table(material, spec), border="horizontal", hide_index=True)
    if merged:
        st.code(setting_text(spec), language=None, wrap_lines=True)
        st.caption("The same on the command line; add it to `train`.")
    else:
        st.info("No classes are merged yet. Give two classes the same group name.", icon=":material/merge:")


def _checked(material: Material, groups: dict[str, list[int]]) -> RunSpec:
    """A specification with these groups: whatever is wrong is said as the command line says it."""
    spec = presets["softmax-regression"].specify(material.dataset, {"dataset.grouping": groups})
    material.dataset.grouped(spec.dataset.grouping)
    return spec


def setting_text(spec: RunSpec) -> str:
    """What to give to the command line for the grouping of a specification."""
    groups = spec.dataset.grouping or ()
    shipped = next((name for name, known in SHIPPED_GROUPINGS.items() if _alike(known, groups)), None)
    if shipped:
        return f"--set dataset.grouping={shipped}"
    text = json.dumps({group.name: list(group.labels) for group in groups}, ensure_ascii=False)
    quoted = text.replace("'", "'\\''")
    return f"--set dataset.grouping='{quoted}'"


def _alike(one: tuple[ClassGroup, ...], other: tuple[ClassGroup, ...]) -> bool:
    return {(g.name, g.labels) for g in one} == {(g.name, g.labels) for g in other}


def _table(material: Material, spec: RunSpec) -> dict[str, list[str]]:
    groups, classes = spec.dataset.grouping or (), material.dataset.classes
    table = {
        "group": [plain(group.name) for group in groups],
        "classes": [plain(", ".join(classes[label] for label in group.labels)) for group in groups],
    }
    for row, split in enumerate(SPLITS):
        table[split] = [count(int(material.counts[row, list(group.labels)].sum())) for group in groups]
    return table


def groups_chart(material: Material, groups: Mapping[str, list[int]]) -> dict[str, Any]:
    """Horizontal bars, one a group, each put together from its classes."""
    classes, colours = material.dataset.classes, palette()
    totals = np.bincount(material.dataset.labels, minlength=len(classes))
    names = list(groups)
    rows = {f"c{label}": np.zeros(len(names), np.int64) for label in range(len(classes))}
    for row, labels in enumerate(groups.values()):
        for label in labels:
            rows[f"c{label}"][row] = totals[label]
    series = [
        {
            "type": "bar",
            "name": name,
            "stack": "images",
            "barWidth": 18,
            "encode": {"y": "group", "x": f"c{label}", "tooltip": [f"c{label}"]},
            "itemStyle": {"color": class_colour(label), "borderColor": colours.background, "borderWidth": 1},
        }
        for label, name in enumerate(classes)
    ]
    return {
        "animation": False,
        "dataset": {"source": pd.DataFrame({"group": names} | rows)},
        "grid": {
            "left": 8,
            "right": 24,
            "top": 8,
            "bottom": 8,
            "outerBoundsMode": "same",
            "outerBoundsContain": "axisLabel",
        },
        "xAxis": {"type": "value", "splitNumber": 4},
        "yAxis": {"type": "category", "inverse": True, "axisTick": {"show": False}},
        "tooltip": {"trigger": "item", "valueFormatter": "localized"},
        "series": series,
    }
