import hashlib
import os

import pytest

from mnist_core.errors import BlobMissing, EpochNotRecorded, LeaseLost, StorageError
from mnist_core.runs import RUN_LEVEL
from tests.unit.runs.sample_runs import claim, epoch_files, epoch_record


@pytest.fixture
def lease(archive, spec):
    return claim(archive.store, spec, name="quiet-otter")


def blob_files(archive):
    return [path for path in (archive.blobs._folder._root).rglob("*") if path.is_file()]


def test_a_committed_epoch_can_be_read(archive, lease):
    files = epoch_files(0)
    archive.commit_epoch(lease, epoch_record(0), files)
    assert {name: archive.read(lease.run, 0, name) for name in files} == files
    assert archive.has(lease.run, 0, "weights")
    assert not archive.has(lease.run, 1, "weights")


def test_what_is_kept_can_be_read(archive, lease):
    archive.keep(lease, RUN_LEVEL, {"splits": b"ids"})
    assert archive.read(lease.run, RUN_LEVEL, "splits") == b"ids"


def test_what_was_not_kept_has_a_sentence(archive, lease):
    for number in (0, 2):
        archive.commit_epoch(lease, epoch_record(number), {"weights": bytes([number])})
    for epoch, name, sentence in [
        (1, "weights", "Run `quiet-otter` has no `weights` of epoch 1; take one of 0, 2"),
        (1, "nothing", "has no `nothing` of epoch 1, nor of any other epoch"),
        (RUN_LEVEL, "splits", "Run `quiet-otter` has no `splits`"),
    ]:
        with pytest.raises(EpochNotRecorded, match=sentence):
            archive.read(lease.run, epoch, name)


def test_a_lost_blob_is_not_an_unrecorded_epoch(archive, lease):
    archive.commit_epoch(lease, epoch_record(0), {"weights": b"w"})
    blob_files(archive)[0].unlink()
    with pytest.raises(BlobMissing):
        archive.read(lease.run, 0, "weights")


def test_the_row_is_written_only_when_all_blobs_are_there(archive, lease, monkeypatch):
    calls = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append(descriptor) or real(descriptor))
    monkeypatch.setattr(os, "replace", None)
    with pytest.raises(TypeError):
        archive.commit_epoch(lease, epoch_record(0), epoch_files(0))
    assert archive.store.epochs(lease.run) == []
    assert archive.store.artifacts(lease.run) == []


def test_garbage_is_what_no_artifact_and_no_dataset_names(archive, spec, lease):
    own = archive.blobs.put(b"own images")
    archive.store.submit(spec | {"dataset": {"name": own}}, digest="1" * 64)
    archive.commit_epoch(lease, epoch_record(0), {"weights": b"w"})
    archive.blobs.put(b"of a commit that failed")
    assert archive.collect_garbage() == 0
    assert archive.collect_garbage(older_than_s=-1) == 1
    assert {path.name for path in blob_files(archive)} == {own, hashlib.sha256(b"w").hexdigest()}


def test_a_failed_commit_is_collected_and_can_be_repeated(archive, lease):
    archive.commit_epoch(lease, epoch_record(0), {"weights": b"w"})
    with pytest.raises(StorageError, match="committed once"):
        archive.commit_epoch(lease, epoch_record(0), {"weights": b"other"})
    archive.store.requeue(lease.run, ticket=lease.ticket, attempt=lease.attempt)
    with pytest.raises(LeaseLost):
        archive.commit_epoch(lease, epoch_record(1), {"weights": b"late"})
    assert archive.collect_garbage(older_than_s=-1) == 2
    assert archive.read(lease.run, 0, "weights") == b"w"
