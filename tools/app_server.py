"""The app as a process of its own, for browser tests, benchmark and screenshots: start it, ask it, end it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from mnist_core.lab import Lab
from mnist_core.runs import RunRecord
from mnist_core.settings import load_settings

__all__ = ["ROOT", "AppServer", "free_port"]

ROOT = Path(__file__).parents[1]
START_SECONDS = 60.0
END_SECONDS = 30.0
LEAVE_SECONDS = 5.0


class AppServer:
    """`streamlit run app.py` with a home and a port of its own.

    Args:
        home: its `MNIST_LAB_HOME`; made where it is missing.
        shipped: whether the shipped models are taken in.
        settings: more environment, such as `MNIST_LAB_PROFILE`.
    """

    def __init__(self, home: Path, *, shipped: bool = False, **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "server.log"
        self._environment = environment(home) | settings
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True, exist_ok=True)
        if not shipped:
            leave_out_shipped(home)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process of the app itself."""
        assert self._process is not None, "the server was not started"
        return self._process

    def start(self) -> Self:
        """Starts the process and waits until it answers."""
        return self.launch().wait_until_healthy()

    def launch(self) -> Self:
        """Starts the process and waits for nothing."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def wait_until_healthy(self) -> Self:
        """Waits until `/healthz` answers."""
        until(lambda: self.health() is not None or self.process.poll() is not None, START_SECONDS, "the server answers")
        assert self.process.poll() is None, f"the server ended at its start: {self.said()}"
        return self

    def wait_until_warm(self) -> Self:
        """Waits until a worker has loaded what a training needs."""
        until(lambda: any(s["warm"] for s in (self.health() or {"slots": []})["slots"]), 120, "a worker is warm", 0.3)
        return self

    def health(self) -> dict[str, Any] | None:
        """What `/healthz` says; None where it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (urllib.error.URLError, OSError, TimeoutError):
            return None

    def runs(self) -> list[RunRecord]:
        """The recorded runs, the newest first, read from outside of the server."""
        lab = Lab(load_settings().model_copy(update={"home": self.home, "db": "", "blobs": ""}))
        try:
            return lab.archive.store.runs()
        finally:
            lab.close()

    def command(self, *arguments: str) -> str:
        """Runs the command line on the same home, from outside of the server; returns what it prints."""
        command = [sys.executable, "-m", "mnist_core", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:] if self.log.exists() else ""

    def processes(self) -> list[psutil.Process]:
        """All processes that run for this home, the app's own first; children that lost their parent too."""
        found = [one for one in psutil.process_iter() if one.pid != os.getpid() and _home_of(one) == str(self.home)]
        return sorted(found, key=lambda one: one.pid)

    def workers(self) -> list[psutil.Process]:
        """The processes that have loaded TensorFlow."""
        return [one for one in self.processes() if maps(one, "site-packages/tensorflow")]

    def stop(self) -> None:
        """Asks it to end, as a service manager does, and waits for it; what is left after a while is killed."""
        if self._process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(END_SECONDS)
        finally:
            if self.process.poll() is None:
                self.kill()

    def kill(self) -> None:
        """Ends the app's own process without a word to it."""
        self.process.kill()
        self.process.wait()

    def end_everything(self) -> list[str]:
        """Ends whatever is left of it after a moment; returns what that was."""
        left = []
        with suppress(TimeoutError):
            until(lambda: not self.processes(), LEAVE_SECONDS, "no process is left")
        for one in self.processes():
            try:
                left.append(" ".join(one.cmdline()))
                one.kill()
            except psutil.NoSuchProcess:
                continue
        return left


def environment(home: Path) -> dict[str, str]:
    """The environment of this process, with another home and no setting besides where datasets are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MNIST_LAB_")}
    kept |= {name: os.environ[name] for name in ("MNIST_LAB_DATA",) if name in os.environ}
    return kept | {"MNIST_LAB_HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def leave_out_shipped(home: Path) -> None:
    """Notes that every shipped model was offered already, so that the home stays empty."""
    from mnist_core.runs.bundle import bundle_run

    runs = [bundle_run(path) for path in sorted((ROOT / "cached_models").glob("*.zip"))]
    offered = [{"run": run.id, "digest": run.digest} for run in runs]
    (home / "shipped.json").write_text(json.dumps(offered), encoding="utf-8")


def maps(process: psutil.Process, word: str) -> list[str]:
    """The files with this word in their path that a process has mapped into its memory."""
    try:
        return [one.path for one in process.memory_maps() if word in one.path]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def until(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.05) -> None:
    """Waits until a condition holds, looking again `every` so many seconds.

    Raises:
        TimeoutError: it did not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {seconds:.0f} s it is still not so that {what}.")
        time.sleep(every)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _home_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("MNIST_LAB_HOME")
    except (psutil.Error, OSError):
        return None
