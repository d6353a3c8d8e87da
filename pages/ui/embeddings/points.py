"""The points of a map as it is drawn: places from the map, everything else from what was predicted at the epoch."""

import numpy as np
from numpy.typing import NDArray

from mnist_core.maps import LayerMap, MapResult
from pages.ui.frame.view import View
from pages.ui.map import MapPoints

__all__ = ["bounds_of", "points_of"]

FURTHEST = np.iinfo(np.int16).max


def points_of(view: View, maps: MapResult, positions: NDArray[np.float32]) -> MapPoints:
    """The images of a map at its places, with what the run predicts of them at the epoch that is looked at.

    Args:
        view: what is looked at; its split holds the images.
        maps: which images they are.
        positions: float32 (n, 2), where they are.
    """
    snapshot = view.snapshot
    rows = np.searchsorted(snapshot.ids, maps.ids)
    predictions = snapshot.predictions.take(rows)
    confidence = np.exp(predictions.log_probabilities.max(axis=1).astype(np.float32))
    history = view.history
    learnt = None if history is None else np.minimum(history.learnt_at(view.epoch)[rows], FURTHEST).astype(np.int16)
    return MapPoints(maps.ids, positions, maps.labels, predictions.predicted, confidence, predictions.loss, learnt)


def bounds_of(maps: list[LayerMap]) -> tuple[float, float, float, float]:
    """Least x, least y, greatest x, greatest y of several maps, so that all are drawn at one scale."""
    least = np.min([one.positions[:, :2].min(axis=0) for one in maps], axis=0).tolist()
    most = np.max([one.positions[:, :2].max(axis=0) for one in maps], axis=0).tolist()
    return (least[0], least[1], most[0], most[1])
