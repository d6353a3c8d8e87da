"""What the store takes and hands out: frozen records of runs, points, epochs and artifacts, and a run's states.

Nothing here reads or writes. Times are float seconds since 1970-01-01 UTC, by the database's clock.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = [
    "ACTIVE",
    "RUN_LEVEL",
    "Artifact",
    "EpochRecord",
    "Lease",
    "Opening",
    "PointRecord",
    "RunRecord",
    "RunState",
    "Wish",
    "finite",
]

RUN_LEVEL = -1
"""The epoch number of artifacts that belong to the whole run, like its splits."""


class RunState(StrEnum):
    """Where a run is in its life; a finished run never changes its state again."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_active(self) -> bool:
        """Whether it waits or works."""
        return not self.is_finished

    @property
    def is_finished(self) -> bool:
        """Whether this state is final."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


ACTIVE = (RunState.QUEUED, RunState.RUNNING)
"""The states of runs that wait or work."""


class Wish(StrEnum):
    """What someone asks of a run that is queued or running."""

    STOP = "stop"
    KILL = "kill"


@dataclass(frozen=True)
class Lease:
    """The right to write a run: it holds while the run is running with this ticket and attempt."""

    run: str
    ticket: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One row of the run table.

    Attributes:
        id: uuid7.
        kind: what it does: train, activations, embed, ablate, ...
        source: id of the run it looks at or follows.
        parent: id of the run it was forked or continued from.
        reason: why it failed or stopped, as a sentence.
        attempt: how often it was claimed.
        epoch: last committed epoch; None before the first.
        cost: estimated seconds of a training slot.
        used: seconds of a training slot that it took.
        deleted: when it was deleted; None for all that can be seen.
    """

    id: str
    kind: str
    source: str | None
    parent: str | None
    owner: str
    name: str
    note: str
    spec: dict[str, Any]
    digest: str
    state: RunState
    wish: Wish | None
    reason: str | None
    lane: str
    device: str | None
    ticket: str | None
    attempt: int
    worker: str | None
    created: float
    started: float | None
    beat: float | None
    ended: float | None
    epoch: int | None
    result: dict[str, Any] | None
    cost: float | None
    used: float | None
    deleted: float | None = None

    @property
    def short_id(self) -> str:
        """The first 13 characters of the id, as it is shown."""
        return self.id[:13]

    def to_json(self) -> dict[str, Any]:
        """The record as plain data, ready for `json.dumps(..., allow_nan=False)`."""
        plain: dict[str, Any] = finite(asdict(self))
        del plain["deleted"]
        return plain | {"state": self.state.value, "wish": self.wish and self.wish.value}


@dataclass(frozen=True)
class EpochRecord:
    """One committed epoch.

    Attributes:
        epoch: 0 is the untrained network.
        metrics: losses, accuracies and penalty.
        seconds: of the training steps.
        evaluation_seconds: of the evaluation.
        recording_seconds: for which the training waited until the epoch before was written.
    """

    epoch: int
    metrics: Mapping[str, Any]
    seconds: float
    evaluation_seconds: float
    recording_seconds: float


@dataclass(frozen=True)
class PointRecord:
    """The per-step values of one flush of the recorder.

    Attributes:
        epoch: epoch in which the steps were taken.
        step: global index of the step that the first values belong to.
        t: seconds, as the recorder counts them.
        values: one number per step under each name; None where it was not finite.
    """

    epoch: int
    step: int
    t: float
    values: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Artifact:
    """A recorded file: the blob `sha` of `bytes` bytes, under a name, at an epoch (or `RUN_LEVEL`)."""

    epoch: int
    name: str
    sha: str
    bytes: int


@dataclass(frozen=True)
class Opening:
    """One look at the test split: when, by whom, and the run's state then."""

    when: float
    by: str
    state: RunState


def finite(value: Any) -> Any:
    """A copy of plain data in which None stands for every NaN and infinity, as JSON has neither."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        # Long lists are of numbers, for which a call each would take most of the time.
        return [item if type(item) is float and math.isfinite(item) else finite(item) for item in value]
    return value
