"""The probability panel: how well one class is told from all others by the probability that it is given."""

from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mnist_core.analysis.distribution import ClassHistogram, class_histogram, pooled_histogram
from mnist_core.analysis.selection import ProbabilityBin
from mnist_core.palette import class_colour
from pages.ui.format import count, plain
from pages.ui.predictions.panel_bars import (
    Bars,
    bar_menu,
    bars_of,
    bin_axes,
    columns_to_click,
    draw_bars,
    log_axis,
    range_of,
    top_of,
)
from pages.ui.predictions.part import Part
from pages.ui.theme import palette

__all__ = ["Names", "draw_probability", "histogram_spec"]

BINS = 20
READ = (
    "Counts are logarithmic: each line is ten times the one below. Images of the class belong to the right, all others"
    " to the left; what lies between is doubtful."
)
CLICK = " Click a column to select its images."
POOLED = " Each image counts once for its own class and once for each other; choose a class to select by it."


class Names(NamedTuple):
    """What the two kinds of bars are called, what the axis is of, and how the sentence begins to speak of each kind."""

    own: str
    others: str
    axis: str
    own_counted: str
    others_counted: str

    @classmethod
    def of(cls, name: str) -> "Names":
        """For one class against all others."""
        return cls(f"images of {name}", "all others", name, f"images of {plain(name)}", "others")


_POOLED = Names("the true class", "wrong classes", "a class", "true classes", "wrong ones")


def draw_probability(part: Part, number: int | None, row: DeltaGenerator) -> None:
    """Draws the histogram of a class, or of all together; its menu comes into `row`."""
    snapshot, view = part.snapshot, part.view
    bars = Bars(BINS)
    if number is not None and not part.is_selection:
        bars = bars_of(view, BINS, lambda place: ProbabilityBin(number, place, BINS))
    with row:
        bar_menu(bars)
    if number is None:
        found = pooled_histogram(snapshot.labels, snapshot.predictions, BINS)
        names, colour = _POOLED, palette().validation
    else:
        found = class_histogram(snapshot.labels, snapshot.predictions, number, BINS)
        names, colour = Names.of(view.classes[number]), class_colour(number)
    st.markdown(_sentence(found, names))
    alt = f"Histogram of the probability of {names.axis} over {count(len(snapshot.labels))} images"
    draw_bars(histogram_spec(found, bars, names, colour), "probability", bars, alt=alt)
    st.caption(READ + (POOLED if number is None else CLICK if bars.choose else ""))


def histogram_spec(found: ClassHistogram, bars: Bars, names: Names, colour: str) -> dict[str, Any]:
    """Images of a class against all others by its probability, on a logarithmic axis.

    Args:
        found: what is drawn.
        bars: what can be chosen in it.
        names: what is what.
        colour: of its bars.
    """
    colours = palette()
    most = int(found.of_class.sum() + found.others.sum())
    return {
        "animation": False,
        "legend": {"top": 0, "left": 0, "data": [names.own, names.others], "selectedMode": False},
        "dataset": {"source": _rows(found, bars.chosen, top_of(most))},
        "grid": {"left": 8, "right": 14, "top": 34, "bottom": 8},
        "xAxis": bin_axes(BINS, f"probability of {names.axis}", colours),
        "yAxis": log_axis(most, "images", colours),
        "tooltip": {"formatter": TOOLTIP, "confine": True},
        "series": [
            *columns_to_click(bars, {"xAxisIndex": 2}, colours, height="column"),
            _bars(names.own, "of_class", colour),
            _bars(names.others, "others", colours.training),
        ],
    }


TOOLTIP = "probability {@range}<br><b>{@said_own}</b> of the class<br><b>{@said_others}</b> others"


def _rows(found: ClassHistogram, chosen: int | None, top: int) -> list[dict[str, Any]]:
    each = zip(found.of_class.tolist(), found.others.tolist(), strict=True)
    return [
        {
            "bin": str(place),
            "column": top if own or other else None,
            "column_chosen": top if place == chosen else None,
            "of_class": own or None,
            "others": other or None,
            "range": range_of(place, BINS),
            "said_own": count(own),
            "said_others": count(other),
        }
        for place, (own, other) in enumerate(each)
    ]


def _bars(name: str, column: str, colour: str) -> dict[str, Any]:
    common = {"type": "bar", "xAxisIndex": 1, "silent": True, "barGap": "0%", "barCategoryGap": "12%"}
    return common | {"name": name, "encode": {"x": "bin", "y": column}, "itemStyle": {"color": colour}}


def _sentence(found: ClassHistogram, names: Names) -> str:
    own, others = int(found.of_class.sum()), int(found.others.sum())
    sure = f"get a probability over {found.edges[-2]:.2f}"
    wrongly = f"{count(int(found.others[-1]))} of {count(others)} {names.others_counted}"
    if not own:
        return f"**There are no {names.own_counted} here**; {wrongly} {sure}"
    return f"**{count(int(found.of_class[-1]))} of {count(own)}** {names.own_counted} {sure}, and {wrongly}"
