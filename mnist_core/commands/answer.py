"""What a command answers, and how an epoch stands in it."""

from collections.abc import Sequence
from typing import Any

from mnist_core.runs import EpochRecord, RunState

__all__ = ["Answer", "epoch_document"]


class Answer:
    """What a command has to say: a JSON document, the same for people, and how the run ended that it was about."""

    def __init__(self, document: Any, lines: Sequence[str], *, state: RunState = RunState.DONE) -> None:
        self.document = document
        self.lines = lines
        self.state = state


def epoch_document(record: EpochRecord) -> dict[str, Any]:
    """The numbers of an epoch in one row."""
    seconds = {
        "seconds": record.seconds,
        "evaluation_seconds": record.evaluation_seconds,
        "recording_seconds": record.recording_seconds,
    }
    return {"epoch": record.epoch, **seconds, **record.metrics}
