"""Whether a worker's process is alive, told from its name."""

import os
import socket
import subprocess
import sys

import pytest

from mnist_core import machine
from mnist_core.machine import has_gpu, is_alive, machine_name, process_of, worker_name


def test_this_process_is_alive():
    assert is_alive(worker_name()) is True


def test_a_process_that_has_ended_is_not():
    with subprocess.Popen(
        [sys.executable, "-c", "from mnist_core.machine import worker_name; print(worker_name(), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        name = child.stdout.readline().strip()
        assert is_alive(name) is True
        child.kill()
    assert is_alive(name) is False


def test_a_later_process_with_the_same_number_is_another():
    host, pid, _ = worker_name().rsplit(":", 2)
    assert is_alive(f"{host}:{pid}:1") is False


def test_of_another_machine_nothing_is_known():
    assert is_alive(f"not-{socket.gethostname()}:{os.getpid()}:1") is None


def test_the_machine_is_named_with_its_cores():
    assert machine_name().startswith(socket.gethostname())
    assert f"{os.cpu_count()} cores" in machine_name()


def test_a_process_is_known_while_it_lives_here():
    assert process_of(worker_name()) == os.getpid()
    host, pid, _ = worker_name().rsplit(":", 2)
    assert process_of(f"{host}:{pid}:1") is None
    assert process_of(f"not-{host}:{pid}:1") is None


@pytest.mark.parametrize("has_driver", [True, False])
@pytest.mark.parametrize("has_libraries", [True, False])
def test_a_gpu_needs_a_driver_and_its_libraries(monkeypatch, tmp_path, has_driver, has_libraries):
    def distribution(name):
        if not has_libraries:
            raise machine.PackageNotFoundError(name)

    if has_driver:
        (tmp_path / "0000:01:00.0").mkdir()
    monkeypatch.setattr(machine, "distribution", distribution)
    monkeypatch.setattr(machine, "Path", lambda _: tmp_path)
    assert has_gpu() == (has_driver and has_libraries)


@pytest.mark.parametrize("worker", ["", "a-worker", f"{socket.gethostname()}:x:y", f"{socket.gethostname()}:"])
def test_of_what_names_no_process_nothing_is_known(worker):
    assert is_alive(worker) is None
