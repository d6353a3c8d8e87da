"""Seconds of a training epoch: this project's engine against plain Keras `fit` and, if given, the loops of peers.py.

    python -m benchmarks.training [--smoke] [--peers PYTHON] [PRESET ...]

All train the same network with the same optimiser on the same images, in slices of as many steps that take turns, so
that a machine whose speed drifts is fair to all. The engine records as it does for users: its points, and
a snapshot where an epoch ends within the slices. The figures are
medians over the slices, as seconds for an epoch of the preset's training split; a ratio is the median over the rounds,
and the one to quote. An epoch's evaluation is timed by itself. Rates are in relation to that of numpy's float32 matrix
product. PYTHON is that of an environment with requirements-peers.txt.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.sides import KerasFit, OurEngine, Peer, Task
from mnist_core.errors import DatasetMissing
from mnist_core.lab import Lab
from mnist_core.machine import machine_name
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import flat, plan
from mnist_core.settings import load_settings
from mnist_core.spec import RunSpec
from mnist_core.training.assignment import Placement
from mnist_core.training.runtime import place

PRESETS = (
    "softmax-regression",
    "mlp-512",
    "mlp-512-256",
    "lenet-5x5",
    "bottleneck-cnn",
    "cnn-64-32",
    "sigmoid-cnn",
    "resnet-8",
)
IN_BFLOAT16 = ("lenet-5x5", "bottleneck-cnn")
PEERS = ("jax", "torch-channels-last")
ROUNDS = 5
SLICE_SECONDS = 2.0
MOST_EPOCHS_OF_A_SLICE = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("presets", nargs="*", default=PRESETS, metavar="PRESET")
    parser.add_argument("--smoke", action="store_true", help="short slices, to see that it works")
    parser.add_argument("--peers", metavar="PYTHON", help="the Python of the peers' environment")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "training.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(load_settings().model_copy(update={"home": Path(home), "db": "", "blobs": ""}))
        placement = place("cpu", lab.settings.training_threads)
        seconds = 0.2 if arguments.smoke else SLICE_SECONDS
        rows = [measure(lab, placement, name, seconds, arguments.peers) for name in arguments.presets]
        lab.archive.store.close()
    report = {"machine": machine_name(), "threads": placement.threads, "rows": rows}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(table(report))
    return 0


def measure(lab: Lab, placement: Placement, name: str, slice_seconds: float, python: str | None) -> dict[str, Any]:
    spec = presets[name].on(at_hand(lab, presets[name].dataset))
    task = Task(lab, placement, spec)
    ours = OurEngine(task)
    with tempfile.TemporaryDirectory() as folder:
        others = {what: make() for what, make in opponents(task, name, python, Path(folder)).items()}
    sides = {"engine": ours} | others
    ours.train(20)
    steps = int(np.clip(slice_seconds / (ours.train(20) / 20), 2, MOST_EPOCHS_OF_A_SLICE * task.steps_per_epoch))
    rng = np.random.default_rng(0)
    rounds = [one_round(sides, steps, list(rng.permutation([*sides, "numpy"]))) for _ in range(ROUNDS)]
    ours.evaluate()
    evaluations = [(product(), ours.evaluate()) for _ in range(ROUNDS)]
    accuracy = ours.validation_accuracy()
    for side in sides.values():
        side.close()
    row: dict[str, Any] = {
        "preset": name,
        "dataset": spec.dataset.name,
        "arrangement": str(ours.arrangement),
        "epochs": len(ours.evaluation_seconds),
        "seconds": {what: median(one[what] for one in rounds) / steps * task.steps_per_epoch for what in sides},
        "ratio": {what: median(one[what] / one["engine"] for one in rounds) for what in others},
        "rate_of_numpy": median(work(spec) * steps / one["engine"] / (PRODUCT_WORK / one["numpy"]) for one in rounds),
        "evaluation_seconds": median(seconds for _, seconds in evaluations),
        "evaluation_rate_of_numpy": median(
            forward_work(task) / seconds / (PRODUCT_WORK / numpy) for numpy, seconds in evaluations
        ),
        "validation_accuracy": accuracy,
    }
    said = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in row["seconds"].items())
    print(f"{name}: {said}; {row['ratio']['fit']:.2f} times fit", file=sys.stderr)
    return row


def one_round(sides: dict[str, Any], steps: int, order: list[str]) -> dict[str, float]:
    """Seconds of a slice of each side, after some steps that are not timed: who ran before leaves caches behind, and
    threads that still look for work."""
    seconds = {}
    for name in order:
        if name == "numpy":
            product()
            seconds[name] = product()
        else:
            sides[name].train(max(2, steps // 10))
            seconds[name] = sides[name].train(steps)
    return seconds


def opponents(task: Task, name: str, python: str | None, folder: Path) -> dict[str, Callable[[], Any]]:
    """What the engine is held against: without its recording, in bfloat16, Keras's `fit`, and the peers."""
    made: dict[str, Callable[[], Any]] = {
        "unrecorded": partial(OurEngine, task, recorded=False),
        "fit": partial(KerasFit, task),
    }
    if name in IN_BFLOAT16:
        half = Task(task.lab, task.placement, task.spec.replace({"precision": "bfloat16"}))
        made["bfloat16"] = partial(OurEngine, half)
    if python:
        script = str(Path(__file__).with_name("peers.py"))
        made |= {peer: partial(Peer, task, [python, script, peer], folder) for peer in PEERS}
    return made


SIDE = 1024
PRODUCT_WORK = 10 * 2 * SIDE**3


def product() -> float:
    """Seconds of ten float32 matrix products in numpy: what the machine gives at this moment."""
    matrix = np.ones((SIDE, SIDE), np.float32)
    started = perf_counter()
    for _ in range(10):
        matrix @ matrix
    return perf_counter() - started


def work(spec: RunSpec) -> float:
    """Floating-point operations of a step: two for each multiply-add, forward and for both gradients.

    The first layer needs no gradient of its input.
    """
    amounts = [place.multiply_adds for place in flat(plan(spec.network.layers)) if place.multiply_adds]
    return 2.0 * spec.training.batch_size * (3 * sum(amounts) - amounts[0])


def forward_work(task: Task) -> float:
    """Floating-point operations of an epoch's evaluation."""
    amounts = sum(place.multiply_adds for place in flat(plan(task.spec.network.layers)))
    return 2.0 * amounts * (len(task.splits.validation) + len(task.splits.test))


def at_hand(lab: Lab, name: str) -> str:
    try:
        lab.dataset(name)
    except DatasetMissing as error:
        print(f"{error} Measuring on digits.", file=sys.stderr)
        return "digits"
    return name


def table(report: dict[str, Any]) -> str:
    names = {"engine": "this engine", "bfloat16": "in bfloat16", "fit": "Keras `fit`"}
    names |= {"jax": "JAX", "torch-channels-last": "PyTorch"}
    headings = ["network", *names.values(), "recording", "rate", "evaluation (rate)"]
    lines = [
        f"{report['machine']}, {report['threads']} threads; seconds an epoch, and how many times the engine's",
        "",
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
    ]
    for row in report["rows"]:
        cells = [row["preset"], *(cell(row, side) for side in names)]
        cells.append(f"{100 * (1 / row['ratio']['unrecorded'] - 1):+.1f} %" + " of points only" * (not row["epochs"]))
        cells.append(f"{row['rate_of_numpy']:.2f}")
        cells.append(f"{row['evaluation_seconds']:.2g} ({row['evaluation_rate_of_numpy']:.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(row: dict[str, Any], side: str) -> str:
    if side not in row["seconds"]:
        return ""
    ratio = f" ({row['ratio'][side]:.2f})" if side in row["ratio"] else ""
    return f"{row['seconds'][side]:.3g}{ratio}"


if __name__ == "__main__":
    sys.exit(main())
