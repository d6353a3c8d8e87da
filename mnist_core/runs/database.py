"""One SQL database: opening it, its transactions, and its errors as sentences. It knows no run."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mnist_core.errors import InvalidInput, StorageError, StorageFull
from mnist_core.runs.atomic import disk_errors
from mnist_core.runs.tables import MIGRATIONS, SCHEMA_VERSION, metadata, schema_version

__all__ = ["Database", "sqlite_url"]

BUSY_TIMEOUT_S = 10
SCHEMA_LOCK = 0x6D6E6973
DISK_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, "53100"}
SQLITE_SENTENCES = {
    sqlite3.SQLITE_BUSY: f"stayed locked by another program for {BUSY_TIMEOUT_S} s; close that program and try again",
    sqlite3.SQLITE_LOCKED: "is locked; close the other program that uses it and try again",
    sqlite3.SQLITE_READONLY: "may only be read; give this user the right to write it and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and that this user may write there",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database; move that file away or set `MNIST_LAB_DB`",
    sqlite3.SQLITE_CORRUPT: "is damaged; put a copy back or move it away",
}


class Database:
    """An open database with the store's schema, usable from several threads."""

    def __init__(self, url: str | URL) -> None:
        """Opens the database and creates what is missing.

        Args:
            url: SQLAlchemy URL.

        Raises:
            StorageError: it cannot be opened, or a newer version of this program made it.
        """
        self._url = _parsed(url)
        self._engine = _engine(self._url)
        self._writer = self._engine.execution_options(writing=True)
        try:
            self._ensure_schema()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one consistent state."""
        with self._sentences(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that commits when the block ends well, and leaves no trace when it does not."""
        with self._sentences(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            raise _storage_error(error, self._url) from error

    def _ensure_schema(self) -> None:
        with self.reading() as connection:
            version = _version(connection)
        if version is None or version < SCHEMA_VERSION:
            with self.writing() as connection:
                version = _create_or_migrate(connection)
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"The database `{_shown(self._url)}` has schema {version}, this program knows schemas up to"
                f" {SCHEMA_VERSION}; install a newer version of this program or set `MNIST_LAB_DB`."
            )


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.scalar(select(schema_version.c.version))


def _create_or_migrate(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
    version = _version(connection)
    if version is None:
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        return SCHEMA_VERSION
    for newer in range(version + 1, SCHEMA_VERSION + 1):
        for statement in MIGRATIONS[newer]:
            connection.execute(text(statement))
    if version < SCHEMA_VERSION:
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION))
    return max(version, SCHEMA_VERSION)


def sqlite_url(path: Path) -> URL:
    """The URL of a database file, whatever characters its path holds."""
    return URL.create("sqlite", database=str(path))


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidInput(
            "`MNIST_LAB_DB` must be a SQLAlchemy URL, such as `sqlite:////home/me/lab.sqlite`."
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InvalidInput("`MNIST_LAB_DB` must name a file, as several processes share it, got a database in memory.")
    return parsed


def _engine(url: URL) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite:
        with disk_errors(f"the database `{url.database}`"):
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    try:
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S} if is_sqlite else {})
    except (NoSuchModuleError, ImportError) as error:
        raise InvalidInput(f"`MNIST_LAB_DB` names a database without a driver here: {error}; install it.") from error
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _switch_to_wal(cursor: DBAPICursor) -> None:
    # SQLite does not wait when two connections switch a new file at once: one of them fails and may try again.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that writes after it has read fails at once when another one wrote in between.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _storage_error(error: DBAPIError | PoolTimeout, url: URL) -> StorageError:
    name = f"The database `{_shown(url)}`"
    original = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlite_errorcode", None) or getattr(original, "sqlstate", None)
    if code in DISK_FULL:
        return StorageFull(f"{name} cannot grow, as no space is left; delete files or runs and try again.")
    if isinstance(error, IntegrityError):
        return StorageError(
            f"{name} refused a row that another process has written or removed ({original}); try again."
        )
    rule = SQLITE_SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    return StorageError(f"{name} {rule or f'cannot be read or written: {original or error}'}.")


def _shown(url: URL) -> str:
    is_file = url.get_backend_name() == "sqlite"
    return str(url.database) if is_file else url.render_as_string(hide_password=True)
