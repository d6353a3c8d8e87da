"""For tests of the weights page: runs whose weights are known, and what the page's mosaics hand to a browser."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from mnist_core import presets
from mnist_core.networks.shapes import first_layer_id, plan
from mnist_core.npz import Arrays, to_npz
from mnist_core.run import Run
from mnist_core.runs import EpochRecord, Lease, RunState
from pages.ui.services import services
from tests.unit.analysis.sample_weights import drawn

FLATTEN = {"kind": "flatten"}
OUTPUT = {"kind": "dense", "units": 10, "activation": "linear"}
CONVOLUTIONS = (
    {"kind": "conv", "filters": 6, "kernel": 5},
    {"kind": "conv", "filters": 4, "kernel": 3},
    {"kind": "pool"},
    FLATTEN,
    OUTPUT,
)


def dense(units: int) -> tuple[dict[str, Any], ...]:
    """A network with one hidden layer."""
    return (FLATTEN, {"kind": "dense", "units": units}, OUTPUT)


def weights_of(layers: Sequence[Mapping[str, Any]], seed: int) -> Arrays:
    """Drawn weights of a network."""
    return drawn(plan(_spec(layers).network.layers), seed)


def record_run(
    layers: Sequence[Mapping[str, Any]],
    weights: Sequence[Arrays],
    *,
    state: str = "done",
    dropped: Collection[int] = (),
    **more: Any,
) -> Run:
    """A run with these weights at epochs 0, 1, ...; of those that are dropped, the first layer alone is kept."""
    store = services().lab.archive.store
    plain = json.loads(_spec(layers).model_dump_json())
    record = store.submit(plain, digest=f"{len(store.runs())}", device="cpu", cost=1.0, **more)
    lease = store.claim(record.id, ticket="t", worker="w", device="cpu")
    assert lease
    for epoch, arrays in enumerate(weights):
        commit_weights(lease, epoch, arrays, layers, with_all=epoch not in dropped)
    if state != "running":
        reason = "The loss was no longer a number." if state == "failed" else None
        result = {"kept_epoch": len(weights) - 1, "best_epoch": len(weights) - 1, "train": None}
        store.finish(lease, RunState(state), reason=reason, result=result if state == "done" else None)
    return services().lab.run(record.id)


def lease_of(run: Run) -> Lease:
    """That of a run that was left running."""
    return Lease(run.id, "t", run.record.attempt)


def commit_weights(
    lease: Lease, epoch: int, arrays: Arrays, layers: Sequence[Mapping[str, Any]], *, with_all: bool = True
) -> None:
    """Records one more epoch."""
    first = first_layer_id(_spec(layers).network.layers)
    files = {"first_layer": to_npz({name: one for name, one in arrays.items() if name.startswith(f"{first}/")})}
    files |= {"weights": to_npz(arrays)} if with_all else {}
    metrics = {"loss": None if epoch == 0 else 1 / epoch, "accuracy": 0.5, "val_loss": 1 / (epoch + 1)}
    metrics |= {"val_accuracy": 0.5, "train_eval_loss": 1.0, "train_eval_accuracy": 0.5, "penalty": 0.0}
    services().lab.archive.commit_epoch(lease, EpochRecord(epoch, metrics, 1.0, 0.1, 0.1), files)


class Board(NamedTuple):
    """What a browser gets of a mosaic.

    Attributes:
        header: as it is sent.
        parts: uint8 (n, rows, columns) of each part.
        biases: uint8 (n,) of each part.
    """

    header: dict[str, Any]
    parts: list[NDArray[np.uint8]]
    biases: list[NDArray[np.uint8]]


def boards_of(app: AppTest) -> list[Board]:
    """The mosaics of a page, from the bytes that a browser gets."""
    drawn = [one.proto for one in app.get("bidi_component") if one.proto.component_name.endswith("tiles")]
    return [read_board(proto.bytes) for proto in drawn]


def read_board(data: bytes) -> Board:
    """The header's length, the header, the parts, the biases."""
    length = int.from_bytes(data[:4], "little")
    header, rest = json.loads(data[4 : 4 + length]), np.frombuffer(data, np.uint8, offset=4 + length)
    n, rows, columns, parts = len(header["units"]), header["rows"], header["columns"], header["parts"]
    size = n * rows * columns
    pictures = [rest[part * size : (part + 1) * size].reshape(n, rows, columns) for part in range(parts)]
    left = rest[parts * size :]
    biases = [left[part * n : (part + 1) * n] for part in range(parts)] if header["biased"] else []
    assert len(left) == n * len(biases)
    return Board(header, pictures, biases)


def _spec(layers: Sequence[Mapping[str, Any]]) -> Any:
    return presets["mlp-512"].specify("digits", {"network.layers": [dict(one) for one in layers]})
