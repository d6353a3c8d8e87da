"""Work on spans of rows in a few threads. The work must leave Python's lock, as matrix products and kernels do."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["Crew", "compiled", "crew"]

Span = tuple[int, int]


class Crew:
    """A few threads.

    Args:
        threads: how many.
        between: called in the calling thread after each piece of work; may raise.
    """

    def __init__(self, threads: int, between: Callable[[], object]) -> None:
        self.threads = threads
        self._between = between
        self._pool = ThreadPoolExecutor(threads)

    def over(self, rows: int, work: Callable[[int, int], object], *, most: int | None = None) -> None:
        """Does the work on spans (from, to) that cover all rows, each of at most so many rows."""
        each = min(-(-rows // self.threads), most or rows)
        spans = [(start, min(start + each, rows)) for start in range(0, rows, each)]
        waiting = [self._pool.submit(work, *span) for span in spans]
        try:
            for one in waiting:
                one.result()
                self._between()
        finally:
            for one in waiting:
                one.cancel()

    def close(self) -> None:
        """Waits for work that has begun and ends the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def crew(threads: int | None, between: Callable[[], object]) -> Iterator[Crew]:
    """Threads for the time of a computation, in which each matrix product keeps to the thread that asks for it."""
    from threadpoolctl import threadpool_limits

    hands = Crew(threads or _cores(), between)
    with threadpool_limits(limits=1, user_api="blas"):
        try:
            yield hands
        finally:
            hands.close()


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A plain function over arrays as machine code that leaves Python's lock.

    The code is kept for later processes where NUMBA_CACHE_DIR names a folder for it, and nowhere else.
    """
    import numba

    keep = bool(os.environ.get("NUMBA_CACHE_DIR"))
    fast: Callable[..., Any] = numba.njit(nogil=True, fastmath=True, error_model="numpy", cache=keep)(kernel)
    return fast
