"""The learning rate of every step of a run, computed before the first one."""

import numpy as np
from numpy.typing import NDArray

from mnist_core.spec import (
    ConstantSchedule,
    CosineSchedule,
    OneCycleSchedule,
    ScheduleSpec,
    StepSchedule,
    WarmUpSchedule,
)

__all__ = ["learning_rates"]


def learning_rates(schedule: ScheduleSpec, peak: float, epochs: int, steps_per_epoch: int) -> NDArray[np.float32]:
    """The learning rate of each step.

    Args:
        schedule: how the rate changes.
        peak: the optimiser's learning rate.
        epochs: number of epochs planned; stopping early does not change the rates.
        steps_per_epoch: steps in each.

    Returns:
        float32 (epochs * steps_per_epoch,), each above or equal 0.
    """
    total = epochs * steps_per_epoch
    step = np.arange(total, dtype=np.float64)
    return (peak * _shares(schedule, step, total, steps_per_epoch)).astype(np.float32)


def _shares(schedule: ScheduleSpec, step: NDArray[np.float64], total: int, per_epoch: int) -> NDArray[np.float64]:
    match schedule:
        case ConstantSchedule():
            return np.ones_like(step)
        case StepSchedule():
            share = schedule.factor ** np.floor(step / per_epoch / schedule.every)
            return share * _rise(step, schedule.warm_up * total)
        case CosineSchedule():
            start = schedule.warm_up * total
            along = np.clip((step - start) / max(total - start, 1), 0, 1)
            return _half_cosine(1, schedule.final, along) * _rise(step, start)
        case OneCycleSchedule():
            top = schedule.rise * total
            up = _half_cosine(schedule.start, 1, np.clip(step / max(top, 1), 0, 1))
            down = _half_cosine(1, schedule.final, np.clip((step - top) / max(total - top, 1), 0, 1))
            return np.where(step < top, up, down)
        case WarmUpSchedule():
            return _rise(step, schedule.rise * total)


def _rise(step: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """A straight line that reaches 1 after `length` steps; its first step is not 0, so that no step is wasted."""
    return np.minimum((step + 1) / max(length, 1), 1)


def _half_cosine(start: float, end: float, along: NDArray[np.float64]) -> NDArray[np.float64]:
    return end + (start - end) * (1 + np.cos(np.pi * along)) / 2
