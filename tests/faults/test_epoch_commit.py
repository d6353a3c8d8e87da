"""A process dies at each step of an epoch's commit; afterwards the state is valid and at most that epoch is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_core.runs import EpochRecord, Lease, RunState
from tests.faults.crash_child import FILES, files, open_archive

STEPS = ["write", "sync-file", "rename", "sync-folder"]
STEPS += ["begin", "update", "insert-epoch", "insert-artifacts", "commit"]
POINTS = [f"{epoch}/{step}/{when}" for epoch in (0, 1) for step in STEPS for when in ("before", "after")]
SCRIPT = Path(__file__).with_name("crash_child.py")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def wrecks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wrecks")
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(SCRIPT), str(folder), *POINTS, "1/nowhere/never"]
    child = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)
    assert child.stderr.strip() == "not killed: ['1/nowhere/never']"
    return folder


def committed(archive, run_id):
    """The committed epochs, after a check that each is whole."""
    epochs = [record.epoch for record in archive.store.epochs(run_id)]
    expected = {(epoch, name): data for epoch in epochs for name, data in files(epoch).items()}
    named = {(artifact.epoch, artifact.name) for artifact in archive.store.artifacts(run_id)}
    assert named == set(expected)
    assert all(archive.read(run_id, *key) == data for key, data in expected.items())
    return epochs


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_costs_at_most_the_uncommitted_epoch(wrecks, point):
    epoch, step, when = point.split("/")
    is_over = (step, when) == ("commit", "after")
    archive = open_archive(wrecks / point.replace("/", "-"))
    with archive.store as store:
        run = store.run("victim")
        before = list(range(int(epoch) + is_over))
        assert committed(archive, run.id) == before
        assert (run.state, run.ticket, run.attempt) == (RunState.RUNNING, "ticket", 1)
        assert run.epoch == (before[-1] if before else None)

        resume(archive, run, before)
        assert committed(archive, run.id) == [0, 1]
        assert store.run(run.id).state is RunState.DONE

        assert archive.collect_garbage(older_than_s=-1) <= 1
        assert committed(archive, run.id) == [0, 1]
        assert archive.collect_garbage(older_than_s=-1) == 0


def resume(archive, run, before):
    store = archive.store
    assert store.requeue(run.id, ticket="ticket", attempt=1)
    lease = store.claim(run.id, ticket="another", worker="worker", device="cpu")
    assert lease == Lease(run.id, "another", 2)
    store.rewind(lease)
    assert {point.epoch for _, point in store.points(run.id)} == set(before)
    for epoch in range(len(before), 2):
        archive.commit_epoch(lease, EpochRecord(epoch, {"loss": 0.5}, 1.0, 1.0, 0.0), files(epoch))
    assert store.finish(lease, RunState.DONE)


def test_without_a_crash_both_epochs_are_there(wrecks):
    archive = open_archive(wrecks / "1-nowhere-never")
    with archive.store as store:
        run = store.run("victim")
        assert run.state is RunState.DONE
        assert committed(archive, run.id) == [0, 1]
        assert len(store.artifacts(run.id)) == 2 * len(FILES)
