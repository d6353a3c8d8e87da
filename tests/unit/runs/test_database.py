import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from mnist_core.errors import InvalidInput, StorageError, StorageFull
from mnist_core.runs import Artifact, Store, database
from mnist_core.runs.database import Database, _shown

OPENER = """
import sys
from mnist_core.runs import Store
with Store(sys.argv[1]) as store:
    won = [store.claim(run, ticket=sys.argv[2], worker="w", device="cpu") is not None for run in sys.argv[3:]]
print(sum(won), len(store.submit({}, digest="0" * 64).name) > 3)
store.close()
"""


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_sqlite_is_set_up_to_lose_nothing(tmp_path):
    opened = Database(sqlite_url(tmp_path / "lab.sqlite"))
    with opened.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    opened.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def processes(url, tickets, *runs):
    children = [
        subprocess.Popen([sys.executable, "-c", OPENER, url, ticket, *runs], stdout=subprocess.PIPE, text=True)
        for ticket in tickets
    ]
    outputs = [child.communicate(timeout=60)[0].split() for child in children]
    assert [child.returncode for child in children] == [0] * len(children)
    return outputs


def test_processes_may_open_a_new_database_at_once(tmp_path):
    url = sqlite_url(tmp_path / "new" / "lab.sqlite")
    assert processes(url, ["a", "b", "c"]) == [["0", "True"]] * 3
    with Store(url) as store:
        assert len(store.runs()) == 3


def test_of_processes_that_claim_at_once_one_wins_each_run(tmp_path):
    url = sqlite_url(tmp_path / "lab.sqlite")
    with Store(url) as store:
        runs = [store.submit({}, digest="0" * 64).id for _ in range(20)]
        won = [int(first) for first, _ in processes(url, ["a", "b"], *runs)]
        assert sum(won) == 20
        assert [store.run(run).ticket for run in runs].count("a") == won[0]


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "lab.sqlite"
    Store(sqlite_url(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(StorageError, match="has schema 99, this program knows schemas up to 2; install"):
        Store(sqlite_url(path))


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "lab.sqlite"
    path.write_bytes(b"not a database " * 100)
    with pytest.raises(StorageError, match=r"lab.sqlite` is not a SQLite database; move"):
        Store(sqlite_url(path))
    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "must be a SQLAlchemy URL"),
        ("sqlite://", "must name a file"),
        ("nodatabase://host/name", "without a driver"),
        ("sqlite:////proc/no/lab.sqlite", "cannot be read or written"),
    ],
)
def test_a_place_that_cannot_be_used_has_a_sentence(url, sentence):
    with pytest.raises((InvalidInput, StorageError), match=sentence):
        Store(url)


def test_a_password_stays_out_of_sentences():
    assert "secret" not in _shown(make_url("postgresql://me:secret@host/lab"))


def test_a_full_disk_has_a_sentence_and_loses_nothing(tmp_path):
    with Store(sqlite_url(tmp_path / "lab.sqlite")) as store:
        lease = store.claim(store.submit({}, digest="0" * 64).id, ticket="t", worker="w", device="cpu")
        store.beat(lease)
        # Every connection of the pool is told that the file has reached its largest size.
        with store._database.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StorageFull, match="no space is left"):
            store.keep(lease, [Artifact(number, "x" * 50, "0" * 64, 1) for number in range(500)])
        assert store.artifacts(lease.run) == []
        assert store.beat(lease) is None


def test_a_locked_database_has_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "lab.sqlite"
    with Store(sqlite_url(path)) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="stayed locked by another program"):
            store.submit({}, digest="0" * 64)
        assert store.runs() == []
        other.execute("ROLLBACK")
        other.close()
        store.submit({}, digest="0" * 64)


def test_a_row_that_breaks_a_constraint_has_a_sentence(tmp_path):
    with Store(sqlite_url(tmp_path / "lab.sqlite")) as store:
        lease = store.claim(store.submit({}, digest="0" * 64).id, ticket="t", worker="w", device="cpu")
        with pytest.raises(StorageError, match="refused a row"):
            store.keep(lease, [Artifact(0, "twice", "0" * 64, 1)] * 2)
        assert store.artifacts(lease.run) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_database_that_may_only_be_read_has_a_sentence(tmp_path):
    path = tmp_path / "lab.sqlite"
    Store(sqlite_url(path)).close()
    path.chmod(0o400)
    with pytest.raises(StorageError, match="may only be read"), Store(sqlite_url(path)) as store:
        store.submit({}, digest="0" * 64)
