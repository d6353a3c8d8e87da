"""The networks that the product ships: published layer stacks with the training settings of their sources.

A new preset is one new entry in `presets`; it then stands in the command line, the docs and the training tests.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mnist_core.datasets import Dataset, class_count
from mnist_core.errors import InvalidInput, InvalidSpec
from mnist_core.networks.layers import (
    Activation,
    BatchNorm,
    Constant,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Normal,
    Permute,
    Pool,
    Residual,
    Scaled,
    Zeros,
)
from mnist_core.networks.shapes import flat, plan
from mnist_core.overrides import apply_overrides
from mnist_core.spec import (
    AdamSpec,
    ConstantSchedule,
    EarlyStopping,
    LbfgsSpec,
    OneCycleSchedule,
    OptimizerSpec,
    RunSpec,
    ScheduleSpec,
    SgdSpec,
    TrainingSpec,
)

__all__ = ["Preset", "Presets", "presets"]


@dataclass(frozen=True)
class Preset:
    """A published network and how its source trained it.

    Attributes:
        name: what it is called everywhere.
        hidden: the layers before the output layer.
        output: the output layer; its `units` become the number of classes.
        optimizer: as in the source.
        training: as in the source.
        schedule: as in the source.
        validation: share of the training part that is held back.
        dataset: the dataset of the source.
        reported: test accuracies that the authors report, as fractions.
        note: what a user should know of it, in a sentence or two.
    """

    name: str
    hidden: tuple[Layer, ...]
    optimizer: OptimizerSpec
    training: TrainingSpec
    schedule: ScheduleSpec = field(default=ConstantSchedule())
    validation: float = 1 / 12
    dataset: str = "mnist"
    output: Dense = field(default=Dense(units=10, activation="linear"))
    reported: tuple[float, ...] = ()
    note: str = ""

    def layers(self, classes: int) -> tuple[Layer, ...]:
        """The layer stack for a number of classes."""
        return (*self.hidden, self.output.model_copy(update={"units": classes}))

    def parameters(self, classes: int) -> int:
        """Number of parameters for a number of classes."""
        return sum(place.parameters for place in flat(plan(self.layers(classes))))

    def on(self, dataset: str | Dataset | None = None, **overrides: Any) -> RunSpec:
        """The specification of a run of this preset.

        Args:
            dataset: a name, or own data as `mnist_core.dataset(path)` returns it; default the source's dataset.
            **overrides: fields by path with `__` for the dot (`optimizer__name="sgd"`); `epochs`, `batch_size` and
                `learning_rate` are short names.

        Raises:
            InvalidSpec: a path does not exist or a value breaks its rule.
        """
        return self.specify(dataset, {path.replace("__", "."): value for path, value in overrides.items()})

    def specify(self, dataset: str | Dataset | None, overrides: dict[str, Any]) -> RunSpec:
        """Like `on`, with the overrides' paths as the command line writes them."""
        dataset = self.dataset if dataset is None else dataset
        if not isinstance(dataset, Dataset) and str(dataset).endswith(".npz"):
            raise InvalidSpec(
                f"Own data is taken in first: use `mnist_core.dataset({str(dataset)!r})`, then give the result."
            )
        name = dataset.name if isinstance(dataset, Dataset) else dataset
        spec = RunSpec.parse(apply_overrides(self._plain(name), overrides))
        units = f"network.layers.{len(spec.network.layers) - 1}.units"
        classes = _classes(spec, dataset)
        if classes and not {units, "network.layers", "network"} & overrides.keys():
            spec = spec.replace({units: classes})
        return spec

    def _plain(self, dataset: str) -> dict[str, Any]:
        spec = RunSpec.parse(
            {
                "dataset": {"name": dataset},
                "split": {"validation": self.validation},
                "network": {"preset": self.name, "layers": [layer.model_dump() for layer in self.layers(10)]},
                "optimizer": self.optimizer.model_dump(),
                "schedule": self.schedule.model_dump(),
                "training": self.training.model_dump(),
            }
        )
        return spec.model_dump(mode="json")


def _classes(spec: RunSpec, dataset: str | Dataset) -> int | None:
    """Number of classes after grouping; None where the dataset's name says nothing of it."""
    if spec.dataset.grouping:
        return len(spec.dataset.grouping)
    if isinstance(dataset, Dataset) and dataset.name == spec.dataset.name:
        return len(dataset.classes)
    return class_count(spec.dataset.name)


class Presets(dict[str, Preset]):
    """The catalogue, by name."""

    def __init__(self, entries: Iterable[Preset]) -> None:
        super().__init__({preset.name: preset for preset in entries})

    def __missing__(self, name: str) -> Preset:
        raise InvalidInput(f"`preset` must be one of {', '.join(self)}, got {name!r}.")


NORMAL = {"kernel_initializer": Normal(sd=0.1), "bias_initializer": Constant(value=0.1)}
ADAM_50 = TrainingSpec(epochs=18, batch_size=50)
HE = Scaled(kind="he_normal")


def _bottleneck(*head: Layer) -> tuple[Layer, ...]:
    return (
        Conv(filters=32, padding="same"),
        Conv(filters=16, kernel=1),
        Conv(filters=64, stride=2, padding="same"),
        Conv(filters=16, kernel=1),
        Conv(filters=32, stride=2, padding="same"),
        Conv(filters=16, kernel=1),
        Flatten(),
        *head,
    )


def _speedrun() -> tuple[Layer, ...]:
    """Pooling before ReLU leaves a ninth of the values to compute; one batch norm on few values speeds learning up."""
    return (
        Conv(filters=16, kernel=5, activation="linear"),
        Pool(size=3),
        Activation(),
        Conv(filters=32, activation="linear"),
        Pool(),
        Activation(),
        Flatten(),
        Dense(units=128, activation="linear"),
        BatchNorm(momentum=0.9),
        Activation(),
    )


def _cnn_64_32(*between: Layer) -> tuple[Layer, ...]:
    return (
        Conv(filters=64),
        *between,
        Conv(filters=32),
        Pool(),
        Dropout(rate=0.25),
        Flatten(),
        Dense(units=128),
        Dropout(rate=0.45),
    )


def _mlp_with_dropout() -> tuple[Layer, ...]:
    first, second = Dense(units=512, l2=1e-4), Dense(units=256, l2=1e-4)
    return (Flatten(), first, Dropout(rate=0.5), second, Dropout(rate=0.5))


def _resnet_conv(filters: int, stride: int = 1) -> Conv:
    return Conv(filters=filters, stride=stride, padding="same", activation="linear", kernel_initializer=HE, l2=1e-4)


def _resnet_block(filters: int, stride: int) -> tuple[Layer, ...]:
    body = (BatchNorm(), Activation(), _resnet_conv(filters, stride), BatchNorm(), _resnet_conv(filters))
    return (Residual(body=body, shortcut="conv" if stride > 1 else "identity"), Activation())


def _resnet(depth: int) -> tuple[Layer, ...]:
    """A unit with 16 filters, then three stacks of (depth - 2) / 6 blocks whose filters double per stack."""
    stack: list[Layer] = [BatchNorm(), Activation(), _resnet_conv(16)]
    for level in range(3):
        for block in range((depth - 2) // 6):
            stack += _resnet_block(16 * 2**level, 2 if level > 0 and block == 0 else 1)
    return (*stack, Flatten())


def _resnet_preset(depth: int, reported: tuple[float, ...] = (), note: str = "") -> Preset:
    return Preset(
        f"resnet-{depth}",
        _resnet(depth),
        AdamSpec(),
        TrainingSpec(epochs=25, batch_size=128),
        validation=0.05,
        dataset="fashion-mnist",
        reported=reported,
        note=note,
    )


presets = Presets(
    [
        Preset(
            "softmax-regression",
            (Flatten(),),
            SgdSpec(learning_rate=0.5),
            TrainingSpec(epochs=18, batch_size=100, keep="best"),
            output=Dense(units=10, activation="linear", kernel_initializer=Zeros()),
            reported=(0.9192, 0.9194),
            note="The smallest network: one weight per pixel and class.",
        ),
        Preset(
            "mlp-512",
            (Flatten(), Dense(units=512, **NORMAL)),
            AdamSpec(learning_rate=1e-4),
            ADAM_50.model_copy(update={"keep": "best"}),
            output=Dense(units=10, activation="linear", **NORMAL),
            reported=(0.9779, 0.9781),
            note="One hidden layer.",
        ),
        Preset(
            "lenet-5x5",
            (
                Conv(filters=32, kernel=5, padding="same", **NORMAL),
                Pool(),
                Conv(filters=64, kernel=5, padding="same", **NORMAL),
                Pool(),
                Flatten(),
                Dense(units=1024, **NORMAL),
                Dropout(rate=0.5),
            ),
            AdamSpec(learning_rate=1e-4),
            ADAM_50.model_copy(update={"keep": "best"}),
            output=Dense(units=10, activation="linear", **NORMAL),
            reported=(0.9925, 0.991),
            note="The most accurate of the published networks, and the slowest; the best epoch is kept and evaluated.",
        ),
        Preset(
            "cnn-64-32",
            _cnn_64_32(),
            AdamSpec(),
            TrainingSpec(epochs=10, batch_size=32),
            note="What the notebook behind cnn-64-32-permuted meant to train.",
        ),
        Preset(
            "cnn-64-32-permuted",
            _cnn_64_32(Permute(order=(3, 1, 2))),
            AdamSpec(),
            TrainingSpec(epochs=10, batch_size=32),
            reported=(0.9906,),
            note="The notebook mixed channels-first and channels-last, and this is what it really trained; it was"
            " validated on the test set, which no preset here does.",
        ),
        Preset(
            "bottleneck-cnn",
            _bottleneck(),
            AdamSpec(),
            TrainingSpec(epochs=3, batch_size=32),
            reported=(0.9845,),
            note="Small and quick: 1x1 convolutions keep the number of channels down.",
        ),
        Preset(
            "bottleneck-cnn-768",
            _bottleneck(Dense(units=768)),
            AdamSpec(),
            TrainingSpec(epochs=3, batch_size=32),
            note="bottleneck-cnn with a wide dense layer before the output.",
        ),
        Preset(
            "logistic-regression",
            (Flatten(),),
            LbfgsSpec(),
            TrainingSpec(epochs=100),
            reported=(0.92,),
            note="scikit-learn's logistic regression, the non-neural baseline; an epoch is one iteration of its"
            " solver.",
        ),
        Preset(
            "mlp-512-256",
            (Flatten(), Dense(units=512), Dense(units=256)),
            AdamSpec(),
            TrainingSpec(epochs=50, batch_size=512),
            validation=0.3,
            reported=(0.9805,),
            note="Shows overfitting: the validation loss rises while the training loss goes to 0.",
        ),
        Preset(
            "mlp-512-256-dropout",
            _mlp_with_dropout(),
            AdamSpec(),
            TrainingSpec(epochs=50, batch_size=512),
            validation=0.3,
            reported=(0.9831,),
            note="mlp-512-256 with L2 and dropout against overfitting.",
        ),
        Preset(
            "mlp-512-256-early-stop",
            _mlp_with_dropout(),
            AdamSpec(),
            TrainingSpec(epochs=100, batch_size=512, early_stopping=EarlyStopping(patience=5), keep="best"),
            validation=0.3,
            note="mlp-512-256-dropout with early stopping; the source's run ended at epoch 24 of 100. The patience of 5"
            " epochs is ours, as the source does not name its own.",
        ),
        Preset(
            "sigmoid-cnn",
            (
                Conv(filters=32, activation="sigmoid"),
                BatchNorm(),
                Pool(),
                BatchNorm(),
                Conv(filters=64, activation="sigmoid"),
                BatchNorm(),
                Pool(),
                BatchNorm(),
                Flatten(),
                BatchNorm(),
            ),
            SgdSpec(),
            TrainingSpec(epochs=25, batch_size=128, early_stopping=EarlyStopping(patience=10), keep="best"),
            validation=0.05,
            dataset="fashion-mnist",
            reported=(0.8513,),
            note="The reported accuracy is of five classes that were not published, so nothing here compares with it.",
        ),
        _resnet_preset(
            2,
            (0.7347,),
            "Has no residual block at all, as (2 - 2) / 6 = 0: the source's verdict on residual networks came from this"
            " network; resnet-8 shows the real thing. The reported accuracy is of five classes that were not"
            " published.",
        ),
        _resnet_preset(8, note="The smallest residual network of the family: one block per stack."),
        _resnet_preset(20, note="Three blocks per stack."),
        Preset(
            "speedrun",
            _speedrun(),
            AdamSpec(learning_rate=0.02, beta_1=0.8, beta_2=0.95),
            TrainingSpec(epochs=1, batch_size=256),
            schedule=OneCycleSchedule(),
            validation=1 / 60,
            note="From nothing to 99 % of MNIST's test images in one epoch, as fast as possible; ours.",
        ),
    ]
)
