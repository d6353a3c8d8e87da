"""The statements that the store's transactions are made of; each works inside a transaction that is open."""

from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, tuple_, update
from uuid6 import uuid7

from mnist_core.errors import InvalidInput, LeaseLost, StorageError
from mnist_core.runs.following import LEADS, mirror
from mnist_core.runs.names import check_name, free_name, friendly_name
from mnist_core.runs.reading import SEEN, run_record
from mnist_core.runs.records import Artifact, Lease, PointRecord, RunRecord, RunState, Wish, finite
from mnist_core.runs.tables import DatabaseNow, artifact, epoch, point, run

__all__ = [
    "Holder",
    "Submission",
    "append_points",
    "change",
    "claim",
    "delete_artifacts",
    "guard",
    "held_by",
    "insert_points",
    "insert_run",
    "like_its_leader",
    "new_name",
    "new_row",
    "refuse_second_commit",
    "replace_artifacts",
    "untaken_name",
]

POINTS_PER_ATTEMPT = 2**20
"""Each attempt numbers its points from a higher start, so that none is given twice when a resumed run repeats steps."""


class Submission(TypedDict, total=False):
    """What else can be said about a new run; `RunRecord` explains the fields."""

    kind: str
    source: str | None
    parent: str | None
    owner: str
    note: str
    lane: str
    device: str | None
    cost: float | None


class Holder(TypedDict):
    """Who takes a run: a ticket that nobody else has, the worker's name, the kind of device that it works on."""

    ticket: str
    worker: str
    device: str


def change(connection: Connection, *conditions: ColumnElement[bool], **values: Any) -> bool:
    """Changes the runs that meet all conditions; says whether it was one."""
    return connection.execute(update(run).where(*conditions).values(**values)).rowcount == 1


def new_row(spec: dict[str, Any], digest: str, more: Submission) -> dict[str, Any]:
    """The columns of a new queued run, but its name."""
    row = {"kind": "train", "owner": "local", "note": "", "lane": "train"} | dict(more)
    row |= {"id": str(uuid7()), "spec": spec, "digest": digest}
    return row | {"state": RunState.QUEUED, "attempt": 0, "created": DatabaseNow()}


def insert_run(connection: Connection, row: dict[str, Any]) -> RunRecord:
    """Adds a run."""
    return run_record(connection.execute(insert(run).values(row).returning(*run.c)).mappings().one())


def claim(connection: Connection, run_id: str, holder: Holder) -> Lease | None:
    """Takes a queued run for whoever holds it from now on; None where it cannot be taken."""
    now = DatabaseNow()
    change = (
        update(run)
        .where(run.c.id == run_id, run.c.state == RunState.QUEUED, SEEN, LEADS)
        .values(state=RunState.RUNNING, beat=now, **holder)
        .values(attempt=run.c.attempt + 1, started=func.coalesce(run.c.started, now))
        .returning(run.c.attempt)
    )
    attempt = connection.scalar(change)
    if attempt is None:
        return None
    mirror(connection, run_id, state=RunState.RUNNING, started=func.coalesce(run.c.started, now))
    return Lease(run_id, holder["ticket"], attempt)


def like_its_leader(leader: RowMapping) -> dict[str, Any]:
    """What a new row that follows a run begins with."""
    now = DatabaseNow()
    same = {name: leader[name] for name in ("state", "epoch", "result", "reason", "device")}
    begun = {} if leader["state"] == RunState.QUEUED else {"started": now}
    ended = {"ended": now} if leader["state"] == RunState.DONE else {}
    return same | begun | ended | {"source": leader["id"]}


def held_by(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """What a run meets while a lease holds it."""
    columns = run.c
    return (
        columns.id == lease.run,
        columns.state == RunState.RUNNING,
        columns.ticket == lease.ticket,
        columns.attempt == lease.attempt,
    )


def guard(connection: Connection, lease: Lease, **values: Any) -> Wish | None:
    """Refuses what comes after it in this transaction unless the lease holds the run; what is wished of the worker."""
    change = update(run).where(*held_by(lease)).values(beat=DatabaseNow(), **values).returning(run.c.wish)
    held = connection.execute(change).one_or_none()
    if held is None:
        raise LeaseLost(
            f"Run `{lease.run}` must be written under the lease that holds it, got ticket `{lease.ticket}`, attempt"
            f" {lease.attempt}, which no longer does; this worker stops."
        )
    return Wish(held.wish) if held.wish else None


def refuse_second_commit(connection: Connection, run_id: str, number: int) -> None:
    """Refuses an epoch that is committed already, or is before one that is."""
    last = connection.scalar(select(func.max(epoch.c.epoch)).where(epoch.c.run == run_id))
    if last is not None and last >= number:
        raise StorageError(
            f"Epochs are committed once and in order, got epoch {number} of run `{run_id}` after epoch {last};"
            " resume after the last committed epoch."
        )


def insert_points(connection: Connection, run_id: str, points: Sequence[PointRecord], start: int) -> None:
    """Adds points, numbered from `start`."""
    rows = [finite(vars(record)) | {"run": run_id, "seq": start + index} for index, record in enumerate(points)]
    if rows:
        connection.execute(insert(point), rows)


def append_points(connection: Connection, lease: Lease, points: Sequence[PointRecord]) -> None:
    """Adds points behind those that are there."""
    if points:
        last = connection.scalar(select(func.max(point.c.seq)).where(point.c.run == lease.run))
        start = lease.attempt * POINTS_PER_ATTEMPT
        insert_points(connection, lease.run, points, max(start, -1 if last is None else last + 1))


def replace_artifacts(
    connection: Connection, run_id: str, artifacts: Sequence[Artifact], dropped: Iterable[tuple[int, str]] = ()
) -> None:
    """Records artifacts in the place of those of the same epoch and name, and forgets others, as (epoch, name)."""
    delete_artifacts(connection, run_id, [*((record.epoch, record.name) for record in artifacts), *dropped])
    rows = [vars(record) | {"run": run_id} for record in artifacts]
    if rows:
        connection.execute(insert(artifact), rows)


def delete_artifacts(connection: Connection, run_id: str, names: Iterable[tuple[int, str]]) -> None:
    """Forgets artifacts, given as (epoch, name)."""
    keys = list(names)
    if keys:
        named = tuple_(artifact.c.epoch, artifact.c.name).in_(keys)
        connection.execute(delete(artifact).where(artifact.c.run == run_id, named))


def _owner_of_name(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(run.c.id).where(run.c.name == name))


def untaken_name(connection: Connection, wanted: str) -> str:
    """The wanted name, with a number behind it where it is taken."""
    return free_name(wanted, lambda name: _owner_of_name(connection, name) is not None)


def new_name(connection: Connection, name: str | None) -> str:
    """A name for a new run: the given one if it may be used, else a friendly one."""
    if name is None:
        return untaken_name(connection, friendly_name())
    owner = _owner_of_name(connection, check_name(name))
    if owner:
        raise InvalidInput(f"`name` must be new, got {name!r}, which run `{owner}` has; choose another.")
    return name
