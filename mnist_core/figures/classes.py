"""How right a network is on each class: at one epoch, and over all of them."""

from collections.abc import Sequence
from typing import Literal

from mnist_core.analysis.evaluation import ClassScores
from mnist_core.analysis.history import History
from mnist_core.figures.sheet import PERCENT, Figure, go, sheet
from mnist_core.palette import LIGHT, class_colour

__all__ = ["class_report", "class_scores_over_epochs"]

Score = Literal["precision", "recall", "f1"]
NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}
MARKS = {"precision": "triangle-up", "recall": "triangle-down", "f1": "circle"}
COLOURS = {"precision": LIGHT.muted, "recall": LIGHT.training, "f1": LIGHT.validation}


def class_report(
    scores: ClassScores, classes: Sequence[str], *, title: str = "Precision, recall and F1 of each class"
) -> Figure:
    """Precision, recall and F1 of each class as marks on a line, so that small differences can be seen.

    Args:
        scores: from `analysis.evaluation.class_scores` or `History.scores`.
        classes: the names of the classes.
        title: stands above.
    """
    figure = sheet(title, "share", "class", height=140 + 28 * len(classes), share="x")
    names = list(classes)
    low, high = scores.f1.copy(), scores.f1.copy()
    for score, said in NAMES.items():
        values = getattr(scores, score)
        low, high = low.clip(max=values), high.clip(min=values)
        figure.add_trace(
            go.Scatter(
                x=values,
                y=names,
                mode="markers",
                name=said,
                customdata=scores.support,
                marker={"symbol": MARKS[score], "size": 10, "color": COLOURS[score]},
                hovertemplate=f"class %{{y}}<br>{said} %{{x:{PERCENT}}}<br>%{{customdata:,}} images",
            )
        )
    for name, least, most in zip(names, low.tolist(), high.tolist(), strict=True):
        figure.add_shape(
            type="line", x0=least, x1=most, y0=name, y1=name, layer="below", line={"color": LIGHT.grid, "width": 6}
        )
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def class_scores_over_epochs(
    history: History, classes: Sequence[str], *, score: Score = "f1", title: str = ""
) -> Figure:
    """One score of each class at each recorded epoch.

    Args:
        history: from `Run.history`.
        classes: the names of the classes.
        score: which one.
        title: stands above; default says the score.
    """
    shown = title or f"{NAMES[score][0].upper()}{NAMES[score][1:]} of each class over epochs"
    figure = sheet(shown, "epoch", NAMES[score], share="y")
    values = getattr(history, score)
    for number, name in enumerate(classes):
        figure.add_trace(
            go.Scatter(
                x=history.epochs,
                y=values[:, number],
                mode="lines+markers",
                name=name,
                line={"color": class_colour(number), "width": 2},
                marker={"size": 5},
                hovertemplate=f"class {name}, epoch %{{x}}<br>{NAMES[score]} %{{y:{PERCENT}}}<extra></extra>",
            )
        )
    figure.update_layout(legend={"title": {"text": "class"}})
    return figure
