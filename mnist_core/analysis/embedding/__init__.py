"""Maps of activations: PCA, t-SNE and UMAP of any layer, their quality, sequences of them, new points in them.

It is light to import: scipy and numba are loaded by the functions that need them.
"""

from mnist_core.analysis.embedding.align import aligned
from mnist_core.analysis.embedding.compute import embed
from mnist_core.analysis.embedding.methods import METHODS, Method
from mnist_core.analysis.embedding.neighbours import agreement, exact_neighbours
from mnist_core.analysis.embedding.placing import place
from mnist_core.analysis.embedding.records import Components, Context, Embedding, Frame, Neighbours, Quality
from mnist_core.analysis.embedding.sampling import stratified_sample
from mnist_core.analysis.embedding.sequence import embed_sequence
from mnist_core.analysis.embedding.settings import PcaSettings, Settings, TsneSettings, UmapSettings

__all__ = [
    "METHODS",
    "Components",
    "Context",
    "Embedding",
    "Frame",
    "Method",
    "Neighbours",
    "PcaSettings",
    "Quality",
    "Settings",
    "TsneSettings",
    "UmapSettings",
    "agreement",
    "aligned",
    "embed",
    "embed_sequence",
    "exact_neighbours",
    "place",
    "stratified_sample",
]
