"""What follows from a layer stack by counting: ids, shapes, parameters and multiply-adds, in plain Python.

Tests hold every number here equal to what Keras says of the same stack.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, assert_never

from mnist_core.errors import InvalidSpec
from mnist_core.networks.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Permute,
    Pool,
    Residual,
)

__all__ = ["INPUT_SHAPE", "MAX_PARAMETERS", "PlannedLayer", "first_layer_id", "flat", "plan", "weight_shapes"]

INPUT_SHAPE = (28, 28, 1)
MAX_PARAMETERS = 100_000_000

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PlannedLayer:
    """One layer in its place: its id and what follows from its input's shape.

    Attributes:
        id: per-kind counter in depth-first order (`conv_1`), `output` for the last dense layer.
        path: where it stands in the specification (`network.layers.3`).
        layer: the layer as data.
        input_shape: (rows, columns, channels) or (values,), without the batch.
        output_shape: likewise.
        parameters: numbers that are stored with the layer itself, its body not counted.
        trainable: those of them that the optimiser changes.
        multiply_adds: of one image's forward pass, its body not counted.
        body: the layers inside, for residual layers.
        shortcut: the shortcut's convolution, where there is one.
    """

    id: str
    path: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int = 0
    body: tuple["PlannedLayer", ...] = ()
    shortcut: "PlannedLayer | None" = None


def plan(layers: Sequence[Layer], input_shape: Shape = INPUT_SHAPE) -> tuple[PlannedLayer, ...]:
    """Puts each layer of a stack in its place.

    Raises:
        InvalidSpec: a layer does not fit what comes before it, or the network is too large.
    """
    planned = _plan_stack(layers, input_shape, "network.layers", Counter(dense=0), is_top=True)
    total = sum(place.parameters for place in flat(planned))
    if total > MAX_PARAMETERS:
        raise InvalidSpec(f"`network.layers` must have at most {MAX_PARAMETERS:,} parameters, got {total:,}.")
    return planned


def flat(planned: Sequence[PlannedLayer]) -> Iterator[PlannedLayer]:
    """Yields every layer depth first: a residual layer, its body, its shortcut, then what follows."""
    for place in planned:
        yield place
        yield from flat(place.body)
        if place.shortcut:
            yield place.shortcut


def first_layer_id(layers: Sequence[Layer]) -> str:
    """The id of the first layer that has a kernel."""
    return next(place.id for place in flat(plan(layers)) if isinstance(place.layer, Conv | Dense))


def weight_shapes(planned: Sequence[PlannedLayer]) -> dict[str, Shape]:
    """The shape of every weight and batch-norm statistic of a stack, by `layer/variable` (`conv_1/kernel`)."""
    shapes: dict[str, Shape] = {}
    for place in flat(planned):
        shapes |= {f"{place.id}/{variable}": shape for variable, shape in _variables(place).items()}
    return shapes


def _variables(place: PlannedLayer) -> dict[str, Shape]:
    match place.layer:
        case Conv(kernel=side, filters=filters):
            return {"kernel": (side, side, place.input_shape[-1], filters), "bias": (filters,)}
        case Dense(units=units):
            return {"kernel": (place.input_shape[0], units), "bias": (units,)}
        case BatchNorm():
            return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), place.input_shape[-1:])
        case _:
            return {}


def _plan_stack(
    layers: Sequence[Layer], shape: Shape, path: str, counts: Counter[str], *, is_top: bool = False
) -> tuple[PlannedLayer, ...]:
    planned = []
    for index, layer in enumerate(layers):
        counts[layer.kind] += 1
        is_output = is_top and index == len(layers) - 1 and isinstance(layer, Dense)
        layer_id = "output" if is_output else f"{layer.kind}_{counts[layer.kind]}"
        place = _place(layer, shape, layer_id, f"{path}.{index}", counts)
        planned.append(place)
        shape = place.output_shape
    return tuple(planned)


def _place(layer: Layer, shape: Shape, layer_id: str, path: str, counts: Counter[str]) -> PlannedLayer:
    match layer:
        case Conv():
            return _conv(layer, shape, layer_id, path)
        case Dense():
            _need_rank(shape, 1, path, "a dense layer needs a flat input; put a flatten layer before it")
            weights = shape[0] * layer.units
            count = weights + layer.units
            return PlannedLayer(layer_id, path, layer, shape, (layer.units,), count, count, weights)
        case Pool():
            _need_rank(shape, 3, path, "a pool layer needs rows, columns and channels; put it before flatten")
            rows, columns = shape[0] // layer.size, shape[1] // layer.size
            _need_room(min(rows, columns), path, layer.size, shape)
            return PlannedLayer(layer_id, path, layer, shape, (rows, columns, shape[2]))
        case BatchNorm():
            channels = shape[-1]
            return PlannedLayer(layer_id, path, layer, shape, shape, 4 * channels, 2 * channels)
        case Flatten():
            return PlannedLayer(layer_id, path, layer, shape, (prod(shape),))
        case Permute():
            return _permute(layer, shape, layer_id, path)
        case Residual():
            return _residual(layer, shape, layer_id, path, counts)
        case Dropout() | Activation():
            return PlannedLayer(layer_id, path, layer, shape, shape)
        case _:
            assert_never(layer)


def _conv(layer: Conv, shape: Shape, layer_id: str, path: str) -> PlannedLayer:
    _need_rank(shape, 3, path, "a conv layer needs rows, columns and channels; put it before flatten")
    rows, columns = (_conv_side(side, layer) for side in shape[:2])
    _need_room(min(rows, columns), path, layer.kernel, shape)
    weights = layer.kernel**2 * shape[2] * layer.filters
    count = weights + layer.filters
    out = (rows, columns, layer.filters)
    return PlannedLayer(layer_id, path, layer, shape, out, count, count, weights * rows * columns)


def _conv_side(side: int, layer: Conv) -> int:
    return -(-side // layer.stride) if layer.padding == "same" else (side - layer.kernel) // layer.stride + 1


def _permute(layer: Permute, shape: Shape, layer_id: str, path: str) -> PlannedLayer:
    _need_rank(shape, 3, path, "a permute layer needs rows, columns and channels; put it before flatten")
    if sorted(layer.order) != [1, 2, 3]:
        given = ", ".join(map(str, layer.order))
        raise InvalidSpec(f"`{path}.order` must hold 1, 2 and 3 once each, got {given}.")
    return PlannedLayer(layer_id, path, layer, shape, tuple(shape[axis - 1] for axis in layer.order))


def _residual(layer: Residual, shape: Shape, layer_id: str, path: str, counts: Counter[str]) -> PlannedLayer:
    body = _plan_stack(layer.body, shape, f"{path}.body", counts)
    out = body[-1].output_shape
    shortcut = _shortcut(layer, shape, out, path, counts) if layer.shortcut == "conv" else None
    if shortcut is None and out != shape:
        raise InvalidSpec(
            f"`{path}.shortcut` must be conv where the body changes the shape, here from {_shown(shape)} to"
            f" {_shown(out)}."
        )
    return PlannedLayer(layer_id, path, layer, shape, out, body=body, shortcut=shortcut)


def _shortcut(layer: Residual, shape: Shape, out: Shape, path: str, counts: Counter[str]) -> PlannedLayer:
    _need_rank(shape, 3, path, "a conv shortcut needs rows, columns and channels; put it before flatten")
    model = next((inner for inner in reversed(layer.body) if isinstance(inner, Conv)), None)
    stride = -(-shape[0] // out[0]) if len(out) == 3 else 0
    if model is None or stride == 0 or out[:2] != (-(-shape[0] // stride), -(-shape[1] // stride)):
        raise InvalidSpec(
            f"`{path}.shortcut` can be conv where the body holds a convolution and divides rows and columns by a whole"
            f" number, here the body goes from {_shown(shape)} to {_shown(out)}."
        )
    counts["conv"] += 1
    same: Literal["same"] = "same"
    conv = Conv(
        filters=out[2],
        kernel=1,
        stride=stride,
        padding=same,
        activation="linear",
        kernel_initializer=model.kernel_initializer,
        l2=model.l2,
    )
    return _conv(conv, shape, f"conv_{counts['conv']}", f"{path}.shortcut")


def _need_rank(shape: Shape, rank: int, path: str, sentence: str) -> None:
    if len(shape) != rank:
        raise InvalidSpec(f"`{path}`: {sentence}, got {_shown(shape)}.")


def _need_room(side: int, path: str, window: int, shape: Shape) -> None:
    if side < 1:
        raise InvalidSpec(
            f"`{path}`: a window of {window} x {window} does not fit into {shape[0]} x {shape[1]}; make it smaller, or"
            " use `same` padding or less pooling before it."
        )


def _shown(shape: Shape) -> str:
    return " x ".join(map(str, shape))
