"""MNIST Lab: train the published MNIST networks, record every epoch, and look inside.

```python
import mnist_core as ml

run = ml.train(ml.presets["bottleneck-cnn"].on("mnist", epochs=3))
run.evaluate("test").confusion
```
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from mnist_core.datasets import Dataset
from mnist_core.errors import MnistLabError
from mnist_core.lab import Lab
from mnist_core.networks.catalogue import Preset, presets
from mnist_core.run import Run
from mnist_core.settings import Settings, load_settings
from mnist_core.spec import RunSpec

__all__ = [
    "Dataset",
    "Lab",
    "MnistLabError",
    "Preset",
    "Run",
    "RunSpec",
    "Settings",
    "dataset",
    "open_run",
    "presets",
    "recorded_runs",
    "train",
]


_lab = lru_cache(maxsize=4)(Lab)


def _here() -> Lab:
    """The installation that the environment names."""
    return _lab(load_settings())


def train(
    spec: RunSpec,
    *,
    name: str | None = None,
    listen: Callable[[Any], Any] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Trains in this process and records every epoch in the installation that the environment names.

    See `Lab.train`.
    """
    return _here().train(spec, name=name, listen=listen, should_stop=should_stop)


def dataset(name: str | Path) -> Dataset:
    """Loads a dataset by name, or takes in own data from an `.npz` file. See `Lab.dataset`."""
    return _here().dataset(name)


def recorded_runs() -> list[Run]:
    """All recorded runs, newest first."""
    return _here().runs()


def open_run(ref: str) -> Run:
    """One recorded run by id, unambiguous prefix of it, or name."""
    return _here().run(ref)
