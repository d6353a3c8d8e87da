"""A progress bar on the terminal, as one more recorder of a training."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mnist_core.npz import Arrays

__all__ = ["ProgressBar", "say"]


@contextmanager
def _spoken() -> Iterator[None]:
    """When nobody reads standard error any more, it falls silent; whatever was being done goes on."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def say(text: str, end: str = "\n") -> None:
    """Says something on standard error, if anybody reads it."""
    with _spoken():
        sys.stderr.write(text + end)
        sys.stderr.flush()


class ProgressBar:
    """Shows epoch, loss and validation accuracy on standard error; without a terminal, one line an epoch.

    Args:
        job: the training that it shows.
    """

    def __init__(self, job: Any) -> None:
        self._epochs = job.spec.training.epochs
        self._images = len(job.splits.train)
        self._batch = self._images if job.spec.optimizer.name == "lbfgs" else job.spec.training.batch_size
        done = max((record.epoch for record in job.committed), default=0)
        self._bar = tqdm(
            total=self._epochs * self._images,
            initial=done * self._images,
            unit=" images",
            unit_scale=True,
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def begin(self, weights: Arrays) -> None:
        """Nothing to show yet."""

    def points(self, epoch: int, step: int, losses: NDArray[np.float32], accuracies: NDArray[np.float32]) -> None:
        """Moves the bar."""
        del step, accuracies
        if not self._bar.disable:
            with _spoken():
                self._bar.set_description(f"epoch {epoch} of {self._epochs}, loss {losses[-1]:.4f}", refresh=False)
                self._bar.update(min(len(losses) * self._batch, epoch * self._images - self._bar.n))

    def beat(self) -> None:
        """Keeps the bar's clock going."""
        with _spoken():
            self._bar.refresh()

    def commit(self, snapshot: Any) -> float:
        """Writes the epoch's line."""
        metrics = snapshot.metrics
        with _spoken():
            self._bar.write(
                f"epoch {snapshot.epoch}: validation accuracy {100 * metrics['val_accuracy']:.2f} %, "
                f"loss {metrics['val_loss']:.4f}, {snapshot.seconds:.1f} s",
                file=sys.stderr,
            )
            if snapshot.epoch == self._epochs:
                self._bar.close()
        return 0.0
