"""The layer stack as data: what a network consists of, without a line of Keras.

A stack is a tuple of layers, told apart by `kind`. Layers have no names of their own; `plan` in shapes.py
gives each its id (`conv_1`, `dense_1`, ..., `output`).
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mnist_core.part import Part, unit

__all__ = [
    "Activation",
    "ActivationName",
    "BatchNorm",
    "Constant",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "Initializer",
    "Layer",
    "LayerStack",
    "Normal",
    "Permute",
    "Pool",
    "Residual",
    "Scaled",
    "Zeros",
]

MAX_LAYERS = 200
MAX_NESTING = 8

ActivationName = Literal["linear", "relu", "sigmoid", "tanh", "elu", "gelu", "silu", "leaky_relu"]


class Scaled(Part):
    """Random weights whose spread follows from the layer's fan-in and fan-out."""

    kind: Literal["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"] = Field(
        description="how the weights are drawn; Glorot and Bengio 2010, He et al. 2015, LeCun et al. 1998"
    )


class Normal(Part):
    """Random weights from a normal distribution around 0."""

    kind: Literal["normal"] = "normal"
    sd: float = Field(default=0.05, gt=0, le=1, description="standard deviation of the weights")


class Constant(Part):
    """Every weight starts at the same value."""

    kind: Literal["constant"] = "constant"
    value: float = Field(ge=-1, le=1, description="the value that every weight starts from")


class Zeros(Part):
    """Every weight starts at 0."""

    kind: Literal["zeros"] = "zeros"


def _from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


Initializer = Annotated[Scaled | Normal | Constant | Zeros, Field(discriminator="kind"), BeforeValidator(_from_name)]
GLOROT = Scaled(kind="glorot_uniform")


class Conv(Part):
    """A two-dimensional convolution."""

    kind: Literal["conv"] = "conv"
    filters: int = Field(ge=1, le=1024, description="how many patterns the layer looks for")
    kernel: int = Field(
        default=3, ge=1, le=28, description="side of the square window", json_schema_extra=unit("pixels")
    )
    stride: int = Field(default=1, ge=1, le=8, description="step of the window", json_schema_extra=unit("pixels"))
    padding: Literal["same", "valid"] = Field(
        default="valid", description="`same` fills the border with 0 and keeps the size, `valid` loses the border"
    )
    activation: ActivationName = Field(default="relu", description="function applied to each output")
    kernel_initializer: Initializer = Field(default=GLOROT, description="where the weights start")
    bias_initializer: Initializer = Field(default=Zeros(), description="where the biases start")
    l2: float = Field(default=0, ge=0, le=1, description="weight of the L2 penalty on the kernel, in nats")


class Dense(Part):
    """A fully connected layer."""

    kind: Literal["dense"] = "dense"
    units: int = Field(ge=1, le=8192, description="how many outputs; the last dense layer has one per class")
    activation: ActivationName = Field(default="relu", description="function applied to each output")
    kernel_initializer: Initializer = Field(default=GLOROT, description="where the weights start")
    bias_initializer: Initializer = Field(default=Zeros(), description="where the biases start")
    l2: float = Field(default=0, ge=0, le=1, description="weight of the L2 penalty on the kernel, in nats")


class Pool(Part):
    """Keeps one value of each window."""

    kind: Literal["pool"] = "pool"
    mode: Literal["max", "average"] = Field(default="max", description="which value of the window is kept")
    size: int = Field(
        default=2, ge=2, le=8, description="side and step of the window", json_schema_extra=unit("pixels")
    )


class Dropout(Part):
    """Sets a random share of the values to 0 in training and scales the others up; does nothing otherwise."""

    kind: Literal["dropout"] = "dropout"
    rate: float = Field(gt=0, lt=1, description="share of the values that are set to 0 in training")


class BatchNorm(Part):
    """Centres and scales each channel by the statistics of the batch (Ioffe and Szegedy 2015)."""

    kind: Literal["batch_norm"] = "batch_norm"
    momentum: float = Field(default=0.99, ge=0, lt=1, description="how slowly the running statistics follow")
    epsilon: float = Field(
        default=1e-3, gt=0, le=0.1, description="added to the variance, so that nothing divides by 0"
    )


class Activation(Part):
    """A function applied to each value."""

    kind: Literal["activation"] = "activation"
    function: ActivationName = Field(default="relu", description="function applied to each value")


class Flatten(Part):
    """Lays rows, columns and channels out in one line."""

    kind: Literal["flatten"] = "flatten"


class Permute(Part):
    """Reorders rows (1), columns (2) and channels (3)."""

    kind: Literal["permute"] = "permute"
    order: tuple[Literal[1, 2, 3], Literal[1, 2, 3], Literal[1, 2, 3]] = Field(
        description="which of rows (1), columns (2) and channels (3) comes first, second, third"
    )


class Residual(Part):
    """Adds what goes in to what the body makes of it (He et al. 2015)."""

    kind: Literal["residual"] = "residual"
    body: tuple["Layer", ...] = Field(
        min_length=1, max_length=MAX_LAYERS, description="the layers that the shortcut leads around"
    )
    shortcut: Literal["identity", "conv"] = Field(
        default="identity",
        description="`conv` is a 1x1 convolution to the body's shape; initialiser and L2 are those of the body's last"
        " convolution",
    )


Layer = Annotated[
    Conv | Dense | Pool | Dropout | BatchNorm | Activation | Flatten | Permute | Residual, Field(discriminator="kind")
]
Residual.model_rebuild()


def _not_too_deep(layers: Any) -> Any:
    """Counts without recursion, and before anything else looks inside, so that no nesting is too deep to refuse."""
    inner = layers
    for _ in range(MAX_NESTING + 1):
        inner = [below for layer in _items(inner) for below in _items(_body(layer))]
    if inner:
        raise ValueError(f"must nest residual layers at most {MAX_NESTING} deep, got more")
    return layers


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _body(layer: Any) -> Any:
    return layer.get("body") if isinstance(layer, dict) else getattr(layer, "body", None)


LayerStack = Annotated[tuple[Layer, ...], Field(min_length=1, max_length=MAX_LAYERS), BeforeValidator(_not_too_deep)]
