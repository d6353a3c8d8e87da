"""The methods by name: one entry here is one more method for the page, the command line and the tests."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import Any, NamedTuple

from mnist_core.analysis.embedding import tsne, umap
from mnist_core.analysis.embedding.neighbours import KEPT_NEIGHBOURS, search
from mnist_core.analysis.embedding.pairs import Points
from mnist_core.analysis.embedding.pca import principal_components, project, reduced
from mnist_core.analysis.embedding.records import Components, Context, Floats, Frame, Neighbours
from mnist_core.analysis.embedding.settings import PcaSettings, Settings, TsneSettings, UmapSettings
from mnist_core.analysis.embedding.threads import Crew
from mnist_core.errors import InvalidInput

__all__ = ["METHODS", "Clock", "Fitted", "Method", "Work"]


class Clock:
    """Counts seconds by the name of a step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def __call__(self, step: str) -> None:
        """Counts the time since the last call."""
        now = perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now

    def total(self) -> dict[str, float]:
        """The seconds of each step, and of all together as `total`."""
        return self.seconds | {"total": sum(self.seconds.values())}


@dataclass(eq=False)
class Work:
    """What a method works with.

    Attributes:
        x: float32 (n, d), the activations.
        context: who follows, and what is known.
        hands: threads.
        clock: what counts the seconds.
    """

    x: Floats
    context: Context
    hands: Crew
    clock: Clock = field(default_factory=Clock)

    @cached_property
    def points(self) -> Points:
        """The activations, ready for distances."""
        return Points(self.x)

    def neighbours(self, k: int, dimensions: int) -> Neighbours:
        """The k nearest of each point, after a reduction to so many components (0: none)."""
        known = self.context.neighbours
        if not 0 < dimensions < self.x.shape[1]:
            if known is None or known.index.shape[1] < k:
                known = search(self.points, min(max(k, KEPT_NEIGHBOURS), len(self.x) - 1), self.hands)
            self.context = replace(self.context, neighbours=known)
            found = known.first(k)
        else:
            found = search(Points(reduced(self.x, dimensions)), k, self.hands)
        self.clock("neighbours")
        return found


class Fitted(NamedTuple):
    """What a method gives.

    Attributes:
        positions: float32 (n, 2 or 3).
        components: where principal components are the axes.
    """

    positions: Floats
    components: Components | None = None


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        title: its name on screen.
        settings: the type of its settings.
        fit: makes a map.
        check: raises InvalidInput where the settings do not fit so many points of so many values.
        note: one sentence on what distances in the map mean, and what they do not.
    """

    title: str
    settings: type[Settings]
    fit: Callable[[Work, Any], Fitted]
    check: Callable[[tuple[int, int], Any], None]
    note: str


def _fit_pca(work: Work, settings: PcaSettings) -> Fitted:
    components = principal_components(work.x, settings.components)
    positions = project(work.x, components)
    if work.context.on_frame and settings.components == 2:
        work.context.on_frame(Frame(positions.copy(), 1, 1))  # there at once; judging it takes longer
    return Fitted(positions, components)


def _check_pca(shape: tuple[int, int], settings: PcaSettings) -> None:
    if settings.components > min(shape):
        raise InvalidInput(
            f"`components` must be at most {min(shape)} for {shape[0]:,} images of a layer with {shape[1]:,} values,"
            f" got {settings.components}."
        )


def _fit_tsne(work: Work, settings: TsneSettings) -> Fitted:
    nearest = work.neighbours(tsne.neighbours_for(settings.perplexity), settings.pca)
    return Fitted(tsne.lay_out(work.x, nearest, settings, work.context, work.hands))


def _check_tsne(shape: tuple[int, int], settings: TsneSettings) -> None:
    if tsne.neighbours_for(settings.perplexity) >= shape[0]:
        raise InvalidInput(
            f"`perplexity` must be at most {(shape[0] - 1) / 3:.4g} for {shape[0]:,} images (a third of the others),"
            f" got {settings.perplexity:g}; take a smaller one or more images."
        )


def _fit_umap(work: Work, settings: UmapSettings) -> Fitted:
    nearest = work.neighbours(settings.neighbours - 1, settings.pca)
    return Fitted(umap.lay_out(work.x, nearest, settings, work.context, work.hands))


def _check_umap(shape: tuple[int, int], settings: UmapSettings) -> None:
    if settings.neighbours > shape[0]:
        raise InvalidInput(
            f"`neighbours` must be at most {shape[0]} for {shape[0]:,} images, got {settings.neighbours};"
            " take fewer or more images."
        )


METHODS: dict[str, Method] = {
    "pca": Method(
        "PCA", PcaSettings, _fit_pca, _check_pca,
        "Distances are those in the layer along the axes shown; what lies along the other axes is not seen.",
    ),
    "tsne": Method(
        "t-SNE", TsneSettings, _fit_tsne, _check_tsne,
        "Images near each other are alike to the layer; sizes of clusters and distances between them mean nothing.",
    ),
    "umap": Method(
        "UMAP", UmapSettings, _fit_umap, _check_umap,
        "Images near each other are alike to the layer; how dense clusters are and how far apart says little.",
    ),
}  # fmt: skip
