"""Maps of the same points from several activations, such as those of each epoch, in one frame of reference.

PCA: values that mean the same in all, as those of one layer at several epochs do, are shown along the components of the
anchor, from its mean; others along their own components, turned and scaled onto the map before. t-SNE and UMAP: the
anchor's map is made from the beginning, each other one starts from its neighbour's on the way to the anchor, takes a
share of the iterations, and is turned onto it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.align import aligned
from mnist_core.analysis.embedding.compute import Asked, check, checked_activations, chosen, judged
from mnist_core.analysis.embedding.methods import METHODS, Fitted, Work
from mnist_core.analysis.embedding.pca import project, seen_along
from mnist_core.analysis.embedding.records import Context, Embedding, Floats
from mnist_core.analysis.embedding.settings import Settings, TsneSettings, UmapSettings
from mnist_core.analysis.embedding.threads import crew
from mnist_core.analysis.embedding.trust import Labels
from mnist_core.errors import InvalidInput

__all__ = ["JUDGES", "Walk", "embed_sequence", "shortened"]

Activations = NDArray[np.floating]

JUDGES = 1_000
"""Over how many points trustworthiness and continuity of each map of a sequence are computed at most."""

TSNE_SHARE, UMAP_SHARE = 0.15, 0.1
"""Of the iterations, where a map starts from the one before."""


def embed_sequence(  # noqa: PLR0913 - what `embed` takes, and the anchor
    sources: Iterable[Activations],
    method: str = "umap",
    *,
    settings: Settings | None = None,
    labels: Labels | None = None,
    anchor: int = 0,
    alike: bool = True,
    context: Context | None = None,
) -> Iterator[Embedding]:
    """Makes one map for each of several activations of the same points, in their order.

    Sources up to the anchor are held in memory, those behind it one at a time.

    Args:
        sources: each floating (n, d), finite; d may differ.
        method: a key of `METHODS`.
        settings: those of the method; None takes its defaults.
        labels: integers (n,), the classes.
        anchor: the place in the sequence of the map that all others are turned to.
        alike: whether value j means the same in all that are equally wide, as in one layer at several epochs.
        context: who follows, and where the anchor's map may start; `neighbours` is not used.

    Raises:
        InvalidInput: something given cannot be used, or there is no source at the anchor's place.
    """
    _, wanted = chosen(method, settings)
    walk = Walk(Asked(method, wanted, labels, JUDGES), context or Context())
    rest = iter(sources)
    early = list(islice(rest, anchor + 1)) if anchor >= 0 else []
    if anchor < 0 or len(early) <= anchor:
        raise InvalidInput(f"`anchor` must be a place in the sequence, 0 to {max(len(early) - 1, 0)}, got {anchor}.")
    return _in_order(walk, early, rest, alike)


def _in_order(walk: "Walk", early: list[Activations], rest: Iterator[Activations], alike: bool) -> Iterator[Embedding]:
    first = walk.begin(early.pop())
    back, before = [first], first
    while early:
        before = walk.onwards(early.pop(), before, alike=alike)
        back.append(before)
    yield from reversed(back)
    before = first
    back.clear()
    for activations in rest:
        before = walk.onwards(activations, before, alike=alike)
        yield before


def shortened(settings: Settings) -> Settings:
    """The settings of a map that starts from one that is there."""
    match settings:
        case TsneSettings():
            return settings.model_copy(update={"iterations": max(50, round(TSNE_SHARE * settings.iterations))})
        case UmapSettings():
            return settings.model_copy(update={"epochs": max(10, round(UMAP_SHARE * settings.epochs))})
        case _:
            return settings


class Walk:
    """Goes from map to map of the same points, in the frame of reference of the first.

    Args:
        asked: method, settings, labels.
        context: who follows, and where the first map may start; `neighbours` is not used.
    """

    def __init__(self, asked: Asked, context: Context) -> None:
        self._asked, self._context = asked, replace(context, neighbours=None)
        self._method = METHODS[asked.method]

    def begin(self, activations: Activations) -> Embedding:
        """The anchor's map."""
        self._anchor = self._map(checked_activations(activations), self._asked.settings, self._context)
        return self._anchor

    def onwards(self, activations: Activations, before: Embedding, *, alike: bool) -> Embedding:
        """The map of other activations, in the frame of reference of the one before.

        Args:
            activations: floating (n, d) of the same points.
            before: the map that this one starts from, or is turned onto.
            alike: whether their values mean the same as the first ones'.
        """
        x = checked_activations(activations)
        if len(x) != len(before.positions):
            raise InvalidInput(f"All sources must be of the same {len(before.positions):,} images, got {len(x):,}.")
        if before.components is None and self._anchor.components is None:
            start = replace(self._context, start=before.positions)
            return self._map(x, shortened(self._asked.settings), start, onto=before.positions)
        return self._along_anchor(x, before, alike)

    def _along_anchor(self, x: Floats, before: Embedding, alike: bool) -> Embedding:
        axes = self._anchor.components
        if axes is None or not alike or axes.basis.shape[1] != x.shape[1]:
            return self._map(x, self._asked.settings, self._context, onto=before.positions, scale=True)
        with crew(self._context.threads, self._context.between) as hands:
            work = Work(x, self._context, hands)
            fitted = Fitted(project(x, axes), seen_along(x, axes))
            work.clock("layout")
            return judged(work, fitted, self._asked)

    def _map(
        self, x: Floats, settings: Settings, context: Context, *, onto: Floats | None = None, scale: bool = False
    ) -> Embedding:
        check(x, self._method, settings, labels=self._asked.labels, context=context)
        with crew(context.threads, context.between) as hands:
            work = Work(x, context, hands)
            fitted = self._method.fit(work, settings)
            if onto is not None:
                fitted = fitted._replace(positions=aligned(fitted.positions, onto, scale=scale))
            work.clock("layout")
            return judged(work, fitted, self._asked)
