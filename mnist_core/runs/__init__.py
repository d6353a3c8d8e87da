"""What is recorded of runs: rows in a SQL database, immutable blobs, and bundles that carry a run elsewhere."""

from mnist_core.runs.archive import Archive
from mnist_core.runs.blobs import Blobs
from mnist_core.runs.bundle import export_bundle, import_bundle, write_bundle
from mnist_core.runs.database import sqlite_url
from mnist_core.runs.facts import DatasetFacts, Facts
from mnist_core.runs.kept import best_epoch, kept_epoch, validation_losses
from mnist_core.runs.queue import Waiting, fair_order
from mnist_core.runs.records import (
    RUN_LEVEL,
    Artifact,
    EpochRecord,
    Lease,
    Opening,
    PointRecord,
    RunRecord,
    RunState,
    Wish,
)
from mnist_core.runs.result import RunResult, SplitResult, TrainResult
from mnist_core.runs.store import Store

__all__ = [
    "RUN_LEVEL",
    "Archive",
    "Artifact",
    "Blobs",
    "DatasetFacts",
    "EpochRecord",
    "Facts",
    "Lease",
    "Opening",
    "PointRecord",
    "RunRecord",
    "RunResult",
    "RunState",
    "SplitResult",
    "Store",
    "TrainResult",
    "Waiting",
    "Wish",
    "best_epoch",
    "export_bundle",
    "fair_order",
    "import_bundle",
    "kept_epoch",
    "sqlite_url",
    "validation_losses",
    "write_bundle",
]
