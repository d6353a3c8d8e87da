"""How values and sentences are written; which sentence a broken rule gets is tested with the specification."""

import pytest

from mnist_core.sentences import one_line, shown_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.1, "0.1"),
        ("a\nb", r"'a\nb'"),
        ([1, None], "[1, None]"),
        (10**50, "a number of more than 40 digits"),
        (-(10**50), "a number of more than 40 digits"),
        (10**9999, "a number of more than 40 digits"),
    ],
    ids=range(10),
)
def test_values_are_shown_as_json_writes_them(value, shown):
    assert shown_value(value) == shown


def test_long_values_lose_their_middle():
    text = shown_value("a" * 100 + "z")
    assert len(text) == 60
    assert text.startswith("'aaa")
    assert text.endswith("aaz'")
    assert "..." in text


def test_what_is_nested_without_end_is_shown_in_few_characters():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shown_value(deep)) <= 60
    circle: list = []
    circle.append(circle)
    assert len(shown_value(circle)) <= 60


@pytest.mark.parametrize("text", ["a rule", "a rule.", "a\nrule", " a  rule. "])
def test_a_sentence_is_one_line_with_one_full_stop(text):
    assert one_line(text) == "a rule."
