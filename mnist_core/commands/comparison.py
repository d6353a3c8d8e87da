"""What `evaluate` says beside the split itself: another epoch or run, a selection, and the worst errors."""

import re
from typing import Any

import numpy as np

from mnist_core.analysis.change import change, common_rows
from mnist_core.analysis.order import ORDERS, ordered
from mnist_core.analysis.selection import Selection, phrase_of
from mnist_core.commands.looking import Looking
from mnist_core.commands.measures import scores
from mnist_core.errors import InvalidInput
from mnist_core.run import Run

__all__ = ["against", "most_wrong", "selected"]

EPOCH = "best|last|kept|[0-9]{1,9}"

Document = dict[str, Any]


def against(looking: Looking, text: str) -> Document:
    """Compares with another epoch, or another run (at its kept epoch, if no other is named), on the images of both.

    Args:
        looking: what is looked at.
        text: EPOCH, RUN or RUN@EPOCH.

    Raises:
        MnistLabError: there is no such epoch or run, or it cannot be compared.
    """
    other, epoch = _other(looking, text)
    theirs = looking.read(other, epoch, looking.split)
    mine, rows = common_rows(looking.judged.ids, theirs.ids)
    if not len(mine):
        raise InvalidInput(
            f"Splits that are compared must share images; the {looking.split} splits of `{looking.run.record.name}` and"
            f" `{other.record.name}` share none."
        )
    labels, now, before = (
        looking.judged.labels[mine],
        looking.judged.predictions.predicted[mine],
        theirs.predictions.predicted[rows],
    )
    found = change(labels, before, now, len(looking.classes))
    ids = looking.judged.ids[mine]
    return {
        "run": other.id,
        "name": other.record.name,
        "epoch": epoch,
        "images": len(mine),
        "accuracy": float(np.count_nonzero(before == labels) / len(labels)),
        "confusion_difference": found.confusion.tolist(),
        "fixed": ids[found.fixed].tolist(),
        "broken": ids[found.broken].tolist(),
    }


def _other(looking: Looking, text: str) -> tuple[Run, int]:
    if re.fullmatch(EPOCH, text):
        return looking.run, looking.run.epoch_number(text)
    ref, at, epoch = text.rpartition("@")
    run = looking.comparable(ref if at else text, looking.run)
    return run, run.epoch_number(epoch if at else "kept")


def selected(looking: Looking, text: str) -> Document:
    """How right the run is on a selection's images that are in the split.

    Args:
        looking: what is looked at.
        text: as a link holds it.

    Raises:
        MnistLabError: it is no selection, or what it was made from is gone or of other images.
    """
    selection = Selection.parse(text)
    origin = looking.of_same_images(selection.run)
    ids = selection.ids(looking.judge(origin), looking.epoch)
    rows = np.flatnonzero(np.isin(looking.judged.ids, ids))
    return {
        "rule_text": text,
        "phrase": phrase_of(selection, origin.classes),
        "ids": ids.tolist(),
        "images_here": len(rows),
        **scores(looking.judged, rows, looking.classes),
    }


def most_wrong(looking: Looking, most: int, order: str) -> list[Document]:
    """The first errors in an order of looking.

    Args:
        looking: what is looked at.
        most: how many, at least 1.
        order: one of `ORDERS`.

    Raises:
        InvalidInput: how long images are wrong is asked of the training split, where it is not recorded.
    """
    labels, predictions = looking.judged.labels, looking.judged.predictions
    wrong_for = looking.wrong_for
    if wrong_for is None and order == ORDERS[2]:
        raise InvalidInput(f"`--order` must not be `{order}` for the training split, which is not recorded each epoch.")
    errors = np.flatnonzero(labels != predictions.predicted)
    known = np.zeros(len(labels), np.int32) if wrong_for is None else wrong_for
    rows = ordered(errors, order, labels=labels, predictions=predictions, wrong_for=known)[:most]
    found = zip(rows.tolist(), predictions.probabilities(rows), strict=True)
    return [
        {
            "image": int(looking.judged.ids[row]),
            "true": int(labels[row]),
            "predicted": int(predictions.predicted[row]),
            "p_true": float(shares[labels[row]]),
            "p_predicted": float(shares[predictions.predicted[row]]),
            "loss": float(predictions.loss[row]),
            "wrong_for": None if wrong_for is None else int(wrong_for[row]),
        }
        for row, shares in found
    ]
