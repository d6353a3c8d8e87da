"""What stands behind `--set`: a name, and a value as JSON or as plain text."""

import json
from typing import Any

from mnist_core.errors import InvalidInput
from mnist_core.sentences import shown_value

__all__ = ["assignment"]


def assignment(text: str, example: str) -> tuple[str, Any]:
    """The name and the value.

    Args:
        text: what was typed.
        example: what might have been, such as `PATH=VALUE, such as training.epochs=3`.

    Raises:
        InvalidInput: it is no assignment.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInput(f"`--set` takes {example}, got {shown_value(text)}.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):  # not JSON: a plain text, for the rules of the field to judge
        return name, value
