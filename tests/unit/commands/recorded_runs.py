"""Runs with predictions that were drawn, recorded in a laboratory as a training records them."""

from collections.abc import Sequence

import numpy as np

from mnist_core.inference.predictions import Predictions
from mnist_core.lab import Lab
from mnist_core.npz import to_npz
from mnist_core.run import Run
from mnist_core.runs import RUN_LEVEL, DatasetFacts, Facts, RunState
from tests.unit.runs.sample_runs import SPEC, claim, epoch_record, result

DIGITS = tuple("0123456789")
START = {"train": 0, "validation": 300, "test": 500}
SIZE = {"train": 300, "validation": 200, "test": 150}


def record(
    lab: Lab,
    seed: int,
    *,
    content: str = "1",
    shift: int = 0,
    classes: Sequence[str] = DIGITS,
    state: str = "done",
    dataset: str = "digits",
) -> Run:
    """A run with epochs 0 to 3, the last one kept; label of an image: its id modulo the number of classes.

    `shift` moves the validation split, so that runs share a part of it.
    """
    lease = claim(lab.archive.store, SPEC.model_dump(mode="json") | {"dataset": {"name": dataset}})
    lab.archive.keep(lease, RUN_LEVEL, _run_files(content, shift, classes))
    for epoch in range(4):
        files = {"predictions": to_npz(_predictions(seed, epoch, shift, len(classes)))}
        lab.archive.commit_epoch(lease, epoch_record(epoch), files)
    if state != "running":
        plain = result(3).model_dump(mode="json") if state == "done" else None
        assert lab.archive.store.finish(lease, RunState(state), result=plain, used=1.0)
    return lab.run(lease.run)


def _run_files(content: str, shift: int, classes: Sequence[str]) -> dict[str, bytes]:
    ids = {f"{split}_ids": _ids(split, shift) for split in SIZE}
    labels = {f"{split}_labels": _labels(split, shift, len(classes)) for split in SIZE}
    dataset = DatasetFacts(name="digits", content_hash=content * 64, official=True, classes=tuple(classes))
    facts = Facts(dataset=dataset, machine="here", system="Linux", device="cpu", threads=1, versions={"numpy": "2"})
    return {"splits": to_npz(ids | labels), "facts": facts.to_bytes()}


def _ids(split: str, shift: int) -> np.ndarray:
    return START[split] + np.arange(SIZE[split], dtype=np.int32) + (shift if split == "validation" else 0)


def _labels(split: str, shift: int, classes: int) -> np.ndarray:
    return (_ids(split, shift) % classes).astype(np.uint8)


def _predictions(seed: int, epoch: int, shift: int, classes: int) -> dict[str, np.ndarray]:
    """What a network with a little more skill at each epoch says."""
    random = np.random.default_rng([seed, epoch])
    arrays: dict[str, np.ndarray] = {}
    for split in ("validation", "test"):
        labels = _labels(split, shift, classes)
        logits = random.normal(size=(len(labels), classes)) * 2 + 2 * epoch * np.eye(classes)[labels]
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        loss = -logs[np.arange(len(labels)), labels].astype(np.float32)
        arrays |= Predictions(logits.argmax(1).astype(np.uint8), loss, logs.astype(np.float16)).to_arrays(split)
    return arrays
