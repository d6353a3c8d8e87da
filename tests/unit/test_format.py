from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.runs import RunRecord, RunState, Wish
from pages.ui.format import (
    accuracy_sentence,
    ago,
    count,
    duration,
    interval,
    percent,
    plain,
    reason_of,
    state_badge,
    state_word,
)

NOW = 1_700_000_000.0
NOTHING = dict.fromkeys(
    ("source", "parent", "wish", "reason", "device", "ticket", "worker", "started", "beat", "ended", "epoch")
)
RECORD = RunRecord(
    **NOTHING,
    id="01a1fd93-6c8e-7f5d-bc83-c0c8deae40d5",
    kind="train",
    owner="local",
    name="quiet-otter",
    note="",
    spec={},
    digest="",
    state=RunState.QUEUED,
    lane="train",
    attempt=0,
    created=NOW,
    result=None,
    cost=None,
    used=None,
)


def test_accuracy_stands_with_its_doubt():
    assert percent(0.98451) == "98.45\N{NO-BREAK SPACE}%"
    assert interval((0.98189, 0.98674)) == "98.19 to 98.67"
    assert accuracy_sentence(0.9845, [0.98189, 0.98674], 155, 10_000) == (
        "98.45\N{NO-BREAK SPACE}% (98.19 to 98.67), 155 of 10,000 wrong"
    )


def test_counts_have_thousands_separators():
    assert [count(7), count(24_186), count(1_000_000)] == ["7", "24,186", "1,000,000"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (41.2, "41 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: float, text: str):
    assert duration(seconds) == text.replace(" ", "\u00a0")


@given(st.floats(0, 1e9))
def test_every_duration_can_be_written(seconds: float):
    assert duration(seconds).split()[1] in ("s", "min", "h", "d")


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (-5, "a few seconds ago"),
        (44, "a few seconds ago"),
        (46, "a minute ago"),
        (100, "2 minutes ago"),
        (300, "5 minutes ago"),
        (3600, "an hour ago"),
        (3 * 3600, "3 hours ago"),
        (86400, "a day ago"),
        (2 * 86400, "2 days ago"),
    ],
)
def test_how_long_ago(passed: float, text: str):
    assert ago(NOW - passed, NOW) == text


def test_long_ago_is_a_day():
    assert ago(NOW - 40 * 86400, NOW) == "5 Oct 2023"


@pytest.mark.parametrize("state", RunState)
def test_every_state_has_a_badge_with_word_and_icon(state: RunState):
    record = replace(RECORD, state=state)
    assert state_word(record) in state_badge(record)
    assert ":material/" in state_badge(record)


def test_a_running_run_that_shall_end_is_stopping():
    assert state_word(replace(RECORD, state=RunState.RUNNING, wish=Wish.STOP)) == "stopping"
    assert state_word(replace(RECORD, state=RunState.STOPPED, wish=Wish.STOP)) == "stopped"


def test_typed_text_is_shown_as_it_is():
    assert plain("a_b [link](x) :red[y]") == r"a\_b \[link\]\(x\) \:red\[y\]"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (None, ""),
        ("`epochs` must be 1.", "`epochs` must be 1."),
        ("[here](http://x)", r"\[here\]\(http\://x\)"),
        ("a ` b", "a  b"),
    ],
)
def test_a_reason_that_somebody_else_wrote_is_no_markdown(reason, shown):
    assert reason_of(replace(RECORD, reason=reason)).replace("\\", "") == shown.replace("\\", "")
    if reason and "[" in reason:
        assert r"\[" in reason_of(replace(RECORD, reason=reason))
