"""`biography`: one image through all epochs of a run, and what other runs say of it."""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mnist_core.analysis.biography import Biography
from mnist_core.commands.answer import Answer
from mnist_core.errors import InvalidInput
from mnist_core.lab import Lab
from mnist_core.opinions import Opinion
from mnist_core.run import Run
from mnist_core.sentences import shown_value

__all__ = ["show_biography"]


def show_biography(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Follows one image through all epochs of a run."""
    run, image = lab.run(arguments.run), _image(arguments.image)
    split = arguments.split or run.split_of(image)
    life = run.biography(image, split)
    others = lab.other_opinions(run.id, image)
    if split == "test":
        run.open_test_split()
    document: dict[str, Any] = life.to_json() | {
        "run": run.id,
        "split": split,
        "label_name": run.classes[life.label],
        "others": [asdict(one) for one in others],
    }
    return Answer(document, list(_lines(run, split, life, others)))


def _image(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise InvalidInput(f"`IMAGE` must be the id of an image, a whole number from 0, got {shown_value(text)}.")
    return int(text)


def _lines(run: Run, split: str, life: Biography, others: Sequence[Opinion]) -> Iterator[str]:
    classes = run.classes
    yield f"{run.record.name}, image {life.image} ({split}), true {classes[life.label]}"
    for place, epoch in enumerate(life.epochs.tolist()):
        shares, predicted = life.probabilities[place], int(life.predicted[place])
        said = "right" if life.right[place] else f"predicted {classes[predicted]} ({shares[predicted]:.2f})"
        yield f"  epoch {epoch:>3}: p(true) {shares[life.label]:.2f}, loss {life.loss[place]:.4f}, {said}"
    turns = (("learnt", life.learnt), ("forgotten", life.forgotten), ("learnt again", life.relearnt))
    yield "; ".join(f"{name} at {', '.join(map(str, epochs)) or 'no epoch'}" for name, epochs in turns)
    wrong = [f"{one.name} ({one.predicted_name})" for one in others if not one.right]
    if others:
        yield f"wrong in {len(wrong)} of {len(others)} other runs{': ' if wrong else ''}{', '.join(wrong)}"
