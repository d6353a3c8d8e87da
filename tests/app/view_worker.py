"""A made-up view worker: takes what is queued and answers requests with what the test puts together."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_core.analysis.units import UnitActivity
from mnist_core.inference.predictions import Predictions
from mnist_core.inspection import REQUESTS, Ablation, Inspection, Request, UnitResponses
from mnist_core.lab import Lab
from mnist_core.run import Run
from mnist_core.runs import RUN_LEVEL, Lease, RunState

__all__ = ["ViewWorker", "flipped", "responses"]


class ViewWorker:
    """Takes what is queued in the view lane, and does as it is told."""

    def __init__(self, lab: Lab) -> None:
        self.archive = lab.archive

    def claim(self) -> Lease | None:
        """Takes the next order; None where nothing was asked for."""
        return self.archive.store.claim_next("view", ticket="t", worker="a-worker", device="cpu")

    def begin(self) -> tuple[Lease, Request[Any]]:
        """Takes the next order, which there must be."""
        lease = self.claim()
        assert lease
        order = self.archive.store.run(lease.run)
        return lease, REQUESTS[order.kind].parse(order.spec)

    def answer(self, make: Callable[[Any], Inspection]) -> Any:
        """Finishes the next order with what a function makes of its request."""
        lease, request = self.begin()
        self.archive.keep(lease, RUN_LEVEL, make(request).to_files())
        self.archive.store.finish(lease, RunState.DONE)
        return request

    def end(self, state: RunState, reason: str) -> None:
        """Ends the next order without an answer."""
        lease, _ = self.begin()
        self.archive.store.finish(lease, state, reason=reason)


def responses(run: Run, units: int, split: str = "validation", **more: Any) -> UnitResponses:
    """Answers of so many units: unit u answers image i with i + u, and class c with c + u."""
    ids = run.sample(split).ids
    top, bottom = ids[::-1][:12], ids[:12]
    each = np.arange(units)
    highest = (ids[-1] + each).astype(np.float32)
    made = UnitResponses(
        mean=(each[:, None] + np.arange(10)).astype(np.float32),
        top=np.tile(top, (units, 1)).astype(np.int32),
        top_values=(top + each[:, None]).astype(np.float32),
        bottom=np.tile(bottom, (units, 1)).astype(np.int32),
        bottom_values=(bottom + each[:, None]).astype(np.float32),
        highest=highest,
        activity=UnitActivity("linear", len(ids), highest, np.zeros(units, np.int64)),
    )
    return made._replace(**more)


def flipped(run: Run, images: list[int], split: str = "validation", epoch: int = 2) -> Ablation:
    """What a run says of a split, but that these images are taken for the next class."""
    judged = run.judged(split, epoch)
    predicted = judged.predictions.predicted.copy()
    rows = np.searchsorted(judged.ids, images)
    predicted[rows] = (predicted[rows] + 1) % 10
    likely = np.full((len(predicted), 10), -9, np.float16)
    likely[np.arange(len(predicted)), predicted] = -0.01
    return Ablation(Predictions(predicted, judged.predictions.loss, likely), judged.ids)
