"""One class against all others at every threshold: ROC and precision-recall curves."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.threshold_curves import ClassCurves, macro_average, thinned
from mnist_core.figures.sheet import Figure, go, sheet
from mnist_core.palette import LIGHT, class_colour

__all__ = ["precision_recall_curves", "roc_curves"]


def roc_curves(curves: Sequence[ClassCurves], classes: Sequence[str], *, title: str = "ROC curves") -> Figure:
    """The receiver operating characteristic of each class, with the area under it; classes without one are left out.

    Args:
        curves: from `analysis.threshold_curves.class_curves`.
        classes: the names of the classes.
        title: stands above; the mean area stands behind it.
    """
    mean = macro_average(one.roc.area for one in curves)
    said = f"{title}<br><sup>mean area {mean:.4f}</sup>"
    figure = sheet(said, "false positive rate", "true positive rate", height=480, share="xy")
    for number, (name, one) in enumerate(zip(classes, curves, strict=True)):
        if not np.isnan(one.roc.area):
            label = f"{name} ({one.roc.area:.4f})"
            figure.add_trace(_curve(one.roc.false_positive_rate, one.roc.true_positive_rate, number=number, name=label))
    line = {"color": LIGHT.muted, "dash": "dot", "width": 1}
    figure.add_trace(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="chance", line=line, hoverinfo="skip"))
    return _ranged(figure)


def precision_recall_curves(
    curves: Sequence[ClassCurves], classes: Sequence[str], *, title: str = "Precision-recall curves"
) -> Figure:
    """Precision against recall of each class, with its average precision; classes without images are left out.

    Args:
        curves: from `analysis.threshold_curves.class_curves`.
        classes: the names of the classes.
        title: stands above; the mean average precision stands behind it.
    """
    mean = macro_average(one.precision_recall.average_precision for one in curves)
    figure = sheet(
        f"{title}<br><sup>mean average precision {mean:.4f}</sup>", "recall", "precision", height=480, share="xy"
    )
    for number, (name, one) in enumerate(zip(classes, curves, strict=True)):
        found = one.precision_recall
        if not np.isnan(found.average_precision):
            label = f"{name} ({found.average_precision:.4f})"
            figure.add_trace(_curve(found.recall, found.precision, number=number, name=label))
    return _ranged(figure)


def _curve(x: NDArray[np.float64], y: NDArray[np.float64], *, number: int, name: str) -> go.Scatter:
    shown = thinned(x, y)
    axes = ("%{xaxis.title.text} %{x:.2%}", "%{yaxis.title.text} %{y:.2%}")
    return go.Scatter(
        x=x[shown],
        y=y[shown],
        mode="lines",
        name=name,
        line={"color": class_colour(number), "width": 2},
        hovertemplate="<br>".join((f"class {name}", *axes)) + "<extra></extra>",
    )


def _ranged(figure: Figure) -> Figure:
    figure.update_layout(legend={"title": {"text": "class (area)"}})
    figure.update_xaxes(range=[-0.01, 1.01])
    figure.update_yaxes(range=[0, 1.02])
    return figure
