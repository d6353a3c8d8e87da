"""The entrance: activations in, a map with its quality out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.embedding.methods import METHODS, Fitted, Method, Work
from mnist_core.analysis.embedding.neighbours import KEPT_NEIGHBOURS, search, search_and_rank
from mnist_core.analysis.embedding.records import Context, Embedding, Floats
from mnist_core.analysis.embedding.settings import Settings
from mnist_core.analysis.embedding.threads import crew
from mnist_core.analysis.embedding.trust import ALL_POINTS, Labels, Layer, looked_at, map_neighbours, quality
from mnist_core.errors import InvalidInput

__all__ = ["Asked", "check", "checked_activations", "chosen", "embed", "judged"]

FEWEST = 3
LARGEST = 1e15


def embed(
    activations: NDArray[np.floating],
    method: str = "umap",
    *,
    settings: Settings | None = None,
    labels: Labels | None = None,
    context: Context | None = None,
) -> Embedding:
    """Makes a map of points from their activations.

    The same input gives the same map, however many threads work on it.

    Args:
        activations: floating (n, d), finite.
        method: a key of `METHODS`.
        settings: those of the method; None takes its defaults.
        labels: integers (n,), the classes, for the neighbourhood hit.
        context: what it may start from, and who follows it.

    Raises:
        InvalidInput: something given cannot be used; the sentence says what.
    """
    how, wanted = chosen(method, settings)
    known = context or Context()
    x = checked_activations(activations)
    check(x, how, wanted, labels=labels, context=known)
    with crew(known.threads, known.between) as hands:
        work = Work(x, known, hands)
        fitted = how.fit(work, wanted)
        work.clock("layout")
        return judged(work, fitted, Asked(method, wanted, None if labels is None else np.asarray(labels)))


class Asked(NamedTuple):
    """What a map was asked for.

    Attributes:
        method: the key of the method.
        settings: its settings.
        labels: integers (n,), the classes, or None.
        judges: over how many points trustworthiness and continuity are computed at most.
    """

    method: str
    settings: Settings
    labels: Labels | None
    judges: int = ALL_POINTS


def judged(work: Work, fitted: Fitted, asked: Asked) -> Embedding:
    """A map with its quality, against the full activations."""
    layer = _layer(work, fitted, asked)
    found = quality(fitted.positions, layer, work.hands, most=asked.judges)
    work.clock("quality")
    return Embedding(
        fitted.positions,
        asked.method,
        asked.settings,
        layer.nearest.first(KEPT_NEIGHBOURS),
        found,
        fitted.components,
        work.clock.total(),
    )


def _layer(work: Work, fitted: Fitted, asked: Asked) -> Layer:
    """What a map is judged by; where the neighbours are not known, ranks come from the same pass as they."""
    points, nearest, n = work.points, work.context.neighbours, len(work.x)
    if nearest is not None and nearest.index.shape[1] >= looked_at(n):
        return Layer(points, nearest, asked.labels)
    kept = min(KEPT_NEIGHBOURS, n - 1)
    if asked.judges < n:
        return Layer(points, search(points, kept, work.hands), asked.labels)
    in_map = map_neighbours(fitted.positions, looked_at(n), work.hands)
    nearest, ranks = search_and_rank(points, kept, in_map, work.hands)
    return Layer(points, nearest, asked.labels, in_map, ranks)


def chosen(method: str, settings: Settings | None) -> tuple[Method, Settings]:
    """The method of that name, and the settings given or its defaults."""
    if method not in METHODS:
        raise InvalidInput(f"`method` must be one of {', '.join(METHODS)}, got {method!r}.")
    how = METHODS[method]
    if settings is not None and not isinstance(settings, how.settings):
        raise InvalidInput(f"`settings` must be {how.settings.__name__} for {method}, got {type(settings).__name__}.")
    return how, settings or how.settings()


def checked_activations(activations: NDArray[np.floating]) -> Floats:
    """The activations as float32 (n, d), if they can be mapped.

    Raises:
        InvalidInput: they cannot; the sentence says why.
    """
    given = activations
    if not isinstance(given, np.ndarray) or given.ndim != 2 or not np.issubdtype(given.dtype, np.floating):
        what = f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
        raise InvalidInput(f"`activations` must be floating point numbers of shape (images, values), got {what}.")
    if len(given) < FEWEST or given.shape[1] < 1:
        raise InvalidInput(
            f"A map needs at least {FEWEST} images with at least one value each, got {len(given)} of {given.shape[1]}."
        )
    finite = np.isfinite(given).all(axis=1)
    if not finite.all():
        raise InvalidInput(
            f"Activations must be finite, but those of {int((~finite).sum()):,} of {len(given):,} images hold NaN or"
            " infinity; choose another epoch or layer."
        )
    if float(np.abs(given).max()) > LARGEST:
        raise InvalidInput(f"Activations must lie within {LARGEST:g} of 0, got {np.abs(given).max():g}.")
    x: Floats = np.ascontiguousarray(given, np.float32)
    if (x == x[0]).all():
        raise InvalidInput(
            f"The layer gives the same {x.shape[1]:,} values for all {len(x):,} images, so there is nothing to map;"
            " choose another layer or epoch."
        )
    return x


def check(x: Floats, how: Method, settings: Settings, *, labels: Labels | None, context: Context) -> None:
    """Raises InvalidInput where settings, labels or context do not fit the activations."""
    how.check((x.shape[0], x.shape[1]), settings)
    given = np.zeros(len(x), np.int64) if labels is None else np.asarray(labels)
    if given.shape != (len(x),) or not np.issubdtype(given.dtype, np.integer):
        raise InvalidInput(
            f"`labels` must be {len(x):,} whole numbers, one for each image, got {given.dtype} {given.shape}."
        )
    start, known = context.start, context.neighbours
    if start is not None and (np.shape(start) != (len(x), 2) or not np.isfinite(start).all()):
        raise InvalidInput(f"`start` must be finite and of shape ({len(x)}, 2), got {np.shape(start)}.")
    if known is not None and len(known.index) != len(x):
        raise InvalidInput(f"`neighbours` must be those of {len(x):,} images, got {len(known.index):,}.")
