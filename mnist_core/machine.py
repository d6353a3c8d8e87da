"""This machine: its name, and which process of it is working."""

import os
import platform
import socket
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

__all__ = ["has_gpu", "is_alive", "machine_name", "process_of", "worker_name"]


def machine_name() -> str:
    """Host name, processor and cores, as figures that depend on the machine are labelled."""
    return f"{socket.gethostname()} ({_processor()}, {os.cpu_count()} cores)"


def worker_name() -> str:
    """This process: `host:pid:start`, so that a later process with the same number is not taken for it."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}"


def process_of(worker: str) -> int | None:
    """The number of a living process of this machine behind a worker's name; None where there is none."""
    return int(worker.rsplit(":", 2)[1]) if is_alive(worker) else None


def has_gpu() -> bool:
    """Whether TensorFlow could find an NVIDIA GPU here: the driver shows one and CUDA's libraries are installed."""
    try:
        distribution("nvidia-cudnn-cu12")
    except PackageNotFoundError:
        return False
    gpus = Path("/proc/driver/nvidia/gpus")
    return gpus.is_dir() and any(gpus.iterdir())


def is_alive(worker: str) -> bool | None:
    """Whether the process behind a worker's name runs; None where it is of another machine, or no such name."""
    host, _, process = worker.partition(":")
    pid, _, start = process.partition(":")
    if host != socket.gethostname() or not pid.isdecimal():
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
