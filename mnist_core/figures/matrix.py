"""Confusion matrices, and the difference of two."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.change import Change
from mnist_core.figures.sheet import Figure, go, scale, sheet
from mnist_core.palette import LIGHT

__all__ = ["confusion", "confusion_difference"]

MOST_WRITTEN = 20
"""With more classes, numbers in the cells cannot be read."""

By = Literal["count", "row", "column"]
READS = {"count": "images", "row": "share of the true class", "column": "share of the predicted class"}


def confusion(
    matrix: NDArray[np.int64], classes: Sequence[str], *, by: By = "count", title: str = "Confusion matrix"
) -> Figure:
    """The confusion matrix; the errors set the scale, as the diagonal would hide them.

    Args:
        matrix: int64 (classes, classes), rows true, columns predicted.
        classes: the names of the classes.
        by: colour and write counts, or shares of the row or of the column.
        title: stands above.
    """
    sums = {"count": 1, "row": matrix.sum(1, keepdims=True), "column": matrix.sum(0, keepdims=True)}[by]
    values = matrix / np.maximum(sums, 1)
    errors = values[~np.eye(len(classes), dtype=np.bool_)]
    written = matrix.astype(str) if by == "count" else np.vectorize(lambda share: f"{share:.1%}")(values)
    figure = _cells(values, classes, title=title, written=np.where(matrix > 0, written, ""))
    figure.update_traces(
        customdata=matrix,
        colorscale=scale(LIGHT.sequential),
        zmin=0,
        zmax=float(errors.max()) or 1.0,
        colorbar={
            "title": {"text": f"{READS[by]},<br>errors", "side": "top"},
            "tickformat": "" if by == "count" else ".1%",
        },
        hovertemplate="true %{y}, predicted %{x}<br>%{customdata:,} images<extra></extra>",
    )
    return figure


def confusion_difference(
    change: Change, classes: Sequence[str], *, title: str = "Change of the confusion matrix"
) -> Figure:
    """The matrix after minus the matrix before, on a scale that is symmetric around 0.

    Args:
        change: from `analysis.change.change`.
        classes: the names of the classes.
        title: stands above.
    """
    most = float(np.abs(change.confusion).max()) or 1.0
    signed = np.vectorize(lambda count: f"{count:+d}" if count else "")(change.confusion)
    figure = _cells(change.confusion, classes, title=title, written=signed)
    figure.update_traces(
        colorscale=scale(LIGHT.diverging),
        zmin=-most,
        zmax=most,
        colorbar={"title": {"text": "images more<br>or less", "side": "top"}},
        hovertemplate="true %{y}, predicted %{x}<br>%{z:+,} images<extra></extra>",
    )
    return figure


def _cells(values: NDArray[np.generic], classes: Sequence[str], *, title: str, written: NDArray[np.str_]) -> Figure:
    figure = sheet(title, "predicted class", "true class", height=560)
    shown = {"text": written, "texttemplate": "%{text}"} if len(classes) <= MOST_WRITTEN else {}
    figure.add_trace(go.Heatmap(z=values, x=list(classes), y=list(classes), xgap=1, ygap=1, **shown))
    figure.update_xaxes(type="category", showgrid=False, constrain="domain")
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed", scaleanchor="x", constrain="domain")
    return figure
