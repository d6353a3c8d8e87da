"""Seconds of a look inside a network: one image, a unit switched off, what drives the units, beside Keras's `predict`.

    python benchmarks/inside.py [--smoke]

A lenet-5x5 that was trained for one epoch, 10,000 images of its test split, in one process, warm: each figure is the
median of several calls, with the files read and everything in it. Keras predicts the same images in the same process;
the ratio to that is the figure to quote, as machines differ and are shared.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from mnist_core.datasets import available, to_model_input
from mnist_core.inspection import ablate, inspect, unit_responses
from mnist_core.lab import Lab
from mnist_core.machine import machine_name
from mnist_core.networks.build import build_model, load_model_weights
from mnist_core.networks.catalogue import presets
from mnist_core.run import Run
from mnist_core.settings import load_settings

PRESET = "lenet-5x5"
PREDICT = "Keras's `predict` of all images"
BUDGETS = {
    "one image: all layers and saliency": 0.3,
    "one unit of conv_1 off, all images": 2.0,
    "what drives all units of conv_2, all images": 5.0,
    "what drives all units of dense_1, all images": 5.0,
}
"""What is measured, and the seconds that it may take for 10,000 images on two cores."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="few images and calls, to see that it works")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "inside.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home:
        report = measure(Path(home), smoke=arguments.smoke)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(table(report))
    return 0


def measure(home: Path, *, smoke: bool) -> dict[str, Any]:
    settings = load_settings().model_copy(update={"home": home, "db": "", "blobs": ""})
    has_mnist = any(info.name == "mnist" and info.available for info in available(settings))
    dataset = "mnist" if has_mnist and not smoke else "digits"
    lab = Lab(settings)
    run = lab.train(presets[PRESET].on(dataset, epochs=1))
    image = int(run.split_file["test_ids"][0])
    works: dict[str, Callable[[], object]] = {
        "one image: all layers and saliency": lambda: inspect(run, image),
        "one unit of conv_1 off, all images": lambda: ablate(run, "conv_1", [3], split="test"),
        "what drives all units of conv_2, all images": lambda: unit_responses(run, "conv_2", split="test"),
        "what drives all units of dense_1, all images": lambda: unit_responses(run, "dense_1", split="test"),
    }
    calls = 2 if smoke else 5
    predicting = seconds_of(keras_predict(run), calls)
    rows = [
        {"what": what, "budget": budget, "seconds": seconds_of(works[what], calls)} for what, budget in BUDGETS.items()
    ]
    lab.close()
    images = len(run.split_file["test_ids"])
    return {"machine": machine_name(), "images": images, "keras_predict": predicting, "rows": rows}


def keras_predict(run: Run) -> Callable[[], object]:
    """Keras on the images of the test split, as fast as it goes there: large batches, nothing printed."""
    model = build_model(run.spec.network.layers, seed=0)
    load_model_weights(model, run.weights())
    inputs = to_model_input(run.images_trained_on().images[run.split_file["test_ids"]])
    return lambda: model.predict(inputs, batch_size=500, verbose=0)


def seconds_of(work: Callable[[], object], calls: int) -> float:
    """Median seconds, once it is warm."""
    work()
    found = []
    for _ in range(calls):
        began = perf_counter()
        work()
        found.append(perf_counter() - began)
    return median(found)


def table(report: dict[str, Any]) -> str:
    predicting = report["keras_predict"]
    lines = [
        f"{report['machine']}, {PRESET}, {report['images']:,} images",
        "",
        "| | seconds | to reach | times `predict` |",
        "|---|---|---|---|",
        f"| {PREDICT} | {predicting:.2f} | | 1 |",
    ]
    for row in report["rows"]:
        ratio = row["seconds"] / predicting
        lines.append(f"| {row['what']} | {row['seconds']:.2f} | {row['budget']} | {ratio:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
