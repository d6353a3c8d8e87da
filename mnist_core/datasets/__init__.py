"""The images that a run sees: where they come from, how they are divided, scaled and changed at random."""

from mnist_core.datasets.dataset import Dataset, DatasetInfo
from mnist_core.datasets.own import is_own, parse_npz, read_bytes, read_npz
from mnist_core.datasets.preprocessing import to_model_input
from mnist_core.datasets.sources import available, class_count, load
from mnist_core.datasets.splits import Splits, split, training_sample

__all__ = [
    "Dataset",
    "DatasetInfo",
    "Splits",
    "available",
    "class_count",
    "is_own",
    "load",
    "parse_npz",
    "read_bytes",
    "read_npz",
    "split",
    "to_model_input",
    "training_sample",
]
