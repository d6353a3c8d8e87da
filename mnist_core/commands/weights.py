"""`weights`: the layers of a run at an epoch, how far they went from the untrained network, and units to know of."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mnist_core.analysis.units import Flag, flags
from mnist_core.analysis.weights import LayerChange, change, layer_weights
from mnist_core.commands.answer import Answer
from mnist_core.lab import Lab
from mnist_core.run import Run

__all__ = ["show_weights"]


class _Layer(NamedTuple):
    name: str
    change: LayerChange
    flags: tuple[Flag, ...]


def show_weights(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Says how the weights of each layer changed."""
    run = lab.run(arguments.run)
    epoch = run.epoch_number(arguments.epoch)
    before, after = (layer_weights(run.weights(one), run.layers) for one in (0, epoch))
    layers = [_Layer(now.name, change(was, now), flags(now)) for was, now in zip(before, after, strict=True)]
    rows = [
        {"name": layer.name, **layer.change._asdict(), "flags": [flag._asdict() for flag in layer.flags]}
        for layer in layers
    ]
    return Answer({"run": run.id, "epoch": epoch, "layers": rows}, list(_lines(run, epoch, layers)))


def _lines(run: Run, epoch: int, layers: Sequence[_Layer]) -> Iterator[str]:
    yield f"{run.record.name}, epoch {epoch} against epoch 0"
    for name, moved, flagged in layers:
        yield f"  {name}: kernel sum {_from_to(moved.kernel_sum_before, moved.kernel_sum)}" + (
            "" if moved.bias_sum is None else f", bias sum {_from_to(moved.bias_sum_before, moved.bias_sum)}"
        )
        share = "" if moved.relative_change is None else f" ({100 * moved.relative_change:.1f} % of the norm before)"
        yield f"    norm {_from_to(moved.kernel_norm_before, moved.kernel_norm)}, change {moved.change:.4f}{share}"
        angle = "" if moved.cosine is None else f"cosine {moved.cosine:.4f}, "
        yield f"    {angle}{100 * moved.sign_changes:.1f} % of the weights changed their sign"
        for (kind, rule), count in Counter((flag.kind, flag.rule) for flag in flagged).items():
            yield f"    {kind}: {count} of {name}'s units ({rule})"


def _from_to(before: float | None, after: float) -> str:
    return f"{before:.4f} to {after:.4f}"
