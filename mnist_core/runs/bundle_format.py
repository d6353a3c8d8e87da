"""What stands in a run bundle: its members and their limits, and run, epochs and points as bytes and back."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from mnist_core.errors import BundleError
from mnist_core.npz import Arrays, to_npz
from mnist_core.runs.checked_npz import load_npz
from mnist_core.runs.records import RUN_LEVEL, Artifact, EpochRecord, PointRecord, RunRecord, finite
from mnist_core.runs.result import EpochMetrics, RunResult
from mnist_core.runs.strict import Strict

__all__ = [
    "BUNDLED",
    "FORMAT_VERSION",
    "Manifest",
    "MemberFacts",
    "RunMember",
    "artifact_of",
    "epoch_member",
    "epochs_from",
    "epochs_member",
    "from_json",
    "is_member",
    "member_of",
    "points_from",
    "points_member",
    "to_json",
]

T = TypeVar("T")

FORMAT_VERSION = 1
EPOCH_MEMBER = re.compile(r"epoch/(\d{3}|[1-9]\d{3,5})/(predictions|first_layer|weights)\.npz")
RUN_MEMBERS = {"splits.npz": "splits", "facts.json": "facts"}
BUNDLED = ("predictions", "first_layer", "weights")
VALUE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=10_000)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Time = Annotated[float, Field(ge=0, le=2**33)]
"""Seconds since 1970-01-01 UTC, until the year 2242."""

Seconds = Annotated[float, Field(ge=0)]


class MemberFacts(Strict):
    """What the manifest says of a member."""

    sha256: Sha
    bytes: Annotated[int, Field(ge=0)]


class Manifest(Strict):
    """The table of contents of a bundle."""

    format_version: Annotated[int, Field(ge=1)]
    members: dict[str, MemberFacts]


class RunMember(Strict):
    """`run.json`: the run without what belongs to the house where it was trained (owner, lane, worker, ticket)."""

    id: Id
    kind: Literal["train"]
    parent: Id | None
    name: Annotated[str, Field(max_length=200)]
    note: Text
    spec: dict[str, JsonValue]
    digest: Sha
    state: Literal["done", "failed", "stopped"]
    reason: Text | None
    device: Annotated[str, Field(max_length=30)] | None
    attempt: Count
    created: Time
    started: Time | None
    ended: Time | None
    epoch: Count | None
    result: RunResult | None
    cost: Seconds | None
    used: Seconds | None

    @classmethod
    def of(cls, record: RunRecord) -> "RunMember":
        """The member that stands for a finished run."""
        plain = record.to_json()
        return cls.model_validate({name: plain[name] for name in cls.model_fields})


class EpochMember(Strict):
    """One entry of `epochs.json`."""

    epoch: Count
    metrics: EpochMetrics
    seconds: Seconds
    evaluation_seconds: Seconds
    recording_seconds: Seconds


def to_json(plain: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, a line's end; None for what is not finite."""
    return json.dumps(finite(plain), sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def from_json(data: bytes, kind: type[T], what: str) -> T:
    """Reads and validates one JSON member.

    Args:
        data: the member's bytes.
        kind: the type it must have.
        what: the member's name.

    Raises:
        BundleError: it is no JSON, or not of that type.
    """
    try:
        plain = json.loads(data)
        json.dumps(plain, allow_nan=False)
        return TypeAdapter(kind).validate_python(plain)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(key) for key in first["loc"])
        raise BundleError(f"`{what}` of the bundle breaks a rule at `{field}`: {first['msg'].lower()}.") from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise BundleError(f"`{what}` of the bundle is not sound JSON: {error}; export the run again.") from error


def epochs_from(data: bytes) -> list[EpochRecord]:
    """The epochs of `epochs.json`: 0, 1 and so on.

    Raises:
        BundleError: it breaks a rule.
    """
    members = from_json(data, list[EpochMember], "epochs.json")
    if [member.epoch for member in members] != list(range(len(members))):
        raise BundleError("`epochs.json` must hold epochs 0, 1 and so on without a gap; export the run again.")
    for member in members:
        is_trained = {value is not None for value in (member.metrics.loss, member.metrics.accuracy)}
        if is_trained != {member.epoch > 0}:
            raise BundleError(
                "`loss` and `accuracy` in `epochs.json` must be null at epoch 0 and numbers from epoch 1 on, got others"
                f" at epoch {member.epoch}; export the run again."
            )
    return [EpochRecord(**member.model_dump()) for member in members]


def epochs_member(epochs: Sequence[EpochRecord]) -> bytes:
    """`epochs.json`; epochs that do not fit the format are a pydantic ValidationError."""
    return to_json([EpochMember.model_validate(asdict(epoch)).model_dump() for epoch in epochs])


def member_of(artifact: Artifact) -> str | None:
    """The name in the bundle of an artifact, or None when it does not travel."""
    if artifact.epoch == RUN_LEVEL:
        return next((member for member, name in RUN_MEMBERS.items() if name == artifact.name), None)
    return epoch_member(artifact.epoch, artifact.name) if artifact.name in BUNDLED else None


def epoch_member(epoch: int, name: str) -> str:
    """The name in the bundle of an epoch's artifact."""
    return f"epoch/{epoch:03d}/{name}.npz"


def artifact_of(member: str) -> tuple[int, str] | None:
    """Epoch and name of the artifact that a member is, or None when it is none."""
    if member in RUN_MEMBERS:
        return RUN_LEVEL, RUN_MEMBERS[member]
    found = EPOCH_MEMBER.fullmatch(member)
    return (int(found[1]), found[2]) if found else None


def is_member(name: str) -> bool:
    """Whether a bundle of this format may hold such a member."""
    return name in ("run.json", "epochs.json", "points.npz") or artifact_of(name) is not None


def points_member(points: Sequence[PointRecord]) -> bytes:
    """`points.npz`: `epoch`, `step` and `t` with one entry a flush, and for each name of values two arrays.

    `count.NAME` int64 (flushes,) is how many values a flush has, -1 where it has none of that name; `value.NAME`
    float64 holds all of them in a row, NaN where the value was not finite.
    """
    names = sorted({name for point in points for name in point.values})
    arrays: Arrays = {
        "epoch": np.array([point.epoch for point in points], np.int64),
        "step": np.array([point.step for point in points], np.int64),
        "t": np.array([point.t for point in points], np.float64),
    }
    for name in names:
        rows = [point.values.get(name) for point in points]
        counts = [-1 if row is None else len(row) for row in rows]
        flat = [np.nan if value is None else value for row in rows for value in row or ()]
        arrays |= {f"count.{name}": np.array(counts, np.int64), f"value.{name}": np.array(flat, np.float64)}
    return to_npz(arrays)


def points_from(data: bytes) -> list[PointRecord]:
    """The points of `points.npz`.

    Raises:
        BundleError: arrays are missing, too many, of another type, or do not fit each other.
    """
    arrays = load_npz(data, "points.npz")
    flushes = _points_frame(arrays)
    values: list[dict[str, list[float | None]]] = [{} for _ in range(flushes)]
    for name in sorted(key.removeprefix("value.") for key in arrays if key.startswith("value.")):
        for row, numbers in zip(values, _split(arrays, name, flushes), strict=True):
            if numbers is not None:
                row[name] = finite(numbers)
    frame = zip(arrays["epoch"].tolist(), arrays["step"].tolist(), arrays["t"].tolist(), values, strict=True)
    return [PointRecord(*row) for row in frame]


def _points_frame(arrays: Arrays) -> int:
    names = {key.removeprefix("value.") for key in arrays if key.startswith("value.")}
    expected = {"epoch", "step", "t", *(f"{part}.{name}" for name in names for part in ("count", "value"))}
    types = {key: np.dtype(np.float64 if key == "t" or key.startswith("value.") else np.int64) for key in expected}
    fits = set(arrays) == expected and all(VALUE_NAME.fullmatch(name) for name in names)
    fits = fits and all(array.dtype == types[key] and array.ndim == 1 for key, array in arrays.items())
    if not fits or not len(arrays["epoch"]) == len(arrays["step"]) == len(arrays["t"]):
        raise BundleError("`points.npz` does not hold the arrays of this format; export the run again.")
    in_range = all(((arrays[key] >= 0) & (arrays[key] < 2**31)).all() for key in ("epoch", "step"))
    if not in_range or not np.isfinite(arrays["t"]).all():
        raise BundleError("`points.npz` must hold epochs and steps of at least 0 and finite times; export it again.")
    return len(arrays["epoch"])


def _split(arrays: Arrays, name: str, flushes: int) -> list[list[float] | None]:
    counts, flat = arrays[f"count.{name}"], arrays[f"value.{name}"]
    fits = len(counts) == flushes and ((counts >= -1) & (counts <= len(flat))).all()
    if not fits or counts.clip(0).sum() != len(flat):
        raise BundleError(f"`count.{name}` in `points.npz` does not fit `value.{name}`; export the run again.")
    ends = counts.clip(0).cumsum().tolist()
    numbers = flat.tolist()
    return [None if count < 0 else numbers[end - count : end] for count, end in zip(counts.tolist(), ends, strict=True)]
