"""Whether a worker's process is alive, told from its name."""

import os
import socket
import subprocess
import sys

from mnist_core.machine import is_alive, machine_name, worker_name


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
