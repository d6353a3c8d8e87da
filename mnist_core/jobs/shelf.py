"""What was made for views and is kept for a while, so that the next view of the same does not make it again."""

from typing import Any
from uuid import uuid4

from mnist_core.errors import BlobMissing, EpochNotRecorded
from mnist_core.inference.activations import PIXELS, Activations
from mnist_core.lab import Lab
from mnist_core.machine import worker_name
from mnist_core.maps import MapRequest, Sample, Source
from mnist_core.run import Run
from mnist_core.runs import RUN_LEVEL, Lease, RunRecord, RunState
from mnist_core.runs.store import Holder, Submission

__all__ = ["KIND", "ActivationShelf", "make_room", "record_activations"]

KIND = "activations"
LARGEST = 80 * 2**20
"""Bytes of one layer's activations that are kept; larger ones are computed again."""

ROOM = {
    KIND: 512 * 2**20,
    "embed": 1024 * 2**20,
    "inspect": 128 * 2**20,
    "ablate": 128 * 2**20,
    "units": 256 * 2**20,
}
"""Bytes that all orders of a kind may keep; beyond, the oldest go."""

MOST_ORDERS = 1000
"""Of a kind, however small they are: whoever asks for something looks through all of them, 10 ms for so many."""


class ActivationShelf:
    """Reads what leaves a run's layers for the images of a map, from the archive where it was computed before.

    Args:
        lab: where the run is recorded.
        run: the run.
        order: what the activations are for.
        request: the same, parsed.
    """

    def __init__(self, lab: Lab, run: Run, order: RunRecord, request: MapRequest) -> None:
        self._lab, self._run, self._order = lab, run, order
        self._images = {name: order.spec[name] for name in ("split", "points", "sample_seed")}
        self.sample: Sample = run.sample(request.split, request.points, seed=request.sample_seed)

    def read(self, source: Source, **watch: Any) -> Activations:
        """What leaves a source's layer.

        Args:
            source: layer and epoch.
            **watch: `between` of `Run.activations`.

        Raises:
            InvalidInput: the dataset is another one, or what leaves the layer is not finite.
            EpochNotRecorded: the weights of the epoch were not kept.
        """
        if source.layer == PIXELS:
            return self._compute(source, watch).rounded
        spec = {**self._images, **source._asdict()}
        known = self._lab.archive.store.ordered(KIND, self._run.id, spec)
        if known and known.state is RunState.DONE:
            try:
                return Activations.from_bytes(self._lab.archive.read(known.id, RUN_LEVEL, KIND))
            except (BlobMissing, EpochNotRecorded):
                self._lab.archive.store.delete(known.id)
        data = self._compute(source, watch).to_bytes()
        if len(data) <= LARGEST:
            self._keep(spec, data)
        return Activations.from_bytes(data)

    def _compute(self, source: Source, watch: dict[str, Any]) -> Activations:
        return self._run.activations(source.layer, self.sample.ids, source.epoch, **watch)

    def _keep(self, spec: dict[str, Any], data: bytes) -> None:
        order, store = self._order, self._lab.archive.store
        holder: Holder = {"ticket": uuid4().hex, "worker": worker_name(), "device": "cpu"}
        more: Submission = {"kind": KIND, "source": self._run.id, "owner": order.owner, "lane": order.lane}
        _, lease = store.begin(spec, digest=order.digest, name=None, holder=holder, **more)
        _record(self._lab, lease, data)


def record_activations(lab: Lab, lease: Lease, record: RunRecord) -> None:
    """Computes and keeps what leaves a layer, for an order whose worker went before it had kept it."""
    run, spec = lab.run(record.source or ""), record.spec
    sample = run.sample(spec["split"], spec["points"], seed=spec["sample_seed"])
    _record(lab, lease, run.activations(spec["layer"], sample.ids, spec["epoch"]).to_bytes())


def _record(lab: Lab, lease: Lease, data: bytes) -> None:
    lab.archive.keep(lease, RUN_LEVEL, {KIND: data})
    lab.archive.store.finish(lease, RunState.DONE)
    make_room(lab, KIND)


def make_room(lab: Lab, kind: str) -> None:
    """Lets the oldest finished orders of a kind go where all together keep more than they may."""
    room = ROOM[kind]
    for place, (order, size) in enumerate(lab.archive.store.sizes(kind)):
        room -= size
        if room < 0 or place >= MOST_ORDERS:
            lab.archive.store.delete(order)
