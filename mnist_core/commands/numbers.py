"""Whole numbers on the command line, and the sentence where one is none."""

from mnist_core.errors import InvalidInput
from mnist_core.sentences import shown_value

__all__ = ["whole_number", "whole_numbers"]

LONGEST = 12


def whole_number(text: str, option: str) -> int:
    """The number that an option was given.

    Raises:
        InvalidInput: it is none.
    """
    if not _is_number(text):
        raise InvalidInput(f"`{option}` must be a whole number from 0, got {shown_value(text)}.")
    return int(text)


def whole_numbers(text: str, option: str) -> list[int]:
    """The numbers that an option was given, separated by commas.

    Raises:
        InvalidInput: one of them is none.
    """
    parts = text.split(",")
    if not all(map(_is_number, parts)):
        raise InvalidInput(f"`{option}` must be whole numbers from 0 with commas between, got {shown_value(text)}.")
    return [int(part) for part in parts]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST
