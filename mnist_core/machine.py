"""This machine: its name, and which process of it is working."""

import os
import platform
import socket
from pathlib import Path

__all__ = ["is_alive", "machine_name", "worker_name"]


def machine_name() -> str:
    """Host name, processor and cores, as figures that depend on the machine are labelled."""
    return f"{socket.gethostname()} ({_processor()}, {os.cpu_count()} cores)"


def worker_name() -> str:
    """This process: `host:pid:start`, so that a later process with the same number is not taken for it."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"


def is_alive(worker: str) -> bool | None:
    """Whether the process behind a worker's name runs; None where it is of another machine."""
    host, pid, start = worker.rsplit(":", 2)
    if host != socket.gethostname():
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _start_of(int(pid)) == start


def _start_of(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]


def _processor() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
