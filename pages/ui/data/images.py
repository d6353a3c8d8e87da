"""The images view of the data page: a gallery by split and class, and how many images of each class each split has."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mnist_core.datasets.splits import Ids
from mnist_core.palette import class_colour
from pages.ui.data.source import SPLIT_NAMES, SPLITS, Material
from pages.ui.format import count
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.guard import guarded
from pages.ui.images import ImageSource
from pages.ui.theme import palette

__all__ = ["PAGE", "counts_chart", "show_images"]

PAGE = 60
EVERY = "all"


@st.fragment
@guarded
def show_images(material: Material) -> None:
    """The gallery with its filters beside the counts."""
    if material.problem:
        _gallery(material)
        return
    left, right = st.columns([5, 3], gap="large")
    with left:
        _gallery(material)
    with right:
        st.echarts_chart(
            counts_chart(material),
            key="counts",
            height=460 if _has_long_names(material) else 415,
            alt="Bar charts: images of each class in the training, validation and test split",
        )
        st.caption("How many images of each class each split holds; every split has the classes in like proportions.")


def _gallery(material: Material) -> None:
    part, label = _filters(material)
    ids = _chosen(material, part, label)
    if not len(ids):
        st.info("No image is in both. Choose another class or split.", icon=":material/filter_alt_off:")
        return
    pages = -(-len(ids) // PAGE)
    page = st.pagination(pages, key="page", bind="query-params", max_visible_pages=5) if pages > 1 else 1
    shown = ids[(page - 1) * PAGE : page * PAGE]
    dataset = material.dataset
    gallery(
        [_item(material, int(image)) for image in shown],
        dataset=ImageSource(dataset.name, dataset.content_hash),
        key="images",
        label=f"{len(shown)} images of {dataset.name[:20]} with their labels",
        columns=12,
    )
    first = (page - 1) * PAGE + 1
    st.caption(
        f"Images {count(first)} to {count(first + len(shown) - 1)} of {count(len(ids))}, each with its label under it,"
        " in the order of the dataset; white on black, as they are stored."
    )


def _filters(material: Material) -> tuple[str, int | None]:
    classes = material.dataset.classes
    with st.container(horizontal=True):
        part = st.segmented_control(
            "split",
            [EVERY, *SPLITS],
            default=EVERY,
            required=True,
            key="part",
            bind="query-params",
            on_change=_first_page,
            help="Training images change the weights, validation images watch the training, and the test images"
            " are kept for the end.",
        )
        chosen = st.selectbox(
            "class",
            [EVERY, *map(str, range(len(classes)))],
            format_func=lambda value: "all classes" if value == EVERY else _class_name(classes, value),
            key="label",
            bind="query-params",
            on_change=_first_page,
            width=220,
        )
    label = int(chosen) if chosen and chosen.isdigit() and int(chosen) < len(classes) else None
    return part if part in SPLITS else EVERY, label


def _class_name(classes: tuple[str, ...], value: str) -> str:
    """Number and name; the number alone where it is the name."""
    named = classes[int(value)] if value.isdigit() and int(value) < len(classes) else value
    return named if named == value else f"{value} {named}"


def _first_page() -> None:
    if st.session_state.get("page", 1) != 1:
        st.session_state["page"] = 1


def _chosen(material: Material, part: str, label: int | None) -> Ids:
    wanted = np.ones(len(material.split_of), bool)
    if part in SPLITS:
        wanted &= material.split_of == SPLITS.index(part)
    if label is not None:
        wanted &= material.dataset.labels == label
    return np.flatnonzero(wanted).astype(np.int32)


def _item(material: Material, image: int) -> GalleryItem:
    where = SPLIT_NAMES[int(material.split_of[image])]
    name = material.dataset.classes[int(material.dataset.labels[image])]
    return GalleryItem(image, name, "", right=True, probabilities=(), note=where)


def counts_chart(material: Material) -> dict[str, Any]:
    """Three bar charts, one above the other: images per class of each split, in the colours of the classes."""
    classes = list(material.dataset.classes)
    colours = palette()
    columns = dict(zip(SPLITS, material.counts, strict=True))
    texts = {f"{split} images": [count(int(number)) for number in row] for split, row in columns.items()}
    table = pd.DataFrame({"class": classes} | columns | texts)
    grids, x_axes, y_axes, series, titles = [], [], [], [], []
    long_names = _has_long_names(material)
    for row, split in enumerate(SPLITS):
        top = 30 + row * 133
        is_last = row == len(SPLITS) - 1
        grids.append({"left": 44 if long_names else 8, "right": 8, "top": top, "height": 92, "outerBoundsMode": "none"})
        titles.append(
            {"text": split, "left": 4, "top": top - 28, "textStyle": {"fontSize": 13, "color": colours.muted}}
        )
        names = {"show": is_last, "interval": 0 if len(classes) <= 10 else "auto", "rotate": 40 if long_names else 0}
        x_axes.append({"type": "category", "gridIndex": row, "axisLabel": names, "axisTick": {"show": False}})
        y_axes.append({"type": "value", "gridIndex": row, "show": False})
        series.append(_bars(row, split, len(classes)))
    return {
        "animation": False,
        "dataset": {"source": table},
        "title": titles,
        "grid": grids,
        "xAxis": x_axes,
        "yAxis": y_axes,
        "series": series,
        "color": [class_colour(number) for number in range(len(classes))],
        "tooltip": {"trigger": "item", "valueFormatter": "localized"},
    }


def _has_long_names(material: Material) -> bool:
    return max(map(len, material.dataset.classes)) > 3


def _bars(row: int, split: str, classes: int) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": split,
        "xAxisIndex": row,
        "yAxisIndex": row,
        "colorBy": "data",
        "barCategoryGap": "20%",
        "encode": {"x": "class", "y": split, "tooltip": [split]},
        "label": {"show": classes <= 10, "position": "top", "fontSize": 10, "formatter": f"{{@{split} images}}"},
        "labelLayout": {"hideOverlap": True},
    }
