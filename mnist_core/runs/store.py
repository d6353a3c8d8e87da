"""The store of runs in a SQL database: every change of a run is one transaction that says whether it won.

A run moves queued -> running -> finished, and back from running to queued when its worker is gone. Who claims it gets a
lease (ticket and attempt); each write under a lease compares it first, in the same transaction. Finished is final.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

from sqlalchemy import ColumnElement, Connection, RowMapping, case, delete, func, insert, select, update

from mnist_core.errors import InvalidInput, RunBusy
from mnist_core.runs import writing
from mnist_core.runs.following import LEADS, detach, hand_over, leader_for, mirror, promote
from mnist_core.runs.queue import Waiting, fair_order
from mnist_core.runs.reading import SEEN, StoreReader, existing_run, ordered
from mnist_core.runs.records import ACTIVE, Artifact, EpochRecord, Lease, PointRecord, RunRecord, RunState, Wish, finite
from mnist_core.runs.tables import DatabaseNow, epoch, opening, point, run
from mnist_core.runs.writing import Holder, Submission

__all__ = ["Holder", "Store", "Submission"]


class Store(StoreReader):
    """Records runs; usable from several threads and processes at once."""

    def submit(
        self,
        spec: dict[str, Any],
        *,
        digest: str,
        name: str | None = None,
        follow: bool = False,
        **more: Unpack[Submission],
    ) -> RunRecord:
        """Adds a queued run.

        Args:
            spec: the specification as plain data.
            digest: sha256 of all that decides the numbers.
            name: a name that no run has; None draws one.
            follow: where a run with this digest is queued, running or done already, add a row that shows its records.
            **more: other columns of the run.

        Raises:
            InvalidInput: the name is not allowed, or taken.
        """
        row = writing.new_row(spec, digest, more)
        with self._database.writing() as connection:
            leader = leader_for(connection, digest) if follow else None
            row |= writing.like_its_leader(leader) if leader else {}
            return writing.insert_run(connection, row | {"name": writing.new_name(connection, name)})

    def order(self, kind: str, source: str, spec: dict[str, Any], *, owner: str) -> RunRecord:
        """Asks for short work on a run, in the view lane; the same that is queued, running or done is not done again.

        Args:
            kind: what to do.
            source: id of the run that it looks at.
            spec: what exactly, as plain data.
            owner: who asks.

        Raises:
            RunNotFound: there is no such run.
        """
        with self._database.writing() as connection:
            looked_at = existing_run(connection, source)
            known = ordered(connection, kind, source, spec)
            if known:
                return known
            more: Submission = {"kind": kind, "source": source, "owner": owner, "lane": "view", "device": "cpu"}
            new = writing.new_row(spec, looked_at.digest, more) | {"name": writing.new_name(connection, None)}
            return writing.insert_run(connection, new)

    def begin(
        self, spec: dict[str, Any], *, digest: str, name: str | None, holder: Holder, **more: Unpack[Submission]
    ) -> tuple[RunRecord, Lease]:
        """Adds a run that this process takes at once, so that no other worker ever sees it queued.

        Args:
            spec: the specification as plain data.
            digest: sha256 of all that decides the numbers.
            name: a name that no run has; None draws one.
            holder: who takes it.
            **more: other columns of the run.

        Raises:
            InvalidInput: the name is not allowed, or taken.
        """
        with self._database.writing() as connection:
            row = writing.new_row(spec, digest, more) | {"name": writing.new_name(connection, name)}
            record = writing.insert_run(connection, row)
            lease = writing.claim(connection, record.id, holder)
            assert lease is not None
            return existing_run(connection, record.id), lease

    def claim(self, run_id: str, **holder: Unpack[Holder]) -> Lease | None:
        """Takes a queued run to run it; None when another was faster or it is no longer queued."""
        with self._database.writing() as connection:
            return writing.claim(connection, run_id, holder)

    def claim_next(self, lane: str, **holder: Unpack[Holder]) -> Lease | None:
        """Takes the queued run whose turn it is in a lane, for a kind of device; None when there is none."""
        columns = run.c
        device = func.coalesce(columns.device, "cpu")
        here = (columns.lane == lane, device == holder["device"], SEEN, LEADS)
        queued = select(columns.id, columns.owner, columns.created).where(columns.state == RunState.QUEUED, *here)
        running = select(columns.owner, func.count()).where(
            columns.state == RunState.RUNNING, columns.lane == lane, LEADS
        )
        used = self.used()
        with self._database.writing() as connection:
            waiting = [Waiting(*row) for row in connection.execute(queued)]
            counted = connection.execute(running.group_by(columns.owner)).all()
            working = {owner: int(count) for owner, count in counted}
            for one in fair_order(waiting, working, used):
                lease = writing.claim(connection, one.run, holder)
                if lease:
                    return lease
        return None

    def alive(self, lease: Lease) -> bool:
        """Says that the worker lives, while it has nothing to write; False when the lease no longer holds the run."""
        return self._change(*writing.held_by(lease), beat=DatabaseNow())

    def requeue(self, run_id: str, *, ticket: str, attempt: int) -> bool:
        """Gives a running run back to the queue if this lease still holds it; says whether it did."""
        held = writing.held_by(Lease(run_id, ticket, attempt))
        with self._database.writing() as connection:
            won = writing.change(connection, *held, state=RunState.QUEUED, ticket=None, worker=None)
            if won:
                mirror(connection, run_id, state=RunState.QUEUED)
        return won

    def beat(self, lease: Lease, points: Sequence[PointRecord] = ()) -> Wish | None:
        """Appends points, says that the worker lives, and returns what is wished of it.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            wish = writing.guard(connection, lease)
            writing.append_points(connection, lease, points)
        return wish

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
            writing.guard(connection, lease)
            writing.replace_artifacts(connection, lease.run, artifacts)

    def commit_epoch(
        self,
        lease: Lease,
        record: EpochRecord,
        artifacts: Sequence[Artifact],
        *,
        points: Sequence[PointRecord] = (),
        dropped: Iterable[tuple[int, str]] = (),
    ) -> Wish | None:
        """Records an epoch with its artifacts and last points, all or nothing; returns what is wished of the worker.

        Args:
            lease: the right to do so.
            record: the epoch's numbers.
            artifacts: its files; their blobs must exist already.
            points: points to append.
            dropped: older artifacts to forget, as (epoch, name); one of `artifacts` stays.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
            StorageError: this epoch or a later one is committed already.
        """
        with self._database.writing() as connection:
            wish = writing.guard(connection, lease, epoch=record.epoch)
            writing.refuse_second_commit(connection, lease.run, record.epoch)
            writing.append_points(connection, lease, points)
            connection.execute(insert(epoch).values(run=lease.run, **finite(vars(record))))
            writing.replace_artifacts(connection, lease.run, artifacts, dropped)
            mirror(connection, lease.run, epoch=record.epoch)
        return wish

    def drop(self, lease: Lease, names: Iterable[tuple[int, str]]) -> None:
        """Forgets artifacts, given as (epoch, name); their blobs go when nothing else names them.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            writing.guard(connection, lease)
            writing.delete_artifacts(connection, lease.run, names)

    def rewind(self, lease: Lease) -> None:
        """Deletes the points beyond the last committed epoch, as a resumed run takes those steps again.

        Raises:
            LeaseLost: the lease no longer holds the run; nothing was written.
        """
        with self._database.writing() as connection:
            writing.guard(connection, lease)
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
        values = {"state": state, "reason": reason, "result": finite(result), "ended": DatabaseNow()}
        with self._database.writing() as connection:
            won = writing.change(connection, *writing.held_by(lease), **values, used=used)
            if won and state is RunState.STOPPED:
                promote(connection, lease.run)
            elif won:
                mirror(connection, lease.run, **values)
        return won

    def discard_queued(self, run_id: str, reason: str) -> bool:
        """Stops a run that no worker has claimed; says whether it did. Whoever follows it goes on without it."""
        queued = (run.c.id == run_id, run.c.state == RunState.QUEUED)
        with self._database.writing() as connection:
            won = writing.change(connection, *queued, state=RunState.STOPPED, reason=reason, ended=DatabaseNow())
            if won:
                promote(connection, run_id)
        return won

    def detach(self, run_id: str, reason: str) -> bool:
        """Stops a run that follows another; it keeps what was learnt until now. Says whether it did."""
        following = (run.c.id == run_id, run.c.kind == "train", run.c.source.is_not(None), run.c.state.in_(ACTIVE))
        with self._database.writing() as connection:
            won = writing.change(connection, *following, state=RunState.STOPPED, reason=reason, ended=DatabaseNow())
            if won:
                detach(connection, run_id)
        return won

    def opened(self, run_id: str, by: str) -> None:
        """Records a look at the run's test split, with the state the run is in.

        Raises:
            RunNotFound: there is no such run.
        """
        with self._database.writing() as connection:
            state = existing_run(connection, run_id).state
            connection.execute(insert(opening).values(run=run_id, when=DatabaseNow(), by=by, state=state))

    def delete(self, run_id: str) -> None:
        """Hides a run from everybody; `restore` brings it back until `purge` removes its rows.

        Raises:
            RunNotFound: there is no such run.
            RunBusy: it is running.
        """
        with self._database.writing() as connection:
            idle = (run.c.state != RunState.RUNNING) | ~LEADS
            if not writing.change(connection, run.c.id == run_id, SEEN, idle, deleted=DatabaseNow()):
                name = existing_run(connection, run_id).name
                raise RunBusy(f"Run `{name}` is running and cannot be deleted; stop it first.")
            if connection.scalar(select(run.c.state).where(run.c.id == run_id)) == RunState.QUEUED:
                promote(connection, run_id)

    def restore(self, run_id: str, owner: str | None = None) -> bool:
        """Brings a deleted run back (of this owner, where one is given); False where it is no longer there."""
        mine = (run.c.owner == owner,) if owner is not None else ()
        with self._database.writing() as connection:
            restored = writing.change(connection, run.c.id == run_id, run.c.deleted.is_not(None), *mine, deleted=None)
            row = connection.execute(select(run).where(run.c.id == run_id)).mappings().one_or_none()
            if restored and row and row["state"] == RunState.QUEUED and row["source"] is None:
                self._follow_again(connection, row)
        return restored

    def _follow_again(self, connection: Connection, row: RowMapping) -> None:
        """A queued run whose followers went on without it follows them now, so that nothing is trained twice."""
        others = (run.c.digest == row["digest"], run.c.id != row["id"], run.c.state.in_(ACTIVE), SEEN, LEADS)
        query = select(run).where(*others, run.c.kind == row["kind"]).order_by(run.c.created).limit(1)
        leader = connection.execute(query).mappings().one_or_none()
        if leader is not None:
            writing.change(connection, run.c.id == row["id"], **writing.like_its_leader(leader))

    def purge(self, *, older_than_s: float) -> int:
        """Removes the rows of runs that were deleted so long ago; blobs go when nothing else names them.

        Returns:
            How many runs are gone.
        """
        old = select(run.c.id).where(run.c.deleted < DatabaseNow() - older_than_s).order_by(run.c.created, run.c.id)
        with self._database.writing() as connection:
            gone = list(connection.scalars(old))
            for run_id in gone:
                hand_over(connection, run_id)
            connection.execute(delete(run).where(run.c.id.in_(gone)))
            looked_at = select(run.c.id).scalar_subquery()
            connection.execute(delete(run).where(run.c.kind != "train", run.c.source.not_in(looked_at)))
        return len(gone)

    def check_new_name(self, name: str) -> None:
        """Checks a name before a run is submitted with it.

        Raises:
            InvalidInput: it is not allowed, or taken.
        """
        with self._database.reading() as connection:
            writing.new_name(connection, name)

    def rename(self, run_id: str, name: str) -> None:
        """Gives a run another name.

        Raises:
            RunNotFound: there is no such run.
            InvalidInput: the name is not allowed, or another run has it.
        """
        with self._database.writing() as connection:
            if existing_run(connection, run_id).name != name:
                connection.execute(
                    update(run).where(run.c.id == run_id).values(name=writing.new_name(connection, name))
                )

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
                if known["deleted"] is not None and known["owner"] != record.owner:
                    raise InvalidInput(
                        f"Run `{known['name']}` was deleted here by its owner less than an hour ago; import it later."
                    )
                writing.change(connection, run.c.id == record.id, deleted=None)
                return existing_run(connection, record.id)
            row = vars(record) | {
                "name": writing.untaken_name(connection, record.name),
                "result": finite(record.result),
            }
            connection.execute(insert(run).values(row))
            for epoch_record in epochs:
                connection.execute(insert(epoch).values(run=record.id, **finite(vars(epoch_record))))
            writing.insert_points(connection, record.id, points, 0)
            writing.replace_artifacts(connection, record.id, artifacts)
            return existing_run(connection, record.id)

    def _change(self, *conditions: ColumnElement[bool], **values: Any) -> bool:
        with self._database.writing() as connection:
            return writing.change(connection, *conditions, **values)
