"""The reading half of the store: every question that can be asked about recorded runs."""

import difflib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqlalchemy import URL, Connection, CursorResult, bindparam, func, select

from mnist_core.errors import RunNotFound
from mnist_core.runs import tables
from mnist_core.runs.database import Database
from mnist_core.runs.following import LEADS, recorded_under
from mnist_core.runs.names import looks_like_id
from mnist_core.runs.records import ACTIVE, Artifact, EpochRecord, Opening, PointRecord, RunRecord, RunState, Wish

__all__ = ["SEEN", "News", "StoreReader", "existing_run", "ordered", "run_record"]

SHOWN_CANDIDATES = 5
SEEN = tables.run.c.deleted.is_(None)
"""Deleted runs stay for a while, so that a delete can be undone; nobody sees them."""


class News(NamedTuple):
    """A run at one moment, and what has come since somebody last asked.

    Attributes:
        record: its row.
        points: its new points with their sequence numbers, in order.
        epochs: its newly committed epochs, first to last.
    """

    record: RunRecord
    points: list[tuple[int, PointRecord]]
    epochs: list[EpochRecord]


class StoreReader:
    """Reads runs, their points, epochs and artifacts; usable from several threads."""

    def __init__(self, url: str | URL) -> None:
        """Opens the database and creates what is missing.

        Args:
            url: SQLAlchemy URL, such as `sqlite:////home/me/lab.sqlite`.

        Raises:
            StorageError: it cannot be opened, or a newer version of this program made it.
        """
        self._database = Database(url)

    def close(self) -> None:
        """Closes all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def now(self) -> float:
        """The time by the database's clock, in seconds since 1970-01-01 UTC."""
        with self._database.reading() as connection:
            return connection.execute(select(tables.DatabaseNow())).scalar_one()

    def runs(self) -> list[RunRecord]:
        """All runs that train, newest first."""
        query = (
            select(tables.run)
            .where(SEEN, tables.run.c.kind == "train")
            .order_by(tables.run.c.created.desc(), tables.run.c.id.desc())
        )
        with self._database.reading() as connection:
            return [run_record(row) for row in connection.execute(query).mappings()]

    def active(self) -> list[RunRecord]:
        """The runs that are queued or running, oldest first."""
        columns = tables.run.c
        states = columns.state.in_(ACTIVE)
        query = select(tables.run).where(SEEN, states).order_by(columns.created, columns.id)
        with self._database.reading() as connection:
            return [run_record(row) for row in connection.execute(query).mappings()]

    def ordered(self, kind: str, source: str, spec: dict[str, Any]) -> RunRecord | None:
        """What `order` would answer without a new row: the same that is queued, running or done; None where none is."""
        with self._database.reading() as connection:
            return ordered(connection, kind, source, spec)

    def sizes(self, kind: str) -> list[tuple[str, int]]:
        """The finished orders of a kind, newest first: id, and the bytes of all that they keep."""
        columns, kept = tables.run.c, tables.artifact.c
        finished = (columns.kind == kind, columns.state.not_in(ACTIVE), SEEN)
        total = func.coalesce(func.sum(kept.bytes), 0)
        query = select(columns.id, total).outerjoin(tables.artifact, kept.run == columns.id).where(*finished)
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(columns.id, columns.created).order_by(columns.created.desc()))
            return [(order, int(size)) for order, size in rows]

    def used(self, *, lately_s: float = 3600) -> dict[str, float]:
        """Seconds of training slots that each owner's runs used which ended lately."""
        columns = tables.run.c
        recent = columns.ended > tables.DatabaseNow() - lately_s
        query = select(columns.owner, func.sum(columns.used)).where(recent, LEADS).group_by(columns.owner)
        with self._database.reading() as connection:
            return {owner: float(seconds or 0) for owner, seconds in connection.execute(query)}

    def followers(self, run_id: str) -> int:
        """How many queued or running runs follow this one."""
        columns = tables.run.c
        following = (columns.source == run_id, columns.kind == "train", SEEN)
        states = columns.state.in_(ACTIVE)
        with self._database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(tables.run).where(*following, states)) or 0

    def run(self, ref: str) -> RunRecord:
        """The run with this id, this name, or the only one whose id begins so (4 characters at least).

        Raises:
            RunNotFound: there is none, or more than one; the sentence names candidates.
        """
        columns = tables.run.c
        ref = ref.encode(errors="replace").decode()
        is_id = looks_like_id(ref)
        fits = columns.id.startswith(ref.lower(), autoescape=True) if is_id else columns.name == ref
        query = select(tables.run).where(fits, SEEN).order_by(columns.created.desc()).limit(SHOWN_CANDIDATES + 1)
        with self._database.reading() as connection:
            found = [run_record(row) for row in connection.execute(query).mappings()]
            if len(found) != 1:
                raise RunNotFound(_ambiguous(ref, found) if found else _unknown(ref, connection))
        return found[0]

    def epochs(self, run_id: str, after: int = -1) -> list[EpochRecord]:
        """The committed epochs of a run above `after`, first to last; what is committed never changes."""
        query = _of(tables.epoch, run_id).where(tables.epoch.c.epoch > after).order_by(tables.epoch.c.epoch)
        with self._database.reading() as connection:
            return [EpochRecord(**row) for row in connection.execute(query).mappings()]

    def points(self, run_id: str, after: int = -1) -> list[tuple[int, PointRecord]]:
        """The points whose sequence number is above `after`, in order.

        Numbers grow even when a resumed run repeats steps: a reader who keeps points drops those that it holds at or
        after the `step` of a new one.
        """
        query = _of(tables.point, run_id).where(tables.point.c.seq > after).order_by(tables.point.c.seq)
        with self._database.reading() as connection:
            return _points(connection.execute(query))

    def news(self, run_id: str, *, points: int = -1, epochs: int = -1) -> News:
        """A run with its points and epochs above these numbers, as of one moment; for those who ask again and again.

        It costs a third of `run`, `points` and `epochs`: one transaction, and statements that are put together once.

        Args:
            run_id: its full id.
            points: sequence number of the last point that is known.
            epochs: the last epoch that is known.

        Raises:
            RunNotFound: there is no such run.
        """
        with self._database.reading() as connection:
            row = connection.execute(RUN, {"run": run_id}).mappings().one_or_none()
            if row is None:
                raise RunNotFound(_unknown(run_id, connection))
            record = run_record(row)
            under = record.source if record.kind == "train" and record.source else record.id
            new_points = _points(connection.execute(POINTS, {"run": under, "after": points}))
            if record.epoch is None or record.epoch <= epochs:
                return News(record, new_points, [])
            rows = connection.execute(EPOCHS, {"run": under, "after": epochs}).mappings()
            return News(record, new_points, [EpochRecord(**row) for row in rows])

    def has_points(self, run_id: str) -> bool:
        """Whether a run has taken its first steps."""
        query = select(tables.point.c.seq).where(tables.point.c.run == recorded_under(run_id)).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(query) is not None

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The artifacts of a run, ordered by epoch and name."""
        query = _of(tables.artifact, run_id).order_by(tables.artifact.c.epoch, tables.artifact.c.name)
        with self._database.reading() as connection:
            return [Artifact(**row) for row in connection.execute(query).mappings()]

    def artifact(self, run_id: str, epoch: int, name: str) -> Artifact | None:
        """One artifact of a run, or None."""
        columns = tables.artifact.c
        query = _of(tables.artifact, run_id).where(columns.epoch == epoch, columns.name == name)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Artifact(**row) if row else None

    def openings(self, run_id: str) -> list[Opening]:
        """The looks at the run's test split, first to last."""
        columns = [column for column in tables.opening.c if column.name != "run"]
        query = select(*columns).where(tables.opening.c.run == run_id).order_by(tables.opening.c.when)
        with self._database.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [Opening(**row | {"state": RunState(row["state"])}) for row in rows]

    def named_datasets(self) -> set[str]:
        """The datasets of all runs that train, deleted ones that can come back included."""
        query = select(tables.run.c.spec).where(tables.run.c.kind == "train")
        with self._database.reading() as connection:
            named = [spec.get("dataset") for spec in connection.scalars(query)]
        return {str(dataset.get("name", "")) for dataset in named if isinstance(dataset, dict)}

    def referenced_blobs(self) -> set[str]:
        """The sha256 of every blob that an artifact names."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(tables.artifact.c.sha).distinct()))


def ordered(connection: Connection, kind: str, source: str, spec: dict[str, Any]) -> RunRecord | None:
    """Short work of this kind on a run that is queued, running or done; None where there is none."""
    columns = tables.run.c
    same = (columns.kind == kind, columns.source == source, columns.state.in_((*ACTIVE, RunState.DONE)), SEEN)
    for row in connection.execute(select(tables.run).where(*same)).mappings():
        if row["spec"] == spec:
            return run_record(row)
    return None


def _of(table: Any, run_id: str) -> Any:
    return select(*_columns(table)).where(table.c.run == recorded_under(run_id))


def _columns(table: Any) -> list[Any]:
    return [column for column in table.c if column.name != "run"]


def _since(table: Any, number: Any) -> Any:
    """The rows of a run, `run`, whose number is above `after`, in order."""
    return select(*_columns(table)).where(table.c.run == bindparam("run"), number > bindparam("after")).order_by(number)


RUN = select(tables.run).where(tables.run.c.id == bindparam("run"), SEEN)
POINTS = _since(tables.point, tables.point.c.seq)
EPOCHS = _since(tables.epoch, tables.epoch.c.epoch)


def _points(rows: CursorResult[Any]) -> list[tuple[int, PointRecord]]:
    found = [dict(row) for row in rows.mappings()]
    return [(row.pop("seq"), PointRecord(**row)) for row in found]


def run_record(row: Mapping[Any, Any]) -> RunRecord:
    """The record of one row of the run table."""
    plain = dict(row)
    plain["state"] = RunState(plain["state"])
    plain["wish"] = Wish(plain["wish"]) if plain["wish"] else None
    return RunRecord(**plain)


def existing_run(connection: Connection, run_id: str) -> RunRecord:
    """The run with this id, inside a transaction.

    Raises:
        RunNotFound: there is none.
    """
    row = connection.execute(select(tables.run).where(tables.run.c.id == run_id, SEEN)).mappings().one_or_none()
    if row is None:
        raise RunNotFound(_unknown(run_id, connection))
    return run_record(row)


def _ambiguous(ref: str, found: list[RunRecord]) -> str:
    shown = ", ".join(f"`{run.id}` ({run.name})" for run in found[:SHOWN_CANDIDATES])
    more = ", ..." if len(found) > SHOWN_CANDIDATES else ""
    return f"An id must fit one run, `{ref}` fits more: {shown}{more}; give more of the id, or the name."


def _unknown(ref: str, connection: Connection) -> str:
    rows = connection.execute(
        select(tables.run.c.name, tables.run.c.id).where(SEEN, tables.run.c.kind == "train")
    ).all()
    if not rows:
        return f"No run answers to `{ref}`: none is recorded yet; train one first."
    close = difflib.get_close_matches(ref, [text for row in rows for text in row], n=3, cutoff=0.6)
    hint = "did you mean " + " or ".join(f"`{text}`" for text in close) if close else "`runs` lists all of them"
    return f"No run answers to `{ref}`; {hint}."
