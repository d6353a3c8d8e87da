"""What changes over epochs: loss and accuracy of a run, and what it says of one image."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from mnist_core.analysis.biography import Biography
from mnist_core.figures.sheet import PERCENT, Figure, go, scale, sheet
from mnist_core.palette import LIGHT
from mnist_core.runs.records import EpochRecord

__all__ = ["biography_strip", "training_curves"]

Measure = Literal["loss", "accuracy"]
LINES = (
    ("", "training", "train", "dot"),
    ("train_eval_", "training, evaluated", "train", "solid"),
    ("val_", "validation", "validation", "solid"),
)


def training_curves(
    epochs: Sequence[EpochRecord], *, measure: Measure = "loss", best: int | None = None, title: str = ""
) -> Figure:
    """Loss or accuracy of a run over its epochs: means of the training steps, training images and validation.

    Args:
        epochs: `Run.epochs`.
        measure: "loss" (cross-entropy in nats, without the penalty) or "accuracy".
        best: the epoch that is marked, as `Run.best_epoch`.
        title: stands above; default says the measure.
    """
    unit, form = ("cross-entropy in nats", ".4f") if measure == "loss" else ("accuracy", PERCENT)
    said = title or f"{measure.capitalize()} over epochs"
    figure = sheet(said, "epoch", unit, share="" if measure == "loss" else "y")
    places = [one.epoch for one in epochs]
    for prefix, name, split, dash in LINES:
        values = [one.metrics.get(f"{prefix}{measure}") for one in epochs]
        figure.add_trace(
            go.Scatter(
                x=places,
                y=values,
                mode="lines+markers",
                name=name,
                line={"color": LIGHT.split(split), "dash": dash, "width": 2},
                marker={"size": 4},
                hovertemplate=f"{name}, epoch %{{x}}<br>{unit} %{{y:{form}}}<extra></extra>",
            )
        )
    if best in places:
        value = epochs[places.index(best)].metrics.get(f"val_{measure}")
        mark = {"size": 11, "color": LIGHT.validation, "line": {"color": "#ffffff", "width": 2}}
        figure.add_trace(go.Scatter(x=[best], y=[value], mode="markers", name="best epoch", marker=mark))
    return figure


def biography_strip(biography: Biography, classes: Sequence[str], *, title: str = "") -> Figure:
    """The probabilities of one image at each epoch, a column an epoch; above each, whether it is right.

    Args:
        biography: from `Run.biography`.
        classes: the names of the classes.
        title: stands above; default names the image.
    """
    said = title or f"Image {biography.image}, true {classes[biography.label]}"
    figure = sheet(said, "epoch", "class", height=160 + 26 * len(classes))
    epochs = [str(epoch) for epoch in biography.epochs.tolist()]
    figure.add_trace(
        go.Heatmap(
            z=biography.probabilities.T,
            x=epochs,
            y=list(classes),
            xgap=1,
            ygap=1,
            zmin=0,
            zmax=1,
            colorscale=scale(LIGHT.sequential),
            colorbar={"title": {"text": "probability"}, "tickformat": ".0%"},
            hovertemplate=f"epoch %{{x}}, class %{{y}}<br>probability %{{z:{PERCENT}}}<extra></extra>",
        )
    )
    figure.add_trace(_verdicts(biography, epochs, classes))
    label = biography.label
    figure.add_shape(
        type="rect", xref="paper", x0=0, x1=1, y0=label - 0.5, y1=label + 0.5, line={"color": LIGHT.text, "width": 1.5}
    )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure


def _verdicts(biography: Biography, epochs: Sequence[str], classes: Sequence[str]) -> go.Scatter:
    """A mark on the predicted class of each epoch: a filled circle where it is right, a cross where it is wrong."""
    right = biography.right
    said = [
        f"epoch {epoch}: {'right' if is_right else f'wrong, predicted {classes[predicted]}'}<br>loss {loss:.4f} nats"
        for epoch, is_right, predicted, loss in zip(epochs, right, biography.predicted, biography.loss, strict=True)
    ]
    return go.Scatter(
        x=list(epochs),
        y=[classes[predicted] for predicted in biography.predicted],
        mode="markers",
        marker={
            "symbol": np.where(right, "circle", "x").tolist(),
            "color": np.where(right, LIGHT.right, LIGHT.wrong).tolist(),
            "size": 9,
            "line": {"color": "#ffffff", "width": 1},
        },
        text=said,
        hovertemplate="%{text}<extra></extra>",
    )
