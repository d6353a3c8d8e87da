"""What was clicked in a chart: the browser tells which points are marked, and takes the mark away at a second click."""

from collections.abc import Collection, Sequence

import streamlit as st

__all__ = ["Marks", "clicked", "newly_clicked"]

Marks = set[tuple[int, int]]
"""Series, and what its marked point stands for."""


def clicked(key: str, meant: Sequence[int], *, series: Collection[int] | None = None) -> int | None:
    """What the point stands for that was clicked last; None where that is none. For the callback of the chart.

    It remembers what was marked under the chart's key and "_clicked", so it is asked once for each event.

    Args:
        key: of the chart.
        meant: what each point of a series stands for, by its place.
        series: those whose points count; None counts all.
    """
    memory = f"{key}_clicked"
    now = {
        (one, meant[place])
        for one, place in _marked(st.session_state.get(key))
        if (series is None or one in series) and 0 <= place < len(meant)
    }
    before = st.session_state.get(memory)
    st.session_state[memory] = now
    return newly_clicked(now, before if isinstance(before, set) else set())


def newly_clicked(now: Marks, before: Marks) -> int | None:
    """What the click was on that turned one set of marks into another.

    A chart marks one point in each of its series, and neither the marks nor their lack say which was clicked last.
    """
    changed = sorted(now - before) or sorted(before - now) or sorted(now)
    return changed[0][1] if changed else None


def _marked(state: object) -> set[tuple[int, int]]:
    """The points (series, place) that the browser says are marked, whatever it says."""
    selection = state.get("selection") if isinstance(state, dict) else None
    groups = selection.get("selected") if isinstance(selection, dict) else None
    known = [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    found = [(group.get("series_index"), group.get("data_indices")) for group in known]
    return {
        (series, place)
        for series, places in found
        if type(series) is int and isinstance(places, list)
        for place in places
        if type(place) is int
    }
