"""`embed`: a map of a layer, computed in this process, with how far it can be trusted; the places go into a file."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mnist_core.commands.answer import Answer
from mnist_core.commands.assignment import assignment
from mnist_core.errors import InvalidInput
from mnist_core.lab import Lab
from mnist_core.maps import MapResult
from mnist_core.npz import Arrays, to_npz
from mnist_core.run import MapOptions, Run
from mnist_core.sentences import shown_value

__all__ = ["embed"]

SETTING = "NAME=VALUE, such as perplexity=50"


def embed(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Makes a map of a layer: PCA, t-SNE or UMAP."""
    options: MapOptions = {
        "split": arguments.split,
        "epoch": arguments.epoch,
        "points": _number(arguments.points, "--points"),
        "sample_seed": _number(arguments.sample_seed, "--sample-seed"),
        "settings": dict(assignment(text, SETTING) for text in arguments.set or ()),
    }
    run, out = lab.run(arguments.run), _writable(arguments.out)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(lab.settings.home / "compiled"))
    began = perf_counter()
    result = run.map(arguments.layer, arguments.method, **options)
    seconds = perf_counter() - began
    if out is not None:
        out.write_bytes(_file(result))
    document = _document(result, seconds) | {"file": None if out is None else str(out)}
    return Answer(document, list(_lines(run, document)))


def _number(text: str, option: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InvalidInput(f"`{option}` must be a whole number from 0, got {shown_value(text)}.")
    return int(text)


def _writable(name: str | None) -> Path | None:
    """The file that the map goes into, checked before anything is computed."""
    if name is None:
        return None
    path = Path(os.path.expanduser(name))  # noqa: PTH111 - leaves an unknown ~user as it is
    if path.suffix != ".npz" or not path.parent.is_dir() or (path.exists() and not path.is_file()):
        raise InvalidInput(
            f"`--out` must be a file ending in `.npz`, in a folder that exists, got {shown_value(name)}."
        )
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidInput(f"`--out` must be a file that can be written, got {shown_value(name)}.")
    return path


def _file(result: MapResult) -> bytes:
    [one] = result.maps
    arrays: Arrays = {
        "ids": result.ids,
        "labels": result.labels,
        "positions": one.positions,
        "neighbours": one.neighbours,
        "layer": np.array(one.source.layer),
        "epoch": np.array(one.source.epoch),
    }
    return to_npz(arrays | (one.components._asdict() if one.components else {}))


def _document(result: MapResult, seconds: float) -> dict[str, Any]:
    [one] = result.maps
    plain = result.to_json()
    del plain["maps"], plain["anchor"]
    by_step = dict(one.seconds)
    return {
        "seconds": by_step.pop("total"),
        "seconds_by_step": by_step,
        "seconds_with_activations": seconds,
        **plain,
        **one.to_json(),
    }


def _lines(run: Run, document: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{run.record.name}, {document['layer']} at epoch {document['epoch']}: {document['method']} of"
        f" {document['points']:,} {document['split']} images in {document['seconds']:.2f} s"
        f" (with activations {document['seconds_with_activations']:.2f} s)"
    )
    yield (
        f"trustworthiness {document['trustworthiness']:.4f}, continuity {document['continuity']:.4f}, neighbourhood hit"
        f" {document['neighbourhood_hit']:.4f} ({document['neighbourhood_hit_layer']:.4f} in the layer itself)"
    )
    if document["variance"] is not None:
        shares = ", ".join(f"{100 * share:.1f} %" for share in document["variance"])
        yield f"variance along the axes: {shares}"
    if document["kept_variance"] < 1:
        yield (
            f"the layer's {document['width']:,} values as principal components, which hold"
            f" {100 * document['kept_variance']:.1f} % of their variance"
        )
    if document["file"]:
        yield f"Wrote {document['file']}."
