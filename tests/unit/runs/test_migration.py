"""A database that the first version made opens, keeps its rows, and can do what the present version can."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from sqlalchemy import create_engine, inspect

from mnist_core.runs import RunState, Store
from mnist_core.runs.tables import MIGRATIONS, SCHEMA_VERSION, metadata

VERSION_1 = """
CREATE TABLE run (
    id VARCHAR(36) NOT NULL, kind VARCHAR(30) NOT NULL, source VARCHAR(36), parent VARCHAR(36),
    owner VARCHAR(200) NOT NULL, name VARCHAR(60) NOT NULL, note TEXT NOT NULL, spec JSON NOT NULL,
    digest VARCHAR(64) NOT NULL, state VARCHAR(10) NOT NULL, wish VARCHAR(10), reason TEXT, lane VARCHAR(30) NOT NULL,
    device VARCHAR(30), ticket VARCHAR(200), attempt INTEGER NOT NULL, worker VARCHAR(200), created DOUBLE NOT NULL,
    started DOUBLE, beat DOUBLE, ended DOUBLE, epoch INTEGER, result JSON, cost DOUBLE, used DOUBLE,
    PRIMARY KEY (id), UNIQUE (name)
);
CREATE INDEX ix_run_digest ON run (digest);
CREATE INDEX ix_run_state ON run (state);
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE artifact (
    run VARCHAR(36) NOT NULL, epoch INTEGER NOT NULL, name VARCHAR(60) NOT NULL, sha VARCHAR(64) NOT NULL,
    bytes BIGINT NOT NULL, PRIMARY KEY (run, epoch, name), FOREIGN KEY(run) REFERENCES run (id) ON DELETE CASCADE
);
CREATE TABLE epoch (
    run VARCHAR(36) NOT NULL, epoch INTEGER NOT NULL, metrics JSON NOT NULL, seconds DOUBLE NOT NULL,
    evaluation_seconds DOUBLE NOT NULL, recording_seconds DOUBLE NOT NULL, PRIMARY KEY (run, epoch),
    FOREIGN KEY(run) REFERENCES run (id) ON DELETE CASCADE
);
CREATE TABLE opening (
    run VARCHAR(36) NOT NULL, "when" DOUBLE NOT NULL, "by" VARCHAR(200) NOT NULL, state VARCHAR(10) NOT NULL,
    FOREIGN KEY(run) REFERENCES run (id) ON DELETE CASCADE
);
CREATE INDEX ix_opening_run ON opening (run);
CREATE TABLE point (
    run VARCHAR(36) NOT NULL, seq BIGINT NOT NULL, epoch INTEGER NOT NULL, step BIGINT NOT NULL, t DOUBLE NOT NULL,
    "values" JSON NOT NULL, PRIMARY KEY (run, seq), FOREIGN KEY(run) REFERENCES run (id) ON DELETE CASCADE
);
INSERT INTO schema_version VALUES (1);
INSERT INTO run VALUES (
    '01980000-0000-7000-8000-000000000001', 'train', NULL, NULL, 'local', 'old-otter', 'a note', '{"seed": 1}',
    'digest', 'done', NULL, NULL, 'train', 'cpu', 'ticket', 1, 'host:1:1', 10.0, 11.0, 12.0, 13.0, 1,
    '{"kept_epoch": 1}', NULL, 2.0
);
INSERT INTO run (id, kind, owner, name, note, spec, digest, state, lane, attempt, created) VALUES (
    '01980000-0000-7000-8000-000000000002', 'train', 'local', 'old-seal', '', '{}', 'other', 'queued', 'train', 0, 20.0
);
INSERT INTO epoch VALUES ('01980000-0000-7000-8000-000000000001', 1, '{"loss": 0.5}', 1.0, 0.5, 0.25);
INSERT INTO point VALUES ('01980000-0000-7000-8000-000000000001', 7, 1, 0, 0.5, '{"loss": [0.5]}');
INSERT INTO artifact VALUES ('01980000-0000-7000-8000-000000000001', 1, 'weights', 'sha', 9);
INSERT INTO opening VALUES ('01980000-0000-7000-8000-000000000001', 14.0, 'me', 'done');
"""

OPENER = """
import sys
from mnist_core.runs import Store
with Store(sys.argv[1]) as store:
    print(*sorted(run.name for run in store.runs()))
"""


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "lab.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
    return path


def structure(path):
    """Columns and indexes of every table."""
    engine = create_engine(f"sqlite:///{path}")
    seen = inspect(engine)
    tables = {
        table: (
            {column["name"]: str(column["type"]).replace("DOUBLE", "REAL") for column in seen.get_columns(table)},
            {(index["name"], *index["column_names"]) for index in seen.get_indexes(table)},
        )
        for table in seen.get_table_names()
    }
    engine.dispose()
    return tables


def version(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT version FROM schema_version").fetchall()


def test_every_version_but_the_first_has_its_migration():
    assert sorted(MIGRATIONS) == list(range(2, SCHEMA_VERSION + 1))


def test_a_migrated_database_is_built_like_a_new_one(old, tmp_path):
    Store(f"sqlite:///{old}").close()
    Store(f"sqlite:///{tmp_path / 'new.sqlite'}").close()
    assert structure(old) == structure(tmp_path / "new.sqlite")
    assert set(structure(old)) == set(metadata.tables)
    assert version(old) == [(SCHEMA_VERSION,)]


def test_its_rows_are_kept(old):
    with Store(f"sqlite:///{old}") as store:
        run = store.run("old-otter")
        assert (run.state, run.note, run.spec, run.result) == (RunState.DONE, "a note", {"seed": 1}, {"kept_epoch": 1})
        assert (run.created, run.ended, run.used, run.deleted) == (10.0, 13.0, 2.0, None)
        assert [(record.epoch, record.metrics) for record in store.epochs(run.id)] == [(1, {"loss": 0.5})]
        assert [(seq, point.values) for seq, point in store.points(run.id)] == [(7, {"loss": [0.5]})]
        assert [artifact.name for artifact in store.artifacts(run.id)] == ["weights"]
        assert [look.by for look in store.openings(run.id)] == ["me"]


def test_its_runs_can_be_followed_deleted_and_taken_up(old):
    with Store(f"sqlite:///{old}") as store:
        run = store.run("old-otter")
        follower = store.submit({"seed": 1}, digest="digest", follow=True)
        assert (follower.source, follower.state) == (run.id, RunState.DONE)
        store.delete(run.id)
        assert store.restore(run.id)
        lease = store.claim_next("train", ticket="t", worker="w", device="cpu")
        assert lease and lease.run == store.run("old-seal").id


def test_opening_again_changes_nothing(old):
    for _ in range(2):
        with Store(f"sqlite:///{old}") as store:
            assert len(store.runs()) == 2
    assert version(old) == [(SCHEMA_VERSION,)]


def test_processes_may_migrate_at_once(old):
    command = [sys.executable, "-c", OPENER, f"sqlite:///{old}"]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [child.communicate(timeout=60)[0].split() for child in children] == [["old-otter", "old-seal"]] * 3
    assert [child.returncode for child in children] == [0] * 3
    assert version(old) == [(SCHEMA_VERSION,)]
