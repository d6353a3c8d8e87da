"""Every error that this package raises on purpose, in one tree.

```
MnistLabError
├── InvalidInput                what the user gave cannot be used            (command line: exit 2)
│   ├── InvalidSpec             a field of the run's specification
│   ├── DatasetError
│   │   ├── DatasetMissing      not at hand, and not to be had
│   │   ├── DatasetDamaged      a file that is not what it should be
│   │   └── InvalidDataset      the user's own data breaks a rule
│   ├── InvalidSplit            the split does not fit the dataset
│   ├── BundleError             a run bundle that cannot be read or written
│   ├── RunNotFound             no run, or more than one, answers to that name
│   ├── EpochNotRecorded        the run has no such epoch, or no weights of it
│   ├── RunBusy                 the run is in a state that forbids the request
│   ├── QueueFull               someone has as many runs waiting as a shared laboratory lets them
│   └── NotOwner                the run belongs to someone else
├── TrainingFailed              the run failed                               (command line: exit 1)
│   └── Diverged                a loss or a weight is no longer a finite number
├── StorageError                the database or a blob cannot be read or written
│   ├── StorageFull             no space is left
│   └── BlobMissing             a recorded blob is gone or is not what its name says
└── LeaseLost                   another worker has taken the run over
```

A message is one sentence or two: the rule, what was given, what to do next; names of fields and files in backticks.
"""

__all__ = [
    "BlobMissing",
    "BundleError",
    "DatasetDamaged",
    "DatasetError",
    "DatasetMissing",
    "Diverged",
    "EpochNotRecorded",
    "InvalidDataset",
    "InvalidInput",
    "InvalidSpec",
    "InvalidSplit",
    "LeaseLost",
    "MnistLabError",
    "NotOwner",
    "QueueFull",
    "RunBusy",
    "RunNotFound",
    "StorageError",
    "StorageFull",
    "TrainingFailed",
]


class MnistLabError(Exception):
    """The base of every error raised on purpose."""


class InvalidInput(MnistLabError):
    """What the user gave cannot be used; nothing was changed."""


class InvalidSpec(InvalidInput):
    """A field of the run's specification breaks a rule."""


class DatasetError(InvalidInput):
    """A dataset cannot be had, or cannot be used."""


class DatasetMissing(DatasetError):
    """The dataset is not at hand and cannot be downloaded now."""


class DatasetDamaged(DatasetError):
    """A dataset file is not what it should be: truncated, corrupt, or something else altogether."""


class InvalidDataset(DatasetError):
    """The user's own data breaks one of the rules for own data."""


class InvalidSplit(InvalidInput):
    """The split does not fit the dataset."""


class BundleError(InvalidInput):
    """A run bundle cannot be read or written."""


class RunNotFound(InvalidInput):
    """No run, or more than one, answers to that name."""


class EpochNotRecorded(InvalidInput):
    """The run has no such epoch, or what is asked of it was not kept."""


class RunBusy(InvalidInput):
    """The run is in a state that forbids the request."""


class QueueFull(InvalidInput):
    """Someone has as many runs waiting as one person may have where people share a laboratory."""


class NotOwner(InvalidInput):
    """The run belongs to someone else; only its owner may change it."""


class TrainingFailed(MnistLabError):
    """The run failed; what it had learnt until then is kept.

    Attributes:
        run: its id, once it is recorded as failed.
    """

    run: str = ""


class Diverged(TrainingFailed):
    """A loss or a weight is no longer a finite number."""


class StorageError(MnistLabError):
    """The database or a blob cannot be read or written."""


class StorageFull(StorageError):
    """No space is left where the product writes."""


class BlobMissing(StorageError):
    """A recorded blob is gone, or its bytes are not what its name says."""


class LeaseLost(MnistLabError):
    """Another worker has taken the run over; this one stops quietly."""
