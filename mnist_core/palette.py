"""The colours of every chart, frame and figure, for a light and a dark background; nothing else names a colour.

Training, validation and test look the same everywhere, and so do the classes.
"""

from typing import NamedTuple

__all__ = ["CLASS_COLOURS", "DARK", "LIGHT", "Palette", "class_colour"]

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
"""Petroff's ten (2021), told apart by colour-blind eyes too; class 0 to 9, in this order in every chart."""


class Palette(NamedTuple):
    """The colours of one theme.

    Attributes:
        text: letters on the background.
        muted: axis lines, and what stands back.
        grid: the lines of a chart's grid.
        background: of the page.
        training: whatever comes from training images.
        validation: whatever comes from the validation split; the primary colour.
        test: whatever comes from the test split.
        right: frame of an image that is predicted right.
        wrong: frame of an image that is predicted wrong.
        sequential: counts, from none to many.
        diverging: differences, from less to more, grey at 0 in the middle.
    """

    text: str
    muted: str
    grid: str
    background: str
    training: str
    validation: str
    test: str
    right: str
    wrong: str
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]

    def split(self, name: str) -> str:
        """The colour of "train", "validation" or "test"."""
        return {"train": self.training, "validation": self.validation, "test": self.test}[name]


LIGHT = Palette(
    text="#1c2430",
    muted="#5c6675",
    grid="#e5e9ee",
    background="#ffffff",
    training="#8b95a7",
    validation="#1f6fb8",
    test="#832db6",
    right="#0f8b8d",
    wrong="#e76300",
    sequential=(
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
    ),
    diverging=(
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
    ),
)

DARK = Palette(
    text="#e4e9f0",
    muted="#9aa5b4",
    grid="#2a323d",
    background="#11151b",
    training="#8793a8",
    validation="#3d86cc",
    test="#b98ae0",
    right="#37b8b0",
    wrong="#ff8c42",
    sequential=(
        "#161d26",
        "#16293d",
        "#163857",
        "#184a76",
        "#1e5f98",
        "#2b77ba",
        "#4792d3",
        "#72aee4",
        "#a4cdf1",
        "#dbecfb",
    ),
    diverging=(
        "#a4cdf1",
        "#5ea3de",
        "#2f76b4",
        "#23527a",
        "#2a3a4a",
        "#38393b",
        "#493c31",
        "#83501f",
        "#c06a1e",
        "#ee9145",
        "#fac79b",
    ),
)


def class_colour(number: int) -> str:
    """The colour of a class; from the eleventh on they repeat."""
    return CLASS_COLOURS[number % len(CLASS_COLOURS)]
