"""Splits with predictions as a network would make and record them, drawn from a seed."""

import numpy as np

from mnist_core.inference.predictions import Predictions


def sample_split(seed: int, total: int, classes: int, *, skill: float = 1.0) -> tuple[np.ndarray, Predictions]:
    """Labels and predictions; 0 is no skill, 6 is nearly always right."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, total).astype(np.uint8)
    logits = generator.normal(size=(total, classes)) * 2 + skill * np.eye(classes)[labels]
    log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    loss = -log_probabilities[np.arange(total), labels].astype(np.float32)
    return labels, Predictions(logits.argmax(1).astype(np.uint8), loss, log_probabilities.astype(np.float16))


def probabilities(predictions: Predictions) -> np.ndarray:
    """float32 (n, classes), as recorded."""
    return np.exp(predictions.log_probabilities.astype(np.float32))


def from_probabilities(rows: list[list[float]], labels: list[int]) -> tuple[np.ndarray, Predictions]:
    """What a network recorded that gave these probabilities."""
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(np.array(rows)), -60_000)
    true = np.array(labels, np.uint8)
    loss = -logs[np.arange(len(true)), true]
    return true, Predictions(logs.argmax(1).astype(np.uint8), loss.astype(np.float32), logs.astype(np.float16))
