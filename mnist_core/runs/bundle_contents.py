"""Whether the members of a run bundle make up a run: its files are there and fit its epochs, classes and network.

That each file is sound by itself is checked where it is read. One member is in memory at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.errors import BundleError
from mnist_core.networks.shapes import first_layer_id, plan, weight_shapes
from mnist_core.npz import Arrays
from mnist_core.runs.bundle_format import RunMember, artifact_of, epoch_member, from_json
from mnist_core.runs.bundle_reader import BundleReader
from mnist_core.runs.checked_npz import load_npz
from mnist_core.runs.facts import Facts
from mnist_core.runs.records import EpochRecord
from mnist_core.spec import RunSpec

__all__ = ["check_contents"]

SPLITS = ("train", "validation", "test")
PREDICTED_SPLITS = ("validation", "test")
ROUNDING = 1e-3
"""How far a logarithm of a probability may be above 0."""


@dataclass(frozen=True)
class _Form:
    """The type and shape that an array must have."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


def check_contents(bundle: BundleReader, member: RunMember, spec: RunSpec, epochs: Sequence[EpochRecord]) -> None:
    """Checks all files of a bundle against its run and epochs.

    Args:
        bundle: the members.
        member: `run.json`.
        spec: the run's specification.
        epochs: `epochs.json`.

    Raises:
        BundleError: a file is missing, belongs to no epoch, or does not hold what it should.
    """
    _check_result(member, len(epochs))
    _check_presence(bundle, len(epochs))
    if "facts.json" in bundle.members:
        _check_facts(bundle, spec.classes)
    sizes = _checked_sizes(bundle, spec.classes) if "splits.npz" in bundle.members else {}
    forms = _forms(spec, sizes)
    for name in bundle.members:
        kind = (artifact_of(name) or (0, ""))[1]
        if kind in forms:
            arrays = load_npz(bundle.read(name), name)
            _check_forms(arrays, forms[kind], name)
            if kind == "predictions":
                _check_predictions(arrays, spec.classes, name)


def _check_result(member: RunMember, epochs: int) -> None:
    result = member.result
    if result is None:
        return
    measured = {"best_epoch": result.best_epoch, "kept_epoch": result.kept_epoch, "test.epoch": result.test.epoch}
    if result.train:
        measured["train.epoch"] = result.train.epoch
    for field, epoch in measured.items():
        if epoch >= epochs:
            raise BundleError(
                f"`result.{field}` in `run.json` must be an epoch of `epochs.json`, got {epoch}; export the run again."
            )


def _check_presence(bundle: BundleReader, epochs: int) -> None:
    predictions = {epoch_member(epoch, "predictions") for epoch in range(epochs)}
    missing = sorted(({"splits.npz", "facts.json"} | predictions if epochs else set()) - bundle.members.keys())
    if missing:
        raise BundleError(f"A bundle with epochs must hold `{missing[0]}`, got none; export the run again.")
    # The starting weights are recorded before any epoch is.
    early = {epoch_member(0, "weights")}
    stray = [name for name in bundle.members if name not in early and (artifact_of(name) or (-1,))[0] >= epochs]
    if stray:
        raise BundleError(f"`{stray[0]}` must belong to an epoch of `epochs.json`, got none; export the run again.")


def _check_facts(bundle: BundleReader, classes: int) -> None:
    facts = from_json(bundle.read("facts.json"), Facts, "facts.json")
    if len(facts.dataset.classes) != classes:
        raise BundleError(
            f"`facts.json` must name {classes} classes, as many as the network tells apart, got"
            f" {len(facts.dataset.classes)}; export the run again."
        )


def _checked_sizes(bundle: BundleReader, classes: int) -> dict[str, int]:
    """How many images each split has."""
    arrays = load_npz(bundle.read("splits.npz"), "splits.npz")
    sizes = {split: arrays[f"{split}_ids"].size for split in SPLITS if f"{split}_ids" in arrays}
    forms = {f"{split}_ids": _Form("int32", (sizes.get(split, 0),)) for split in SPLITS}
    forms |= {f"{split}_labels": _Form("uint8", (sizes.get(split, 0),)) for split in SPLITS}
    _check_forms(arrays, forms, "splits.npz")
    for split in SPLITS:
        ids, labels = arrays[f"{split}_ids"], arrays[f"{split}_labels"]
        if not len(ids) or ids[0] < 0 or not (ids[1:] > ids[:-1]).all():
            raise BundleError(
                f"`{split}_ids` in `splits.npz` must hold at least one image id, from 0 on, each once and in order;"
                " export the run again."
            )
        _check_classes(labels, classes, f"`{split}_labels` in `splits.npz`")
    return sizes


def _forms(spec: RunSpec, sizes: Mapping[str, int]) -> dict[str, dict[str, _Form]]:
    """The arrays of each kind of file."""
    shapes = weight_shapes(plan(spec.network.layers))
    weights = {name: _Form("float32", shape) for name, shape in shapes.items()}
    first = first_layer_id(spec.network.layers)
    predictions = {}
    for split in PREDICTED_SPLITS:
        size = sizes.get(split, 0)
        predictions[f"{split}_predicted"] = _Form("uint8", (size,))
        predictions[f"{split}_loss"] = _Form("float32", (size,))
        predictions[f"{split}_log_probabilities"] = _Form("float16", (size, spec.classes))
    return {
        "weights": weights,
        "first_layer": {name: form for name, form in weights.items() if name.startswith(f"{first}/")},
        "predictions": predictions,
    }


def _check_forms(arrays: Arrays, forms: Mapping[str, _Form], what: str) -> None:
    """Exactly these arrays, of these types and shapes, with finite numbers."""
    differing = sorted(arrays.keys() ^ forms.keys())
    if differing:
        rule = "must hold" if differing[0] in forms else "must not hold"
        raise BundleError(f"`{what}` {rule} an array {differing[0]!r}; export the run again.")
    for name, form in forms.items():
        array = arrays[name]
        got = _Form(str(array.dtype), array.shape)
        if got != form:
            raise BundleError(f"`{name}` in `{what}` must be {form}, got {got}; export the run again.")
        if not np.isfinite(array).all():
            raise BundleError(f"`{name}` in `{what}` must hold finite numbers; export the run again.")


def _check_predictions(arrays: Arrays, classes: int, what: str) -> None:
    for split in PREDICTED_SPLITS:
        _check_classes(arrays[f"{split}_predicted"], classes, f"`{split}_predicted` in `{what}`")
        name = f"{split}_log_probabilities"
        highest = float(arrays[name].max())
        if highest > ROUNDING:
            raise BundleError(f"`{name}` in `{what}` must be at most 0, got {highest:g}; export the run again.")


def _check_classes(labels: NDArray[np.uint8], classes: int, what: str) -> None:
    highest = int(labels.max())
    if highest >= classes:
        raise BundleError(f"{what} must be classes below {classes}, got {highest}; export the run again.")
