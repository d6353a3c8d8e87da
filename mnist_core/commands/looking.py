"""One look at a run: its split at an epoch, and whatever else is read beside it; looks at test splits are recorded."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.selection import Judge, Judged
from mnist_core.errors import InvalidInput
from mnist_core.lab import Lab
from mnist_core.run import RECORDED_SPLITS, Run

__all__ = ["Looking"]


class Looking:
    """A run at an epoch on a split.

    Args:
        lab: where runs are recorded.
        run: the run that is looked at.
        split: "train", "validation" or "test".
        epoch: "best", "last", "kept" or a number.

    Attributes:
        run: the run.
        split: the split.
        epoch: the number of the epoch.
        classes: the names of the run's classes.
        judged: what the run says of the split at the epoch.
    """

    def __init__(self, lab: Lab, run: Run, split: str, epoch: int | str) -> None:
        self.run, self.split, self.classes = run, split, run.classes
        self.epoch = run.epoch_number(epoch)
        self._lab = lab
        self._tested: dict[str, Run] = {}
        self.judged = self.read(run, self.epoch, split)

    def read(self, run: Run, epoch: int, split: str) -> Judged:
        """What a run says of a split at an epoch.

        Raises:
            MnistLabError: it cannot be had.
        """
        judged = run.judged(split, epoch)
        if split == "test":
            self._tested[run.id] = run
        return judged

    def of_same_images(self, ref: str) -> Run:
        """A run of the images that are looked at.

        Raises:
            InvalidInput: it was trained with others.
            RunNotFound: no run, or more than one, answers to it.
        """
        run = self._lab.run(ref)
        if not run.shares_images_with(self.run):
            raise InvalidInput(
                f"Only runs of the same images can be compared; `{run.record.name}` saw others than"
                f" `{self.run.record.name}`."
            )
        return run

    def comparable(self, ref: str, to: Run) -> Run:
        """A run of the images that are looked at, with the classes of another.

        Raises:
            InvalidInput: it was trained with other images or classes.
            RunNotFound: no run, or more than one, answers to it.
        """
        run = self.of_same_images(ref)
        if run.classes != to.classes:
            raise InvalidInput(
                f"Only runs with the same classes can be compared; `{run.record.name}` has others than"
                f" `{to.record.name}`."
            )
        return run

    def judge(self, origin: Run) -> Judge:
        """Reads what a selection asks for that was made in `origin`."""
        return lambda ref, epoch, split: self.read(self.comparable(ref, origin), epoch, split)

    @cached_property
    def wrong_for(self) -> NDArray[np.int32] | None:
        """For how many epochs in a row each image is wrong: int32 (n,); None for the training split."""
        if self.split not in RECORDED_SPLITS:
            return None
        return self.run.history(self.split).wrong_for(self.epoch)

    def record_openings(self) -> None:
        """Records, once for each run, that its test split was looked at."""
        for run in self._tested.values():
            run.open_test_split()
