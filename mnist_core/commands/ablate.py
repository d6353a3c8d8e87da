"""`ablate`: how right a run is with some units of a layer switched off."""

import argparse
from collections.abc import Iterator
from typing import Any

from mnist_core.analysis.change import change
from mnist_core.analysis.evaluation import Evaluation, evaluate
from mnist_core.commands.answer import Answer
from mnist_core.commands.numbers import whole_numbers
from mnist_core.inspection import ablate
from mnist_core.lab import Lab

__all__ = ["ablate_units"]

Document = dict[str, Any]


def ablate_units(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Switches units of a layer off and evaluates the run without them."""
    run, units = lab.run(arguments.run), whole_numbers(arguments.units, "--units")
    epoch, split, classes = run.epoch_number(arguments.epoch), arguments.split, run.classes
    found = ablate(run, arguments.layer, units, split=split, epoch=epoch)
    ids, labels, predictions = run.judged(split, epoch)
    before, after = (
        evaluate(labels, one, classes, epoch=epoch, split=split) for one in (predictions, found.predictions)
    )
    changed = change(labels, predictions.predicted, found.predictions.predicted, len(classes))
    document = {
        "run": run.id,
        "epoch": epoch,
        "split": split,
        "layer": arguments.layer,
        "units": sorted(units),
        "images": len(ids),
        "before": _scores(before),
        "after": _scores(after),
        "fixed": ids[changed.fixed].tolist(),
        "broken": ids[changed.broken].tolist(),
        "flipped": int((predictions.predicted != found.predictions.predicted).sum()),
        "confusion_difference": changed.confusion.tolist(),
    }
    return Answer(document, list(_lines(run.record.name, document)))


def _scores(one: Evaluation) -> Document:
    return {"accuracy": one.accuracy, "interval": list(one.interval), "errors": one.errors, "loss": one.loss}


def _lines(name: str, document: Document) -> Iterator[str]:
    many = "s" * (len(document["units"]) > 1)
    units = ", ".join(map(str, document["units"]))
    yield f"{name}, epoch {document['epoch']}, {document['split']}, without unit{many} {units} of {document['layer']}"
    for when in ("before", "after"):
        one = document[when]
        low, high = one["interval"]
        yield (
            f"  {when:6} accuracy {100 * one['accuracy']:.2f} % ({100 * low:.2f} to {100 * high:.2f}),"
            f" {one['errors']:,} of {document['images']:,} wrong, loss {one['loss']:.4f}"
        )
    yield (
        f"  {document['flipped']:,} image{'s get' if document['flipped'] != 1 else ' gets'} another class:"
        f" {len(document['broken']):,} newly broken,"
        f" {len(document['fixed']):,} fixed"
    )
