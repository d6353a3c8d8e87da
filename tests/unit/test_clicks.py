"""Clicks in a chart: what changed among its marks, twice on the same, and whatever a browser says."""

import pytest
import streamlit as st

from pages.ui.clicks import clicked, newly_clicked


@pytest.fixture
def session(monkeypatch):
    """What a session remembers."""
    state = {}
    monkeypatch.setattr(st, "session_state", state)
    return state


def click(session, meant, *marks, series=None):
    """The browser's marks, as (series, place)."""
    groups = [{"series_index": one, "data_indices": [place]} for one, place in marks]
    session["chart"] = {"selection": {"selected": groups}}
    return clicked("chart", meant, series=series)


@pytest.mark.parametrize(
    ("now", "before", "found"),
    [
        ({(0, 3)}, set(), 3),
        (set(), {(0, 3)}, 3),
        ({(0, 4)}, {(0, 3)}, 4),
        ({(0, 3), (1, 5)}, {(0, 3)}, 5),
        ({(0, 3)}, {(0, 3), (1, 5)}, 5),
        ({(0, 3)}, {(0, 3)}, 3),
        (set(), set(), None),
    ],
)
def test_the_click_is_what_changed(now, before, found):
    assert newly_clicked(now, before) == found


def test_a_second_click_on_the_same_means_the_same(session):
    epochs = [3, 5, 8]
    assert click(session, epochs, (0, 1)) == 5
    assert click(session, epochs) == 5
    assert click(session, epochs, (0, 1)) == 5
    assert click(session, epochs, (0, 2)) == 8
    assert click(session, epochs) == 8


def test_what_is_marked_elsewhere_is_not_clicked(session):
    assert click(session, range(4), (2, 1), series=(0, 1)) is None
    assert click(session, range(4), (2, 1), (1, 3), series=(0, 1)) == 3


@pytest.mark.parametrize("place", [4, -1, True, 1.0, "1", None, [1], 10**9])
def test_a_place_that_is_none_is_not_clicked(session, place):
    assert click(session, range(4), (0, place)) is None


@pytest.mark.parametrize(
    "state",
    [
        None,
        "x",
        [],
        {"selection": 1},
        {"selection": {"selected": {}}},
        {"selection": {"selected": [1, {}, {"series_index": 0, "data_indices": 1}]}},
        {"selection": {"selected": [{"series_index": True, "data_indices": [1]}]}},
    ],
)
@pytest.mark.parametrize("stale", ["99", 7, None, ["x"]])
def test_nonsense_is_no_click(session, state, stale):
    session["chart"], session["chart_clicked"] = state, stale
    assert clicked("chart", range(4)) is None
