"""The confusion matrix on a page: what its numbers say, of which images, and what a click on it selects."""

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.change import change
from mnist_core.analysis.selection import Cell
from pages.ui.clicks import clicked
from pages.ui.format import count
from pages.ui.frame.selected import clear_selection, select
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.predictions.against import is_comparing
from pages.ui.predictions.comparison import Compared
from pages.ui.predictions.marked import marked
from pages.ui.predictions.matrix_cells import MODES, Matrix, Mode, cell_at
from pages.ui.predictions.matrix_chart import Mark, matrix_spec
from pages.ui.predictions.part import Part
from pages.ui.theme import palette

__all__ = ["HEIGHT", "cell_menus", "draw_matrix"]

HEIGHT = 500
KEY = "confusion"
ANY = -1
MENUS = ("cell_true", "cell_predicted")
READ = {
    "counts": "Each row is a true class, each column a prediction. The diagonal is right; the stronger the colour of"
    " another cell, the more errors. Click a cell, or the sum of errors of a row or column, to select its images.",
    "by row": "Each row adds up to 100 %: of the images of a class, how many percent are taken for what; at its end the"
    " errors. The last row: of all other images, how many percent are taken for the class.",
    "by column": "Each column adds up to 100 %: of what is taken for a class, how many percent are really what; below"
    " it the errors. The last column: of all other images, how many percent are of the class.",
}
READ_DIFFERENCE = (
    "How many images more (orange, +) or fewer (blue, -) than at {there} are in each cell; grey is no difference. The"
    " diagonal has no colour: more of it is more right."
)
NOTHING_TO_COMPARE = "Nothing to compare with at this epoch, so counts are shown. "
RESTRICTED = "Of the {count} selected images alone. "


def draw_matrix(part: Part, compared: Compared | None) -> None:
    """Draws what the numbers are to say, the matrix, how to read it, and the menus that select like a click.

    Args:
        part: which images are counted.
        compared: what `compare_menus` gave for their view.
    """
    view = part.view
    mark = _mark(view)
    wanted = _wanted_mode(compared)
    mode: Mode = "counts" if wanted == "difference" and compared is None else wanted
    matrix = Matrix(_numbers(part, compared if mode == "difference" else None), view.classes, mode)
    st.echarts_chart(
        matrix_spec(matrix, mark, palette()), key=KEY, height=HEIGHT, on_select=_on_click(view), alt=_spoken(matrix)
    )
    said = RESTRICTED.format(count=count(len(part.snapshot.ids))) if part.is_selection else ""
    said += NOTHING_TO_COMPARE if mode != wanted else ""
    st.caption(
        said + (READ_DIFFERENCE.format(there=compared.there) if mode == "difference" and compared else READ[mode])
    )
    cell_menus(view)


def cell_menus(view: View) -> None:
    """Two menus and a button that select a cell, a row, a column or all errors, for the keyboard and for small cells.

    Args:
        view: what is looked at.
    """
    mark = _mark(view)
    now = mark.cell if mark and mark.is_now else None
    cell = now or Cell()
    options = [ANY, *range(len(view.classes))]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for key, label, number in zip(
            MENUS, ("true class", "predicted class"), (cell.true, cell.predicted), strict=True
        ):
            st.session_state[key] = ANY if number is None else number
            st.selectbox(
                label,
                options,
                key=key,
                on_change=_menus_changed,
                args=(view,),
                format_func=lambda n: "any" if n == ANY else view.classes[n],
            )
        st.button(
            "All errors",
            key="all_errors",
            type="primary" if now == Cell() else "secondary",
            on_click=_choose,
            args=(view, Cell()),
        )


def _wanted_mode(compared: Compared | None) -> Mode:
    offered = MODES if compared is not None or is_comparing() else MODES[:-1]
    chosen = st.segmented_control(
        "numbers",
        offered,
        default="counts",
        required=True,
        key="numbers",
        bind="query-params",
    )
    return chosen if chosen in offered else "counts"


def _mark(view: View) -> Mark | None:
    """What of this matrix is selected, at whatever epoch it was."""
    mark, k = marked(view), len(view.classes)
    if mark is None or not isinstance(mark.rule, Cell):
        return None
    if any(number is not None and number >= k for number in (mark.rule.true, mark.rule.predicted)):
        return None
    return Mark(mark.rule, mark.is_now)


def _numbers(part: Part, compared: Compared | None) -> NDArray[np.int64]:
    """The matrix, or what it has more than the one that it is compared with: int64 (classes, classes)."""
    if compared is None:
        return part.snapshot.evaluation.confusion
    selected = part.view.selected
    if not part.is_selection or selected is None:
        return compared.change.confusion
    here = part.view.snapshot
    kept = np.isin(compared.rows, selected.rows(here.ids), assume_unique=True)
    rows = compared.rows[kept]
    now, before = here.predictions.predicted[rows], compared.predicted[kept]
    return change(here.labels[rows], before, now, len(part.view.classes)).confusion


def _spoken(matrix: Matrix) -> str:
    off = matrix.counts - np.diag(np.diag(matrix.counts))
    if matrix.mode == "difference":
        return f"Difference of two confusion matrices: {int(off.sum()):+,} errors."
    said = f"Confusion matrix of {count(int(matrix.counts.sum()))} images, {count(int(off.sum()))} wrong"
    true, predicted = (int(at) for at in np.unravel_index(off.argmax(), off.shape))
    if not off[true, predicted]:
        return f"{said}."
    times = count(int(off[true, predicted]))
    return f"{said}; most often {matrix.classes[true]} is taken for {matrix.classes[predicted]}, {times} times."


@guarded
def _menus_changed(view: View) -> None:
    true, predicted = (_number(st.session_state.get(key), len(view.classes)) for key in MENUS)
    if true is None and predicted is None:
        clear_selection()
    else:
        _choose(view, Cell(true, predicted))


def _number(chosen: object, classes: int) -> int | None:
    return chosen if isinstance(chosen, int) and 0 <= chosen < classes else None


@guarded
def _choose(view: View, cell: Cell) -> None:
    select(cell, view.run.id, view.epoch, view.split)


def _on_click(view: View) -> Callable[[], None]:
    classes = len(view.classes)

    @guarded
    def chosen() -> None:
        place = clicked(KEY, range((classes + 1) ** 2), series=(0,))
        if place is not None:
            _choose(view, cell_at(place, classes))

    return chosen
