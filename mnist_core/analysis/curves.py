"""Curves from recorded points and epochs: joined when a resumed run repeats steps, thinned and smoothed for a chart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_SMOOTHING",
    "Curve",
    "Stretch",
    "binned",
    "follow",
    "joined",
    "nice",
    "seconds_at",
    "smoothed",
    "steps_per_second",
    "thinned",
]

MOST_BUCKETS = 200
LATELY = 6
NICE = (1, 2, 2.5, 5, 10)
MOST_SMOOTHING = 0.99


@dataclass(frozen=True)
class Stretch:
    """The values of consecutive steps.

    Attributes:
        epoch: epoch in which the steps were taken, from 1.
        step: global index of the first.
        t: seconds by the recorder's clock, which starts anew when a run resumes.
        loss: float32 (n,), in nats; NaN where it was not finite.
        accuracy: float32 (n,), in [0, 1]; NaN likewise.
    """

    epoch: int
    step: int
    t: float
    loss: NDArray[np.float32]
    accuracy: NDArray[np.float32]

    @property
    def end(self) -> int:
        """Global index of the step after the last."""
        return self.step + len(self.loss)

    def until(self, step: int) -> "Stretch":
        """The part before a step."""
        keep = max(step - self.step, 0)
        return replace(self, loss=self.loss[:keep], accuracy=self.accuracy[:keep])


@dataclass(frozen=True)
class Curve:
    """Means over buckets of steps, ready for a chart; all arrays have one value per bucket that holds a step.

    Attributes:
        epochs: float64, the middle of the bucket's steps, in epochs: 1.0 is the end of the first.
        loss: float64, mean loss in nats; NaN where no step had a finite one.
        accuracy: float64, mean accuracy in [0, 1]; likewise.
        width: steps in a bucket.
    """

    epochs: NDArray[np.float64]
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    width: int


def follow(known: Sequence[Stretch], new: Stretch) -> list[Stretch]:
    """Known stretches, and a new one behind them: what is known at or after its first step has been taken back."""
    if known and known[-1].end <= new.step:
        return [*known, new] if len(new.loss) else list(known)
    before = [one if one.end <= new.step else one.until(new.step) for one in known if one.step < new.step]
    return [*before, new] if len(new.loss) else before


def joined(known: Sequence[Stretch]) -> list[Stretch]:
    """The same steps in fewer stretches: all but the last, which tell the speed, are one where no step lacks."""
    parts: list[list[Stretch]] = []
    for one in known[:-LATELY]:
        if parts and parts[-1][-1].end == one.step:
            parts[-1].append(one)
        else:
            parts.append([one])
    return [*map(_as_one, parts), *known[-LATELY:]]


def _as_one(parts: Sequence[Stretch]) -> Stretch:
    loss, accuracy = (np.concatenate([getattr(one, name) for one in parts]) for name in ("loss", "accuracy"))
    return replace(parts[0], epoch=parts[-1].epoch, loss=loss, accuracy=accuracy)


def binned(stretches: Sequence[Stretch], steps_per_epoch: int, *, buckets: int = MOST_BUCKETS) -> Curve:
    """Means over buckets of equally many steps.

    A bucket is 1, 2, 4, 8, ... steps wide, counted from step 0, so that what is drawn stays where it is while the
    curve grows.

    Args:
        stretches: in order of their steps, as `follow` keeps them.
        steps_per_epoch: how many steps make an epoch.
        buckets: no more than so many values come back.
    """
    last = stretches[-1].end if stretches else 0
    width = 1
    while -(-last // width) > buckets:
        width *= 2
    steps = np.concatenate([np.zeros(0, np.int64), *(np.arange(one.step, one.end) for one in stretches)])
    bucket = steps // width
    counts = np.bincount(bucket)
    held = np.flatnonzero(counts)
    middle = np.bincount(bucket, weights=steps + 0.5)[held] / counts[held]
    return Curve(
        epochs=middle / steps_per_epoch,
        loss=_means(bucket, [one.loss for one in stretches])[held],
        accuracy=_means(bucket, [one.accuracy for one in stretches])[held],
        width=width,
    )


def thinned(size: int, always: Iterable[int] = (), *, most: int = MOST_BUCKETS) -> list[int]:
    """Which of many values a chart shows: every one, every second, fourth, ..., the last and those that it must show.

    What is shown stays where it is while the values become more, until there are too many of it.

    Args:
        size: how many values there are.
        always: places that are shown in any case; what lies outside is left out.
        most: no more than so many places come from thinning alone, the last one aside.
    """
    width = 1
    while -(-size // width) > most:
        width *= 2
    last = {size - 1} if size else set()
    return sorted({*range(0, size, width), *last, *(place for place in always if 0 <= place < size)})


def nice(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten, so that an axis changes seldom and its fifths are round."""
    if value <= 0:
        return 1.0
    size = 10.0 ** floor(log10(value))
    return next(round(step * size, 9) for step in NICE if step * size >= value)


def steps_per_second(stretches: Sequence[Stretch]) -> float | None:
    """How fast the last stretches of one epoch came; None where fewer than two of them tell."""
    lately = [one for one in stretches[-LATELY:] if one.epoch == stretches[-1].epoch]
    if len(lately) < 2:
        return None
    seconds = lately[-1].t - lately[0].t
    return (lately[-1].step - lately[0].step) / seconds if seconds > 0 else None


def smoothed(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """An exponential moving average, as TensorBoard draws it: it starts at the first value, not at 0.

    Each value counts (1 - `weight`), what was before it `weight`; the sum is divided by what all weights so far add
    up to (the bias correction of Adam, Kingma and Ba 2014).

    Args:
        values: float64 (n,), in order; what is not finite comes back as it is, and counts for nothing.
        weight: in [0, 0.99]; at 0, the values come back.

    Raises:
        ValueError: `weight` is outside.
    """
    if not 0 <= weight <= MOST_SMOOTHING:
        raise ValueError(f"`weight` must be between 0 and {MOST_SMOOTHING}, got {weight}.")
    found = values.copy()
    held, share = 0.0, 1.0
    for place in np.flatnonzero(np.isfinite(values)).tolist():
        held = weight * held + (1 - weight) * float(values[place])
        share *= weight
        found[place] = held / (1 - share)
    return found


def seconds_at(
    epochs: NDArray[np.float64], seconds: Sequence[float], *, ahead: float | None = None
) -> NDArray[np.float64]:
    """When in the training something was, by what its epochs took; within an epoch, steps take equally long.

    A training that was interrupted and went on is counted as if it never had been: the seconds of an epoch are those
    of the attempt that finished it.

    Args:
        epochs: float64 (n,), where on the axis of epochs: 1.0 is the end of the first.
        seconds: of each finished epoch, from 1.
        ahead: of an epoch that is not finished yet, as far as one can tell.

    Returns:
        float64 (n,), seconds since the first step; NaN in an epoch of which nothing is known.
    """
    ends = np.cumsum([0.0, *seconds])
    done = len(ends) - 1
    found: NDArray[np.float64] = np.interp(epochs, np.arange(done + 1), ends)
    later = np.nan if ahead is None else ends[-1] + (epochs - done) * ahead
    return np.where(epochs > done, later, found)


def _means(bucket: NDArray[np.int64], parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Means of the finite values by bucket; NaN where there is none."""
    values = np.concatenate([np.zeros(0, np.float64), *parts])
    known = np.isfinite(values)
    size = int(bucket[-1]) + 1 if len(bucket) else 0
    counts = np.bincount(bucket[known], minlength=size)
    sums = np.bincount(bucket[known], weights=values[known], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / counts, np.nan)
