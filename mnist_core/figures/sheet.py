"""The empty figure that all others start from, and the one door to Plotly, which has no types."""

from typing import TypeAlias

import plotly.graph_objects as go  # type: ignore[import-untyped]

from mnist_core.palette import LIGHT

__all__ = ["PERCENT", "Figure", "go", "scale", "sheet"]

Figure: TypeAlias = go.Figure

PERCENT = ".2%"
"""How shares are written where one looks closely."""


def sheet(title: str, x: str, y: str, *, height: int = 420, share: str = "") -> Figure:
    """A figure without data.

    Args:
        title: stands above.
        x: name of the horizontal axis, with its unit.
        y: name of the vertical one.
        height: in pixels.
        share: which axes hold shares, written in percent from 0 to 100: "", "x", "y" or "xy".
    """
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "x": 0, "xref": "paper", "font": {"size": 16}},
        template="none",
        height=height,
        font={"color": LIGHT.text, "size": 12},
        paper_bgcolor=LIGHT.background,
        plot_bgcolor=LIGHT.background,
        margin={"l": 72, "r": 24, "t": 56, "b": 56},
        hovermode="closest",
        legend={"font": {"color": LIGHT.muted}},
    )
    axis = {
        "gridcolor": LIGHT.grid,
        "linecolor": LIGHT.muted,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": LIGHT.grid,
    }
    percent = {"tickformat": ".2~%"}
    figure.update_xaxes(title={"text": x, "standoff": 8}, **axis, **(percent if "x" in share else {}))
    figure.update_yaxes(title={"text": y, "standoff": 8}, **axis, **(percent if "y" in share else {}))
    return figure


def scale(colours: tuple[str, ...]) -> list[tuple[float, str]]:
    """Evenly spaced colours as Plotly takes them."""
    return [(place / (len(colours) - 1), colour) for place, colour in enumerate(colours)]
