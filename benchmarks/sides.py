"""Who is timed against whom in training.py: each side trains some steps of the same run and says how long it took."""

import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mnist_core import datasets
from mnist_core.backend import keras
from mnist_core.datasets import Dataset, Splits
from mnist_core.inference.forward import resident
from mnist_core.inference.predictions import Predictions
from mnist_core.lab import Lab
from mnist_core.networks.build import build_model, model_weights
from mnist_core.networks.shapes import first_layer_id
from mnist_core.spec import RunSpec
from mnist_core.training.assignment import Placement
from mnist_core.training.chunks import CHUNK_STEPS, Pace
from mnist_core.training.cores import arrange
from mnist_core.training.engine import Engine
from mnist_core.training.recorder import ArchiveRecorder, SilentRecorder
from mnist_core.training.runtime import training_scope
from mnist_core.training.snapshot import Snapshot
from mnist_core.training.writer import RunWriter

__all__ = ["KerasFit", "OurEngine", "Peer", "Task"]


@dataclass(frozen=True)
class Task:
    """What all sides train."""

    lab: Lab
    placement: Placement
    spec: RunSpec

    @cached_property
    def dataset(self) -> Dataset:
        return self.lab.dataset(self.spec.dataset.name)

    @cached_property
    def splits(self) -> Splits:
        return datasets.split(self.dataset, self.spec.split)

    @property
    def batch_size(self) -> int:
        return min(self.spec.training.batch_size, len(self.splits.train))

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.splits.train) // self.batch_size)


class OurEngine:
    """The engine as in a user's run: points, heartbeats and each epoch's snapshot are written, or nothing is.

    An epoch is evaluated where it ends; that is timed by itself.

    Attributes:
        evaluation_seconds: of each epoch that ended.
    """

    def __init__(self, task: Task, *, recorded: bool = True) -> None:
        self.task = task
        self.arrangement = arrange(task.spec, task.placement, len(task.splits.train))
        with training_scope(task.placement, self.arrangement):
            examples = resident(task.dataset.images, task.dataset.labels)
            self.engine = Engine(task.spec, examples, task.splits.train, self.arrangement)
        self.recorder = self._recorder() if recorded else SilentRecorder()
        self.pace = Pace()
        self.epoch, self.step = 1, 0
        self.evaluation_seconds: list[float] = []
        self.train(3)

    def _recorder(self) -> ArchiveRecorder:
        archive, spec = self.task.lab.archive, self.task.spec
        record = archive.store.submit(spec.model_dump(mode="json"), digest=spec.digest("benchmark", "cpu"))
        lease = archive.store.claim(record.id, ticket="benchmark", worker="benchmark:0:0", device="cpu")
        assert lease is not None
        return ArchiveRecorder(RunWriter(archive, lease, budget=self.task.lab.settings.snapshot_bytes))

    def train(self, steps: int) -> float:
        with training_scope(self.task.placement, self.arrangement):
            started = perf_counter()
            known = len(self.evaluation_seconds)
            while steps > 0:
                steps -= self._chunk(steps)
                if self.step == self.engine.steps_per_epoch:
                    self._end_epoch()
            return perf_counter() - started - sum(self.evaluation_seconds[known:])

    def _chunk(self, steps: int) -> int:
        if self.step == 0:
            self.engine.start_epoch(1)
        begun = perf_counter()
        result = self.engine.run_steps(self.step, min(self.pace.steps, CHUNK_STEPS, steps))
        self.pace.took(len(result.losses), perf_counter() - begun)
        self.recorder.points(self.epoch, self.step, result.losses, result.accuracies)
        self.step += len(result.losses)
        return len(result.losses)

    def _end_epoch(self) -> None:
        begun = perf_counter()
        predictions = {split: self._predict(split) for split in ("validation", "test")}
        self.evaluation_seconds.append(perf_counter() - begun)
        snapshot = Snapshot(
            epoch=self.epoch,
            metrics={"val_loss": float(predictions["validation"].loss.mean())},
            seconds=0.0,
            evaluation_seconds=self.evaluation_seconds[-1],
            predictions=predictions,
            weights=self.engine.weights(),
            first_layer=first_layer_id(self.task.spec.network.layers),
            optimizer=self.engine.optimizer_state(),
        )
        self.recorder.commit(snapshot)
        self.epoch, self.step = self.epoch + 1, 0

    def _predict(self, split: str) -> Predictions:
        return self.engine.predict(getattr(self.task.splits, split), self.recorder.beat)

    def evaluate(self) -> float:
        """Seconds that an epoch's evaluation takes, of the validation and the test images."""
        with training_scope(self.task.placement, self.arrangement):
            started = perf_counter()
            for split in ("validation", "test"):
                self._predict(split)
            return perf_counter() - started

    def validation_accuracy(self) -> float:
        with training_scope(self.task.placement, self.arrangement):
            predicted = self._predict("validation").predicted
        return float(np.mean(predicted == self.task.dataset.labels[self.task.splits.validation]))

    def close(self) -> None:
        if isinstance(self.recorder, ArchiveRecorder):
            self.recorder.close()
        self.engine.close()


class KerasFit:
    """What a textbook does: float32 arrays in memory, `compile`, `fit`."""

    def __init__(self, task: Task) -> None:
        self.model = build_model(task.spec.network.layers, seed=task.spec.seed)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(plain_optimizer(task.spec.optimizer), loss, metrics=["accuracy"])
        self.pixels = datasets.to_model_input(task.dataset.images[task.splits.train])
        self.labels = task.dataset.labels[task.splits.train].astype(np.int32)
        self.batch, self.steps_per_epoch = task.batch_size, task.steps_per_epoch
        self.train(2)

    def train(self, steps: int) -> float:
        epochs, rest = divmod(steps, self.steps_per_epoch)
        started = perf_counter()
        if epochs:
            self._fit(len(self.pixels), epochs)
        if rest:
            self._fit(rest * self.batch, 1)
        return perf_counter() - started

    def _fit(self, images: int, epochs: int) -> None:
        self.model.fit(self.pixels[:images], self.labels[:images], batch_size=self.batch, epochs=epochs, verbose=0)

    def close(self) -> None:
        """Nothing to end."""


def plain_optimizer(spec: Any) -> keras.optimizers.Optimizer:
    if spec.name == "sgd":
        return keras.optimizers.SGD(spec.learning_rate, momentum=spec.momentum, nesterov=spec.nesterov)
    return keras.optimizers.Adam(spec.learning_rate, beta_1=spec.beta_1, beta_2=spec.beta_2, epsilon=spec.epsilon)


class Peer:
    """A loop of peers.py, in a process and an environment of its own.

    Args:
        task: what to train.
        command: the peers' Python, peers.py and the framework.
        folder: where the arrays are handed over.

    Raises:
        RuntimeError: it cannot train this; the sentence says why.
    """

    def __init__(self, task: Task, command: list[str], folder: Path) -> None:
        weights = model_weights(build_model(task.spec.network.layers, seed=task.spec.seed))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ask(self._request(task, weights, folder))

    @staticmethod
    def _request(task: Task, weights: dict[str, Any], folder: Path) -> dict[str, Any]:
        arrays = {"images": task.dataset.images, "labels": task.dataset.labels, "train_ids": task.splits.train}
        paths = {name: str(folder / f"{name}.npy") for name in arrays}
        for name, array in arrays.items():
            np.save(paths[name], array)
        np.savez(folder / "weights.npz", **weights)
        spec = task.spec.model_dump(mode="json")
        return paths | {
            "weights": str(folder / "weights.npz"),
            "layers": spec["network"]["layers"],
            "optimizer": spec["optimizer"],
            "batch_size": task.batch_size,
            "threads": task.placement.threads,
            "seed": task.spec.seed,
        }

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "it ended without a word"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def train(self, steps: int) -> float:
        return float(self._ask({"steps": steps})["seconds"])

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)
