import errno
import hashlib
import os
import time
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnist_core.errors import BlobMissing, InvalidInput, StorageError, StorageFull
from mnist_core.runs import Blobs, folders


@pytest.fixture(params=["local", "memory"])
def blobs(request, tmp_path):
    yield Blobs(str(tmp_path / "new" / "blobs") if request.param == "local" else "memory://lab/blobs")
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def local(tmp_path):
    return Blobs(str(tmp_path / "blobs"))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=100))
def test_what_is_put_is_got(blobs, data):
    name = blobs.put(data)
    assert name == sha(data)
    assert blobs.exists(name)
    assert blobs.get(name) == data


def test_a_blob_that_is_there_is_not_written_again(local, tmp_path, monkeypatch):
    local.put(b"one")
    monkeypatch.setattr(os, "write", None)
    assert local.put(b"one") == sha(b"one")
    assert len(files(tmp_path)) == 1


def test_two_puts_of_one_remote_blob_are_one_upload(monkeypatch):
    blobs = Blobs("memory://lab/once")
    blobs.put(b"one")
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", None)
    assert blobs.put(b"one") == sha(b"one")


def test_a_blob_cut_short_is_written_again(local, tmp_path):
    local.put(b"whole")
    files(tmp_path)[0].write_bytes(b"wh")
    local.put(b"whole")
    assert local.get(sha(b"whole")) == b"whole"


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_a_missing_blob_has_a_sentence(blobs, name):
    blobs.put(b"another")
    assert not blobs.exists(name)
    with pytest.raises(BlobMissing, match="is gone from"):
        blobs.get(name)


def test_a_damaged_blob_is_not_handed_out(local, tmp_path):
    name = local.put(b"whole")
    files(tmp_path)[0].write_bytes(b"whale")
    with pytest.raises(BlobMissing, match="is damaged"):
        local.get(name)


def fail(code):
    def call(*_):
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageError)]
)
def test_a_disk_that_fails_leaves_nothing_behind(local, tmp_path, monkeypatch, step, code, kind):
    local.put(b"something else")
    before = files(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail(code))
        with pytest.raises(kind, match="The blob folder"):
            local.put(b"data")
    assert [path for path in files(tmp_path) if path not in before] == []
    assert local.get(local.put(b"data")) == b"data"


def test_a_file_in_the_way_has_a_sentence(tmp_path):
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(StorageError, match="cannot be read or written"):
        Blobs(str(tmp_path / "blobs")).put(b"data")


def test_a_short_write_is_continued(local, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    assert local.get(local.put(b"0123456789")) == b"0123456789"


def test_a_blob_is_on_disk_before_its_name_and_its_name_before_put_returns(local, monkeypatch):
    steps = []
    for name in ("write", "fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, real=real, name=name: (steps.append(name), real(*args))[1])
    local.put(b"data")
    assert steps[-4:] == ["write", "fsync", "replace", "fsync"]


def age(folder: Path, seconds: float) -> None:
    for path in files(folder):
        os.utime(path, (time.time() - seconds,) * 2)


def test_only_old_blobs_without_a_reference_are_collected(local, tmp_path):
    wanted, unwanted = local.put(b"wanted"), local.put(b"unwanted")
    (tmp_path / "blobs" / unwanted[:2] / ".tmp-left").write_bytes(b"half")
    (tmp_path / "blobs" / unwanted[:2] / "notes.txt").write_bytes(b"not ours")
    age(tmp_path, 7200)
    young = local.put(b"young")
    assert local.collect({wanted}, older_than_s=3600) == 2
    assert {path.name for path in files(tmp_path)} == {wanted, young, "notes.txt"}


def test_putting_a_blob_again_keeps_it_from_being_collected(local, tmp_path):
    name = local.put(b"data")
    age(tmp_path, 7200)
    local.put(b"data")
    assert local.collect(set()) == 0
    assert local.exists(name)


def test_remote_blobs_are_collected(monkeypatch):
    blobs = Blobs("memory://lab/collect")
    wanted, unwanted = blobs.put(b"wanted"), blobs.put(b"unwanted")
    assert blobs.collect({wanted}) == 0
    assert blobs.collect({wanted}, older_than_s=-1) == 1
    assert (blobs.exists(wanted), blobs.exists(unwanted)) == (True, False)


def test_remote_uploads_that_are_not_atomic_go_by_a_temporary_file(monkeypatch):
    monkeypatch.setattr(folders, "ATOMIC_UPLOADS", set())
    system = fsspec.filesystem("memory")
    folder = folders.RemoteFolder(system, "/lab/moved")
    folder.write(sha(b"data"), b"data")
    assert folder.read(sha(b"data")) == b"data"
    assert len(system.find("/lab/moved")) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_blob_put_while_it_is_being_collected_survives(local, tmp_path, monkeypatch, when):
    name = local.put(b"data")
    age(tmp_path, 7200)
    rename = Path.rename

    def rename_while_another_puts(path, target):
        if when == "before":
            local.put(b"data")
        rename(path, target)
        if when == "after":
            local.put(b"data")

    monkeypatch.setattr(Path, "rename", rename_while_another_puts)
    local.collect(set())
    assert local.get(name) == b"data"
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("url", ["nosuchprotocol://x", "s3://bucket/blobs"])
def test_a_place_without_a_driver_has_a_sentence(url):
    with pytest.raises(InvalidInput, match="`MNIST_LAB_BLOBS` must be a folder or a known URL"):
        Blobs(url)
