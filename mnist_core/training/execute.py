"""Carries out a claimed run: from its lease to its final state. This is the border where every error is recorded."""

import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import median
from time import monotonic
from typing import Any

import numpy as np

from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.errors import LeaseLost, StorageError, TrainingFailed
from mnist_core.inference.predictions import Predictions
from mnist_core.machine import machine_name
from mnist_core.npz import Arrays, from_npz, to_npz
from mnist_core.runs import (
    RUN_LEVEL,
    Archive,
    EpochRecord,
    RunResult,
    RunState,
    SplitResult,
    TrainResult,
    best_epoch,
    kept_epoch,
)
from mnist_core.spec import RunSpec
from mnist_core.training.assignment import Assignment, Watch
from mnist_core.training.cores import Arrangement, arrange
from mnist_core.training.early_stopping import stops_early
from mnist_core.training.recorder import ArchiveRecorder, Recorders
from mnist_core.training.runtime import facts, training_scope
from mnist_core.training.train import Job, Outcome, train
from mnist_core.training.writer import RunWriter

__all__ = ["execute"]

LONG_ENOUGH = 0.5
EARLY = "Ended early, as the validation loss had stopped falling; see `training.early_stopping`."
STOPPED = "Stopped on request; the epochs until then are kept."


def execute(archive: Archive, assignment: Assignment, watch: Watch) -> None:
    """Trains a claimed run, from its last committed epoch on, and gives it its final state.

    Args:
        archive: where it is recorded.
        assignment: the run.
        watch: who looks on.

    Raises:
        TrainingFailed: the run failed; its row says why.
        LeaseLost: another worker has taken the run over.
        StorageError: nothing can be recorded now; the run stays as it is and can be resumed.
    """
    ending = _Ending(archive, assignment)
    try:
        bench = assignment.bench
        arrangement = arrange(assignment.spec, bench.placement, len(bench.splits.train))
        with training_scope(bench.placement, arrangement):
            job = _job(archive, assignment, arrangement)
            writer = RunWriter(archive, assignment.lease, budget=assignment.budget)
            with ArchiveRecorder(writer, watch.should_stop) as recorder:
                outcome = train(job, Recorders(recorder, *([watch.listen(job)] if watch.listen else [])))
        ending.stopped() if outcome.stopped else ending.done(outcome)
    except KeyboardInterrupt:
        ending.stopped()
        raise
    except TrainingFailed as error:
        raise ending.failed(error) from None
    except LeaseLost:
        raise
    except StorageError:
        with suppress(StorageError):
            archive.store.requeue(
                assignment.lease.run, ticket=assignment.lease.ticket, attempt=assignment.lease.attempt
            )
        raise
    except Exception as error:  # the worker's border: whatever it was, the run must not stay open without a word
        archive.keep(assignment.lease, RUN_LEVEL, {"traceback": traceback.format_exc().encode()})
        raise ending.failed(TrainingFailed(f"Training broke with {type(error).__name__}: {error}")) from error


class _Ending:
    """Gives a run its final state, with what it came to and the seconds that all its attempts took."""

    def __init__(self, archive: Archive, assignment: Assignment) -> None:
        self._archive, self._lease, self._spec = archive, assignment.lease, assignment.spec
        epochs = archive.store.epochs(assignment.lease.run)
        before = sum(e.seconds + e.evaluation_seconds + e.recording_seconds for e in epochs)
        self._started = monotonic() - before

    def done(self, outcome: Outcome) -> None:
        early = stops_early(self._spec.training.early_stopping, outcome.epochs)
        self._finish(RunState.DONE, EARLY if early else None, outcome.train)

    def stopped(self) -> None:
        self._finish(RunState.STOPPED, STOPPED)

    def failed(self, error: TrainingFailed) -> TrainingFailed:
        self._finish(RunState.FAILED, str(error))
        error.run = self._lease.run
        return error

    def _finish(self, state: RunState, reason: str | None, training: Mapping[str, Any] | None = None) -> None:
        result = summarise(self._archive, self._lease.run, self._spec, training)
        used = monotonic() - self._started
        self._archive.store.finish(self._lease, state, reason=reason, result=result, used=used)


def _job(archive: Archive, assignment: Assignment, arrangement: Arrangement) -> Job:
    lease, spec = assignment.lease, assignment.spec
    committed = archive.store.epochs(lease.run)
    last = max((record.epoch for record in committed), default=0)
    if not archive.has(lease.run, RUN_LEVEL, "splits"):
        archive.keep(
            lease,
            RUN_LEVEL,
            {
                "splits": _split_file(assignment),
                "facts": facts(assignment.bench.placement, assignment.bench.dataset).to_bytes(),
            },
        )
    archive.store.rewind(lease)

    def recorded(epoch: int | None, name: str) -> Arrays | None:
        found = epoch is not None and archive.has(lease.run, epoch, name)
        return from_npz(archive.read(lease.run, epoch or 0, name)) if found else None

    return Job(
        spec=spec,
        dataset=assignment.bench.dataset,
        splits=assignment.bench.splits,
        committed=committed,
        initial=recorded(0, "weights"),
        weights=recorded(last, "weights") if last else None,
        optimizer=recorded(last, "optimizer") if last else None,
        best=recorded(best_epoch(committed), "weights"),
        threads=assignment.bench.placement.threads,
        arrangement=arrangement,
    )


def _split_file(assignment: Assignment) -> bytes:
    splits, labels = assignment.bench.splits, assignment.bench.dataset.labels
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    ids = {f"{name}_ids": part for name, part in parts.items()}
    return to_npz(ids | {f"{name}_labels": labels[part] for name, part in parts.items()})


def summarise(archive: Archive, run: str, spec: RunSpec, training: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a run came to: best and kept epoch, test and training figures of the kept one; None without an epoch."""
    epochs = archive.store.epochs(run)
    best, kept = best_epoch(epochs), kept_epoch(spec, epochs)
    if best is None or kept is None:
        return None
    predictions = Predictions.from_arrays(from_npz(archive.read(run, kept, "predictions")), "test")
    labels = from_npz(archive.read(run, RUN_LEVEL, "splits"))["test_labels"]
    right = int(np.count_nonzero(predictions.predicted == labels))
    result = RunResult(
        best_epoch=best,
        kept_epoch=kept,
        test=SplitResult(
            epoch=kept,
            loss=float(predictions.loss.mean(dtype=np.float64)),
            accuracy=right / len(labels),
            errors=len(labels) - right,
            interval=wilson_interval(right, len(labels)),
        ),
        train=TrainResult(epoch=kept, **training) if training else None,
        images_per_second=_images_per_second(archive, run, epochs),
        machine=machine_name(),
    )
    return result.model_dump(mode="json")


def _images_per_second(archive: Archive, run: str, epochs: Sequence[EpochRecord]) -> float | None:
    """Training images per second, median over the epochs but the first, which holds the compilation.

    None where these took less than half a second together, and would say more of the overhead than of the network.
    """
    images = len(from_npz(archive.read(run, RUN_LEVEL, "splits"))["train_ids"])
    seconds = [record.seconds for record in epochs if record.epoch > 1]
    return images / median(seconds) if sum(seconds) >= LONG_ENOUGH else None
