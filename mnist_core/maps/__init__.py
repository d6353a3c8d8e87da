"""Maps of what leaves a run's layers: what is asked for, how it is made, and what comes of it. No job is known here."""

from mnist_core.maps.making import NEIGHBOURS, MapMaker, Reader, Studio, compute
from mnist_core.maps.request import MOST_SOURCES, MapRequest, Source
from mnist_core.maps.result import LayerMap, MapResult
from mnist_core.maps.subject import Sample, Subject

__all__ = [
    "MOST_SOURCES",
    "NEIGHBOURS",
    "LayerMap",
    "MapMaker",
    "MapRequest",
    "MapResult",
    "Reader",
    "Sample",
    "Source",
    "Studio",
    "Subject",
    "compute",
]
