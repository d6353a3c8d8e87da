"""How numbers, durations, times and states are written, on every page alike. Text in, text out; nothing draws."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from mnist_core.runs import RunRecord, RunState

__all__ = [
    "STATE_WORDS",
    "accuracy_sentence",
    "ago",
    "count",
    "duration",
    "interval",
    "percent",
    "plain",
    "reason_of",
    "state_badge",
    "state_word",
]

STATE_WORDS = {
    RunState.QUEUED: "queued",
    RunState.RUNNING: "running",
    RunState.DONE: "finished",
    RunState.FAILED: "failed",
    RunState.STOPPED: "stopped",
}
STATE_LOOKS = {
    "queued": ("gray", "schedule"),
    "running": ("blue", "play_arrow"),
    "stopping": ("orange", "hourglass_top"),
    "finished": ("green", "check"),
    "failed": ("red", "error"),
    "stopped": ("orange", "stop_circle"),
}
MINUTE, HOUR, DAY = 60, 3600, 86400
GLUE = "\u00a0"
"""Between a number and its unit: a space where no line breaks."""
AGES = (
    (45, 1, "a few seconds"),
    (90, 1, "a minute"),
    (45 * MINUTE, MINUTE, "{} minutes"),
    (90 * MINUTE, HOUR, "an hour"),
    (22 * HOUR, HOUR, "{} hours"),
    (36 * HOUR, DAY, "a day"),
    (26 * DAY, DAY, "{} days"),
)
"""Ages below so many seconds are said so, in so large a unit; tables with `format="distance"` say the same."""
MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~$:^=-])")


def percent(share: float) -> str:
    """A share in [0, 1] as percent with two decimals, unbroken: "98.45 %"."""
    return f"{share * 100:.2f}{GLUE}%"


def interval(bounds: Sequence[float]) -> str:
    """The bounds of a share, (low, high) in [0, 1], in percent: "98.19 to 98.67"."""
    low, high = bounds
    return f"{low * 100:.2f} to {high * 100:.2f}"


def count(number: int) -> str:
    """A whole number with thousands separators: "24,186"."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """A span of time in its two largest units, unbroken: "0.4 s", "41 s", "2 min 5 s", "1 h 4 min", "3 d 2 h"."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}{GLUE}s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole}{GLUE}s"
    for size, unit, smaller, smaller_unit in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // smaller
            parts = (whole // size, unit, rest, smaller_unit) if rest else (whole // size, unit)
            return GLUE.join(map(str, parts))
    raise AssertionError


def ago(timestamp: float, now: float) -> str:
    """How long ago something was: "a few seconds ago", "5 minutes ago", "an hour ago", "2 days ago", then the day."""
    passed = now - timestamp
    for below, size, words in AGES:
        if passed < below:
            return f"{words.format(round(passed / size))} ago"
    day = datetime.fromtimestamp(timestamp, UTC)
    return f"{day.day} {day:%b %Y}"


def accuracy_sentence(accuracy: float, bounds: Sequence[float], errors: int, total: int) -> str:
    """An accuracy with its doubt: "98.45 % (98.19 to 98.67), 155 of 10,000 wrong"."""
    return f"{percent(accuracy)} ({interval(bounds)}), {count(errors)} of {count(total)} wrong"


def state_word(record: RunRecord) -> str:
    """The state of a run in a word; "stopping" where it still runs and someone asked it to end."""
    if record.state is RunState.RUNNING and record.wish:
        return "stopping"
    return STATE_WORDS[record.state]


def state_badge(record: RunRecord) -> str:
    """The state of a run as a Markdown badge with an icon."""
    word = state_word(record)
    colour, icon = STATE_LOOKS[word]
    return f":{colour}-badge[:material/{icon}: {word}]"


def reason_of(record: RunRecord) -> str:
    """Why a run ended as it did, as it is shown; empty where nothing is recorded. An imported run may say anything."""
    parts = (record.reason or "").split("`")
    names = len(parts) % 2  # code spans only where each backtick has its partner
    return "".join(f"`{part}`" if names and place % 2 else plain(part) for place, part in enumerate(parts))


def plain(text: str) -> str:
    """Text that someone typed, so that Markdown shows it as it is."""
    return MARKDOWN.sub(r"\\\1", text)
