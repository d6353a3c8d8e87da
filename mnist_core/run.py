"""A handle to one recorded run: its epochs, weights and predictions, and how right it is at any epoch and split."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from mnist_core.analysis.biography import Biography, Moment, biography, moment
from mnist_core.analysis.embedding import stratified_sample
from mnist_core.analysis.evaluation import Evaluation, evaluate
from mnist_core.analysis.history import History
from mnist_core.analysis.selection import Judged
from mnist_core.analysis.weights import LayerWeights, layer_weights
from mnist_core.datasets import Dataset
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inference.activations import PIXELS, Activations, activations
from mnist_core.inference.predictions import Predictions
from mnist_core.maps import MapRequest, MapResult, Sample, compute
from mnist_core.networks.layers import Dropout, Flatten, Layer, Permute
from mnist_core.networks.shapes import PlannedLayer, flat, plan
from mnist_core.npz import Arrays, from_npz
from mnist_core.runs import RUN_LEVEL, Archive, EpochRecord, Facts, RunRecord, best_epoch, kept_epoch, write_bundle
from mnist_core.runs.kept import nearest_epoch
from mnist_core.sentences import shown_value
from mnist_core.spec import RunSpec

__all__ = ["RECORDED_SPLITS", "SPLITS", "MapOptions", "Run", "last_hidden_layer", "read_predictions"]

SPLITS = ("train", "validation", "test")
RECORDED_SPLITS = ("validation", "test")
"""The splits whose predictions are recorded each epoch."""


class MapOptions(TypedDict, total=False):
    """What else can be said about a map; `MapRequest` explains the fields, `epoch` is as for `Run.weights`."""

    split: str
    epoch: int | str
    points: int
    sample_seed: int
    settings: Mapping[str, Any]


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
    def layer_ids(self) -> tuple[str, ...]:
        """What `activations` can be asked of: "pixels", then its layers by their ids, depth first."""
        return (PIXELS, *(place.id for place in self.layers))

    @property
    def last_hidden_layer(self) -> str:
        """See the function of this name."""
        return last_hidden_layer(self.spec.network.layers)

    @property
    def weight_epochs(self) -> tuple[int, ...]:
        """The epochs whose weights are kept, first to last."""
        return tuple(one.epoch for one in self._archive.store.artifacts(self.id) if one.name == "weights")

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

    def shares_images_with(self, other: "Run") -> bool:
        """Whether image ids mean the same images in both runs; False where one has not started."""
        mine, theirs = self.facts, other.facts
        return bool(mine and theirs and mine.dataset.content_hash == theirs.dataset.content_hash)

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
            EpochNotRecorded: they were not kept; the sentence names the epochs whose weights were, and the nearest.
        """
        number = self.epoch_number(epoch)
        kept = self.weight_epochs
        if kept and number not in kept:
            raise EpochNotRecorded(
                f"The weights of epoch {number} of `{self.record.name}` were thinned out; the nearest kept are those of"
                f" epoch {nearest_epoch(kept, number)}: take one of {', '.join(map(str, kept))}."
            )
        return from_npz(self._archive.read(self.id, number, "weights"))

    def first_layer(self, epoch: int | str = "kept") -> LayerWeights:
        """The first layer with a kernel at an epoch; its weights are kept longer than those of the others.

        Raises:
            EpochNotRecorded: the run has no such epoch, or these weights were not kept either.
        """
        arrays = from_npz(self._archive.read(self.id, self.epoch_number(epoch), "first_layer"))
        return layer_weights(arrays, self.layers)[0]

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
        return read_predictions(self._archive.read(self.id, number, "predictions"), split)

    def _predict_training_split(self, epoch: int) -> Predictions:
        weights, dataset = self.weights(epoch), self.images_trained_on()
        from mnist_core.inference.predict import predict

        with self.computing():
            return predict(self.spec, weights, dataset, self.split_file["train_ids"])

    def images_trained_on(self) -> Dataset:
        """Its dataset after grouping.

        Raises:
            InvalidInput: what is at hand under that name is another one, or the run has not started.
        """
        spec, known = self.spec, self.facts
        dataset = self._dataset(spec.dataset.name)
        if known is None or known.dataset.content_hash != dataset.content_hash:
            raise InvalidInput(
                f"Looking into `{self.record.name}` needs the images that it was trained on; `{dataset.source}` holds"
                f" another `{dataset.name}`."
            )
        return dataset.grouped(spec.dataset.grouping)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """On the device of this process, with the threads of the training, the same way each time."""
        from mnist_core.training.runtime import computing_on, place

        known = self.facts
        assert known is not None
        with computing_on(place("auto", known.threads).device):
            yield

    def sample(self, split: str = "validation", points: int | None = None, *, seed: int = 0) -> Sample:
        """Some images of a split, of each class its share.

        Args:
            split: "train", "validation" or "test".
            points: how many at most; None takes all.
            seed: decides which.

        Raises:
            InvalidInput: there is no such split.
            EpochNotRecorded: the run has not started.
        """
        if split not in SPLITS:
            raise InvalidInput(f"`split` must be one of {', '.join(SPLITS)}, got {split!r}.")
        ids, labels = (self.split_file[f"{split}_{name}"] for name in ("ids", "labels"))
        found = Sample(ids.astype(np.int32, copy=False), labels.astype(np.uint8, copy=False))
        if points is None or points >= len(ids):
            return found
        rows = stratified_sample(found.labels, points, seed)
        return Sample(found.ids[rows], found.labels[rows])

    def activations(
        self,
        layer: str,
        ids: NDArray[np.integer],
        epoch: int | str = "kept",
        *,
        between: Callable[[], Any] = lambda: None,
    ) -> Activations:
        """What leaves a layer at an epoch, computed now; wide layers as principal components.

        Args:
            layer: one of `layer_ids`.
            ids: (n,), image ids, at least 2, such as those of `sample`.
            epoch: "kept", "best", "last" or a number.
            between: called after each 2,000 images; may raise to end the work.

        Raises:
            InvalidInput: there is no such layer, the dataset is another one, or what leaves the layer is not finite.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept.
        """
        if layer not in self.layer_ids:
            raise InvalidInput(
                f"`layer` must be one of {', '.join(self.layer_ids)} in `{self.record.name}`, got {shown_value(layer)}."
            )
        number = self.epoch_number(epoch)
        weights = {} if layer == PIXELS else self.weights(number)
        images = self.images_trained_on().images[ids]
        with self.computing():
            return activations(self.spec, weights, images, layer, between=between)

    def map(self, layer: str | None = None, method: str = "umap", **options: Unpack[MapOptions]) -> MapResult:
        """A map of a layer: computed in this process, kept nowhere. A look at the test split is recorded.

        Args:
            layer: one of `layer_ids`; None takes the last hidden layer.
            method: "pca", "tsne" or "umap".
            **options: split, epoch, points, sample_seed, and settings of the method by name.

        Raises:
            InvalidInput: the request does not fit the run, or the settings not the images.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept.
        """
        epoch = self.epoch_number(options.pop("epoch", "kept"))
        source = (self.last_hidden_layer if layer is None else layer, epoch)
        request = MapRequest.parse({"method": method, "sources": [source], **options}).fitted(self)
        if request.split == "test":
            self.open_test_split()
        return compute(self, request)

    def history(self, split: str = "validation", known: History | None = None) -> History:
        """What the run predicted of a split at each of its epochs.

        Args:
            split: "validation" or "test"; of the training split, predictions are not recorded.
            known: what this answered before; only later epochs are read then.

        Raises:
            InvalidInput: no predictions of the split are recorded.
            EpochNotRecorded: nothing is recorded yet.
        """
        if split not in RECORDED_SPLITS:
            raise InvalidInput(f"`split` must be one of {', '.join(RECORDED_SPLITS)} for a history, got {split!r}.")
        after = -1 if known is None else int(known.epochs[-1])
        found = [one for one in self._archive.store.artifacts(self.id) if one.name == "predictions"]
        new = [one for one in found if one.epoch > after]
        if not new:
            if known is None:
                raise EpochNotRecorded(f"`{self.record.name}` has recorded no epoch yet.")
            return known
        name = f"{split}_predicted"
        predicted = np.stack([from_npz(self._archive.blobs.get(one.sha), [name])[name] for one in new])
        epochs = np.array([one.epoch for one in new], np.int32)
        if known is not None:
            return known.extended(epochs, predicted)
        return History(epochs, self.split_file[f"{split}_labels"].astype(np.uint8), predicted, self.spec.classes)

    def judged(self, split: str = "validation", epoch: int | str = "kept") -> Judged:
        """The images of a split with their true classes and the predictions at an epoch, ordered by image id.

        Raises:
            InvalidInput: there is no such split.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept.
        """
        predictions = self.predictions(split, epoch)
        ids, labels = (self.split_file[f"{split}_{name}"] for name in ("ids", "labels"))
        return Judged(ids.astype(np.int32, copy=False), labels.astype(np.uint8, copy=False), predictions)

    def split_of(self, image: int) -> str:
        """Which split holds an image.

        Args:
            image: its id, the row in the dataset.

        Raises:
            InvalidInput: none does.
            EpochNotRecorded: the run has not started.
        """
        for split in SPLITS:
            if self._row(image, split) is not None:
                return split
        every = np.concatenate([self.split_file[f"{split}_ids"] for split in SPLITS])
        raise InvalidInput(
            f"`image` must be the id of one of the {len(every):,} images of `{self.record.name}`"
            f" ({every.min()} to {every.max()}), got {shown_value(image)}."
        )

    def biography(self, image: int, split: str | None = None, known: Biography | None = None) -> Biography:
        """One image through all recorded epochs.

        It reads the predictions of every epoch, about 2 ms for each of a split of 10,000 images; those of `known` never
        change and are not read again.

        Args:
            image: its id, the row in the dataset.
            split: "validation" or "test"; default the one that holds the image.
            known: what this answered before of the same image; only later epochs are read then.

        Raises:
            InvalidInput: the split does not hold the image, or its predictions are not recorded.
            EpochNotRecorded: nothing is recorded yet.
        """
        held_by = split or self.split_of(image)
        row = self._recorded_row(image, held_by)
        moments = list(self._moments(held_by, row, after=-1 if known is None else int(known.epochs[-1])))
        if known is not None:
            return known.extended(moments) if moments else known
        if not moments:
            raise EpochNotRecorded(f"`{self.record.name}` has recorded no epoch yet.")
        return biography(image, int(self.split_file[f"{held_by}_labels"][row]), moments)

    def _recorded_row(self, image: int, split: str) -> int:
        if split == "train":
            raise InvalidInput(
                f"`image` must be a validation or test image, whose predictions are recorded at every epoch; {image} is"
                f" a training image of `{self.record.name}`."
            )
        if split not in RECORDED_SPLITS:
            raise InvalidInput(f"`split` must be one of {', '.join(RECORDED_SPLITS)} for a biography, got {split!r}.")
        row = self._row(image, split)
        if row is None:
            raise InvalidInput(
                f"`image` must be in the {split} split of `{self.record.name}`; {shown_value(image)} is in its"
                f" {self.split_of(image)} split."
            )
        return row

    def _row(self, image: int, split: str) -> int | None:
        rows = np.flatnonzero(self.split_file[f"{split}_ids"] == image)
        return int(rows[0]) if len(rows) else None

    def _moments(self, split: str, row: int, *, after: int) -> Iterator[Moment]:
        for one in self._archive.store.artifacts(self.id):
            if one.name == "predictions" and one.epoch > after:
                yield moment(one.epoch, read_predictions(self._archive.blobs.get(one.sha), split), row)

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
        number = self.epoch_number(epoch)
        _, labels, predictions = self.judged(split, number)
        if split == "test":
            self.open_test_split()
        return evaluate(labels, predictions, self.classes, epoch=number, split=split)

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


def last_hidden_layer(layers: Sequence[Layer]) -> str:
    """The id of the last layer before the output that changes what it gets; "pixels" where there is none."""
    hidden = plan(layers)[:-1]
    changing = (place.id for place in reversed(hidden) if not isinstance(place.layer, Dropout | Flatten | Permute))
    return next(changing, PIXELS)


def read_predictions(data: bytes, split: str) -> Predictions:
    """One split of the bytes of `predictions.npz`."""
    return Predictions.from_arrays(from_npz(data, [f"{split}_{part.name}" for part in fields(Predictions)]), split)
