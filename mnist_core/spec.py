"""The specification of a run: everything that decides its numbers, in frozen, validated parts.

Every bound, default, unit and help text stands here (and in networks/layers.py) once. What a run is called, who owns
it and where it is kept is not part of it.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from mnist_core.errors import InvalidSpec
from mnist_core.networks.layers import Dense, Flatten, LayerStack
from mnist_core.networks.shapes import plan
from mnist_core.overrides import apply_overrides
from mnist_core.part import Part, unit
from mnist_core.sentences import sentence, shown_value

__all__ = [
    "ENGINE_VERSION",
    "SHIPPED_GROUPINGS",
    "SPEC_VERSION",
    "AdagradSpec",
    "AdamSpec",
    "AdamWSpec",
    "AugmentationSpec",
    "ClassGroup",
    "ConstantSchedule",
    "CosineSchedule",
    "DatasetSpec",
    "EarlyStopping",
    "Grouping",
    "LbfgsSpec",
    "NetworkSpec",
    "OneCycleSchedule",
    "OptimizerSpec",
    "RMSpropSpec",
    "RunSpec",
    "ScheduleSpec",
    "SgdSpec",
    "SplitSize",
    "SplitSpec",
    "StepSchedule",
    "TrainingSpec",
    "WarmUpSchedule",
]

SPEC_VERSION = 1
ENGINE_VERSION = 3
MAX_SEED = 2**31 - 1


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError(f"must be printable characters without spaces around them, got {text!r}")
    return text


Printable = Annotated[str, AfterValidator(_printable)]


class ClassGroup(Part):
    """Some of a dataset's classes, merged into one."""

    name: Printable = Field(min_length=1, max_length=60, description="name of the merged class")
    labels: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(
        min_length=1, description="the dataset's labels that it holds"
    )


SHIPPED_GROUPINGS: dict[str, tuple[ClassGroup, ...]] = {
    "fashion-5": (
        ClassGroup(name="tops", labels=(0, 2, 4, 6)),
        ClassGroup(name="trousers", labels=(1,)),
        ClassGroup(name="dress", labels=(3,)),
        ClassGroup(name="footwear", labels=(5, 7, 9)),
        ClassGroup(name="bag", labels=(8,)),
    )
}


def _grouping_from_name(value: Any) -> Any:
    if isinstance(value, str):
        if value in SHIPPED_GROUPINGS:
            return SHIPPED_GROUPINGS[value]
    elif isinstance(value, dict):
        return [{"name": name, "labels": labels} for name, labels in value.items()]
    elif isinstance(value, list | tuple):
        return value
    known = ", ".join(SHIPPED_GROUPINGS)
    raise ValueError(f"must be one of {known}, or an object of names with their labels, got {shown_value(value)}")


def _nothing_twice(groups: tuple[ClassGroup, ...]) -> tuple[ClassGroup, ...]:
    names = [group.name for group in groups]
    labels = [label for group in groups for label in group.labels]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"must have one group of each name, got {twice!r} twice")
    if len(set(labels)) < len(labels):
        again = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"must hold each label once, got label {again} twice")
    return groups


Grouping = Annotated[
    tuple[ClassGroup, ...],
    Field(min_length=2, max_length=100),
    BeforeValidator(_grouping_from_name),
    AfterValidator(_nothing_twice),
]


class DatasetSpec(Part):
    """Which images a run sees, and what their classes are."""

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="digits, mnist, fashion-mnist, or the sha256 of own data",
    )
    grouping: Grouping | None = Field(default=None, description="classes merged into named groups")
    corruption: None = Field(default=None, description="reserved for a later version")


def _count_or_share(value: int | float) -> int | float:
    if value <= 0 or (isinstance(value, float) and value >= 1):
        raise ValueError(f"must be a count of at least 1 or a share between 0 and 1, both excluded, got {value}")
    return value


SplitSize = Annotated[int | float, AfterValidator(_count_or_share)]


class SplitSpec(Part):
    """How the images are divided; an integer is a count, a number between 0 and 1 a share of the training part."""

    train: SplitSize | None = Field(default=None, description="images to train on; null takes all that are left")
    validation: SplitSize = Field(default=1 / 12, description="images held back to watch the training with")
    test: SplitSize | None = Field(
        default=None, description="images of the test split; null where the dataset has an official test part"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="decides which image goes where")


class NetworkSpec(Part):
    """The network: a name for display and the layers that decide."""

    preset: Printable = Field(default="", max_length=60, description="preset it came from, for display")
    layers: LayerStack = Field(description="the layers, input to output")


LEARNING_RATE_HELP = "how far a step moves the weights; with one_cycle its peak"
EPSILON = Field(default=1e-7, gt=0, le=1, description="added to the denominator, so that nothing divides by 0")


class SgdSpec(Part):
    """Stochastic gradient descent, with momentum where asked for (Polyak 1964, Nesterov 1983)."""

    name: Literal["sgd"] = "sgd"
    learning_rate: float = Field(default=0.01, gt=0, le=10, description=LEARNING_RATE_HELP)
    momentum: float = Field(default=0, ge=0, lt=1, description="share of the last step that is repeated")
    nesterov: bool = Field(default=False, description="look ahead along the momentum; needs momentum above 0")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("`optimizer.nesterov` needs `optimizer.momentum` above 0, got 0")
        return self


class AdamSpec(Part):
    """Adam (Kingma and Ba 2015)."""

    name: Literal["adam"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description=LEARNING_RATE_HELP)
    beta_1: float = Field(default=0.9, ge=0, lt=1, description="how long gradients are remembered")
    beta_2: float = Field(default=0.999, ge=0, lt=1, description="how long squared gradients are remembered")
    epsilon: float = EPSILON


class AdamWSpec(Part):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description=LEARNING_RATE_HELP)
    weight_decay: float = Field(
        default=0.004, ge=0, le=1, description="share of each weight taken away, times the rate"
    )
    beta_1: float = Field(default=0.9, ge=0, lt=1, description="how long gradients are remembered")
    beta_2: float = Field(default=0.999, ge=0, lt=1, description="how long squared gradients are remembered")
    epsilon: float = EPSILON


class RMSpropSpec(Part):
    """RMSprop (Hinton 2012)."""

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description=LEARNING_RATE_HELP)
    rho: float = Field(default=0.9, ge=0, lt=1, description="how long squared gradients are remembered")
    momentum: float = Field(default=0, ge=0, lt=1, description="share of the last step that is repeated")
    epsilon: float = EPSILON


class AdagradSpec(Part):
    """Adagrad (Duchi et al. 2011)."""

    name: Literal["adagrad"] = "adagrad"
    learning_rate: float = Field(default=1e-2, gt=0, le=10, description=LEARNING_RATE_HELP)
    initial_accumulator: float = Field(default=0.1, ge=0, le=10, description="where the sums of squares start")
    epsilon: float = EPSILON


class LbfgsSpec(Part):
    """scikit-learn's logistic regression by L-BFGS (Liu and Nocedal 1989), one iteration an epoch."""

    name: Literal["lbfgs"] = "lbfgs"
    c: float = Field(default=1.0, gt=0, le=1e6, description="inverse strength of the L2 penalty; smaller is stronger")
    tolerance: float = Field(default=1e-4, gt=0, le=1, description="stops when the largest gradient is below it")


OptimizerSpec = Annotated[
    SgdSpec | AdamSpec | AdamWSpec | RMSpropSpec | AdagradSpec | LbfgsSpec, Field(discriminator="name")
]


class ConstantSchedule(Part):
    """The learning rate stays."""

    kind: Literal["constant"] = "constant"


class StepSchedule(Part):
    """The learning rate is multiplied by a factor every few epochs."""

    kind: Literal["step"] = "step"
    every: int = Field(
        default=5, ge=1, le=1000, description="epochs between two cuts", json_schema_extra=unit("epochs")
    )
    factor: float = Field(default=0.5, gt=0, lt=1, description="what the learning rate is multiplied by")
    warm_up: float = Field(default=0, ge=0, lt=1, description="share of all steps in which the rate first rises from 0")


class CosineSchedule(Part):
    """The learning rate falls along half a cosine (Loshchilov and Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    final: float = Field(default=0, ge=0, le=1, description="share of the learning rate that is left at the end")
    warm_up: float = Field(default=0, ge=0, lt=1, description="share of all steps in which the rate first rises from 0")


class OneCycleSchedule(Part):
    """The learning rate rises along a cosine to its peak, then falls to almost nothing (Smith and Topin 2018)."""

    kind: Literal["one_cycle"] = "one_cycle"
    rise: float = Field(default=0.3, gt=0, lt=1, description="share of all steps in which the rate rises")
    start: float = Field(default=0.04, ge=0, le=1, description="share of the peak that it starts from")
    final: float = Field(default=0, ge=0, le=1, description="share of the peak that is left at the end")


class WarmUpSchedule(Part):
    """The learning rate rises in a straight line from 0, then stays (Goyal et al. 2017)."""

    kind: Literal["warm_up"] = "warm_up"
    rise: float = Field(default=0.1, gt=0, lt=1, description="share of all steps in which the rate rises")


ScheduleSpec = Annotated[
    ConstantSchedule | StepSchedule | CosineSchedule | OneCycleSchedule | WarmUpSchedule, Field(discriminator="kind")
]


class EarlyStopping(Part):
    """Ends the training when the validation loss has stopped falling."""

    patience: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="epochs without a better validation loss before the training ends",
        json_schema_extra=unit("epochs"),
    )
    min_delta: float = Field(
        default=0,
        ge=0,
        le=1,
        description="what counts as better: lower by more than this",
        json_schema_extra=unit("nats"),
    )


class TrainingSpec(Part):
    """How long, in what portions, and which epoch counts in the end."""

    epochs: int = Field(
        default=5, ge=1, le=1000, description="how often each image is seen", json_schema_extra=unit("epochs")
    )
    batch_size: int = Field(
        default=32, ge=1, le=4096, description="images per step of the optimiser", json_schema_extra=unit("images")
    )
    early_stopping: EarlyStopping | None = Field(
        default=None, description="ends the training when the validation loss has stopped falling"
    )
    keep: Literal["best", "last"] = Field(
        default="last", description="which epoch counts: the one with the lowest validation loss, or the last"
    )


class AugmentationSpec(Part):
    """Random changes to each training image, drawn anew each epoch."""

    shift: float = Field(
        default=0, ge=0, le=8, description="largest shift along each axis", json_schema_extra=unit("pixels")
    )
    rotate: float = Field(
        default=0, ge=0, le=180, description="largest rotation, either way", json_schema_extra=unit("degrees")
    )
    zoom: float = Field(default=0, ge=0, le=0.5, description="largest change of size, as a share, either way")
    noise: float = Field(default=0, ge=0, le=0.5, description="standard deviation of noise added to pixels in [0, 1]")

    @property
    def is_on(self) -> bool:
        """Whether any image is changed at all."""
        return self != AugmentationSpec()


class RunSpec(Part):
    """Everything that decides the numbers of a run."""

    spec_version: Literal[1] = Field(default=1, description="version of this format")
    dataset: DatasetSpec = Field(description="which images")
    split: SplitSpec = Field(default=SplitSpec(), description="how the images are divided")
    network: NetworkSpec = Field(description="the layers")
    optimizer: OptimizerSpec = Field(default=AdamSpec(), description="how a gradient becomes a step")
    schedule: ScheduleSpec = Field(default=ConstantSchedule(), description="how the learning rate changes")
    training: TrainingSpec = Field(default=TrainingSpec(), description="how long, and which epoch counts")
    augmentation: AugmentationSpec = Field(default=AugmentationSpec(), description="random changes to training images")
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="number format of the products; weights stay float32"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="decides weights, order, dropout and augmentation")
    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="where it trains; auto takes a GPU if any"
    )

    @model_validator(mode="after")
    def _output_layer(self) -> Self:
        index, last = len(self.network.layers) - 1, self.network.layers[-1]
        if not isinstance(last, Dense):
            raise ValueError(
                "`network.layers` must end with a dense layer with linear activation and one unit per class, got"
                f" {last.kind}"
            )
        if last.activation != "linear":
            raise ValueError(
                f"`network.layers.{index}.activation` must be linear in the last layer, which softmax follows by"
                f" itself, got {last.activation!r}"
            )
        plan(self.network.layers)
        return self

    @model_validator(mode="after")
    def _lbfgs_uses_everything_it_is_given(self) -> Self:
        if not isinstance(self.optimizer, LbfgsSpec):
            return self
        layers = self.network.layers
        allowed = (
            Flatten(),
            Dense(units=layers[-1].units if isinstance(layers[-1], Dense) else 1, activation="linear"),
        )
        if layers != allowed:
            raise ValueError(
                "`network.layers` must be flatten and one dense layer with linear activation, all else at its default,"
                " with the optimiser lbfgs, which is scikit-learn's logistic regression; choose another optimiser for"
                " other layers"
            )
        unused = {
            "schedule": self.schedule != ConstantSchedule(),
            "training.batch_size": self.training.batch_size != TrainingSpec().batch_size,
            "training.early_stopping": self.training.early_stopping is not None,
            "augmentation": self.augmentation.is_on,
            "precision": self.precision != "float32",
            "seed": self.seed != 0,
            "device": self.device == "gpu",
        }
        changed = [path for path, is_changed in unused.items() if is_changed]
        if changed:
            raise ValueError(
                f"`{changed[0]}` has no effect with the optimiser lbfgs, which is scikit-learn's logistic regression on"
                " flattened images, all at once; leave it at its default, or choose another optimiser"
            )
        return self

    @property
    def classes(self) -> int:
        """Number of classes that the output layer tells apart."""
        last = self.network.layers[-1]
        assert isinstance(last, Dense)
        return last.units

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Validates plain data, as JSON holds it.

        Raises:
            InvalidSpec: a field breaks its rule; the sentence names field, rule and what was given.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InvalidSpec(sentence(error, cls)) from None

    def replace(self, overrides: dict[str, Any]) -> Self:
        """The same specification with some fields changed, by path (`"training.epochs"`) or short name (`"epochs"`).

        Raises:
            InvalidSpec: a path does not exist or a value breaks its rule.
        """
        return self.parse(apply_overrides(self.model_dump(mode="json"), overrides))

    def digest(self, content_hash: str, device: str) -> str:
        """The sha256 of all that decides the numbers; names are not in it.

        Args:
            content_hash: sha256 that names the dataset's content.
            device: kind of device that trains it, "cpu" or "gpu".
        """
        plain = self.model_dump(mode="json")
        grouping = self.dataset.grouping
        facts = {
            "spec_version": self.spec_version,
            "engine_version": ENGINE_VERSION,
            "dataset": content_hash,
            "grouping": [list(group.labels) for group in grouping] if grouping else None,
            "corruption": plain["dataset"]["corruption"],
            "layers": plain["network"]["layers"],
            "device": device,
            **{part: plain[part] for part in DIGEST_PARTS},
        }
        # Through JSON and back, as -0.0 trains like 0.0.
        plain_zeros = json.loads(json.dumps(facts), parse_float=lambda text: float(text) + 0.0)
        canonical = json.dumps(plain_zeros, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


DIGEST_PARTS = ("split", "optimizer", "schedule", "training", "augmentation", "precision", "seed")
