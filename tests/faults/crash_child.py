"""Commits two epochs again and again, each time in a new home and in a new process that kills itself at another step.

Usage: `python crash_child.py FOLDER EPOCH/STEP/WHEN ...`; the home of a crash point is `FOLDER/EPOCH-STEP-WHEN`. The
production code knows nothing of this: the functions of `os` and the database driver are wrapped from outside.
"""

import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect

from mnist_core.runs import Archive, Blobs, EpochRecord, PointRecord, RunState, Store

FILES = ("predictions", "weights")
STATEMENTS = {
    "BEGIN IMMEDIATE": "begin",
    "UPDATE run": "update",
    "INSERT INTO epoch": "insert-epoch",
    "INSERT INTO artifact": "insert-artifacts",
}


def files(epoch: int) -> dict[str, bytes]:
    return {name: f"{name} of epoch {epoch}".encode() * 100 for name in FILES}


def open_archive(home: Path) -> Archive:
    return Archive(Store(f"sqlite:///{home / 'lab.sqlite'}"), Blobs(str(home / "blobs")))


class Crash:
    """Kills this process at the first step of that name, once armed."""

    def __init__(self, step: str, when: str) -> None:
        self.step, self.when, self.armed = step, when, False

    def at(self, step: str, when: str) -> None:
        if self.armed and (step, when) == (self.step, self.when):
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        self.wrap(os, "write", lambda *_: "write")
        self.wrap(os, "replace", lambda *_: "rename")
        self.wrap(os, "fsync", lambda descriptor: "sync-folder" if is_folder(descriptor) else "sync-file")
        self.wrap(DefaultDialect, "do_commit", lambda *_: "commit")
        event.listen(Engine, "before_cursor_execute", self.listener("before"))
        event.listen(Engine, "after_cursor_execute", self.listener("after"))

    def wrap(self, owner: Any, name: str, label: Any) -> None:
        real = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            step = label(*args)
            self.at(step, "before")
            result = real(*args, **kwargs)
            self.at(step, "after")
            return result

        setattr(owner, name, wrapped)

    def listener(self, when: str) -> Any:
        def listen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            for start, step in STATEMENTS.items():
                if statement.startswith(start):
                    self.at(step, when)

        return listen


def is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def train(home: Path, crash: Crash, crash_epoch: int) -> None:
    archive = open_archive(home)
    run = archive.store.submit({}, digest="0" * 64, name="victim")
    lease = archive.store.claim(run.id, ticket="ticket", worker="worker", device="cpu")
    assert lease
    crash.install()
    for epoch in (0, 1):
        archive.store.beat(lease, [PointRecord(epoch, epoch, 0.0, {"loss": [0.5]})])
        crash.armed = epoch == crash_epoch
        archive.commit_epoch(lease, EpochRecord(epoch, {"loss": 0.5}, 1.0, 1.0, 0.0), files(epoch))
        crash.armed = False
    archive.store.finish(lease, RunState.DONE)


def killed_at(folder: Path, point: str) -> bool:
    """Whether a new process was killed at that point; the alternative is that it came to its end."""
    epoch, step, when = point.split("/")
    child = os.fork()
    if child == 0:
        train(folder / point.replace("/", "-"), Crash(step, when), int(epoch))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    survivors = [point for point in sys.argv[2:] if not killed_at(Path(sys.argv[1]), point)]
    sys.exit(f"not killed: {survivors}" if survivors else 0)
