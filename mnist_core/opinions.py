"""What finished runs say of one image at their kept epochs: whether an image is hard, or only one run gets it wrong.

Each run costs its facts, its split file and the predictions of one epoch; split files that runs share are read once.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from mnist_core.errors import BlobMissing
from mnist_core.npz import from_npz
from mnist_core.run import RECORDED_SPLITS, read_predictions
from mnist_core.runs import RUN_LEVEL, Archive, Facts, RunRecord, kept_epoch
from mnist_core.spec import RunSpec

__all__ = ["ASKED", "Opinion", "opinions"]

ASKED = 40
"""How many runs are asked at most, the newest ones."""


@dataclass(frozen=True)
class Opinion:
    """What a run says of one image at its kept epoch.

    Attributes:
        run: id of the run.
        name: its name.
        epoch: its kept epoch.
        split: the split of it that holds the image, "validation" or "test".
        predicted: the most probable class, by its number in that run.
        predicted_name: the name of that class.
        p_true: the probability of the true class, in [0, 1].
        right: whether the true class is predicted.
    """

    run: str
    name: str
    epoch: int
    split: str
    predicted: int
    predicted_name: str
    p_true: float
    right: bool


class _Held(NamedTuple):
    """Where a run holds an image."""

    split: str
    row: int
    label: int


def opinions(archive: Archive, run_id: str, image: int) -> list[Opinion]:
    """What the other finished runs that were trained with the same images say of one of them, newest run first.

    At most the newest `ASKED` of the same dataset are asked. A run speaks where its validation split holds the image,
    or its test split, if that was opened before. Runs that follow another show that one's records, so of these one
    speaks.

    Args:
        archive: where they are recorded.
        run_id: id of the run that the others are compared with.
        image: the image's id.

    Raises:
        RunNotFound: there is no such run.
    """
    reader = _Reader(archive)
    own = archive.store.run(run_id)
    content = reader.facts(own.id)
    if content is None:
        return []
    found = []
    for record in islice(_others(archive, own), ASKED):
        with suppress(BlobMissing):  # what is wrong with another run says nothing of this one
            found.append(reader.opinion(record, content.dataset.content_hash, image))
    return [one for one in found if one is not None]


def _others(archive: Archive, own: RunRecord) -> Iterator[RunRecord]:
    """The finished runs of the same dataset that recorded an epoch, newest first, one of those that follow another."""
    heard = {own.source or own.id}
    for record in archive.store.runs():
        leader = record.source or record.id
        is_asked = record.state.is_finished and record.epoch is not None and _dataset(record) == _dataset(own)
        if is_asked and leader not in heard:
            heard.add(leader)
            yield record


def _dataset(record: RunRecord) -> str:
    return str(record.spec["dataset"]["name"])


class _Reader:
    """Reads runs for one answer; each file once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._held: dict[str, _Held | None] = {}

    def facts(self, run_id: str) -> Facts | None:
        data = self._read(run_id, RUN_LEVEL, "facts")
        return Facts.from_bytes(data) if data is not None else None

    def opinion(self, record: RunRecord, content_hash: str, image: int) -> Opinion | None:
        facts = self.facts(record.id)
        if facts is None or facts.dataset.content_hash != content_hash:
            return None
        held, epoch = self._where(record.id, image), self._kept(record)
        if held is None or epoch is None or (held.split == "test" and not self._archive.store.openings(record.id)):
            return None
        data = self._read(record.id, epoch, "predictions")
        if data is None:
            return None
        predictions = read_predictions(data, held.split)
        predicted = int(predictions.predicted[held.row])
        return Opinion(
            run=record.id,
            name=record.name,
            epoch=epoch,
            split=held.split,
            predicted=predicted,
            predicted_name=facts.dataset.classes[predicted],
            p_true=float(predictions.probabilities(np.array([held.row]))[0, held.label]),
            right=predicted == held.label,
        )

    def _kept(self, record: RunRecord) -> int | None:
        if record.result:
            return int(record.result["kept_epoch"])
        return kept_epoch(RunSpec.parse(record.spec), self._archive.store.epochs(record.id))

    def _where(self, run_id: str, image: int) -> _Held | None:
        found = self._archive.store.artifact(run_id, RUN_LEVEL, "splits")
        if found is None:
            return None
        if found.sha not in self._held:
            self._held[found.sha] = _find(self._archive.blobs.get(found.sha), image)
        return self._held[found.sha]

    def _read(self, run_id: str, epoch: int, name: str) -> bytes | None:
        found = self._archive.store.artifact(run_id, epoch, name)
        return self._archive.blobs.get(found.sha) if found else None


def _find(data: bytes, image: int) -> _Held | None:
    for split in RECORDED_SPLITS:
        arrays = from_npz(data, [f"{split}_ids", f"{split}_labels"])
        rows = np.flatnonzero(arrays[f"{split}_ids"] == image)
        if len(rows):
            return _Held(split, int(rows[0]), int(arrays[f"{split}_labels"][rows[0]]))
    return None
