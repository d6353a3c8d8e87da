"""Reads the neighbours of the epoch that is looked at while nobody waits, so that the next move finds them ready."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from mnist_core.run import RECORDED_SPLITS
from pages.ui.snapshot import load_snapshot

__all__ = ["Prefetcher", "close_prefetching", "neighbours", "open_prefetching", "prefetch"]

AHEAD, BEHIND = 2, 1
MOST_WAITING = 16
"""Where more than so many wait, everybody plays at once, and what was wanted is passed already."""

log = logging.getLogger("mnist_lab")


class Prefetcher:
    """One thread that loads snapshots into the cache that all sessions share."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "prefetch")
        self._lock = Lock()
        self._waiting: set[tuple[str, int, str]] = set()
        self._is_closed = False

    def want(self, run_id: str, epoch: int, split: str) -> None:
        """Has a split at an epoch read soon; what waits already, or too much, is left out."""
        wanted = (run_id, epoch, split)
        with self._lock:
            if wanted in self._waiting or len(self._waiting) >= MOST_WAITING:
                return
            if self._is_closed:
                return
            self._waiting.add(wanted)
            self._thread.submit(self._read, wanted)

    def close(self) -> None:
        """Ends the thread after what it reads now."""
        with self._lock:
            self._is_closed = True
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _read(self, wanted: tuple[str, int, str]) -> None:
        try:
            load_snapshot(*wanted)
        except Exception as error:  # noqa: BLE001 - nobody waits for it; whoever goes there sees the sentence
            log.info("Epoch %d of run %s could not be read ahead: %s", wanted[1], wanted[0], error)
        finally:
            with self._lock:
                self._waiting.discard(wanted)


_opened: list[Prefetcher] = []


def open_prefetching() -> None:
    """Lets this server read ahead; without it, `prefetch` does nothing."""
    _opened.append(Prefetcher())


def close_prefetching() -> None:
    """Ends what `open_prefetching` began."""
    while _opened:
        _opened.pop().close()


def prefetch(run_id: str, epoch: int, epochs: Sequence[int], split: str) -> None:
    """Has the neighbours of an epoch read in the background; returns at once."""
    for reader in _opened if split in RECORDED_SPLITS else ():
        for one in neighbours(epoch, epochs):
            reader.want(run_id, one, split)


def neighbours(epoch: int, epochs: Sequence[int]) -> list[int]:
    """The recorded epochs that a move is likely to go to: those just after, then the one before."""
    place = list(epochs).index(epoch)
    return [*epochs[place + 1 : place + 1 + AHEAD], *epochs[max(place - BEHIND, 0) : place]]
