"""The confusion matrix as the specification of a chart: errors shaded, the diagonal standing back, one cell marked."""

from dataclasses import dataclass
from typing import Any

from mnist_core.analysis.selection import Cell
from mnist_core.palette import Palette
from pages.ui.predictions.matrix_cells import DIAGONAL, MARGIN, MARGIN_NAME, Matrix, cells, place_of

__all__ = ["Mark", "matrix_spec"]

MARKED = 22
CLEAR = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class Mark:
    """What is selected.

    Attributes:
        cell: a cell, or the errors of a row, of a column or of all.
        is_now: whether it was selected at the epoch that is shown.
    """

    cell: Cell
    is_now: bool


def matrix_spec(matrix: Matrix, mark: Mark | None, colours: Palette) -> dict[str, Any]:
    """The chart; a unique name for each cell keeps a click from marking its whole column."""
    shown, is_difference = matrix.is_labelled, matrix.mode == "difference"
    scale = colours.diverging if is_difference else colours.sequential
    pieces = [{"value": level, "color": colour} for level, colour in enumerate(scale)]
    pieces.append({"value": DIAGONAL, "color": colours.background if is_difference else colours.grid})
    pieces += [{"value": MARGIN, "color": colours.background}, {"value": MARKED, "color": CLEAR}]
    edge = {"borderColor": colours.background, "borderWidth": 1 if shown else 0}
    series: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "selectedMode": "single",
            "label": {"show": shown, "formatter": "{@text}", "fontSize": 12 if len(matrix.classes) <= 10 else 9},
            "encode": {"x": "column", "y": "row", "value": "level", "itemName": "place"},
            "itemStyle": edge,
            "emphasis": {"itemStyle": {"borderColor": colours.text, "borderWidth": 2}},
            "select": {"itemStyle": edge},
        }
    ]
    if mark is not None:
        series.append(_mark(mark, matrix, colours))
    x_axis, y_axis = _axes(matrix, colours)
    return {
        "animation": False,
        "dataset": {"source": cells(matrix)},
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8},
        "xAxis": x_axis,
        "yAxis": y_axis,
        "visualMap": {"type": "piecewise", "show": False, "dimension": "level", "pieces": pieces},
        "tooltip": {"formatter": "{@said}", "confine": True},
        "series": series,
    }


def _mark(mark: Mark, matrix: Matrix, colours: Palette) -> dict[str, Any]:
    row, column = place_of(mark.cell, len(matrix.classes))
    colour = colours.right if mark.cell.is_one and row == column else colours.wrong
    return {
        "type": "heatmap",
        "silent": True,
        "zlevel": 1,  # many cells are drawn in steps, the last of them after everything else of their level
        "data": [[column, row, MARKED]],
        "itemStyle": {
            "borderColor": colours.text if matrix.mode == "difference" else colour,
            "borderWidth": 3,
            "borderType": "solid" if mark.is_now else "dashed",
        },
    }


def _axes(matrix: Matrix, colours: Palette) -> tuple[dict[str, Any], dict[str, Any]]:
    long = max(map(len, matrix.classes)) > 3
    names = {"interval": 0 if matrix.is_labelled else "auto", "showMaxLabel": True, "color": colours.text}
    common: dict[str, Any] = {"type": "category", "data": [*matrix.classes, MARGIN_NAME], "nameLocation": "middle"}
    common |= {"axisTick": {"show": False}, "axisLine": {"show": False}}
    common |= {"nameTextStyle": {"color": colours.muted, "fontSize": 13}}
    tilt: dict[str, Any] = {"rotate": 40, "width": 78, "overflow": "truncate"} if long else {}
    cut: dict[str, Any] = {"width": 70, "overflow": "truncate"} if long else {}
    return (
        common | {"name": "predicted", "nameGap": 72 if long else 30, "axisLabel": names | tilt},
        common | {"name": "true", "nameGap": 80 if long else 48, "inverse": True, "axisLabel": names | cut},
    )
