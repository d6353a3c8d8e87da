"""Images that someone singled out, and where they came from: rules, what they read, and how links hold them."""

from mnist_core.analysis.selection.judged import Judge, Judged
from mnist_core.analysis.selection.packed import MOST_LETTERS, packed, unpacked
from mnist_core.analysis.selection.rules import (
    MOST_IDS,
    Cell,
    Changed,
    ConfidenceBin,
    Ids,
    Lassoed,
    ProbabilityBin,
    Rule,
)
from mnist_core.analysis.selection.selection import Selection, phrase_of

__all__ = [
    "MOST_IDS",
    "MOST_LETTERS",
    "Cell",
    "Changed",
    "ConfidenceBin",
    "Ids",
    "Judge",
    "Judged",
    "Lassoed",
    "ProbabilityBin",
    "Rule",
    "Selection",
    "packed",
    "phrase_of",
    "unpacked",
]
