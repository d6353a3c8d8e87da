"""Seconds of a training epoch: this project's engine against plain Keras `fit`, in turn, in one run.

    python benchmarks/training.py [--smoke] [PRESET ...]

Both train the same network with the same optimiser on the same images, in slices of equal length that alternate, so
that a machine whose speed drifts is fair to both. The engine records its points as it does for users. The figures are
medians over the slices, as seconds for an epoch of the preset's training split; the ratio is the one to quote.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from mnist_core import datasets
from mnist_core.backend import keras
from mnist_core.errors import DatasetMissing
from mnist_core.inference.forward import resident
from mnist_core.lab import Lab
from mnist_core.machine import machine_name
from mnist_core.networks.build import build_model, load_model_weights
from mnist_core.networks.catalogue import presets
from mnist_core.settings import load_settings
from mnist_core.training.chunks import CHUNK_STEPS, Pace
from mnist_core.training.engine import Engine
from mnist_core.training.recorder import ArchiveRecorder
from mnist_core.training.runtime import place, training_scope

PRESETS = ("softmax-regression", "mlp-512", "mlp-512-256", "bottleneck-cnn", "lenet-5x5", "sigmoid-cnn", "resnet-8")
SLICES = 5
SLICE_SECONDS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("presets", nargs="*", default=PRESETS, metavar="PRESET")
    parser.add_argument("--smoke", action="store_true", help="short slices, to see that it works")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "training.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(load_settings().model_copy(update={"home": Path(home), "db": "", "blobs": ""}))
        place("cpu", lab.settings.training_threads)
        seconds = 0.2 if arguments.smoke else SLICE_SECONDS
        rows = [measure(lab, name, seconds) for name in arguments.presets]
        lab.archive.store.close()
    report = {"machine": machine_name(), "threads": lab.settings.training_threads, "rows": rows}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(table(report))
    return 0


def measure(lab: Lab, name: str, slice_seconds: float) -> dict[str, float | str]:
    spec = presets[name].on(at_hand(lab, presets[name].dataset))
    dataset = lab.dataset(spec.dataset.name)
    splits = datasets.split(dataset, spec.split)
    ours = OurSide(lab, spec, dataset, splits.train)
    theirs = KerasSide(spec, dataset, splits.train, ours.engine.weights())
    steps = max(2, int(slice_seconds / ours.seconds_per_step()))
    theirs.train(2)
    pairs = [(ours.train(steps), theirs.train(steps)) for _ in range(SLICES)]
    ours_epoch, keras_epoch = (median(side) / steps * ours.engine.steps_per_epoch for side in zip(*pairs, strict=True))
    ratio = median(keras_slice / our_slice for our_slice, keras_slice in pairs)
    predicted = ours.accuracy(splits.validation)
    print(f"{name}: {ours_epoch:.2f} s, fit {keras_epoch:.2f} s, {ratio:.2f} times", file=sys.stderr)
    return {
        "preset": name,
        "dataset": spec.dataset.name,
        "seconds": ours_epoch,
        "keras_seconds": keras_epoch,
        "ratio": ratio,
        "validation_accuracy": predicted,
    }


def at_hand(lab: Lab, name: str) -> str:
    try:
        lab.dataset(name)
    except DatasetMissing as error:
        print(f"{error} Measuring on digits.", file=sys.stderr)
        return "digits"
    return name


class OurSide:
    """The engine with chunks and points as in a user's run."""

    def __init__(self, lab: Lab, spec, dataset, ids) -> None:
        self.engine = Engine(spec, resident(dataset.images), dataset.labels, ids)
        record = lab.archive.store.submit(spec.model_dump(mode="json"), digest=spec.digest("benchmark", "cpu"))
        lease = lab.archive.store.claim(record.id, ticket="benchmark", worker="benchmark:0:0", device="cpu")
        assert lease is not None
        self.recorder = ArchiveRecorder(lab.archive, lease, budget=lab.settings.snapshot_bytes)
        self.pace = Pace()
        self.epoch, self.step = 0, self.engine.steps_per_epoch
        self.dataset = dataset
        self.train(3)

    def train(self, steps: int) -> float:
        with training_scope("cpu"):
            return self._train(steps)

    def _train(self, steps: int) -> float:
        started = perf_counter()
        while steps > 0:
            if self.step >= self.engine.steps_per_epoch:
                self.epoch, self.step = self.epoch + 1, 0
                self.engine.start_epoch(min(self.epoch, 1))
            begun = perf_counter()
            result = self.engine.run_steps(self.step, min(self.pace.steps, CHUNK_STEPS, steps))
            self.pace.took(len(result.losses), perf_counter() - begun)
            self.recorder.points(self.epoch, self.step, result.losses, result.accuracies)
            self.step += len(result.losses)
            steps -= len(result.losses)
        return perf_counter() - started

    def seconds_per_step(self) -> float:
        self.train(20)
        return self.train(20) / 20

    def accuracy(self, ids) -> float:
        images = datasets.to_model_input(self.dataset.images[ids])
        logits = self.engine.model.predict(images, batch_size=500, verbose=0)
        return float(np.mean(logits.argmax(axis=1) == self.dataset.labels[ids]))


class KerasSide:
    """What a textbook does: float32 arrays in memory, `compile`, `fit`."""

    def __init__(self, spec, dataset, ids, weights) -> None:
        self.model = build_model(spec.network.layers, seed=spec.seed)
        load_model_weights(self.model, weights)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(plain_optimizer(spec.optimizer), loss, metrics=["accuracy"])
        self.pixels = datasets.to_model_input(dataset.images[ids])
        self.labels = dataset.labels[ids].astype(np.int32)
        self.batch = min(spec.training.batch_size, len(ids))

    def train(self, steps: int) -> float:
        images = steps * self.batch
        repeats = -(-images // len(self.pixels))
        pixels = np.concatenate([self.pixels] * repeats)[:images] if repeats > 1 else self.pixels[:images]
        labels = np.concatenate([self.labels] * repeats)[:images] if repeats > 1 else self.labels[:images]
        started = perf_counter()
        self.model.fit(pixels, labels, batch_size=self.batch, epochs=1, verbose=0)
        return perf_counter() - started


def plain_optimizer(spec) -> keras.optimizers.Optimizer:
    if spec.name == "sgd":
        return keras.optimizers.SGD(spec.learning_rate, momentum=spec.momentum, nesterov=spec.nesterov)
    return keras.optimizers.Adam(spec.learning_rate, beta_1=spec.beta_1, beta_2=spec.beta_2, epsilon=spec.epsilon)


def table(report) -> str:
    lines = [
        f"{report['machine']}, {report['threads']} threads",
        "",
        "| network | this engine, s an epoch | Keras `fit`, s an epoch | times faster |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['preset']} | {row['seconds']:.2f} | {row['keras_seconds']:.2f} | {row['ratio']:.2f} |"
        for row in report["rows"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
