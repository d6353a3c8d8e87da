"""What the panels with bars share: columns that can be clicked from top to bottom, a mark, and axes from 0 to 1.

Bars are drawn over bins of equal width between 0 and 1; the columns lie over them, so that short bars can be hit too.
"""

from collections.abc import Callable, Sequence
from math import ceil, log10
from typing import Any, NamedTuple

import streamlit as st

from mnist_core.analysis.selection import Rule
from mnist_core.palette import Palette
from pages.ui.clicks import clicked
from pages.ui.frame.selected import clear_selection, select
from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.predictions.marked import marked

__all__ = [
    "HEIGHT",
    "NO_BAR",
    "Bars",
    "bar_menu",
    "bars_of",
    "bin_axes",
    "columns_to_click",
    "draw_bars",
    "log_axis",
    "range_of",
    "top_of",
]

NO_BAR = -1
HEIGHT = 400
"""Of the chart of every panel, in pixels."""
SHADE = "rgba(128,128,128,0.14)"
SMALLEST = 0.5
"""Where a logarithmic axis of counts begins: a bar of one image can be seen, and none is no bar."""


class Bars(NamedTuple):
    """The bars of a panel, as something to select by.

    Attributes:
        bins: how many there are.
        chosen: the one whose images are selected; None where none is.
        choose: selects the images of one, or clears the selection where they are selected; None where bars are only
            to be looked at.
        is_now: whether the chosen one was selected at the epoch that is shown.
    """

    bins: int
    chosen: int | None = None
    choose: Callable[[int], None] | None = None
    is_now: bool = True


def bars_of(view: View, bins: int, rule: Callable[[int], Rule]) -> Bars:
    """The bars of a panel that selects by `rule`, which says what the images of a bar are."""
    run, epoch, split = view.run.id, view.epoch, view.split
    mark = marked(view)
    chosen = next((place for place in range(bins) if mark and rule(place) == mark.rule), None)
    return Bars(bins, chosen, lambda place: select(rule(place), run, epoch, split), is_now=not mark or mark.is_now)


def bin_axes(bins: int, name: str, colours: Palette, *, grid: int = 0, labelled: bool = True) -> list[dict[str, Any]]:
    """Three axes over each other: values from 0 to 1, which is seen, the bars' bins, and the bins of the columns."""
    values = {
        "type": "value",
        "gridIndex": grid,
        "min": 0,
        "max": 1,
        "interval": 0.2,
        "name": name if labelled else "",
        "nameLocation": "middle",
        "nameGap": 26,
        "nameTextStyle": {"color": colours.muted},
        "axisLabel": {"show": labelled},
        "splitLine": {"show": False},
    }
    hidden = {"type": "category", "gridIndex": grid, "show": False, "data": [str(place) for place in range(bins)]}
    return [values, hidden, hidden | {"position": "bottom"}]


def log_axis(most: int, name: str, colours: Palette) -> dict[str, Any]:
    """A logarithmic axis of counts up to the next power of ten above `most`."""
    return {
        "type": "log",
        "min": SMALLEST,
        "max": top_of(most),
        "startValue": SMALLEST,
        "name": name,
        "nameLocation": "middle",
        "nameGap": 44,
        "nameTextStyle": {"color": colours.muted},
        "axisLabel": {"showMinLabel": False},
        "splitLine": {"lineStyle": {"color": colours.grid}},
        "minorSplitLine": {"show": False},
    }


def top_of(most: int) -> int:
    """The power of ten that an axis of counts ends at."""
    return int(10 ** max(ceil(log10(max(most, 1))), 1))


def columns_to_click(bars: Bars, axes: dict[str, Any], colours: Palette, *, height: str) -> list[dict[str, Any]]:
    """A column over each bin that holds images, and a frame around the chosen one, dashed where it is of another epoch.

    Args:
        bars: what the columns stand for.
        axes: which axes they are drawn by.
        colours: of the theme.
        height: the name of the dataset's column that says how high each is.
    """
    invisible = {"color": "rgba(0,0,0,0)"}
    common = axes | {"type": "bar", "barGap": "-100%", "barCategoryGap": "0%", "z": 8}
    columns = common | {
        "selectedMode": "single" if bars.choose else False,
        "encode": {"x": "bin", "y": height},
        "itemStyle": invisible,
        "select": {"itemStyle": invisible | {"borderWidth": 0}},
        "emphasis": {"itemStyle": {"color": SHADE}},
    }
    if bars.chosen is None:
        return [columns]
    line = "solid" if bars.is_now else "dashed"
    frame = {"color": SHADE, "borderColor": colours.text, "borderWidth": 2, "borderType": line}
    return [columns, common | {"silent": True, "encode": {"x": "bin", "y": f"{height}_chosen"}, "itemStyle": frame}]


def draw_bars(spec: dict[str, Any], key: str, bars: Bars, *, alt: str) -> None:
    """Draws a chart with bars at the height of every panel; a click on a column chooses its bar.

    Args:
        spec: the chart; its columns to click are the series that can be marked.
        key: of the chart.
        bars: what the columns stand for.
        alt: the chart in words.
    """
    if bars.choose is None:
        st.echarts_chart(spec, key=f"{key}_seen", height=HEIGHT, alt=alt)
        return
    columns = [place for place, one in enumerate(spec["series"]) if one.get("selectedMode")]
    st.echarts_chart(spec, key=key, height=HEIGHT, alt=alt, on_select=_on_click(key, columns, bars))


def range_of(place: int, bins: int) -> str:
    """The borders of a bin: "0.93 to 1.00"."""
    return f"{place / bins:.2f} to {(place + 1) / bins:.2f}"


def _on_click(key: str, series: Sequence[int], bars: Bars) -> Callable[[], None]:
    @guarded
    def chosen() -> None:
        place = clicked(key, range(bars.bins), series=series)
        if place is not None and bars.choose is not None:
            bars.choose(place)

    return chosen


def bar_menu(bars: Bars) -> None:
    """A menu that selects the images of a bar, for the keyboard and for narrow screens."""
    key = "bar"
    st.session_state[key] = bars.chosen if bars.chosen is not None and bars.is_now else NO_BAR

    @guarded
    def changed() -> None:
        place = st.session_state.get(key)
        if place == NO_BAR:
            clear_selection()
        elif isinstance(place, int) and 0 <= place < bars.bins and bars.choose is not None:
            bars.choose(place)

    st.selectbox(
        "select the images of",
        range(NO_BAR, bars.bins),
        key=key,
        format_func=lambda place: "no bar" if place == NO_BAR else range_of(place, bars.bins),
        on_change=changed,
        disabled=bars.choose is None,
        width=150,
    )
