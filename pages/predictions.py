"""The predictions page: where is it wrong? The matrix of what is taken for what, the images behind it, a report."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.errors import random_rows, rows_of_cell
from pages.ui.cell import Cell, cell_menus, choose_cell, current_cell
from pages.ui.format import accuracy_sentence, count, plain
from pages.ui.frame import View, looked_at
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.guard import guarded
from pages.ui.images import ImageSource, image_source
from pages.ui.matrix import HEIGHT, MODES, confusion_chart
from pages.ui.report import class_report
from pages.ui.snapshot import Snapshot, load_snapshot

STEP, MOST, DRAWN = 20, 60, 10
READ_GALLERY = (
    "Under each image its true class, then after the arrow what was predicted, then the probability of each class in"
    " order: the true one green-blue, a wrong prediction orange."
)
READ_MATRIX = {
    "counts": "Each row is a true class, each column a prediction. The grey diagonal is right; the stronger the"
    " colour of another cell, the more errors. Click a cell to see its images.",
    "by row": "Each row adds up to 100 %: of the images of a class, how many percent are taken for what.",
    "by column": "Each column adds up to 100 %: of what is predicted as a class, how many percent are really what.",
}


def page() -> None:
    """Draws the page for what is looked at."""
    view = looked_at()
    snapshot = load_snapshot(view.run.id, view.epoch, view.split)
    source = image_source(snapshot.dataset, snapshot.version)
    found = snapshot.evaluation
    total = len(snapshot.labels)
    said = accuracy_sentence(found.accuracy, found.interval, found.errors, total)
    st.markdown(f"**{said}**; {view.split} split at epoch {view.epoch}, mean loss {found.loss:.4f}")
    if source.missing:
        st.info(source.missing, icon=":material/image_not_supported:")
        st.page_link("data.py", label="Go to the data page", icon=":material/image:")
    cell = current_cell(len(view.classes))
    left, right = st.columns(2, gap="large")
    with left:
        _matrix(view, snapshot, cell)
    with right:
        _images(view.classes, snapshot, source, cell)
    left, right = st.columns(2, gap="large")
    with left:
        _report(view, snapshot)
    with right:
        _random_images(view.classes, snapshot, source)


def _matrix(view: View, snapshot: Snapshot, cell: Cell) -> None:
    st.subheader("What is taken for what", anchor=False)
    mode = st.segmented_control(
        "numbers", MODES, default="counts", required=True, key="confusion_mode", label_visibility="collapsed"
    )
    mode = mode if mode in MODES else "counts"
    confusion_chart(snapshot.evaluation.confusion, view.classes, mode=mode, cell=cell)
    st.caption(READ_MATRIX[mode])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        cell_menus(view.classes, cell)
        st.button(
            "Clear",
            on_click=choose_cell,
            args=(Cell(),),
            disabled=not cell.is_chosen,
            icon=":material/close:",
            key="clear",
            shortcut="Esc",
        )


def _images(classes: Sequence[str], snapshot: Snapshot, source: ImageSource, cell: Cell) -> None:
    chosen = snapshot.errors
    if cell.is_chosen:
        chosen = rows_of_cell(snapshot.labels, snapshot.predictions, cell.true, cell.predicted)
    shown = chosen[: _shown(cell)]
    st.subheader(_heading(classes, cell, len(chosen)), anchor=False)
    if not len(chosen):
        st.caption("No image of this split is here.")
    items = _items(classes, snapshot, shown)
    gallery(items, dataset=source, key="gallery_chosen", label="chosen images", classes=classes, height=HEIGHT + 56)
    st.caption(
        _order(cell, len(shown), len(chosen)) + READ_GALLERY if len(chosen) else "Choose another cell, or clear."
    )
    if len(shown) < min(len(chosen), MOST):
        st.button(f"Show {STEP} more", on_click=_show_more, key="more")


def _heading(classes: Sequence[str], cell: Cell, found: int) -> str:
    if not cell.is_chosen:
        return f"The most confident of {count(found)} errors" if found else "No errors"
    kind = "image" if cell.is_one else "error"
    return f"{count(found)} {kind}{'' if found == 1 else 's'}: {plain(cell.phrase(classes))}"


def _order(cell: Cell, shown: int, found: int) -> str:
    first = f"The first {shown} of {count(found)}, the" if shown < found else "The"
    if cell.is_right:
        return f"{first} most probable first. "
    return f"{first} most confident first: by how much more probable the wrong class is than the true one. "


def _shown(cell: Cell) -> int:
    asked = st.session_state.get("errors_shown", STEP)
    return MOST if cell.is_chosen else min(int(asked), MOST) if isinstance(asked, int) else STEP


@guarded
def _show_more() -> None:
    st.session_state["errors_shown"] = _shown(Cell()) + STEP


def _report(view: View, snapshot: Snapshot) -> None:
    st.subheader("Each class", anchor=False)
    class_report(snapshot.evaluation.confusion, view.classes)
    st.caption("Low recall: the class is overlooked. Low precision: others are taken for it. Sort by a column's head.")


@st.fragment
@guarded
def _random_images(classes: Sequence[str], snapshot: Snapshot, source: ImageSource) -> None:
    st.subheader("Ten random images", anchor=False)
    seed = st.session_state.get("random_seed", 0)
    rows = random_rows(len(snapshot.labels), DRAWN, seed)
    items = _items(classes, snapshot, rows)
    gallery(items, dataset=source, key="gallery_random", label="ten random images", columns=5, classes=classes)
    st.button("Draw ten others", icon=":material/casino:", on_click=_draw, key="draw")
    st.caption("Drawn at random from the split, right ones too; the marks are those above.")


@guarded
def _draw() -> None:
    st.session_state["random_seed"] = st.session_state.get("random_seed", 0) + 1


def _items(classes: Sequence[str], snapshot: Snapshot, rows: NDArray[np.int64]) -> list[GalleryItem]:
    probabilities = snapshot.predictions.probabilities(rows).tolist()
    true, predicted = snapshot.labels[rows].tolist(), snapshot.predictions.predicted[rows].tolist()
    each = zip(snapshot.ids[rows].tolist(), true, predicted, probabilities, strict=True)
    return [GalleryItem(image, classes[t], classes[p], t == p, tuple(values)) for image, t, p, values in each]


page()
