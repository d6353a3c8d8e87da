"""The training loop: a specification and a dataset in, recorded epochs out. It knows no store and no screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets import Dataset, Splits, training_sample
from mnist_core.errors import Diverged
from mnist_core.inference.forward import resident
from mnist_core.inference.predictions import Predictions
from mnist_core.networks.shapes import first_layer_id
from mnist_core.npz import Arrays
from mnist_core.runs import EpochRecord, best_epoch, kept_epoch
from mnist_core.spec import LbfgsSpec, RunSpec
from mnist_core.training.baseline import Baseline
from mnist_core.training.chunks import CHUNK_STEPS, ChunkResult, Pace
from mnist_core.training.cores import POOLED, Arrangement
from mnist_core.training.early_stopping import stops_early
from mnist_core.training.engine import Engine
from mnist_core.training.recorder import Recorder, StopRequested
from mnist_core.training.snapshot import Snapshot

__all__ = ["Job", "Outcome", "Trainer", "train"]

Metrics = dict[str, float | None]


class Trainer(Protocol):
    """A network in training: the engine, or scikit-learn's solver behind the same face."""

    steps_per_epoch: int

    def start_epoch(self, epoch: int) -> bool:
        """Prepares an epoch (1 to n); False where nothing is left to learn."""

    def run_steps(self, step: int, count: int) -> ChunkResult:
        """Takes up to `count` steps from step `step` of the epoch."""

    def predict(self, ids: NDArray[np.int32], between: Callable[[], Any]) -> Predictions:
        """What the weights as they are say of some images; `between` is called every 2,000 of them."""

    def penalty(self) -> float:
        """The penalty of the weights as they are, in nats."""

    def weights(self) -> Arrays:
        """Every weight, by `layer/variable`."""

    def load_weights(self, weights: Arrays) -> None:
        """Puts recorded weights in."""

    def optimizer_state(self) -> Arrays:
        """What must be remembered to go on, besides the weights."""

    def load_optimizer_state(self, state: Arrays) -> None:
        """Puts it back."""

    def close(self) -> None:
        """Ends it."""


@dataclass(frozen=True)
class Job:
    """A training to do, or to go on with.

    Attributes:
        spec: what to train.
        dataset: after grouping.
        splits: image ids.
        committed: the epochs that are recorded already; empty for a new run.
        initial: the starting weights, once they are recorded.
        weights: those of the last committed epoch.
        optimizer: the optimiser's state then.
        best: the weights of the best committed epoch.
        threads: threads that it may use.
        arrangement: how its work is shared out among them.
    """

    spec: RunSpec
    dataset: Dataset
    splits: Splits
    committed: Sequence[EpochRecord] = ()
    initial: Arrays | None = None
    weights: Arrays | None = None
    optimizer: Arrays | None = None
    best: Arrays | None = None
    threads: int = 1
    arrangement: Arrangement = POOLED


@dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
        stopped: someone asked it to stop.
        epochs: epochs 0 to the last committed one.
        train: loss and accuracy of the kept epoch on the whole training split; None where it was stopped.
    """

    stopped: bool
    epochs: tuple[EpochRecord, ...]
    train: Metrics | None


def train(job: Job, recorder: Recorder) -> Outcome:
    """Trains until the last epoch, until it stops early, or until someone asks it to stop.

    Raises:
        Diverged: a loss or a weight is no longer a finite number; the sentence says when.
        LeaseLost: another worker has taken the run over.
    """
    loop = _Loop(job, recorder)
    try:
        loop.run()
    except StopRequested:
        return Outcome(True, tuple(loop.history), None)
    else:
        return Outcome(False, tuple(loop.history), loop.whole_training_split())
    finally:
        loop.close()


@dataclass(frozen=True)
class _Trained:
    """What the steps of an epoch brought."""

    epoch: int
    metrics: Metrics
    seconds: float


class _Loop:
    def __init__(self, job: Job, recorder: Recorder) -> None:
        self._job = job
        self._recorder = recorder
        self._trainer = _trainer(job)
        self._sample = training_sample(job.splits, job.dataset.labels)
        self._pace = Pace()
        self._best = job.best
        self.history = list(job.committed)

    def close(self) -> None:
        self._trainer.close()

    def run(self) -> None:
        self._initial = self._job.initial if self._job.initial is not None else self._trainer.weights()
        self._recorder.begin(self._initial)
        if self._job.weights is not None:
            self._trainer.load_weights(self._job.weights)
            self._trainer.load_optimizer_state(self._job.optimizer or {})
        done = max((record.epoch for record in self.history), default=0)
        for epoch in range(done + 1, self._job.spec.training.epochs + 1):
            if stops_early(self._job.spec.training.early_stopping, self.history) or not self._epoch(epoch):
                break

    def _epoch(self, epoch: int) -> bool:
        started = perf_counter()
        if not self._trainer.start_epoch(epoch):
            return False
        losses, accuracies = self._steps(epoch)
        trained = _Trained(epoch, {"loss": _mean(losses), "accuracy": _mean(accuracies)}, perf_counter() - started)
        if not self.history:
            self._untrained()
        self._commit(trained)
        return True

    def _steps(self, epoch: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts: list[ChunkResult] = []
        step, offset = 0, (epoch - 1) * self._trainer.steps_per_epoch
        while step < self._trainer.steps_per_epoch:
            started = perf_counter()
            part = self._trainer.run_steps(step, min(self._pace.steps, CHUNK_STEPS))
            self._pace.took(len(part.losses), perf_counter() - started)
            self._recorder.points(epoch, offset + step, part.losses, part.accuracies)
            _check_finite(part, epoch, offset + step)
            parts.append(part)
            step += len(part.losses)
        return np.concatenate([p.losses for p in parts]), np.concatenate([p.accuracies for p in parts])

    def _untrained(self) -> None:
        """Epoch 0 is evaluated after the first epoch's steps, so that it does not delay the first point."""
        weights = self._trainer.weights()
        self._trainer.load_weights(self._initial)
        self._commit(_Trained(0, {"loss": None, "accuracy": None}, 0.0))
        self._trainer.load_weights(weights)

    def _commit(self, trained: _Trained) -> None:
        """Evaluates the weights as they are and records them; what is not one of the two is not timed at all."""
        started = perf_counter()
        predictions, evaluated = self._evaluate()
        metrics = trained.metrics | evaluated
        weights = self._trainer.weights()
        values = metrics | {"test_loss": _mean(predictions["test"].loss)}
        _check_evaluation(values, weights, trained.epoch, trained.epoch * self._trainer.steps_per_epoch)
        snapshot = Snapshot(
            epoch=trained.epoch,
            metrics=metrics,
            seconds=trained.seconds,
            predictions=predictions,
            weights=weights,
            first_layer=first_layer_id(self._job.spec.network.layers),
            optimizer=self._trainer.optimizer_state() if trained.epoch else {},
            evaluation_seconds=perf_counter() - started,
        )
        seconds = self._recorder.commit(snapshot)
        record = EpochRecord(trained.epoch, metrics, trained.seconds, snapshot.evaluation_seconds, seconds)
        self.history.append(record)
        if best_epoch(self.history) == trained.epoch:
            self._best = snapshot.weights

    def _evaluate(self) -> tuple[dict[str, Predictions], Metrics]:
        splits = self._job.splits
        validation = self._predict(splits.validation)
        sample = self._predict(self._sample)
        metrics: Metrics = {
            **_summary(validation, self._labels(splits.validation), "val_"),
            **_summary(sample, self._labels(self._sample), "train_eval_"),
            "penalty": self._trainer.penalty(),
        }
        return {"validation": validation, "test": self._predict(splits.test)}, metrics

    def whole_training_split(self) -> Metrics | None:
        """Loss and accuracy of the kept epoch over every training image; None where someone asks to stop meanwhile."""
        if kept_epoch(self._job.spec, self.history) == best_epoch(self.history) and self._best is not None:
            self._trainer.load_weights(self._best)
        ids = self._job.splits.train
        try:
            return _summary(self._predict(ids), self._labels(ids), "")
        except StopRequested:
            return None

    def _predict(self, ids: NDArray[np.int32]) -> Predictions:
        return self._trainer.predict(ids, self._recorder.beat)

    def _labels(self, ids: NDArray[np.int32]) -> NDArray[np.uint8]:
        return self._job.dataset.labels[ids]


def _trainer(job: Job) -> Trainer:
    examples = resident(job.dataset.images, job.dataset.labels)
    if isinstance(job.spec.optimizer, LbfgsSpec):
        return Baseline(job.spec, job.dataset, examples, job.splits.train, threads=job.threads)
    return Engine(job.spec, examples, job.splits.train, job.arrangement)


def _mean(values: NDArray[np.float32]) -> float:
    return float(values.mean(dtype=np.float64))


def _summary(predictions: Predictions, labels: NDArray[np.uint8], prefix: str) -> Metrics:
    right = np.count_nonzero(predictions.predicted == labels)
    return {f"{prefix}loss": _mean(predictions.loss), f"{prefix}accuracy": right / len(labels)}


def _check_finite(part: ChunkResult, epoch: int, offset: int) -> None:
    wrong = np.flatnonzero(~np.isfinite(part.losses))
    if len(wrong):
        raise Diverged(
            f"The loss was no longer a finite number at epoch {epoch}, step {offset + wrong[0] + 1}. {ADVICE}"
        )


def _check_evaluation(metrics: Metrics, weights: Arrays, epoch: int, step: int) -> None:
    wrong = [name for name, value in metrics.items() if value is not None and not isfinite(value)]
    wrong += [name for name, values in weights.items() if not np.isfinite(values).all()]
    if wrong:
        raise Diverged(f"`{wrong[0]}` was no longer finite after epoch {epoch}, step {step}. {ADVICE}")


ADVICE = "Try a smaller `optimizer.learning_rate`, a tenth of it for a start, or a schedule that warms up."
