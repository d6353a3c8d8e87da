import errno
import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from mnist_core.datasets import download as module
from mnist_core.datasets.download import download
from mnist_core.datasets.idx_set import FILES, read_set
from mnist_core.errors import DatasetDamaged, DatasetMissing, StorageError, StorageFull

PAGE = b"<!DOCTYPE html><html><body>Sign in to this network</body></html>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "datasets" / "mnist"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


ALL = sorted(f"{name}.gz" for name in FILES)


def test_downloads_what_is_not_there(folder, start_mirror, idx_set):
    mirror = start_mirror()
    known = idx_set(mirror)
    download(known, folder)
    assert names(folder) == ALL
    assert read_set(known, folder).official
    (folder / f"{FILES[2]}.gz").unlink()
    download(known, folder)
    assert mirror.requests == [*FILES, FILES[2]]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (404, "answered 404 Not Found"),
        (500, "answered 500"),
        (PAGE, "is a web page"),
        (gzip.compress(PAGE, mtime=0), "is a web page"),
        (b"", "sent another file"),
        (gzip.compress(b"something else", mtime=0), "its sha256 must begin with"),
        (gzip.compress(bytes(50_000), mtime=0)[:-9], "is truncated"),
    ],
)
def test_a_mirror_that_answers_wrongly_is_passed_over(folder, start_mirror, idx_set, caplog, answer, said):
    caplog.set_level("INFO")
    bad, good = start_mirror(train_images=answer), start_mirror()
    download(idx_set(bad, good), folder)
    assert names(folder) == ALL
    assert good.requests == [FILES[0]]
    assert said in caplog.text


def test_what_each_mirror_answered_is_said(folder, start_mirror, idx_set):
    first, second = start_mirror(train_images=404), start_mirror(train_images=PAGE)
    with pytest.raises(DatasetDamaged, match="could not be downloaded") as caught:
        download(idx_set(first, second), folder)
    assert f"`{first.address}/{FILES[0]}.gz` answered 404 Not Found." in str(caught.value)
    assert f"`{second.address}/{FILES[0]}.gz` is a web page" in str(caught.value)
    assert names(folder) == []


def test_no_network_says_what_to_do(folder, start_mirror, idx_set, monkeypatch):
    known = idx_set(start_mirror())
    monkeypatch.setattr(module.urllib.request, "urlopen", no_network)
    with pytest.raises(DatasetMissing, match=r"did not answer .*MNIST_LAB_DATA.*`digits`"):
        download(known, folder)
    assert names(folder) == []


def no_network(*args: object, **named: object) -> None:
    raise module.urllib.error.URLError(OSError(errno.ENETUNREACH, "Network is unreachable"))


def test_a_port_where_nobody_listens(folder, start_mirror, idx_set):
    mirror = start_mirror()
    mirror.address = "http://127.0.0.1:1"
    with pytest.raises(DatasetMissing, match="Connection refused"):
        download(idx_set(mirror), folder)


def hang_up(handler) -> None:
    handler.wfile.write(b"HTTP/1.1 nonsense\r\n\r\n")


def test_a_broken_answer(folder, start_mirror, idx_set):
    with pytest.raises(DatasetMissing, match="did not answer"):
        download(idx_set(start_mirror(train_images=hang_up)), folder)


def drip(handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b"\x1f")
            threading.Event().wait(0.02)
    except OSError:
        pass


def test_a_server_that_drips_is_left(folder, start_mirror, idx_set, monkeypatch):
    monkeypatch.setattr(module, "FILE_SECONDS", 0.1)
    with pytest.raises(DatasetMissing, match="took more than"):
        download(idx_set(start_mirror(train_images=drip)), folder)


def test_a_server_that_is_silent_is_left(folder, start_mirror, idx_set, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    mirror = start_mirror(train_images=lambda handler: threading.Event().wait(0.5))
    with pytest.raises(DatasetMissing, match="timed out"):
        download(idx_set(mirror), folder)


def test_an_endless_answer_is_cut_off(folder, start_mirror, idx_set, monkeypatch):
    monkeypatch.setattr(module, "MAX_DOWNLOAD", 10_000)
    with pytest.raises(DatasetDamaged, match="sent more than 10,000 bytes"):
        download(idx_set(start_mirror()), folder)
    assert names(folder) == []


CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from mnist_core.datasets.idx_set import read_set
from mnist_core.datasets.download import download
from mnist_core.datasets.sources import MNIST
import resource
from mnist_core.errors import StorageFull

folder, address, limit, *sums = sys.argv[1:]
known = replace(MNIST, sums=tuple(sums), mirrors=(address,))
if limit != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    download(known, Path(folder))
    print(read_set(known, Path(folder)).official)
except StorageFull as error:
    print("full:", error)
"""


def start_child(folder: Path, known, limit: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(folder), known.mirrors[0], str(limit), *known.sums]
    root = Path(module.__file__).parents[2]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(root)})


def test_two_processes_at_once_fetch_each_file_once(folder, start_mirror, idx_set):
    mirror = start_mirror()
    images = mirror.answers[FILES[0]]

    def answer_late(handler) -> None:
        # Late enough for the other process to come and wait for its turn.
        threading.Event().wait(1)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(images)

    mirror.answers[FILES[0]] = answer_late
    children = [start_child(folder, idx_set(mirror)) for _ in range(2)]
    assert [child.communicate(timeout=30)[0] for child in children] == ["True\n", "True\n"]
    assert sorted(mirror.requests) == sorted(FILES)
    assert names(folder) == ALL


def test_two_at_once_without_a_lock_end_with_one_good_file_each(folder, start_mirror, idx_set, monkeypatch):
    monkeypatch.setattr(module, "_locked", lambda lock: False)
    known = idx_set(start_mirror())
    threads = [threading.Thread(target=download, args=(known, folder)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(folder) == ALL
    assert read_set(known, folder).official


def test_what_a_killed_process_left_is_cleared_and_completed(folder, start_mirror, idx_set):
    mirror = start_mirror()
    download(idx_set(mirror), folder)
    (folder / f"{FILES[3]}.gz").rename(folder / "0123.part")
    mirror.requests.clear()
    download(idx_set(mirror), folder)
    assert mirror.requests == [FILES[3]]
    assert names(folder) == ALL


def test_a_full_disk_leaves_nothing_partial(folder, start_mirror, idx_set):
    out, _ = start_child(folder, idx_set(start_mirror()), limit=5_000).communicate(timeout=30)
    assert out.startswith("full: No space is left in")
    assert names(folder) == []


@pytest.mark.parametrize("step", ["fsync", "replace", "mkdir"])
@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EACCES, StorageError)]
)
def test_whatever_step_the_disk_refuses(folder, start_mirror, idx_set, monkeypatch, step, code, error):
    def refuse(*args: object, **named: object) -> None:
        raise OSError(code, os.strerror(code))

    folder.parent.mkdir(parents=True)
    monkeypatch.setattr(os if step == "fsync" else Path, step, refuse)
    with pytest.raises(error, match="MNIST_LAB_HOME") as caught:
        download(idx_set(start_mirror()), folder)
    assert type(caught.value) is error
    assert not folder.exists() or names(folder) == []


def test_official_files_never_complete_a_set_of_others(folder, start_mirror, idx_set, write_files):
    write_files(folder, {FILES[1]: b"mine"})
    (folder / f"{FILES[0]}.gz").unlink()
    with pytest.raises(DatasetDamaged, match=f"got `{FILES[1]}.gz`, which is not"):
        download(idx_set(start_mirror()), folder)
    assert f"{FILES[0]}.gz" not in names(folder)


def test_downloaded_images_are_those_of_the_mirror(folder, start_mirror, idx_set, files):
    known = idx_set(start_mirror())
    download(known, folder)
    np.testing.assert_array_equal(read_set(known, folder).labels, [*(np.arange(40) % 10), *(np.arange(20) % 10)])
