"""`inspect`: one image on its way through a network, in numbers: what leaves each layer, and which pixels matter."""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.commands.answer import Answer
from mnist_core.commands.numbers import whole_number
from mnist_core.inspection import ImageInspection, LayerActivation, Saliency, inspect
from mnist_core.lab import Lab

__all__ = ["inspect_image"]

Document = dict[str, Any]


def inspect_image(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Sends one image through a run's network and looks at each layer."""
    run, image = lab.run(arguments.run), whole_number(arguments.image, "--image")
    found = inspect(run, image, arguments.epoch)
    document = {"run": run.id, "split": run.split_of(image), **_document(found, run.classes)}
    return Answer(document, list(_lines(run.record.name, document)))


def _document(found: ImageInspection, classes: tuple[str, ...]) -> Document:
    return {
        "epoch": found.epoch,
        "image": found.image,
        "label": found.label,
        "label_name": classes[found.label],
        "predicted": found.predicted,
        "predicted_name": classes[found.predicted],
        "probabilities": found.probabilities.astype(np.float64).tolist(),
        "layers": [_layer(one) for one in found.layers],
        "saliency": [_saliency(one) for one in found.saliency],
    }


def _layer(one: LayerActivation) -> Document:
    return {
        "name": one.name,
        "kind": one.kind,
        "shape": list(one.values.shape),
        **_numbers(one.values),
        "zeros": float((one.values == 0).mean()),
    }


def _saliency(one: Saliency) -> Document:
    row, column = np.unravel_index(np.abs(one.values).argmax(), one.values.shape)
    return {
        "method": one.method,
        "target": one.target,
        "layer": one.layer or None,
        **_numbers(one.values),
        "sum": float(one.values.sum(dtype=np.float64)),
        "strongest": [int(row), int(column)] if one.values.any() else None,
    }


def _numbers(values: NDArray[np.float32]) -> Document:
    return {"low": float(values.min()), "mean": float(values.mean(dtype=np.float64)), "high": float(values.max())}


def _lines(name: str, document: Document) -> Iterator[str]:
    sure = document["probabilities"][document["predicted"]]
    yield (
        f"{name}, epoch {document['epoch']}, image {document['image']} ({document['split']}): true"
        f" {document['label_name']}, predicted {document['predicted_name']} ({sure:.4f})"
    )
    for one in document["layers"]:
        shape = " x ".join(map(str, one["shape"]))
        yield (
            f"  {one['name']:16} {shape:>14}  {one['low']:.4f} to {one['high']:.4f}, mean {one['mean']:.4f},"
            f" {100 * one['zeros']:.1f} % are 0"
        )
    for one in document["saliency"]:
        at = f" at {one['layer']}" if one["layer"] else ""
        where = ", strongest at row {}, column {}".format(*one["strongest"]) if one["strongest"] else ""
        yield (
            f"  {one['method']}{at}, class {one['target']}: {one['low']:.4f} to {one['high']:.4f}, sum"
            f" {one['sum']:.4f}{where}"
        )
