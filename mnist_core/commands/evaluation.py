"""`evaluate`: how right a run is at an epoch, with all that the page of predictions shows of it."""

import argparse
from collections.abc import Iterator
from typing import Any

from mnist_core.analysis.evaluation import evaluate as evaluate_predictions
from mnist_core.analysis.order import ORDERS
from mnist_core.analysis.threshold_curves import class_curves
from mnist_core.commands.answer import Answer
from mnist_core.commands.comparison import against, most_wrong, selected
from mnist_core.commands.looking import Looking
from mnist_core.commands.measures import areas, calibration, top_ks
from mnist_core.errors import InvalidInput
from mnist_core.lab import Lab
from mnist_core.sentences import shown_value

__all__ = ["evaluate"]

Document = dict[str, Any]


def evaluate(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Evaluates a recorded run at an epoch on a split."""
    most = _most(arguments.most_wrong, arguments.order)
    looking = Looking(lab, lab.run(arguments.run), arguments.split, arguments.epoch)
    document = _whole_split(looking)
    if arguments.against is not None:
        document["against"] = against(looking, arguments.against)
    if arguments.selection is not None:
        document["selection"] = selected(looking, arguments.selection)
    if most:
        document["most_wrong"] = most_wrong(looking, most, arguments.order or ORDERS[0])
    looking.record_openings()
    return Answer(document, list(_lines(looking, document)))


def _most(text: str | None, order: str | None) -> int:
    """How many errors are wanted; 0 where none are."""
    if text is None:
        if order is not None:
            raise InvalidInput("`--order` ranks what `--most-wrong` lists; give `--most-wrong N` too.")
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):
        raise InvalidInput(f"`--most-wrong` must be a whole number of at least 1, got {shown_value(text)}.")
    return int(text)


def _whole_split(looking: Looking) -> Document:
    judged, classes = looking.judged, looking.classes
    result = evaluate_predictions(judged.labels, judged.predictions, classes, epoch=looking.epoch, split=looking.split)
    return result.to_json() | {
        "split": result.split,
        "loss": result.loss,
        "errors": result.errors,
        "top_k": top_ks(judged, len(classes)),
        "calibration": calibration(judged),
        **areas(class_curves(judged.labels, judged.predictions), classes),
    }


def _lines(looking: Looking, document: Document) -> Iterator[str]:
    yield (
        f"{looking.run.record.name}, epoch {looking.epoch}, {looking.split}: accuracy {_share(document)},"
        f" {document['errors']:,} of {len(looking.judged.ids):,} wrong, loss {document['loss']:.4f}"
    )
    among = [f"the first {k} {_percent(one['accuracy'])}" for k, one in document["top_k"].items()]
    if among:
        yield f"true class among {', '.join(among)}"
    yield (
        f"expected calibration error {document['calibration']['error']:.4f}, mean area under ROC"
        f" {document['roc']['macro']:.4f}, mean average precision {document['precision_recall']['macro']:.4f}"
    )
    yield "rows true, columns predicted:"
    yield from ("  " + " ".join(f"{count:>6}" for count in row) for row in document["confusion"])
    yield from _more_lines(looking, document)


def _more_lines(looking: Looking, document: Document) -> Iterator[str]:
    if other := document.get("against"):
        yield (
            f"against epoch {other['epoch']} of {other['name']}, {_percent(other['accuracy'])} of"
            f" {other['images']:,} images: {len(other['fixed']):,} fixed, {len(other['broken']):,} newly broken"
        )
    if chosen := document.get("selection"):
        said = f"accuracy {_share(chosen)}, {chosen['errors']:,} wrong" if chosen["images_here"] else "nothing to say"
        yield f"selection ({chosen['phrase']}): {chosen['images_here']:,} of {len(chosen['ids']):,} images here; {said}"
    for one in document.get("most_wrong", ()):
        long = "" if one["wrong_for"] is None else f", wrong for {one['wrong_for']} epochs"
        yield (
            f"image {one['image']}: true {looking.classes[one['true']]} ({one['p_true']:.2f}), predicted"
            f" {looking.classes[one['predicted']]} ({one['p_predicted']:.2f}), loss {one['loss']:.4f}{long}"
        )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _share(scores: Document) -> str:
    low, high = scores["interval"]
    return f"{_percent(scores['accuracy'])} ({100 * low:.2f} to {100 * high:.2f})"
