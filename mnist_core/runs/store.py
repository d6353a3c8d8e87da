"""The store of runs in a SQL database: every change of a run is one transaction that says whether it won.

A run moves queued -> running -> finished, and back from running to queued when its worker is gone. Who claims it gets a
lease (ticket and attempt); each write under a lease compares it first, in the same transaction. Finished is final.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, select, tuple_, update
from uuid6 import uuid7

from mnist_core.errors import InvalidInput, LeaseLost, RunBusy, StorageError
from mnist_core.runs.names import check_name, free_name, friendly_name
from mnist_core.runs.reading import StoreReader, existing_run, run_record
from mnist_core.runs.records import Artifact, EpochRecord, Lease, PointRecord, RunRecord, RunState, Wish, finite
from mnist_core.runs.tables import DatabaseNow, artifact, epoch, opening, point, run

__all__ = ["Store", "Submission"]

# Each attempt numbers its points from a higher start, so that none is given twice when a resumed run repeats steps.
POINTS_PER_ATTEMPT = 2**20
ACTIVE = (RunState.QUEUED, RunState.RUNNING)


class Submission(TypedDict, total=False):
    """What else can be said about a new run; `RunRecord` explains the fields."""

    kind: str
    source: str | None
    parent: str | None
    owner: str
    note: str
    lane: str
    device: str | None


class Store(StoreReader):
    """Records runs; usable from several threads and processes at once."""

    def submit(
        self,
        spec: dict[str, Any],
        *,
        digest: str,
        name: str | None = None,
        cost: float | None = None,
        **more: Unpack[Submission],
    ) -> RunRecord:
        """Adds a queued run.

        Args:
            spec: the specification as plain data.
            digest: sha256 of all that decides the numbers.
            name: a name that no run has; None draws one.
            cost: estimated seconds of a training slot.
            **more: other columns of the run.

        Raises:
            InvalidInput: the name is not allowed, or taken.
        """
        row = {"kind": "train", "owner": "local", "note": "", "lane": "train"} | dict(more)
        row |= {"id": str(uuid7()), "spec": spec, "digest": digest, "cost": cost}
        row |= {"state": RunState.QUEUED, "attempt": 0, "created": DatabaseNow()}
        with self._database.writing() as connection:
            row["name"] = _new_name(connection, name)
            inserted = connection.execute(insert(run).values(row).returning(*run.c))
            return run_record(inserted.mappings().one())

    def claim(self, run_id: str, *, ticket: str, worker: str, device: str) -> Lease | None:
        """Takes a queued run to run it; None when another was faster or it is no longer queued."""
        now = DatabaseNow()
        change = (
            update(run)
            .where(run.c.id == run_id, run.c.state == RunState.QUEUED)
            .values(state=RunState.RUNNING, ticket=ticket, worker=worker, device=device, beat=now)
            .values(attempt=run.c.attempt + 1, started=func.coalesce(run.c.started, now))
            .returning(run.c.attempt)
        )
        with self._database.writing() as connection:
            attempt = connection.scalar(change)
        return None if attempt is None else Lease(run_id, ticket, attempt)

    def requeue(self, run_id: str, *, ticket: str, attempt: int) -> bool:
        """Gives a running run back to the queue if this lease still holds it; says whether it did."""
        held = _held_by(Lease(run_id, ticket, attempt))
        return self._change(*held, state=RunState.QUEUED, ticket=None, worker=None)

    def beat(self, lease: Lease, points: Sequence[PointRecord] = ()) -> Wish | None:
        """Appends points, says that the worker lives, and returns what is wished of it.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            _guard(connection, lease)
            if points:
                last = connection.scalar(select(func.max(point.c.seq)).where(point.c.run == lease.run))
                start = lease.attempt * POINTS_PER_ATTEMPT
                _insert_points(connection, lease.run, points, max(start, -1 if last is None else last + 1))
            wish = connection.scalar(select(run.c.wish).where(run.c.id == lease.run))
        return Wish(wish) if wish else None

    def wish(self, run_id: str, wish: Wish) -> bool:
        """Asks a queued or running run to end; False when it has ended. A wish to kill stays one."""
        stronger = case((run.c.wish == Wish.KILL, Wish.KILL), else_=wish)
        return self._change(run.c.id == run_id, run.c.state.in_(ACTIVE), wish=stronger)

    def keep(self, lease: Lease, artifacts: Sequence[Artifact]) -> None:
        """Records artifacts outside an epoch's commit; one of the same epoch and name is replaced.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            _guard(connection, lease)
            _replace_artifacts(connection, lease.run, artifacts)

    def commit_epoch(self, lease: Lease, record: EpochRecord, artifacts: Sequence[Artifact]) -> None:
        """Records an epoch and its artifacts, all or nothing; their blobs must exist already.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
            StorageError: this epoch or a later one is committed already.
        """
        with self._database.writing() as connection:
            _guard(connection, lease, epoch=record.epoch)
            _refuse_second_commit(connection, lease.run, record.epoch)
            connection.execute(insert(epoch).values(run=lease.run, **finite(asdict(record))))
            _replace_artifacts(connection, lease.run, artifacts)

    def set_recording_seconds(self, lease: Lease, epoch_number: int, seconds: float) -> None:
        """Writes how long recording an epoch took, which is known only afterwards.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        this_epoch = (epoch.c.run == lease.run, epoch.c.epoch == epoch_number)
        with self._database.writing() as connection:
            _guard(connection, lease)
            connection.execute(update(epoch).where(*this_epoch).values(recording_seconds=seconds))

    def drop(self, lease: Lease, names: Iterable[tuple[int, str]]) -> None:
        """Forgets artifacts, given as (epoch, name); their blobs go when nothing else names them.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            _guard(connection, lease)
            _delete_artifacts(connection, lease.run, names)

    def rewind(self, lease: Lease) -> None:
        """Deletes the points beyond the last committed epoch, as a resumed run takes those steps again.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            _guard(connection, lease)
            last = connection.scalar(select(run.c.epoch).where(run.c.id == lease.run))
            beyond = point.c.epoch > (-1 if last is None else last)
            connection.execute(delete(point).where(point.c.run == lease.run, beyond))

    def finish(
        self,
        lease: Lease,
        state: RunState,
        *,
        reason: str | None = None,
        result: dict[str, Any] | None = None,
        used: float | None = None,
    ) -> bool:
        """Ends a run for good if the lease still holds it; says whether it did.

        Args:
            lease: the right to do so.
            state: done, failed or stopped.
            reason: why it failed or stopped, as a sentence.
            result: what came out, as plain data.
            used: seconds of a training slot that it took.
        """
        if not state.is_finished:
            raise ValueError(f"`state` must be done, failed or stopped, got {state}.")
        values = {"state": state, "reason": reason, "result": finite(result), "used": used}
        return self._change(*_held_by(lease), **values, ended=DatabaseNow())

    def discard_queued(self, run_id: str, reason: str) -> bool:
        """Stops a run that no worker has claimed; says whether it did."""
        queued = (run.c.id == run_id, run.c.state == RunState.QUEUED)
        return self._change(*queued, state=RunState.STOPPED, reason=reason, ended=DatabaseNow())

    def opened(self, run_id: str, by: str) -> None:
        """Records a look at the run's test split, with the state the run is in.

        Raises:
            RunNotFound: there is no such run.
        """
        with self._database.writing() as connection:
            state = existing_run(connection, run_id).state
            connection.execute(insert(opening).values(run=run_id, when=DatabaseNow(), by=by, state=state))

    def delete(self, run_id: str) -> None:
        """Removes a run and all its rows; its blobs go when nothing else names them.

        Raises:
            RunNotFound: there is no such run.
            RunBusy: it is running.
        """
        with self._database.writing() as connection:
            removed = connection.execute(delete(run).where(run.c.id == run_id, run.c.state != RunState.RUNNING))
            if removed.rowcount == 0:
                name = existing_run(connection, run_id).name
                raise RunBusy(f"Run `{name}` is running and cannot be deleted; stop it first.")

    def check_new_name(self, name: str) -> None:
        """Checks a name before a run is submitted with it.

        Raises:
            InvalidInput: it is not allowed, or taken.
        """
        with self._database.reading() as connection:
            _new_name(connection, name)

    def rename(self, run_id: str, name: str) -> None:
        """Gives a run another name.

        Raises:
            RunNotFound: there is no such run.
            InvalidInput: the name is not allowed, or another run has it.
        """
        with self._database.writing() as connection:
            if existing_run(connection, run_id).name != name:
                connection.execute(update(run).where(run.c.id == run_id).values(name=_new_name(connection, name)))

    def set_note(self, run_id: str, note: str) -> None:
        """Replaces the note of a run.

        Raises:
            RunNotFound: there is no such run.
        """
        with self._database.writing() as connection:
            existing_run(connection, run_id)
            connection.execute(update(run).where(run.c.id == run_id).values(note=note))

    def insert(
        self,
        record: RunRecord,
        *,
        epochs: Sequence[EpochRecord],
        points: Sequence[PointRecord],
        artifacts: Sequence[Artifact],
    ) -> RunRecord:
        """Adds a whole run from elsewhere; a run with its id that is here already is returned as it is.

        Returns:
            The run as it is now in the store; its name has a number behind it when another run had that name.
        """
        with self._database.writing() as connection:
            known = connection.execute(select(run).where(run.c.id == record.id)).mappings().one_or_none()
            if known:
                return run_record(known)
            row = asdict(record) | {"name": _free_name(connection, record.name), "result": finite(record.result)}
            connection.execute(insert(run).values(row))
            for epoch_record in epochs:
                connection.execute(insert(epoch).values(run=record.id, **finite(asdict(epoch_record))))
            _insert_points(connection, record.id, points, 0)
            _replace_artifacts(connection, record.id, artifacts)
            return existing_run(connection, record.id)

    def _change(self, *conditions: ColumnElement[bool], **values: Any) -> bool:
        with self._database.writing() as connection:
            return connection.execute(update(run).where(*conditions).values(**values)).rowcount == 1


def _held_by(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    columns = run.c
    return (
        columns.id == lease.run,
        columns.state == RunState.RUNNING,
        columns.ticket == lease.ticket,
        columns.attempt == lease.attempt,
    )


def _guard(connection: Connection, lease: Lease, **values: Any) -> None:
    change = update(run).where(*_held_by(lease)).values(beat=DatabaseNow(), **values)
    if connection.execute(change).rowcount != 1:
        raise LeaseLost(
            f"Run `{lease.run}` must be written under the lease that holds it, got ticket `{lease.ticket}`, attempt"
            f" {lease.attempt}, which no longer does; this worker stops."
        )


def _refuse_second_commit(connection: Connection, run_id: str, number: int) -> None:
    last = connection.scalar(select(func.max(epoch.c.epoch)).where(epoch.c.run == run_id))
    if last is not None and last >= number:
        raise StorageError(
            f"Epochs are committed once and in order, got epoch {number} of run `{run_id}` after epoch {last};"
            " resume after the last committed epoch."
        )


def _insert_points(connection: Connection, run_id: str, points: Sequence[PointRecord], start: int) -> None:
    rows = [finite(asdict(record)) | {"run": run_id, "seq": start + index} for index, record in enumerate(points)]
    if rows:
        connection.execute(insert(point), rows)


def _replace_artifacts(connection: Connection, run_id: str, artifacts: Sequence[Artifact]) -> None:
    _delete_artifacts(connection, run_id, [(record.epoch, record.name) for record in artifacts])
    rows = [asdict(record) | {"run": run_id} for record in artifacts]
    if rows:
        connection.execute(insert(artifact), rows)


def _delete_artifacts(connection: Connection, run_id: str, names: Iterable[tuple[int, str]]) -> None:
    keys = list(names)
    if keys:
        named = tuple_(artifact.c.epoch, artifact.c.name).in_(keys)
        connection.execute(delete(artifact).where(artifact.c.run == run_id, named))


def _owner_of_name(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(run.c.id).where(run.c.name == name))


def _free_name(connection: Connection, wanted: str) -> str:
    return free_name(wanted, lambda name: _owner_of_name(connection, name) is not None)


def _new_name(connection: Connection, name: str | None) -> str:
    if name is None:
        return _free_name(connection, friendly_name())
    owner = _owner_of_name(connection, check_name(name))
    if owner:
        raise InvalidInput(f"`name` must be new, got {name!r}, which run `{owner}` has; choose another.")
    return name
