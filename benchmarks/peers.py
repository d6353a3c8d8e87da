"""Training loops in JAX and PyTorch, written by hand, to hold the project's engine against.

    python benchmarks/peers.py jax|torch-channels-last|torch-default|torch-bfloat16

Not part of the product: it runs in an environment of its own (requirements-peers.txt), which has neither Keras nor
mnist_core, as a process that another benchmark starts. The first line on its standard input is a `Request` as JSON; it
answers `{"ready": true, "version": ...}` once everything is compiled and warm. Each further line, `{"steps": k}`,
trains k steps and is answered with `{"seconds": s, "loss": cross-entropy of the last step}`. What goes wrong is
answered with `{"error": ...}`, and the process ends with 1.

Both train what the request describes: same starting weights, batches, loss, L2 penalties and update. The order of an
epoch is the next permutation of `numpy.random.default_rng(seed)`; its last batch may be smaller. The seconds hold all
that an epoch needs, the permutation included. The loss leaves out the L2 penalties, which the gradients contain.

What makes them fast; what is said to be slower was measured:
- JAX: dense networks train many steps in one compiled loop; with convolutions each step is one call, as XLA runs a
  convolution inside a loop ten times slower on a CPU. State is donated, the images stay on the device as uint8, 1x1
  convolutions are matrix products, max pooling has a gradient of strided views instead of XLA's scatter.
- PyTorch: fused optimisers, one gather of resident uint8 images a step, no value read before the end of a slice,
  channels-last memory in which 1x1 convolutions are matrix products, idle threads that sleep.
"""

import json
import os
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from math import prod
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Shape = tuple[int, ...]

WARM_UP_STEPS = 5
STATISTICS = ("moving_mean", "moving_variance")


def main() -> int:
    try:
        name = sys.argv[1] if len(sys.argv) == 2 else ""
        if name not in SIDES:
            raise ValueError(f"the framework must be one of {', '.join(SIDES)}, got {name!r}")
        side = SIDES[name](Request.parse(sys.stdin.readline()))
        answer(ready=True, version=side.version)
        for line in sys.stdin:
            started = perf_counter()
            loss = side.train(int(json.loads(line)["steps"]))
            answer(seconds=perf_counter() - started, loss=loss)
    except Exception as error:  # noqa: BLE001 - the border of the process: the parent reads the sentence
        answer(error=f"{type(error).__name__}: {error}")
        return 1
    return 0


def answer(**values: Any) -> None:
    print(json.dumps(values), flush=True)


@dataclass(frozen=True)
class Request:
    """What to train.

    Attributes:
        images: uint8 (n, 28, 28).
        labels: int32 (n,).
        train_ids: int32 (k,), the images to train on.
        layers: the layer stack as mnist_core writes it.
        optimizer: sgd or adam, as mnist_core writes it.
        batch_size: images per step.
        threads: how many threads compute.
        weights: float32, by `layer/variable`, in Keras's layouts.
        seed: decides the order of the images and the dropout.
        compile: whether PyTorch compiles the network; needs a C++ compiler.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    train_ids: NDArray[np.int32]
    layers: list[dict[str, Any]]
    optimizer: dict[str, Any]
    batch_size: int
    threads: int
    weights: Arrays
    seed: int
    compile: bool

    @classmethod
    def parse(cls, line: str) -> "Request":
        given = json.loads(line)
        train_ids = np.load(given["train_ids"]).astype(np.int32)
        if given["optimizer"]["name"] not in {"sgd", "adam"}:
            raise ValueError(f"the optimiser must be sgd or adam, got {given['optimizer']['name']!r}")
        with np.load(given["weights"]) as stored:
            weights = {name: stored[name].astype(np.float32) for name in stored.files}
        return cls(
            images=np.load(given["images"]),
            labels=np.load(given["labels"]).astype(np.int32),
            train_ids=train_ids,
            layers=given["layers"],
            optimizer=given["optimizer"],
            batch_size=min(given["batch_size"], len(train_ids)),
            threads=given["threads"],
            weights=weights,
            seed=given["seed"],
            compile=given.get("compile", False),
        )

    def starting_weights(self) -> Arrays:
        """The variables that the optimiser changes."""
        return {name: array for name, array in self.weights.items() if not name.endswith(STATISTICS)}

    def starting_statistics(self) -> Arrays:
        """The running means and variances of the batch norms."""
        return {name: array for name, array in self.weights.items() if name.endswith(STATISTICS)}


@dataclass(frozen=True)
class Place:
    """A layer with what follows from where it stands; shapes are (rows, columns, channels) or (values,)."""

    id: str
    layer: dict[str, Any]
    input_shape: Shape
    output_shape: Shape
    body: tuple["Place", ...] = ()
    shortcut: "Place | None" = None

    def pads(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Zeros before and after the rows and the columns; with `same`, the odd one comes after, as in Keras."""
        if self.layer["padding"] == "valid":
            return (0, 0), (0, 0)
        kernel, stride = self.layer["kernel"], self.layer["stride"]
        sides = zip(self.input_shape[:2], self.output_shape[:2], strict=True)
        rows, columns = (max((out - 1) * stride + kernel - side, 0) for side, out in sides)
        return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)


def plan(layers: Sequence[dict[str, Any]], shape: Shape = (28, 28, 1)) -> tuple[Place, ...]:
    """Gives each layer its id and shapes, as mnist_core/networks/shapes.py does."""
    places = _plan(layers[:-1], shape, Counter())
    inputs = places[-1].output_shape if places else shape
    return (*places, Place("output", layers[-1], inputs, (layers[-1]["units"],)))


def _plan(layers: Sequence[dict[str, Any]], shape: Shape, counts: Counter[str]) -> tuple[Place, ...]:
    places = []
    for layer in layers:
        places.append(_place(layer, shape, counts))
        shape = places[-1].output_shape
    return tuple(places)


def _place(layer: dict[str, Any], shape: Shape, counts: Counter[str]) -> Place:
    counts[layer["kind"]] += 1
    layer_id = f"{layer['kind']}_{counts[layer['kind']]}"
    if layer["kind"] != "residual":
        return Place(layer_id, layer, shape, _output_shape(layer, shape))
    body = _plan(layer["body"], shape, counts)
    out = body[-1].output_shape
    if layer["shortcut"] == "identity":
        return Place(layer_id, layer, shape, out, body)
    counts["conv"] += 1
    last = next(inner for inner in reversed(layer["body"]) if inner["kind"] == "conv")
    conv = {**last, "kernel": 1, "stride": -(-shape[0] // out[0]), "padding": "same", "activation": "linear"}
    return Place(layer_id, layer, shape, out, body, Place(f"conv_{counts['conv']}", conv, shape, out))


def _output_shape(layer: dict[str, Any], shape: Shape) -> Shape:
    match layer["kind"]:
        case "conv":
            kernel, stride, same = layer["kernel"], layer["stride"], layer["padding"] == "same"
            rows, columns = (-(-side // stride) if same else (side - kernel) // stride + 1 for side in shape[:2])
            return rows, columns, layer["filters"]
        case "dense":
            return (layer["units"],)
        case "pool":
            return shape[0] // layer["size"], shape[1] // layer["size"], shape[2]
        case "flatten":
            return (prod(shape),)
        case "dropout" | "batch_norm" | "activation":
            return shape
        case kind:
            raise ValueError(f"the peers have no layer of kind {kind!r}")


def flat(places: Sequence[Place]) -> Iterator[Place]:
    for place in places:
        yield place
        yield from flat((*place.body, *([place.shortcut] if place.shortcut else [])))


def penalties(places: Sequence[Place]) -> dict[str, float]:
    """The weight of the L2 penalty by kernel, where there is one."""
    return {f"{place.id}/kernel": place.layer["l2"] for place in flat(places) if place.layer.get("l2")}


class Orders:
    """The order of the images, epoch after epoch, and the batches in it."""

    def __init__(self, request: Request) -> None:
        self._rng = np.random.default_rng(request.seed)
        self._train_ids = request.train_ids
        self._batch_size = request.batch_size
        self.position = len(request.train_ids)

    def is_over(self) -> bool:
        return self.position >= len(self._train_ids)

    def start_epoch(self) -> NDArray[np.int32]:
        self.position = 0
        return self._rng.permutation(self._train_ids)

    def take(self, steps: int) -> tuple[int, int, int]:
        """The offset, size and number, at most `steps`, of the next batches of one size."""
        offset, left = self.position, len(self._train_ids) - self.position
        size = min(self._batch_size, left)
        count = min(steps, left // size)
        self.position += count * size
        return offset, size, count


class Side(ABC):
    """A framework that is ready to train, once `warm_up` was called."""

    version: str

    def __init__(self, request: Request) -> None:
        self._request = request
        self._places = plan(request.layers)

    def warm_up(self) -> None:
        """Compiles for both sizes of batches, and goes back to where the training begins."""
        self.start()
        self.train(WARM_UP_STEPS)
        self._orders.position = len(self._request.train_ids) // self._request.batch_size * self._request.batch_size
        self.train(1)
        self.start()

    def start(self) -> None:
        """Puts weights, optimiser and order where the training begins."""
        self._orders = Orders(self._request)
        self._reset()

    def train(self, steps: int) -> float:
        """Trains and waits for the end; returns the loss of the last step, in nats."""
        loss = None
        while steps > 0:
            if self._orders.is_over():
                self._take_order(self._orders.start_epoch())
            offset, size, count = self._orders.take(steps)
            loss = self._train_batches(offset, size, count)
            steps -= count
        return float(loss) if loss is not None else float("nan")

    @abstractmethod
    def _reset(self) -> None:
        """Loads the starting weights and an optimiser that remembers nothing."""

    @abstractmethod
    def _take_order(self, order: NDArray[np.int32]) -> None:
        """Takes the order of the images of an epoch."""

    @abstractmethod
    def _train_batches(self, offset: int, size: int, count: int) -> Any:
        """Trains on consecutive batches of one size; returns the loss of the last one."""


class JaxSide(Side):
    """One compiled function that trains many steps on arrays that never leave the device."""

    def __init__(self, request: Request) -> None:
        _limit_xla(request.threads)
        import jax

        jax.config.update("jax_default_prng_impl", "rbg")
        self.jax = jax
        self.version = jax.__version__
        super().__init__(request)
        self._forward = JaxNetwork(self._places)
        self._update = _jax_sgd if request.optimizer["name"] == "sgd" else _jax_adam
        self._l2 = penalties(self._places)
        has_convolutions = any(place.layer["kind"] == "conv" for place in flat(self._places))
        self._one_call = not has_convolutions
        self._compiled = jax.jit(
            self._step if has_convolutions else self._steps, static_argnames="size", donate_argnums=0
        )
        self._images, self._labels = jax.device_put(request.images), jax.device_put(request.labels)
        self.warm_up()

    def _reset(self) -> None:
        put, zeros = self.jax.device_put, self.jax.numpy.zeros_like
        weights = put(self._request.starting_weights())
        self._state = {
            "weights": weights,
            "first": {name: zeros(weight) for name, weight in weights.items()},
            "second": {name: zeros(weight) for name, weight in weights.items()},
            "statistics": put(self._request.starting_statistics()),
            "step": self.jax.numpy.int32(0),
        }

    def _take_order(self, order: NDArray[np.int32]) -> None:
        self._order = self.jax.device_put(order)

    def _train_batches(self, offset: int, size: int, count: int) -> Any:
        data, loss = (self._images, self._labels, self._order), None
        if self._one_call:
            self._state, loss = self._compiled(self._state, data, offset, count, size=size)
            return loss
        for start in range(offset, offset + count * size, size):
            self._state, loss = self._compiled(self._state, data, start, size=size)
        return loss

    def _steps(self, state: Any, data: Any, offset: Any, count: Any, *, size: int) -> tuple[Any, Any]:
        """Consecutive batches; a loop of `count` turns rather than a scan, so that one program serves every count."""

        def step(index: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            return self._step(carry[0], data, offset + index * size, size=size)

        return self.jax.lax.fori_loop(0, count, step, (state, self.jax.numpy.float32(0)))

    def _step(self, state: Any, data: Any, offset: Any, *, size: int) -> tuple[Any, Any]:
        images, labels, order = data
        ids = self.jax.lax.dynamic_slice(order, (offset,), (size,))
        labels = labels.at[ids].get(mode="promise_in_bounds")
        pixels = images.at[ids].get(mode="promise_in_bounds")[..., None].astype("float32") / 255
        key = self.jax.random.fold_in(self.jax.random.key(self._request.seed), state["step"])

        def loss_of(weights: Any) -> tuple[Any, Any]:
            logits, statistics = self._forward(weights, state["statistics"], pixels, key)
            right = self.jax.nn.one_hot(labels, logits.shape[1])
            return -(self.jax.nn.log_softmax(logits) * right).sum(axis=1).mean(), statistics

        (loss, statistics), gradients = self.jax.value_and_grad(loss_of, has_aux=True)(state["weights"])
        for name, weight in self._l2.items():
            gradients[name] += 2 * weight * state["weights"][name]
        return self._update(self._request.optimizer, state, gradients) | {"statistics": statistics}, loss


def _jax_sgd(spec: dict[str, Any], state: dict[str, Any], gradients: dict[str, Any]) -> dict[str, Any]:
    """Keras's SGD: momentum carries the learning rate."""
    rate, momentum, first, weights = spec["learning_rate"], spec["momentum"], {}, {}
    for name, gradient in gradients.items():
        moved = first[name] = momentum * state["first"][name] - rate * gradient
        change = momentum * moved - rate * gradient if spec["nesterov"] else moved
        weights[name] = state["weights"][name] + change
    if not momentum:
        first = state["first"]
    return {**state, "weights": weights, "first": first, "step": state["step"] + 1}


def _jax_adam(spec: dict[str, Any], state: dict[str, Any], gradients: dict[str, Any]) -> dict[str, Any]:
    """Keras's Adam: epsilon is added before the bias correction."""
    step, beta_1, beta_2 = state["step"] + 1, spec["beta_1"], spec["beta_2"]
    rate = spec["learning_rate"] * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    weights, first, second = {}, {}, {}
    for name, gradient in gradients.items():
        mean = first[name] = state["first"][name] + (1 - beta_1) * (gradient - state["first"][name])
        square = second[name] = state["second"][name] + (1 - beta_2) * (gradient * gradient - state["second"][name])
        weights[name] = state["weights"][name] - rate * mean / (square**0.5 + spec["epsilon"])
    return {**state, "weights": weights, "first": first, "second": second, "step": step}


class JaxNetwork:
    """The forward pass in Keras's layouts; returns logits and the new running statistics."""

    def __init__(self, places: Sequence[Place]) -> None:
        import jax

        self.jax = jax
        self._functions: dict[str, Callable[[Any], Any]] = {
            "linear": lambda values: values,
            "relu": jax.nn.relu,
            "sigmoid": jax.nn.sigmoid,
            "tanh": jax.numpy.tanh,
        }
        self._places = places
        self._max_pool = _jax_max_pool()

    def __call__(self, weights: Any, statistics: Any, pixels: Any, key: Any) -> tuple[Any, Any]:
        self._weights, self._statistics, self._key = weights, dict(statistics), key
        logits = self._stack(self._places, pixels)
        return logits, self._statistics

    def _stack(self, places: Sequence[Place], values: Any) -> Any:
        for place in places:
            values = self._layer(place, values)
        return values

    def _layer(self, place: Place, values: Any) -> Any:
        layer = place.layer
        match layer["kind"]:
            case "conv":
                kernel, bias = self._variables(place, "kernel", "bias")
                convolved = self._convolve(place, values, kernel)
                return self._functions[layer["activation"]](convolved + bias)
            case "dense":
                kernel, bias = self._variables(place, "kernel", "bias")
                return self._functions[layer["activation"]](values @ kernel + bias)
            case "pool":
                return self._pool(values, layer)
            case "dropout":
                return self._dropout(values, layer["rate"])
            case "batch_norm":
                return self._batch_norm(place, values)
            case "activation":
                return self._functions[layer["function"]](values)
            case "flatten":
                return values.reshape(len(values), -1)
            case _:
                shortcut = self._layer(place.shortcut, values) if place.shortcut else values
                return self._stack(place.body, values) + shortcut

    def _variables(self, place: Place, *names: str) -> tuple[Any, ...]:
        return tuple(self._weights[f"{place.id}/{name}"] for name in names)

    def _convolve(self, place: Place, values: Any, kernel: Any) -> Any:
        stride = place.layer["stride"]
        if place.layer["kernel"] == 1:
            return values[:, ::stride, ::stride] @ kernel[0, 0]
        layout = "NHWC", "HWIO", "NHWC"
        return self.jax.lax.conv_general_dilated(
            values, kernel, (stride, stride), place.pads(), dimension_numbers=layout
        )

    def _pool(self, values: Any, layer: dict[str, Any]) -> Any:
        size = layer["size"]
        if layer["mode"] == "max":
            return self._max_pool(values, size)
        window = 1, size, size, 1
        return self.jax.lax.reduce_window(values, 0.0, self.jax.lax.add, window, window, "VALID") / size**2

    def _dropout(self, values: Any, rate: float) -> Any:
        """Sixteen random bits decide on a value; the share is exact to 1 in 131,072."""
        self._key, key = self.jax.random.split(self._key)
        is_kept = self.jax.random.bits(key, values.shape, "uint16") >= round(rate * 2**16)
        return self.jax.numpy.where(is_kept, values / (1 - rate), 0)

    def _batch_norm(self, place: Place, values: Any) -> Any:
        gamma, beta = self._variables(place, "gamma", "beta")
        axes = tuple(range(values.ndim - 1))
        mean = values.mean(axes)
        variance = ((values - mean) ** 2).mean(axes)
        momentum = place.layer["momentum"]
        for name, now in zip(STATISTICS, (mean, variance), strict=True):
            before = self._statistics[f"{place.id}/{name}"]
            self._statistics[f"{place.id}/{name}"] = momentum * before + (1 - momentum) * now
        scale = gamma * self.jax.lax.rsqrt(variance + place.layer["epsilon"])
        return values * scale + (beta - mean * scale)


def _jax_max_pool() -> Callable[[Any, int], Any]:
    """Max pooling by comparing strided views; XLA's own gradient of it scatters value by value.

    As in the other frameworks, the first of equal values gets the gradient.
    """
    import jax
    from jax import numpy as jnp

    def views(values: Any, size: int) -> list[Any]:
        rows, columns = (side // size * size for side in values.shape[1:3])
        shifts = [(row, column) for row in range(size) for column in range(size)]
        return [values[:, row:rows:size, column:columns:size] for row, column in shifts]

    @partial(jax.custom_vjp, nondiff_argnums=(1,))
    def max_pool(values: Any, size: int) -> Any:
        return reduce(jnp.maximum, views(values, size))

    def forward(values: Any, size: int) -> tuple[Any, Any]:
        largest = max_pool(values, size)
        return largest, (values, largest)

    def backward(size: int, kept: tuple[Any, Any], gradient: Any) -> tuple[Any]:
        values, largest = kept
        shares, is_free = [], jnp.ones(largest.shape, bool)
        for view in views(values, size):
            is_first = is_free & (view == largest)
            is_free &= ~is_first
            shares.append(jnp.where(is_first, gradient, 0))
        count, rows, columns, channels = largest.shape
        whole = jnp.stack(shares).reshape(size, size, *largest.shape).transpose(2, 3, 0, 4, 1, 5)
        whole = whole.reshape(count, rows * size, columns * size, channels)
        rest = [(0, side - small) for side, small in zip(values.shape[1:3], whole.shape[1:3], strict=True)]
        return (jnp.pad(whole, ((0, 0), *rest, (0, 0))),)

    max_pool.defvjp(forward, backward)
    return max_pool


def _limit_xla(threads: int) -> None:
    """Makes XLA's pools as large as asked; both have to be set before JAX is imported."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:threads])
    os.environ.update(JAX_PLATFORMS="cpu", NPROC=str(threads), PJRT_NPROC=str(threads))


class TorchSide(Side):
    """PyTorch in eager mode, or compiled where the request asks for it."""

    def __init__(self, request: Request, *, channels_last: bool = False, bfloat16: bool = False) -> None:
        # Threads that spin while they wait take the cores from whoever else has work.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        import torch

        torch.set_num_threads(request.threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(request.seed)
        self.torch = torch
        self.version = torch.__version__
        super().__init__(request)
        has_rows = any(place.layer["kind"] == "conv" for place in self._places)
        self._network = TorchNetwork(self._places, channels_last=channels_last and has_rows)
        self._images = torch.from_numpy(request.images).unsqueeze(1)
        self._labels = torch.from_numpy(request.labels.astype(np.int64))
        self._loss = self._forward_autocast if bfloat16 else self._forward
        if request.compile:
            self._loss = torch.compile(self._loss, dynamic=False)
        self.warm_up()

    def _reset(self) -> None:
        self._network.load(self._request.weights)
        self._optimizer, self._set_epsilon = self._build_optimizer()
        self._step = 0

    def _take_order(self, order: NDArray[np.int32]) -> None:
        self._order = self.torch.from_numpy(order)

    def _build_optimizer(self) -> tuple[Any, Callable[[int], None]]:
        """L2 is PyTorch's weight decay, twice the penalty's weight; the fused kernels add it to the gradient."""
        spec, l2 = self._request.optimizer, penalties(self._places)
        groups: dict[float, list[Any]] = {}
        for name, weight in self._network.weights.items():
            groups.setdefault(2 * l2.get(name, 0.0), []).append(weight)
        settings = [{"params": weights, "weight_decay": decay} for decay, weights in groups.items()]
        optim = self.torch.optim
        if spec["name"] == "sgd":
            momentum, nesterov = spec["momentum"], spec["nesterov"]
            sgd = optim.SGD(settings, spec["learning_rate"], momentum=momentum, nesterov=nesterov, fused=True)
            return sgd, lambda step: None  # noqa: ARG005
        betas = spec["beta_1"], spec["beta_2"]
        adam = optim.Adam(settings, spec["learning_rate"], betas=betas, fused=True)

        def set_epsilon(step: int) -> None:
            """Keras adds epsilon before the bias correction, PyTorch after it."""
            epsilon = spec["epsilon"] / (1 - betas[1] ** step) ** 0.5
            for group in adam.param_groups:
                group["eps"] = epsilon

        return adam, set_epsilon

    def _forward(self, ids: Any) -> Any:
        pixels = self._images.index_select(0, ids).float().div_(255)
        return self.torch.nn.functional.cross_entropy(self._network(pixels), self._labels.index_select(0, ids))

    def _forward_autocast(self, ids: Any) -> Any:
        with self.torch.autocast("cpu", dtype=self.torch.bfloat16):
            return self._forward(ids)

    def _train_batches(self, offset: int, size: int, count: int) -> Any:
        loss = None
        for ids in self._order[offset : offset + count * size].split(size):
            loss = self._train_batch(ids)
        return loss

    def _train_batch(self, ids: Any) -> Any:
        self._step += 1
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(ids)
        loss.backward()
        self._set_epsilon(self._step)
        self._optimizer.step()
        return loss.detach()


class TorchNetwork:
    """The forward pass in PyTorch's own layouts: channels first, dense kernels (out, in).

    With channels-last memory, flattening keeps Keras's order; without, the weights behind it are reordered instead.
    """

    def __init__(self, places: Sequence[Place], *, channels_last: bool) -> None:
        import torch

        self.torch = torch
        self._functions: dict[str, Callable[[Any], Any]] = {
            "linear": lambda values: values,
            "relu": torch.relu,
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
        }
        self._places = places
        self._channels_last = channels_last
        self._reordered = {} if channels_last else dict(_behind_flatten(places))
        self.weights: dict[str, Any] = {}
        self._statistics: dict[str, Any] = {}

    def load(self, weights: Mapping[str, NDArray[Any]]) -> None:
        for name, array in weights.items():
            tensor = self._tensor(name, array)
            mine = self._statistics if name.endswith(STATISTICS) else self.weights
            if name in mine:
                mine[name].detach().copy_(tensor)
            else:
                mine[name] = tensor.requires_grad_(mine is self.weights)

    def _tensor(self, name: str, array: NDArray[Any]) -> Any:
        layer_id = name.partition("/")[0]
        if layer_id in self._reordered and not name.endswith("/bias"):
            array = array[self._reordered[layer_id]]
        if name.endswith("/kernel"):
            array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
        tensor = self.torch.tensor(np.ascontiguousarray(array))
        is_rows = tensor.ndim == 4 and self._channels_last
        return tensor.contiguous(memory_format=self.torch.channels_last) if is_rows else tensor

    def __call__(self, pixels: Any) -> Any:
        if self._channels_last:
            pixels = pixels.contiguous(memory_format=self.torch.channels_last)
        return self._stack(self._places, pixels)

    def _stack(self, places: Sequence[Place], values: Any) -> Any:
        for place in places:
            values = self._layer(place, values)
        return values

    def _layer(self, place: Place, values: Any) -> Any:
        functional, layer = self.torch.nn.functional, place.layer
        match layer["kind"]:
            case "conv":
                return self._functions[layer["activation"]](self._conv(place, values))
            case "dense":
                kernel, bias = self._variables(place, "kernel", "bias")
                return self._functions[layer["activation"]](functional.linear(values, kernel, bias))
            case "pool":
                pool = functional.max_pool2d if layer["mode"] == "max" else functional.avg_pool2d
                return pool(values, layer["size"])
            case "dropout":
                return functional.dropout(values, layer["rate"])
            case "batch_norm":
                return self._batch_norm(place, values)
            case "activation":
                return self._functions[layer["function"]](values)
            case "flatten":
                return (values.permute(0, 2, 3, 1) if self._channels_last else values).flatten(1)
            case _:
                shortcut = self._layer(place.shortcut, values) if place.shortcut else values
                return self._stack(place.body, values) + shortcut

    def _variables(self, place: Place, *names: str) -> tuple[Any, ...]:
        return tuple(self.weights[f"{place.id}/{name}"] for name in names)

    def _conv(self, place: Place, values: Any) -> Any:
        kernel, bias = self._variables(place, "kernel", "bias")
        if self._channels_last and place.layer["kernel"] == 1:
            return self._conv_of_pixels(values, kernel, bias, place.layer["stride"])
        (top, bottom), (left, right) = place.pads()
        if (top, left) == (bottom, right):
            return self.torch.nn.functional.conv2d(values, kernel, bias, place.layer["stride"], (top, left))
        values = self.torch.nn.functional.pad(values, (left, right, top, bottom))
        return self.torch.nn.functional.conv2d(values, kernel, bias, place.layer["stride"])

    def _conv_of_pixels(self, values: Any, kernel: Any, bias: Any, stride: int) -> Any:
        """A 1x1 convolution is a dense layer of each pixel, and with channels-last memory needs no copy for it."""
        pixels = values.permute(0, 2, 3, 1)[:, ::stride, ::stride]
        return self.torch.nn.functional.linear(pixels, kernel.flatten(1), bias).permute(0, 3, 1, 2)

    def _batch_norm(self, place: Place, values: Any) -> Any:
        gamma, beta = self._variables(place, "gamma", "beta")
        mean, variance = (self._statistics[f"{place.id}/{name}"] for name in STATISTICS)
        momentum, epsilon = 1 - place.layer["momentum"], place.layer["epsilon"]
        return self.torch.nn.functional.batch_norm(
            values, mean, variance, gamma, beta, training=True, momentum=momentum, eps=epsilon
        )


def _behind_flatten(places: Sequence[Place]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The layers whose variables follow Keras's order of a flattened image, up to the first dense layer."""
    order = None
    for place in places:
        if place.layer["kind"] == "flatten":
            order = np.arange(prod(place.input_shape)).reshape(place.input_shape).transpose(2, 0, 1).ravel()
        elif order is not None:
            yield place.id, order
        if place.layer["kind"] == "dense":
            return


SIDES: dict[str, Callable[[Request], Side]] = {
    "jax": JaxSide,
    "torch-channels-last": partial(TorchSide, channels_last=True),
    "torch-default": TorchSide,
    "torch-bfloat16": partial(TorchSide, channels_last=True, bfloat16=True),
}


if __name__ == "__main__":
    sys.exit(main())
