"""The tables of the store, as contract.md lists them, and the database's clock."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = [
    "MIGRATIONS",
    "SCHEMA_VERSION",
    "DatabaseNow",
    "artifact",
    "epoch",
    "metadata",
    "opening",
    "point",
    "run",
    "schema_version",
]

SCHEMA_VERSION = 2

MIGRATIONS = {
    2: (
        "ALTER TABLE run ADD COLUMN deleted DOUBLE PRECISION",
        "CREATE INDEX ix_run_source ON run (source)",
    ),
}
"""What brings a database from the version before to this one."""

metadata = MetaData()
PLAIN = JSON(none_as_null=True)


def _run_id(**more: Any) -> Column[str]:
    return Column("run", String(36), ForeignKey("run.id", ondelete="CASCADE"), nullable=False, **more)


schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

run = Table(
    "run",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("source", String(36), index=True),
    Column("parent", String(36)),
    Column("owner", String(200), nullable=False),
    Column("name", String(60), nullable=False, unique=True),
    Column("note", Text, nullable=False),
    Column("spec", PLAIN, nullable=False),
    Column("digest", String(64), nullable=False, index=True),
    Column("state", String(10), nullable=False, index=True),
    Column("wish", String(10)),
    Column("reason", Text),
    Column("lane", String(30), nullable=False),
    Column("device", String(30)),
    Column("ticket", String(200)),
    Column("attempt", Integer, nullable=False),
    Column("worker", String(200)),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("beat", Double),
    Column("ended", Double),
    Column("epoch", Integer),
    Column("result", PLAIN),
    Column("cost", Double),
    Column("used", Double),
    Column("deleted", Double),
)

point = Table(
    "point",
    metadata,
    _run_id(primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("t", Double, nullable=False),
    Column("values", PLAIN, nullable=False),
)

epoch = Table(
    "epoch",
    metadata,
    _run_id(primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("metrics", PLAIN, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("evaluation_seconds", Double, nullable=False),
    Column("recording_seconds", Double, nullable=False),
)

artifact = Table(
    "artifact",
    metadata,
    _run_id(primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("name", String(60), primary_key=True),
    Column("sha", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

opening = Table(
    "opening",
    metadata,
    _run_id(),
    Column("when", Double, nullable=False),
    Column("by", String(200), nullable=False),
    Column("state", String(10), nullable=False),
    Index("ix_opening_run", "run"),
)


class DatabaseNow(FunctionElement[float]):
    """Seconds since 1970-01-01 UTC by the database's clock, the one clock that all machines share."""

    name = "database_now"
    type = Double()
    inherit_cache = True


@compiles(DatabaseNow, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseNow, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"
