"""Training curves from recorded points: joined when a resumed run repeats steps, and thinned for a chart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curve", "Stretch", "binned", "follow", "steps_per_second"]

MOST_BUCKETS = 200
LATELY = 6


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
    before = [one if one.end <= new.step else one.until(new.step) for one in known if one.step < new.step]
    return [*before, new] if len(new.loss) else before


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


def steps_per_second(stretches: Sequence[Stretch]) -> float | None:
    """How fast the last stretches of one epoch came; None where fewer than two of them tell."""
    lately = [one for one in stretches[-LATELY:] if one.epoch == stretches[-1].epoch]
    if len(lately) < 2:
        return None
    seconds = lately[-1].t - lately[0].t
    return (lately[-1].step - lately[0].step) / seconds if seconds > 0 else None


def _means(bucket: NDArray[np.int64], parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Means of the finite values by bucket; NaN where there is none."""
    values = np.concatenate([np.zeros(0, np.float64), *parts])
    known = np.isfinite(values)
    size = int(bucket[-1]) + 1 if len(bucket) else 0
    counts = np.bincount(bucket[known], minlength=size)
    sums = np.bincount(bucket[known], weights=values[known], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / counts, np.nan)
