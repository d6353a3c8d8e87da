"""What the cursor hands to the browser, and which answers of a browser move it."""

import json
import math
from dataclasses import replace

import pytest

from mnist_core.palette import LIGHT
from pages.ui.frame import cursor as cursor_module
from pages.ui.frame.cursor import Track, epoch_cursor

TRACK = Track(
    epochs=(0, 1, 2, 4),
    validation=(2.3025851, 0.5, math.nan, 0.1234567),
    training=(None, 1e-9, math.inf, 0.2),
    best=4,
    kept=2,
    planned=9,
    is_active=False,
)
FORGED = (3, -1, 5, 10**400, True, False, 1.0, "1", "", "Live", None, [1], {"move": 1}, {"live": True})


@pytest.fixture
def browser(monkeypatch):
    """Draws a cursor and lets a browser ask for places; answers what was drawn and where it moved."""
    session = {}
    monkeypatch.setattr(cursor_module.st, "session_state", session)

    def draw(track, **told):
        calls, moves = [], []
        monkeypatch.setattr(cursor_module, "_COMPONENT", lambda **arguments: calls.append(arguments))
        epoch_cursor(track, **{"epoch": 1, "is_live": False, "on_move": moves.append} | told)
        (call,) = calls

        def ask(place):
            session[call["key"]] = {"move": place}
            call["on_move_change"]()
            return moves

        return call["data"], ask

    return draw


@pytest.mark.parametrize("place", TRACK.epochs)
def test_each_recorded_epoch_can_be_moved_to(browser, place):
    _, ask = browser(TRACK)
    (moved,) = ask(place)
    assert (moved, type(moved)) == (place, int)


@pytest.mark.parametrize("place", FORGED, ids=lambda place: str(place)[:20])
@pytest.mark.parametrize("is_active", [False, True])
def test_what_the_run_has_not_moves_nothing(browser, place, is_active):
    _, ask = browser(replace(TRACK, is_active=is_active))
    assert ask(place) == []


def test_a_message_of_another_kind_moves_nothing(browser, monkeypatch):
    _, ask = browser(TRACK)
    ask(None)
    monkeypatch.setattr(cursor_module.st, "session_state", {"cursor": {}})
    assert ask(None) == []


@pytest.mark.parametrize("is_active", [False, True])
def test_only_a_run_that_trains_can_be_followed(browser, is_active):
    data, ask = browser(replace(TRACK, is_active=is_active), is_live=True)
    assert (data["active"], data["live"]) == (is_active, is_active)
    assert ask("live") == (["live"] if is_active else [])


def test_losses_that_are_no_numbers_arrive_as_missing(browser):
    data, _ = browser(TRACK)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["validation"] == [pytest.approx(2.3025851, rel=1e-4), 0.5, None, pytest.approx(0.1234567, rel=1e-4)]
    assert data["training"] == [None, 1e-9, None, 0.2]


def test_a_long_run_stays_a_small_message(browser):
    count = 1000
    losses = tuple(2.3 / (epoch + 1) + 1e-9 for epoch in range(count))
    data, _ = browser(Track(tuple(range(count)), losses, losses, 999, 999, 999, is_active=False))
    assert len(json.dumps(data)) < 40_000


def test_the_browser_learns_where_the_cursor_stands_and_what_is_marked(browser):
    data, _ = browser(TRACK, epoch=2)
    told = {name: data[name] for name in ("epoch", "epochs", "best", "kept", "planned", "live")}
    assert told == {"epoch": 2, "epochs": [0, 1, 2, 4], "best": 4, "kept": 2, "planned": 9, "live": False}
    assert (data["colours"]["training"], data["colours"]["validation"]) == (LIGHT.training, LIGHT.validation)


def test_two_cursors_have_their_own_answers(browser):
    _, ask = browser(TRACK, key="left")
    _, ask_other = browser(TRACK, key="right")
    assert ask(1) == [1]
    assert ask_other(4) == [4]


def test_an_error_in_moving_is_said_and_not_raised(browser, monkeypatch):
    said = []
    monkeypatch.setattr("pages.ui.guard.show_script_error", said.append)

    def refuse(_):
        raise RuntimeError("gone")

    _, ask = browser(TRACK, on_move=refuse)
    ask(1)
    assert [str(error) for error in said] == ["gone"]
