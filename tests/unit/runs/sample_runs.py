"""Runs to put into a store, and their files: what a training of a small network leaves, with drawn numbers."""

from typing import Any

import numpy as np

from mnist_core.networks.shapes import plan, weight_shapes
from mnist_core.npz import Arrays, to_npz
from mnist_core.runs import (
    RUN_LEVEL,
    Archive,
    DatasetFacts,
    EpochRecord,
    Facts,
    Lease,
    PointRecord,
    RunResult,
    RunState,
    SplitResult,
    Store,
    TrainResult,
)
from mnist_core.spec import RunSpec

LAYERS = [
    {"kind": "pool", "size": 8},
    {"kind": "flatten"},
    {"kind": "dense", "units": 4},
    {"kind": "dense", "units": 10, "activation": "linear"},
]
SPEC = RunSpec.parse({"dataset": {"name": "digits"}, "network": {"layers": LAYERS}})
SIZES = {"train": 20, "validation": 12, "test": 15}


def claim(store: Store, spec: dict[str, Any], **more: Any) -> Lease:
    run = store.submit(spec, digest="0" * 64, **more)
    lease = store.claim(run.id, ticket="ticket-1", worker="worker-1", device="cpu")
    assert lease
    return lease


def epoch_record(number: int, **more: Any) -> EpochRecord:
    trained = {"loss": 2 / number, "accuracy": 0.5} if number else {"loss": None, "accuracy": None}
    evaluated = {f"{split}_loss": 1 / (number + 1) for split in ("val", "train_eval")}
    evaluated |= {f"{split}_accuracy": 0.75 for split in ("val", "train_eval")}
    return EpochRecord(number, trained | evaluated | {"penalty": 0.0} | more, 1.5, 0.25, 0.0)


def epoch_files(number: int) -> dict[str, bytes]:
    random = np.random.default_rng(number)
    shapes = weight_shapes(plan(SPEC.network.layers))
    weights: Arrays = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    optimizer: Arrays = {f"momentum/{name}": value for name, value in weights.items()}
    first = {name: value for name, value in weights.items() if name.startswith("dense_1/")}
    arrays = {"predictions": predictions(random), "first_layer": first, "weights": weights, "optimizer": optimizer}
    return {name: to_npz(part) for name, part in arrays.items()}


def predictions(random: np.random.Generator) -> Arrays:
    arrays: Arrays = {}
    for split in ("validation", "test"):
        shares = random.dirichlet(np.ones(10), SIZES[split])
        arrays[f"{split}_predicted"] = shares.argmax(axis=1).astype(np.uint8)
        arrays[f"{split}_loss"] = -np.log(shares[:, 0]).astype(np.float32)
        arrays[f"{split}_log_probabilities"] = np.log(shares).astype(np.float16)
    return arrays


def run_files() -> dict[str, bytes]:
    """The splits, one image id after the other, and the circumstances."""
    starts = {"train": 0, "validation": SIZES["train"], "test": SIZES["train"] + SIZES["validation"]}
    ids = {f"{split}_ids": start + np.arange(SIZES[split], dtype=np.int32) for split, start in starts.items()}
    labels = {f"{split}_labels": (np.arange(size) % 10).astype(np.uint8) for split, size in SIZES.items()}
    dataset = DatasetFacts(name="digits", content_hash="1" * 64, official=True, classes=tuple("0123456789"))
    facts = Facts(dataset=dataset, machine="here", system="Linux", device="cpu", threads=1, versions={"numpy": "2"})
    return {"splits": to_npz(ids | labels), "facts": facts.to_bytes()}


def result(epoch: int) -> RunResult:
    return RunResult(
        best_epoch=epoch,
        kept_epoch=epoch,
        test=SplitResult(epoch=epoch, loss=0.5, accuracy=0.8, errors=3, interval=(0.55, 0.93)),
        train=TrainResult(epoch=epoch, loss=0.25, accuracy=0.9),
        images_per_second=1234.5,
        machine="here",
    )


def train(archive: Archive, spec: dict[str, Any], **more: Any) -> str:
    """A finished run with epochs 0 to 2, files of the house that do not travel, and a point that is not finite."""
    lease = claim(archive.store, spec, **more)
    archive.keep(lease, RUN_LEVEL, run_files() | {"data": b"own images"})
    archive.keep(lease, 0, {"weights": epoch_files(0)["weights"]})
    archive.store.beat(lease, [PointRecord(1, 0, 0.5, {"loss": [2.3, float("nan"), 2.1], "accuracy": [0.1, 0.2, 0.3]})])
    archive.store.beat(lease, [PointRecord(1, 3, 0.75, {"loss": [], "rate": [1e-3]})])
    for number in range(3):
        archive.commit_epoch(lease, epoch_record(number), epoch_files(number))
    plain = result(2).model_dump(mode="json")
    assert archive.store.finish(lease, RunState.DONE, result=plain, used=4.5)
    return lease.run
