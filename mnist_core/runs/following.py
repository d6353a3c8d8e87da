"""Runs that follow another: rows with the digest of a run that is queued, running or done show that run's records.

A follower's `source` is the run that trains (its leader, which follows nobody). Its own state is kept in step with the
leader's, in the same transactions. Everything here happens inside the store's transactions.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, ScalarSelect, case, insert, select, update

from mnist_core.runs.records import ACTIVE, RunState
from mnist_core.runs.tables import artifact, epoch, point, run

__all__ = [
    "LEADS",
    "SHIPPED_OWNER",
    "copy_records",
    "detach",
    "hand_over",
    "leader_for",
    "mirror",
    "promote",
    "recorded_under",
]

TRAIN = "train"
SHIPPED_OWNER = "shipped"
"""The owner of the runs that come with the product."""

LEADS = (run.c.kind != TRAIN) | run.c.source.is_(None)
"""Rows that a worker carries out."""


def recorded_under(run_id: str) -> ScalarSelect[str]:
    """The id whose points, epochs and artifacts a run shows: its leader's where it follows one."""
    followed = case((run.c.kind == TRAIN, run.c.source))
    return select(case((followed.is_not(None), followed), else_=run.c.id)).where(run.c.id == run_id).scalar_subquery()


def leader_for(connection: Connection, digest: str) -> RowMapping | None:
    """The run that a new one with this digest would follow; the one that is furthest.

    What somebody imported is not taken for it: its numbers are whatever its file says.
    """
    trained_here = (
        run.c.state.in_(ACTIVE) | run.c.worker.is_not(None) | run.c.source.is_not(None) | (run.c.owner == SHIPPED_OWNER)
    )
    furthest = case((run.c.state == RunState.DONE, 0), (run.c.state == RunState.RUNNING, 1), else_=2)
    alike = select(run).where(
        run.c.digest == digest,
        run.c.kind == TRAIN,
        run.c.state.in_((*ACTIVE, RunState.DONE)),
        run.c.deleted.is_(None),
        trained_here,
    )
    found = connection.execute(alike.order_by(furthest, run.c.created).limit(1)).mappings().one_or_none()
    if found is None or found["source"] is None:
        return found
    return connection.execute(select(run).where(run.c.id == found["source"])).mappings().one_or_none()


def mirror(connection: Connection, leader: str, **values: Any) -> None:
    """Gives the active followers of a run the same values."""
    connection.execute(update(run).where(*_active_followers(leader)).values(**values))


def promote(connection: Connection, leader: str) -> str | None:
    """Lets the first active follower of a run go on without it, from its last epoch; the others follow that one.

    A deleted one comes last: it would wait until it is restored.

    Returns:
        Its id; None where there is no active follower.
    """
    turn = (run.c.deleted.is_not(None), run.c.created, run.c.id)
    query = select(run.c.id).where(*_active_followers(leader)).order_by(*turn)
    followers: list[str] = list(connection.scalars(query))
    if not followers:
        return None
    first, others = followers[0], followers[1:]
    # The attempts go along, as they number the points: none may be given twice to who reads on.
    attempt = connection.scalar(select(run.c.attempt).where(run.c.id == leader))
    detach(connection, first, state=RunState.QUEUED, attempt=attempt)
    queued = {"source": first, "state": RunState.QUEUED}
    connection.execute(update(run).where(run.c.id.in_(others)).values(**queued))
    return first


def hand_over(connection: Connection, leader: str) -> None:
    """Gives the records of a run that goes for good to the first of all its followers."""
    followers = list(connection.scalars(select(run.c.id).where(*_followers(leader)).order_by(run.c.created, run.c.id)))
    if followers:
        worker = connection.scalar(select(run.c.worker).where(run.c.id == leader))
        detach(connection, followers[0], worker=worker)
        connection.execute(update(run).where(run.c.id.in_(followers[1:])).values(source=followers[0]))


def detach(connection: Connection, follower: str, **values: Any) -> None:
    """Gives a follower copies of all records of its leader, so that it follows nobody."""
    leader = connection.scalar(select(run.c.source).where(run.c.id == follower))
    if leader is not None:
        copy_records(connection, leader, follower)
    connection.execute(update(run).where(run.c.id == follower).values(source=None, **values))


def copy_records(connection: Connection, origin: str, target: str) -> None:
    """Copies epochs, points and artifacts; blobs are named twice, not copied."""
    for table in (epoch, point, artifact):
        others = [column for column in table.c if column.name != "run"]
        rows = [dict(row) | {"run": target} for row in connection.execute(_of(table, others, origin)).mappings()]
        if rows:
            connection.execute(insert(table), rows)


def _of(table: Any, columns: list[Any], run_id: str) -> Any:
    return select(*columns).where(table.c.run == run_id)


def _followers(leader: str) -> tuple[ColumnElement[bool], ...]:
    return run.c.source == leader, run.c.kind == TRAIN


def _active_followers(leader: str) -> tuple[ColumnElement[bool], ...]:
    return *_followers(leader), run.c.state.in_(ACTIVE)
