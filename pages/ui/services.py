"""What all sessions of this server share: the laboratory and its jobs. Opened once, at start or at the first need.

Not `st.cache_resource`: the routes and the lifespan ask for it too, outside of any session.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_core.jobs import Jobs, start_engine
from mnist_core.lab import Lab
from mnist_core.shipped import import_in_background

__all__ = ["Services", "close_services", "services"]

SHIPPED = Path(__file__).parents[2] / "cached_models"


@dataclass(frozen=True)
class Services:
    """The laboratory (datasets, recorded runs) and what is done in it (submit, stop, delete)."""

    lab: Lab
    jobs: Jobs

    def start(self) -> None:
        """Starts the engine that works on what is queued, and takes the shipped runs in."""
        self.jobs.start()
        import_in_background(self.lab.archive, SHIPPED, self.lab.settings.home)

    def health(self) -> dict[str, Any]:
        """Plain data for `/healthz`; raises where the database does not answer."""
        return {"status": "ok", "time": self.lab.archive.store.now(), "slots": [s.to_json() for s in self.jobs.slots()]}

    def close(self) -> None:
        """Ends the engine's processes and closes the database."""
        self.jobs.close()
        self.lab.close()


_lock = threading.Lock()
_opened: list[Services] = []


def services() -> Services:
    """The one laboratory of this server."""
    with _lock:
        if not _opened:
            lab = Lab()
            _opened.append(Services(lab, Jobs(lab, start_engine)))
        return _opened[0]


def close_services() -> None:
    """Closes what `services` opened; the next call opens it anew."""
    with _lock:
        for opened in _opened:
            opened.close()
        _opened.clear()
