"""Trains the shipped models anew and writes their run bundles beside this script: `python -m cached_models.build`.

Names given as arguments build these alone. Every model differs from its preset's defaults in its epochs, so that
pressing Train on a preset as it stands really trains, and does not show a run that is here already.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnist_core.lab import Lab
from mnist_core.networks.catalogue import presets
from mnist_core.run import Run
from mnist_core.runs.bundle import bundle_run
from mnist_core.settings import Settings, load_settings
from mnist_core.spec import RunSpec

__all__ = ["FOLDER", "MODELS", "Model", "build", "main", "readme"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Model:
    """One shipped model.

    Attributes:
        name: of its run, and of its file.
        preset: the network.
        dataset: the images.
        changes: what differs from the preset, by path.
        about: what it is there to show.
    """

    name: str
    preset: str
    dataset: str
    about: str
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> RunSpec:
        """What it trains."""
        return presets[self.preset].specify(self.dataset, self.changes)

    @property
    def file(self) -> Path:
        """Its bundle."""
        return FOLDER / f"{self.name}.zip"


MODELS = (
    Model(
        "softmax-on-digits",
        "softmax-regression",
        "digits",
        "one weight per pixel and class; needs no data but what is bundled",
        {"epochs": 20},
    ),
    Model(
        "bottleneck-on-digits",
        "bottleneck-cnn",
        "digits",
        "a small convolutional network, on images that are always here",
        {"epochs": 15},
    ),
    Model(
        "softmax-on-mnist",
        "softmax-regression",
        "mnist",
        "how far a linear model gets, and which digits it confuses",
        {"epochs": 8},
    ),
    Model(
        "mlp-64-on-mnist",
        "mlp-512",
        "mnist",
        "mlp-512 with 64 hidden units: few enough to look at each",
        {"network.layers.1.units": 64, "network.preset": "mlp-64", "learning_rate": 1e-3, "epochs": 6},
    ),
    Model(
        "bottleneck-on-mnist",
        "bottleneck-cnn",
        "mnist",
        "a small convolutional network, epoch by epoch",
        {"epochs": 5},
    ),
    Model(
        "bottleneck-on-fashion",
        "bottleneck-cnn",
        "fashion-mnist",
        "the same network on clothes, which are harder",
        {"epochs": 5},
    ),
    Model(
        "sigmoid-on-fashion-5",
        "sigmoid-cnn",
        "fashion-mnist",
        "clothes merged into five groups",
        {"dataset.grouping": "fashion-5", "epochs": 4},
    ),
)
"""Everything that is shipped; the folder holds one bundle for each."""


def build(model: Model, lab: Lab, folder: Path = FOLDER) -> Run:
    """Trains a model and writes its bundle into a folder.

    Args:
        model: what to train.
        lab: where to train it.
        folder: where the bundle goes.

    Raises:
        InvalidInput: its dataset is not at hand.
        TrainingFailed: the training failed.
    """
    run = lab.train(model.spec, name=model.name)
    run.export(folder / model.file.name)
    return run


README = """# Shipped models

Run bundles that the app takes in at its first start, so that every page has something to show before anyone trains.
All were trained by this project, by `python -m cached_models.build`, which anyone can run again; they hold numbers and
weights, no images. The images come from the bundled digits, or from MNIST and Fashion-MNIST where these are at hand.

| run | network | data | epochs | test accuracy | size | what it is there to show |
|---|---|---|---|---|---|---|
{rows}

`MODELS` in `build.py` is the list; a bundle is trained again when the numbers of its specification change.
"""


def readme() -> str:
    """The text of `README.md`, with the numbers that stand in the bundles."""
    return README.format(rows="\n".join(_row(model) for model in MODELS))


def _row(model: Model) -> str:
    result = bundle_run(model.file).result
    assert result
    assert result.test
    low, high = result.test.interval
    cells = [
        f"`{model.name}`",
        model.spec.network.preset,
        f"{model.dataset}{', five groups' if model.spec.dataset.grouping else ''}",
        str(model.spec.training.epochs),
        f"{100 * result.test.accuracy:.2f} % ({100 * low:.2f} to {100 * high:.2f})",
        f"{model.file.stat().st_size / 1e6:.1f} MB",
        model.about,
    ]
    return f"| {' | '.join(cells)} |"


def main(names: Sequence[str]) -> None:
    """Builds the named models, or all of them, in an installation of its own, and then the readme."""
    unknown = set(names) - {model.name for model in MODELS}
    if unknown:
        sys.exit(f"No shipped model is called {', '.join(sorted(unknown))}.")
    data = load_settings().data
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(Settings(home=Path(home), data=data))
        for model in MODELS:
            if not names or model.name in names:
                sys.stderr.write(f"training {model.name}\n")
                build(model, lab)
        lab.close()
    (FOLDER / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
