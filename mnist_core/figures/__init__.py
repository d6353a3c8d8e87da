"""Plotly figures for notebooks: each takes a result of `mnist_core.analysis` and returns a figure, and reads no store.

`import mnist_core` does not load this package.
"""

from mnist_core.figures.classes import class_report, class_scores_over_epochs
from mnist_core.figures.embedding import embedding
from mnist_core.figures.epochs import biography_strip, training_curves
from mnist_core.figures.matrix import confusion, confusion_difference
from mnist_core.figures.probabilities import probability_histogram, reliability_diagram
from mnist_core.figures.thresholds import precision_recall_curves, roc_curves
from mnist_core.figures.weights import weight_changes, weight_tiles

__all__ = [
    "biography_strip",
    "class_report",
    "class_scores_over_epochs",
    "confusion",
    "confusion_difference",
    "embedding",
    "precision_recall_curves",
    "probability_histogram",
    "reliability_diagram",
    "roc_curves",
    "training_curves",
    "weight_changes",
    "weight_tiles",
]
