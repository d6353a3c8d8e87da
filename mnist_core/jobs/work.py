"""What workers can do, by the kind of run; a new kind is one new entry of `WORK`.

This is the border of the workers: whatever goes wrong stands in the run's row when `carry_out` returns.
"""

import traceback
from collections.abc import Callable, Mapping

from mnist_core.errors import InvalidInput, LeaseLost, StorageError, TrainingFailed
from mnist_core.inspection import REQUESTS
from mnist_core.jobs.inspecting import look_inside
from mnist_core.jobs.mapping import embed
from mnist_core.jobs.shelf import record_activations
from mnist_core.lab import Lab
from mnist_core.npz import to_npz
from mnist_core.runs import RUN_LEVEL, Lease, RunRecord, RunState
from mnist_core.spec import RunSpec

__all__ = ["WORK", "carry_out"]


def train(lab: Lab, lease: Lease, record: RunRecord) -> None:
    """Trains; the loop records by itself, its end included."""
    from mnist_core.training.assignment import Assignment, Watch
    from mnist_core.training.execute import execute

    bench = lab.prepare_again(record)
    spec = RunSpec.parse(record.spec)
    execute(lab.archive, Assignment(lease, spec, bench, lab.settings.snapshot_bytes), Watch())


def predict(lab: Lab, lease: Lease, record: RunRecord) -> None:
    """Predicts a split of the run that this one looks at, at an epoch."""
    split = str(record.spec["split"])
    predictions = lab.run(record.source or "").predictions(split, int(record.spec["epoch"]))
    lab.archive.keep(lease, RUN_LEVEL, {"predictions": to_npz(predictions.to_arrays(split))})
    lab.archive.store.finish(lease, RunState.DONE)


WORK: Mapping[str, Callable[[Lab, Lease, RunRecord], None]] = {
    "train": train,
    "predict": predict,
    "activations": record_activations,
    "embed": embed,
    **dict.fromkeys(REQUESTS, look_inside),
}


def carry_out(lab: Lab, lease: Lease) -> None:
    """Does what a claimed run asks for, and gives it its final state, whatever happens.

    Raises:
        LeaseLost: another worker has taken the run over.
        StorageError: nothing can be recorded now; the run stays as it is and can be resumed.
    """
    archive = lab.archive
    try:
        record = archive.store.run(lease.run)
        archive.collect_garbage()
        WORK[record.kind](lab, lease, record)
    except TrainingFailed:  # its row says why already
        return
    except InvalidInput as error:
        archive.store.finish(lease, RunState.FAILED, reason=str(error))
    except (LeaseLost, StorageError):
        raise
    except Exception as error:  # noqa: BLE001 - the border: the run must not stay open without a word
        archive.keep(lease, RUN_LEVEL, {"traceback": traceback.format_exc().encode()})
        archive.store.finish(lease, RunState.FAILED, reason=f"It broke with {type(error).__name__}: {error}")
