"""How sure a network is: the reliability diagram, and how the probability of one class is spread."""

import numpy as np

from mnist_core.analysis.calibration import Reliability
from mnist_core.analysis.distribution import ClassHistogram
from mnist_core.figures.sheet import PERCENT, Figure, go, sheet
from mnist_core.palette import LIGHT, class_colour

__all__ = ["probability_histogram", "reliability_diagram"]


def reliability_diagram(reliability: Reliability, *, title: str = "Reliability diagram") -> Figure:
    """How often a network is right, by how sure it is; on the diagonal it is as often right as it is sure.

    Bars stand for the accuracy of a bin; points are as large as the bin has images.

    Args:
        reliability: from `analysis.calibration.reliability`.
        title: stands above; the expected calibration error stands behind it.
    """
    error = "" if np.isnan(reliability.error) else f"<br><sup>expected calibration error {reliability.error:.4f}</sup>"
    figure = sheet(f"{title}{error}", "mean confidence", "accuracy", height=480, share="xy")
    held = reliability.count > 0
    low, high = reliability.edges[:-1][held], reliability.edges[1:][held]
    count, sure, right = (part[held] for part in (reliability.count, reliability.confidence, reliability.accuracy))
    between = [f"{start:.2f} to {end:.2f}" for start, end in zip(low, high, strict=True)]
    hover = f"confidence %{{customdata[0]}}<br>mean confidence %{{customdata[1]:{PERCENT}}}<br>"
    figure.add_trace(
        go.Bar(
            x=(low + high) / 2,
            y=right,
            width=high - low,
            name="accuracy",
            customdata=list(zip(between, sure.tolist(), count.tolist(), strict=True)),
            marker={"color": LIGHT.validation, "opacity": 0.35, "line": {"width": 1, "color": "#ffffff"}},
            hovertemplate=f"{hover}accuracy %{{y:{PERCENT}}}<br>%{{customdata[2]:,}} images<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=sure,
            y=right,
            mode="markers",
            name="images",
            cliponaxis=False,
            marker={
                "size": 5 + 20 * np.sqrt(count / max(int(count.max(initial=0)), 1)),
                "color": LIGHT.validation,
            },
            hoverinfo="skip",
        )
    )
    figure.add_trace(_diagonal("as right as sure"))
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(range=[0, 1.02])
    return figure


def probability_histogram(histogram: ClassHistogram, name: str, *, number: int = 0, title: str = "") -> Figure:
    """How many images give a class which probability, those of the class beside all others; counts are logarithmic.

    Args:
        histogram: from `analysis.distribution.class_histogram`.
        name: the name of the class.
        number: its number, for its colour.
        title: stands above; default names the class.
    """
    figure = sheet(title or f"Probability of class {name}", f"probability of {name}", "images", share="x")
    middle = (histogram.edges[:-1] + histogram.edges[1:]) / 2
    between = [f"{a:.2f} to {b:.2f}" for a, b in zip(histogram.edges[:-1], histogram.edges[1:], strict=True)]
    parts = (
        (f"of class {name}", histogram.of_class, class_colour(number)),
        ("all others", histogram.others, LIGHT.muted),
    )
    for said, counts, colour in parts:
        figure.add_trace(
            go.Bar(
                x=middle,
                y=counts,
                name=said,
                customdata=between,
                marker={"color": colour},
                hovertemplate=f"{said}<br>probability %{{customdata}}<br>%{{y:,}} images<extra></extra>",
            )
        )
    figure.update_layout(barmode="group", bargap=0.1)
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(type="log", dtick=1, tickformat=",")
    return figure


def _diagonal(name: str) -> go.Scatter:
    line = {"color": LIGHT.muted, "dash": "dot", "width": 1}
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name=name, line=line, hoverinfo="skip")
