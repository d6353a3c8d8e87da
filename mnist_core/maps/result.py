"""What comes of a map: places, neighbours and trust of each source, as they are shown and as they are kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding import Components, Quality
from mnist_core.maps.request import MapRequest, Source
from mnist_core.npz import Arrays, from_npz, to_npz

__all__ = ["LayerMap", "MapResult"]

FILES = ("map", "neighbours", "about")


@dataclass(frozen=True, eq=False)
class LayerMap:
    """The map of one source.

    Attributes:
        source: which layer at which epoch.
        positions: float32 (n, 2), or (n, 3) of three principal components, in the order of the sample.
        neighbours: int32 (n, k), the rows of the nearest other images in the layer itself, nearest first; (n, 0) where
            they are not known.
        quality: how far the map can be trusted; None of one that was stopped.
        components: the principal components where they are the axes.
        width: how many values the layer has; more than 1,024 were reduced to principal components first.
        kept_variance: the share of the variance that was left by that.
        seconds: how long each step took, by name, and `total`.
        iterations: how many the map had; 0 where its method has none.
        unfinished: whether it was stopped on its way.
    """

    source: Source
    positions: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    quality: Quality | None
    components: Components | None
    width: int
    kept_variance: float
    seconds: Mapping[str, float]
    iterations: int = 0
    unfinished: bool = False

    def to_files(self) -> dict[str, bytes]:
        """As files, by name."""
        arrays: Arrays = {"positions": self.positions}
        if self.components is not None:
            arrays |= self.components._asdict()
        about = {
            "source": list(self.source),
            "quality": self.quality and self.quality._asdict(),
            "width": self.width,
            "kept_variance": self.kept_variance,
            "seconds": dict(self.seconds),
            "iterations": self.iterations,
            "unfinished": self.unfinished,
        }
        files = (to_npz(arrays), to_npz({"index": self.neighbours}), json.dumps(about).encode())
        return dict(zip(FILES, files, strict=True))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "LayerMap":
        """Reads the files."""
        arrays, about = from_npz(files["map"]), json.loads(files["about"])
        positions = arrays.pop("positions")
        plain = about | {
            "source": Source(*about["source"]),
            "quality": Quality(**about["quality"]) if about["quality"] else None,
            "components": Components(**arrays) if arrays else None,
        }
        return cls(positions=positions, neighbours=from_npz(files["neighbours"])["index"], **plain)

    def to_json(self) -> dict[str, Any]:
        """Its numbers as plain data: the source, the quality, and how it was made."""
        quality = self.quality._asdict() if self.quality else dict.fromkeys(Quality._fields)
        components = self.components
        return {
            "layer": self.source.layer,
            "epoch": self.source.epoch,
            "trustworthiness": quality["trustworthiness"],
            "continuity": quality["continuity"],
            "neighbourhood_hit": quality["neighbourhood_hit"],
            "neighbourhood_hit_layer": quality["neighbourhood_hit_layer"],
            "quality_neighbours": quality["neighbours"],
            "quality_points": quality["points"],
            "variance": None if components is None else [float(share) for share in components.variance_ratio],
            "width": self.width,
            "kept_variance": self.kept_variance,
            "iterations": self.iterations,
            "unfinished": self.unfinished,
        }


@dataclass(frozen=True, eq=False)
class MapResult:
    """Maps of the same images in one frame of reference; those that are made, first to last.

    Attributes:
        request: what was asked for.
        run: id of the run whose layers they show.
        ids: int32 (n,), image ids, ascending.
        labels: uint8 (n,), their true classes.
        maps: one for each source so far.
    """

    request: MapRequest
    run: str
    ids: NDArray[np.int32]
    labels: NDArray[np.uint8]
    maps: tuple[LayerMap, ...]

    def of(self, layer: str, epoch: int) -> LayerMap | None:
        """The map of a source; None where it is not there."""
        return next((one for one in self.maps if one.source == (layer, epoch)), None)

    def neighbours_of(self, image: int, one: LayerMap) -> NDArray[np.int32]:
        """The ids of the images nearest to an image in a layer itself, nearest first: int32 (k,); none if unknown."""
        row = np.flatnonzero(self.ids == image)
        near: NDArray[np.int32] = self.ids[one.neighbours[row[0]]] if len(row) else np.empty(0, np.int32)
        return near

    def to_json(self) -> dict[str, Any]:
        """The request and the numbers of each map as plain data."""
        order = self.request.order()
        del order["sources"]
        return {"run": self.run, **order, "points": len(self.ids), "maps": [one.to_json() for one in self.maps]}
