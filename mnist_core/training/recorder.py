"""Recording a training: points as they come, epochs as they end; nothing here trains.

`Recorder` is what the training loop talks to. `ArchiveRecorder` writes runs, beside the training; `SilentRecorder`
keeps nothing, for measuring what recording costs; `Recorders` lets several listen at once.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from time import monotonic, perf_counter
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mnist_core.npz import Arrays
from mnist_core.training.snapshot import Snapshot
from mnist_core.training.writer import RunWriter

__all__ = ["ArchiveRecorder", "Recorder", "Recorders", "SilentRecorder", "StopRequested"]


class StopRequested(Exception):
    """Someone asked this training to stop; what was learnt until the last epoch is kept."""


class Recorder(Protocol):
    """What the training loop tells; each method may raise `StopRequested` or `LeaseLost`, but `commit` never stops."""

    def begin(self, weights: Arrays) -> None:
        """Takes the starting weights, before the first step."""

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Takes the values of consecutive steps; `step` is the global index of the first."""

    def beat(self) -> None:
        """Says that the training is alive, between two pieces of work."""

    def commit(self, snapshot: Snapshot) -> float:
        """Keeps an epoch, wholly or not at all; returns the seconds for which the training waited."""


class SilentRecorder:
    """Keeps nothing."""

    def begin(self, weights: Arrays) -> None:
        """Does nothing."""

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Does nothing."""

    def beat(self) -> None:
        """Does nothing."""

    def commit(self, snapshot: Snapshot) -> float:
        """Does nothing, in no time."""
        del snapshot
        return 0.0


class Recorders:
    """Tells several recorders the same, in order."""

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders = recorders

    def begin(self, weights: Arrays) -> None:
        """See `Recorder`."""
        for recorder in self._recorders:
            recorder.begin(weights)

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """See `Recorder`."""
        for recorder in self._recorders:
            recorder.points(epoch, step, losses, accuracies)

    def beat(self) -> None:
        """See `Recorder`."""
        for recorder in self._recorders:
            recorder.beat()

    def commit(self, snapshot: Snapshot) -> float:
        """See `Recorder`."""
        return sum(recorder.commit(snapshot) for recorder in self._recorders)


class ArchiveRecorder:
    """Hands everything to a writer in a thread of its own, so that the training waits neither for disk nor database.

    One epoch at most is on its way to the disk while the next one trains. What goes wrong there is raised by a later
    call, at the latest when the recorder is left, and nothing is written after it. Left as a context, it waits until
    all is written.

    Args:
        writer: what writes the run.
        should_stop: asked with points and beats, for stops that come from this process.
    """

    def __init__(self, writer: RunWriter, should_stop: Callable[[], bool] = lambda: False) -> None:
        self._writer = writer
        self._should_stop = should_stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._last = self._epoch = self._thread.submit(lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = self._end()
        if failure is not None and failure is not error and (error is None or isinstance(error, Exception)):
            raise failure

    def close(self) -> None:
        """Waits until all is written; raises as `commit` does."""
        failure = self._end()
        if failure is not None:
            raise failure

    def _end(self) -> BaseException | None:
        self._hand_over(self._writer.flush)
        try:
            wait([self._last])
        except KeyboardInterrupt:
            wait([self._last])  # nobody may end the run while it is still being written
            raise
        finally:
            self._thread.shutdown()
        return self._last.exception()

    def begin(self, weights: Arrays) -> None:
        """Keeps the starting weights."""
        self._hand_over(self._writer.begin, weights)

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Takes points; the first go out at once.

        Raises:
            StopRequested: someone asked for it.
            LeaseLost: another worker has taken over.
            StorageError: the run cannot be written any more.
        """
        self._raise_failure()
        self._hand_over(self._writer.points, epoch, step, losses, accuracies, monotonic())
        self._stop_if_asked()

    def beat(self) -> None:
        """Writes what is due; raises as `points` does."""
        self._raise_failure()
        if self._last.done():
            self._hand_over(self._writer.beat)
        self._stop_if_asked()

    def commit(self, snapshot: Snapshot) -> float:
        """Waits for the epoch before, if it is not on disk yet, and hands this one over.

        Raises:
            LeaseLost: another worker has taken over.
            StorageError: the run cannot be written any more.
        """
        started = perf_counter()
        self._epoch.result()
        waited = perf_counter() - started
        self._hand_over(self._writer.commit, snapshot, waited)
        self._epoch = self._last
        return waited

    def _stop_if_asked(self) -> None:
        if self._writer.wish is not None or self._should_stop():
            raise StopRequested

    def _raise_failure(self) -> None:
        if self._last.done():
            self._last.result()

    def _hand_over(self, work: Callable[..., None], *arguments: Any) -> None:
        self._last = self._thread.submit(_after, self._last, work, *arguments)


def _after(before: Future[None], work: Callable[..., None], *arguments: Any) -> None:
    """Does the work, unless what came before it went wrong, which then goes on to whatever follows."""
    before.result()
    work(*arguments)
