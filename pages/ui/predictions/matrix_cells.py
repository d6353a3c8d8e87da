"""The cells of a confusion matrix, its margins and their texts, as a table: each row is a cell of the chart.

A cell's place in it is `row * (classes + 1) + column`; the last row and column are the margins, which add errors up.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mnist_core.analysis.selection import Cell
from pages.ui.format import count

__all__ = [
    "DIAGONAL",
    "LEVELS",
    "MARGIN",
    "MARGIN_NAME",
    "MODES",
    "ZERO",
    "Matrix",
    "Mode",
    "cell_at",
    "cells",
    "levels",
    "place_of",
    "with_margins",
]

Mode = Literal["counts", "by row", "by column", "difference"]
MODES: tuple[Mode, ...] = get_args(Mode)
LEVELS, ZERO = 9, 5
DIAGONAL, MARGIN = 20, 21
"""Levels that are no shade."""

MOST_LABELLED = 20
MARGIN_NAME = "errors"


@dataclass(frozen=True, eq=False)
class Matrix:
    """What is to be shown.

    Attributes:
        counts: int64 (classes, classes), rows true; with `mode` "difference" how many more there are than elsewhere.
        classes: names of the classes.
        mode: what the numbers say.
    """

    counts: NDArray[np.int64]
    classes: tuple[str, ...]
    mode: Mode

    @property
    def is_labelled(self) -> bool:
        """Whether numbers fit into the cells."""
        return len(self.classes) <= MOST_LABELLED


def with_margins(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The matrix with the errors of each row and column beside it, and all of them in the corner.

    Args:
        counts: int64 (classes, classes).

    Returns:
        int64 (classes + 1, classes + 1).
    """
    off = counts - np.diag(np.diag(counts))
    whole = np.zeros((len(counts) + 1, len(counts) + 1), np.int64)
    whole[:-1, :-1] = counts
    whole[:-1, -1], whole[-1, :-1], whole[-1, -1] = off.sum(1), off.sum(0), off.sum()
    return whole


def cell_at(index: int, classes: int) -> Cell:
    """The cell at a place in the chart's data, from 0 to (classes + 1)**2 - 1."""
    true, predicted = divmod(index, classes + 1)
    return Cell(true if true < classes else None, predicted if predicted < classes else None)


def place_of(cell: Cell, classes: int) -> tuple[int, int]:
    """Row and column of a cell, a margin or the corner."""
    return (classes if cell.true is None else cell.true), (classes if cell.predicted is None else cell.predicted)


def cells(matrix: Matrix) -> pd.DataFrame:
    """One row for each cell, margin and corner, true classes outermost: place, names, count, text, sentence, shade."""
    counts, k = with_margins(matrix.counts), len(matrix.classes)
    shares = _shares(counts, matrix)
    names = np.asarray([*matrix.classes, MARGIN_NAME], object)
    return pd.DataFrame(
        {
            "true": np.repeat(names, k + 1),
            "predicted": np.tile(names, k + 1),
            "images": counts.ravel(),
            "text": _texts(counts, shares, matrix) if matrix.is_labelled else "",
            "said": _sentences(counts, shares, matrix),
            "level": levels(counts if shares is None else shares, matrix).ravel(),
            "row": np.repeat(np.arange(k + 1), k + 1),
            "column": np.tile(np.arange(k + 1), k + 1),
            "place": [f"p{number}" for number in range((k + 1) ** 2)],
        }
    )


def levels(values: NDArray[Any], matrix: Matrix) -> NDArray[np.int64]:
    """The shade of each cell: int64 (classes + 1, classes + 1).

    For counts and shares 0 where there is nothing, 1 to 9 in equal steps up to the largest error; for differences 0 to
    10, 5 at no difference, in equal steps up to the largest one of either sign. Margins have their own scale, and one
    only where no number fits into them.
    """
    k = len(matrix.classes)
    level = np.full((k + 1, k + 1), MARGIN, np.int64)
    shade = _diverging if matrix.mode == "difference" else _sequential
    level[:-1, :-1] = shade(np.where(np.eye(k, dtype=np.bool_), 0, values[:-1, :-1]))
    level[np.arange(k), np.arange(k)] = DIAGONAL
    if not matrix.is_labelled:
        level[:-1, -1], level[-1, :-1] = shade(values[:-1, -1]), shade(values[-1, :-1])
    return level


def _shares(counts: NDArray[np.int64], matrix: Matrix) -> NDArray[np.float64] | None:
    """Percent of the images of the row or column, in the other margin of all others; None where counts are shown."""
    if matrix.mode in ("counts", "difference"):
        return None
    along = 1 if matrix.mode == "by row" else 0
    total, sizes = matrix.counts.sum(), matrix.counts.sum(along)
    whole = np.empty(counts.shape, np.int64)
    if matrix.mode == "by row":
        whole[:-1], whole[-1, :-1] = sizes[:, None], total - sizes
    else:
        whole[:, :-1], whole[:-1, -1] = sizes, total - sizes
    whole[-1, -1] = total
    shares: NDArray[np.float64] = 100 * counts / np.maximum(whole, 1)
    return shares


def _texts(counts: NDArray[np.int64], shares: NDArray[np.float64] | None, matrix: Matrix) -> list[str]:
    if matrix.mode == "difference":
        return [_signed(number) if number else "" for number in counts.ravel().tolist()]
    if shares is None:
        return [count(number) if number else "" for number in counts.ravel().tolist()]
    return [_share(share) if share else "" for share in shares.ravel().tolist()]


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "0"


def _share(share: float) -> str:
    return f"{share:.1f}" if share >= 0.95 else f"{share:.2f}"


def _sentences(counts: NDArray[np.int64], shares: NDArray[np.float64] | None, matrix: Matrix) -> list[str]:
    phrases, numbers = _phrases(matrix.classes), counts.ravel().tolist()
    if matrix.mode == "difference":
        return [f"{said}: {_signed(number)}" for said, number in zip(phrases, numbers, strict=True)]
    if shares is None:
        return [f"{said}: {count(number)}" for said, number in zip(phrases, numbers, strict=True)]
    each = zip(phrases, numbers, shares.ravel().tolist(), _wholes(matrix.classes, matrix.mode), strict=True)
    return [f"{said}: {count(number)}, {_share(share)} % of {whole}" for said, number, share, whole in each]


@lru_cache(maxsize=16)
def _phrases(classes: tuple[str, ...]) -> tuple[str, ...]:
    k = len(classes)
    return tuple(cell_at(index, k).phrase(classes) for index in range((k + 1) ** 2))


@lru_cache(maxsize=32)
def _wholes(classes: tuple[str, ...], mode: Mode) -> tuple[str, ...]:
    """What the share in each cell is a share of."""
    k = len(classes)
    is_by_row = mode == "by row"
    first, of_others = (
        ("all true {}", "all that are not {}")
        if is_by_row
        else ("all taken for {}", "all others than those taken for {}")
    )
    said = []
    for index in range((k + 1) ** 2):
        true, predicted = divmod(index, k + 1)
        own, other = (true, predicted) if is_by_row else (predicted, true)
        if own < k:
            said.append(first.format(classes[own]))
        else:
            said.append(of_others.format(classes[other]) if other < k else "all images")
    return tuple(said)


def _sequential(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.ceil(LEVELS * values / (values.max() or 1)).astype(np.int64)


def _diverging(values: NDArray[Any]) -> NDArray[np.int64]:
    size = np.abs(values)
    return ZERO + (np.sign(values) * np.ceil(ZERO * size / (size.max() or 1))).astype(np.int64)
