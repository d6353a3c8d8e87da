"""A handle to one recorded run: its epochs, weights and predictions, and how right it is at any epoch and split."""

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from mnist_core.analysis.evaluation import Evaluation, evaluate
from mnist_core.datasets import Dataset
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inference.predictions import Predictions
from mnist_core.networks.shapes import PlannedLayer, flat, plan
from mnist_core.npz import Arrays, from_npz
from mnist_core.runs import RUN_LEVEL, Archive, EpochRecord, Facts, RunRecord, best_epoch, kept_epoch, write_bundle
from mnist_core.spec import RunSpec

__all__ = ["SPLITS", "Run"]

SPLITS = ("train", "validation", "test")


class Run:
    """A recorded run; everything is read from the archive when asked for.

    Args:
        archive: where it is recorded.
        run_id: its full id.
        dataset: loads a dataset by name, for what needs its images.
    """

    def __init__(self, archive: Archive, run_id: str, dataset: Callable[[str], Dataset]) -> None:
        self.id = run_id
        self._archive = archive
        self._dataset = dataset

    def __repr__(self) -> str:
        record = self.record
        return f"Run({record.name!r}, {record.state.value}, {self.spec.network.preset} on {self.spec.dataset.name})"

    @property
    def record(self) -> RunRecord:
        """Its row, as it is now."""
        return self._archive.store.run(self.id)

    @property
    def spec(self) -> RunSpec:
        """Its specification."""
        return RunSpec.parse(self.record.spec)

    @property
    def epochs(self) -> list[EpochRecord]:
        """Its committed epochs, 0 to n."""
        return self._archive.store.epochs(self.id)

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """Its layers in depth-first order, with shapes, parameters and multiply-adds."""
        return tuple(flat(plan(self.spec.network.layers)))

    @property
    def parameters(self) -> int:
        """Number of parameters of its network."""
        return sum(place.parameters for place in self.layers)

    @property
    def facts(self) -> Facts | None:
        """Data, machine and versions that it was trained with; None before it started."""
        if not self._archive.has(self.id, RUN_LEVEL, "facts"):
            return None
        return Facts.from_bytes(self._archive.read(self.id, RUN_LEVEL, "facts"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes, after grouping; their numbers where no more is known."""
        known = self.facts
        return known.dataset.classes if known else tuple(map(str, range(self.spec.classes)))

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the lowest validation loss."""
        return best_epoch(self.epochs)

    @property
    def kept_epoch(self) -> int | None:
        """The epoch that counts."""
        return kept_epoch(self.spec, self.epochs)

    def epoch_number(self, which: int | str) -> int:
        """The number behind "best", "last", "kept" or a number.

        Raises:
            EpochNotRecorded: the run has no such epoch.
        """
        recorded = [record.epoch for record in self.epochs]
        named = {"best": self.best_epoch, "kept": self.kept_epoch, "last": max(recorded, default=None)}
        number = named[which] if which in named else int(which) if re.fullmatch("[0-9]{1,9}", str(which)) else None
        if number is None or number not in recorded:
            have = f"0 to {max(recorded)}" if recorded else "none yet"
            raise EpochNotRecorded(
                f"`epoch` must be best, last, kept or a recorded epoch of `{self.record.name}` ({have}), got {which!r}."
            )
        return number

    def weights(self, epoch: int | str = "kept") -> Arrays:
        """The recorded weights of an epoch, float32 by `layer/variable`.

        Raises:
            EpochNotRecorded: they were not kept; the sentence names the epochs whose weights were.
        """
        return from_npz(self._archive.read(self.id, self.epoch_number(epoch), "weights"))

    def predictions(self, split: str = "validation", epoch: int | str = "kept") -> Predictions:
        """The predictions of a split at an epoch, recorded or, for the training split, computed anew.

        Raises:
            InvalidInput: there is no such split.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept.
        """
        if split not in SPLITS:
            raise InvalidInput(f"`split` must be one of {', '.join(SPLITS)}, got {split!r}.")
        number = self.epoch_number(epoch)
        if split == "train":
            return self._predict_training_split(number)
        return Predictions.from_arrays(from_npz(self._archive.read(self.id, number, "predictions")), split)

    def _predict_training_split(self, epoch: int) -> Predictions:
        weights, spec, known = self.weights(epoch), self.spec, self.facts
        dataset = self._dataset(spec.dataset.name)
        if known is None or known.dataset.content_hash != dataset.content_hash:
            raise InvalidInput(
                f"The training split of `{self.record.name}` needs the images that it was trained on;"
                f" `{dataset.source}` holds another `{dataset.name}`."
            )
        from mnist_core.inference.predict import predict
        from mnist_core.training.runtime import place, training_scope

        with training_scope(place("auto", known.threads).device):
            return predict(spec, weights, dataset.grouped(spec.dataset.grouping), self.split_file["train_ids"])

    @cached_property
    def split_file(self) -> Arrays:
        """Image ids and labels of each split: `train_ids`, `train_labels` and so on."""
        return from_npz(self._archive.read(self.id, RUN_LEVEL, "splits"))

    def evaluate(self, split: str = "validation", epoch: int | str = "kept") -> Evaluation:
        """How right the run is on a split at an epoch; a look at the test split is recorded.

        Raises:
            InvalidInput: there is no such split.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept.
        """
        predictions = self.predictions(split, epoch)
        if split == "test":
            self.open_test_split()
        labels = self.split_file[f"{split}_labels"]
        return evaluate(labels, predictions, self.classes, epoch=self.epoch_number(epoch), split=split)

    def open_test_split(self) -> None:
        """Records that someone has looked at the test split."""
        self._archive.store.opened(self.id, self.record.owner)

    def export(self, path: str | Path) -> Path:
        """Writes the run bundle.

        Raises:
            RunBusy: the run has not finished.
        """
        write_bundle(self._archive, self.id, Path(path))
        return Path(path)
