"""A small sound IDX set, and a mirror on the loopback interface that answers as it is told."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from mnist_core.datasets.idx_set import FILES, IdxSet
from mnist_core.datasets.sources import MNIST
from mnist_core.settings import Settings

Answer = bytes | int | Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", data=())


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """The uncompressed bytes of a set of 40 + 20 images."""
    rng = np.random.default_rng(0)
    content = {}
    for name, count in zip(FILES, (40, 40, 20, 20), strict=True):
        if "images" in name:
            body, header = rng.integers(0, 256, (count, 28, 28)), struct.pack(">4I", 2051, count, 28, 28)
        else:
            body, header = np.arange(count) % 10, struct.pack(">2I", 2049, count)
        content[name] = header + body.astype(np.uint8).tobytes()
    return content


@pytest.fixture
def write_files(files: dict[str, bytes]) -> Callable[..., Path]:
    def write(folder: Path, changes: dict[str, bytes] | None = None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (files | (changes or {})).items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
        return folder

    return write


@dataclass
class Mirror:
    address: str
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def start_mirror(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mirror]]:
    """Starts mirrors that serve the small set; `answers` replace a file's bytes, or say a status, or act."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(**answers: Answer) -> Mirror:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/").removesuffix(".gz")
                mirror.requests.append(name)
                answer = mirror.answers[name]
                if callable(answer):
                    answer(self)
                elif isinstance(answer, int):
                    self.send_error(answer)
                else:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        mirror = Mirror(f"http://127.0.0.1:{server.server_port}")
        mirror.answers = {name: gzip.compress(data) for name, data in files.items()} | {
            name: answers[key] for name in FILES for key in answers if name.startswith(key.replace("_", "-"))
        }
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return mirror

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def idx_set(files: dict[str, bytes]) -> Callable[..., IdxSet]:
    """The small set as if it were a published one, with these mirrors."""

    def make(*mirrors: Mirror) -> IdxSet:
        sums = tuple(hashlib.sha256(files[name]).hexdigest() for name in FILES)
        return replace(MNIST, sums=sums, mirrors=tuple(mirror.address for mirror in mirrors))

    return make
