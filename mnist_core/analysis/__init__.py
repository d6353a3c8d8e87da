"""Arrays in, results out: what is computed of predictions and activations."""

from mnist_core.analysis.embedding import embed

__all__ = ["embed"]
