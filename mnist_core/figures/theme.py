"""The colours of the figures: those of the app's light theme, which a test holds equal."""

__all__ = [
    "BACKGROUND",
    "CLASS_COLOURS",
    "DIVERGING",
    "GRID",
    "MUTED",
    "RIGHT",
    "SEQUENTIAL",
    "SPLIT_COLOURS",
    "TEXT",
    "WRONG",
    "class_colour",
]

CLASS_COLOURS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
"""Petroff's ten (2021), class 0 to 9."""

SPLIT_COLOURS = {"train": "#8b95a7", "validation": "#1f6fb8", "test": "#832db6"}

TEXT = "#1c2430"
MUTED = "#5c6675"
GRID = "#e5e9ee"
BACKGROUND = "#ffffff"
RIGHT = "#0f8b8d"
WRONG = "#e76300"

SEQUENTIAL = (
    "#f3f8fd",
    "#dfecf8",
    "#c6dff3",
    "#a6ceec",
    "#7fb8e3",
    "#559fd8",
    "#3484c8",
    "#1f6ab0",
    "#144f8b",
    "#0b3562",
)
"""Counts, from none to many."""

DIVERGING = (
    "#0b4f8f",
    "#2f78bd",
    "#66a3d9",
    "#a3c8e8",
    "#d5dfe8",
    "#e4e5e7",
    "#eadfd6",
    "#f3c096",
    "#ec9650",
    "#d06c1c",
    "#9c4a08",
)
"""Differences, from less to more, grey at 0 in the middle."""


def class_colour(number: int) -> str:
    """The colour of a class; from the eleventh on they repeat."""
    return CLASS_COLOURS[number % len(CLASS_COLOURS)]
