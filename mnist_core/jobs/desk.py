"""What people ask of jobs: check, submit, stop, delete, rename; and how long it will take until theirs begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mnist_core.datasets import Dataset, Splits, available
from mnist_core.errors import DatasetMissing, InvalidSpec, NotOwner, QueueFull
from mnist_core.inference.predictions import Predictions
from mnist_core.inspection import Request
from mnist_core.inspection.request import Result
from mnist_core.jobs.control import STOPPED, Control
from mnist_core.jobs.engine import Engine
from mnist_core.jobs.slots import Slot
from mnist_core.lab import Lab
from mnist_core.machine import has_gpu
from mnist_core.maps import MapRequest, MapResult
from mnist_core.maps.recorded import MapFrame, read_frame, read_maps
from mnist_core.networks.cost import Cost
from mnist_core.npz import from_npz
from mnist_core.runs import RUN_LEVEL, RunRecord, RunState, Waiting, Wish, fair_order
from mnist_core.settings import Settings
from mnist_core.spec import RunSpec

__all__ = ["EVERYBODY", "Jobs", "Plan", "Standing"]

EVERYBODY = "local"
"""The one owner of the profile `local`."""

TRAIN_LANE, VIEW_LANE = "train", "view"
MOST_WAITING = 20
"""Runs and views that one person may have in the queue where people share a laboratory."""

Phase = Literal["queued", "warming up", "compiling", "training", "working", "stopping", "finished"]


@dataclass(frozen=True)
class Plan:
    """What a run would be, before it is submitted.

    Attributes:
        spec: what would be trained.
        dataset: after grouping.
        splits: image ids.
        cost: what it would cost.
        device: kind of device that it would train on.
    """

    spec: RunSpec
    dataset: Dataset
    splits: Splits
    cost: Cost
    device: str


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Attributes:
        phase: what happens to it now; short work is "working".
        position: how many are ahead of it in the queue, plus 1; None where it does not wait.
        starts_in: seconds until it begins, as far as can be told.
    """

    phase: Phase
    position: int | None = None
    starts_in: float | None = None


class _Order(NamedTuple):
    """Short work on a run: the kind of work, the run that it looks at, and what exactly."""

    kind: str
    run: str
    spec: dict[str, Any]


class Jobs:
    """Submits runs and changes them, for their owners.

    Args:
        lab: datasets and recorded runs.
        start: starts the engine; None lets queued runs wait for someone else's.
    """

    def __init__(self, lab: Lab, start: Callable[[Settings], Engine] | None) -> None:
        self._lab = lab
        self._store = lab.archive.store
        self._control = Control(self._store, lab.settings, start) if start else None

    def start(self) -> None:
        """Starts the engine in the background; queued and abandoned runs go on."""
        if self._control:
            self._control.start()

    def close(self) -> None:
        """Ends the engine and its processes; running runs resume at the next start."""
        if self._control:
            self._control.close()

    def slots(self) -> tuple[Slot, ...]:
        """The slots that there are, at the last look."""
        return self._control.slots if self._control else ()

    def expect_views(self) -> None:
        """Lets the view worker start, as somebody looks at a page that will ask it for something."""
        if self._control:
            self._control.expect_views()

    def check(self, spec: RunSpec) -> Plan:
        """What a run would be and cost; nothing is recorded.

        Raises:
            InvalidInput: spec, dataset and machine do not fit, or the dataset is not at hand.
        """
        device = self._device(spec)
        self._check_at_hand(spec.dataset.name)
        dataset, splits = self._lab.lay_out(spec)
        return Plan(spec, dataset, splits, self._lab.cost(spec, len(splits.train)), device)

    def submit(self, spec: RunSpec, *, owner: str, name: str | None = None) -> RunRecord:
        """Queues a run; one like it that is queued, running or done is followed instead of trained again.

        Raises:
            InvalidInput: as `check`, or the name is not allowed or taken.
            QueueFull: too many of this owner's runs wait already.
        """
        plan = self.check(spec)
        self._check_room(owner, TRAIN_LANE, "runs")
        record = self._store.submit(
            spec.model_dump(mode="json"),
            digest=spec.digest(plan.dataset.content_hash, plan.device),
            name=name or None,
            follow=True,
            owner=owner,
            device=plan.device,
            cost=plan.cost.seconds_per_run,
        )
        self._wake()
        return record

    def predictions(self, run_id: str, split: str, epoch: int, *, owner: str) -> RunRecord:
        """Asks the view lane for the predictions of a split that none were recorded of; the same are made once.

        Raises:
            RunNotFound: there is no such run.
            QueueFull: this owner waits for too much already.
        """
        return self._order(_predictions(run_id, split, epoch), owner)

    def known_predictions(self, run_id: str, split: str, epoch: int) -> RunRecord | None:
        """What `predictions` was asked before, unless it failed; nothing is asked for anew."""
        return self._known(_predictions(run_id, split, epoch))

    def predicted(self, order: RunRecord) -> Predictions:
        """What `predictions` asked for, once it is done."""
        arrays = from_npz(self._lab.archive.read(order.id, RUN_LEVEL, "predictions"))
        return Predictions.from_arrays(arrays, str(order.spec["split"]))

    def map(self, request: MapRequest, run_id: str, *, owner: str) -> RunRecord:
        """Asks the view lane for maps of a run's layers; the same are made once.

        Raises:
            RunNotFound: there is no such run.
            InvalidInput: the request does not fit the run, or the settings not the images.
            QueueFull: this owner waits for too much already.
        """
        fitted = request.fitted(self._lab.run(run_id))
        return self._order(_Order("embed", run_id, fitted.order()), owner)

    def known_map(self, request: MapRequest, run_id: str) -> RunRecord | None:
        """What `map` was asked before, unless it failed or was stopped; nothing is asked for anew.

        Args:
            request: as `MapRequest.fitted` answers it for this run; one that does not fit was never asked.
            run_id: id of the run.
        """
        return self._known(_Order("embed", run_id, request.order()))

    def mapped(self, order: RunRecord, known: MapResult | None = None) -> MapResult:
        """What `map` asked for, as far as it is made; while it is at work, the first maps of a sequence.

        Args:
            order: as `map` answered it, or as it is now.
            known: what this answered before of the same order; what is in it is not read again.

        Raises:
            EpochNotRecorded: nothing is recorded yet.
        """
        return read_maps(self._lab.archive, order, known)

    def map_frame(self, order: RunRecord) -> MapFrame | None:
        """The newest frame of a map under way; None where there is none."""
        return read_frame(self._lab.archive, order)

    def ask(self, request: Request[Any], run_id: str, *, owner: str) -> RunRecord:
        """Asks the view lane for a look inside a run's network; the same is done once.

        Raises:
            RunNotFound: there is no such run.
            InvalidInput: the run has not what is asked for.
            EpochNotRecorded: the run has no such epoch, or its weights were not kept.
            QueueFull: this owner waits for too much already.
        """
        fitted = request.fitted(self._lab.run(run_id))
        return self._order(_Order(request.KIND, run_id, fitted.order()), owner)

    def known(self, request: Request[Any], run_id: str) -> RunRecord | None:
        """What `ask` was asked before, unless it failed or was stopped; nothing is asked for anew."""
        return self._known(_Order(request.KIND, run_id, request.order()))

    def answer(self, request: Request[Result], order: RunRecord) -> Result:
        """What `ask` asked for, once it is done.

        Raises:
            EpochNotRecorded: it is not.
            BlobMissing: it is gone.
        """
        return request.read({name: self._lab.archive.read(order.id, RUN_LEVEL, name) for name in request.FILES})

    def progress(self, order: RunRecord) -> float:
        """How much of the maps of an order is made, in [0, 1], as far as its worker has said."""
        if order.state is RunState.DONE:
            return 1.0
        points = self._store.points(order.id)
        said = points[-1][1].values.get("fraction") if points else None
        return float(said[-1] or 0.0) if said else 0.0

    def _known(self, order: _Order) -> RunRecord | None:
        return self._store.ordered(order.kind, order.run, order.spec)

    def _order(self, order: _Order, owner: str) -> RunRecord:
        known = self._known(order)
        if known:
            return known
        self._check_room(owner, VIEW_LANE, "views")
        record = self._store.order(order.kind, order.run, order.spec, owner=owner)
        self._wake()
        return record

    def stop(self, run_id: str, *, owner: str) -> None:
        """Asks a run to stop; what was learnt is kept. A run that follows another is only taken off it.

        Raises:
            RunNotFound: there is no such run.
            NotOwner: it is someone else's.
        """
        self._own(run_id, owner)
        if not self._store.detach(run_id, STOPPED) and not self._store.discard_queued(run_id, STOPPED):
            self._store.wish(run_id, Wish.STOP)
        self._wake()

    def delete(self, run_id: str, *, owner: str) -> None:
        """Hides a run; `restore` brings it back for an hour.

        Raises:
            RunNotFound: there is no such run.
            NotOwner: it is someone else's.
            RunBusy: it is running.
        """
        self._own(run_id, owner)
        self._store.delete(run_id)
        self._wake()

    def restore(self, run_id: str, *, owner: str) -> bool:
        """Undoes a delete of this owner; False where nothing is left of the run."""
        restored = self._store.restore(run_id, None if self._is_local else owner)
        self._wake()
        return restored

    def rename(self, run_id: str, name: str, *, owner: str) -> None:
        """Gives a run another name.

        Raises:
            RunNotFound: there is no such run.
            NotOwner: it is someone else's.
            InvalidInput: the name is not allowed, or taken.
        """
        self._own(run_id, owner)
        self._store.rename(run_id, name)

    def set_note(self, run_id: str, note: str, *, owner: str) -> None:
        """Replaces the note of a run.

        Raises:
            RunNotFound: there is no such run.
            NotOwner: it is someone else's.
        """
        self._own(run_id, owner)
        self._store.set_note(run_id, note)

    def may_change(self, record: RunRecord, owner: str) -> bool:
        """Whether this owner may rename, stop and delete a run; in the profile `local` everybody may."""
        return self._is_local or record.owner == owner

    def standing(self, record: RunRecord) -> Standing:
        """Where a run stands now: a few reads, only while it is queued."""
        if record.state.is_finished:
            return Standing("finished")
        if record.wish:
            return Standing("stopping")
        if record.state is RunState.RUNNING and record.kind != "train":
            return Standing("working")
        if record.state is RunState.RUNNING:
            leader = record.source or record.id
            return Standing("training" if record.epoch is not None or self._store.has_points(leader) else "compiling")
        return self._queued(record)

    @property
    def _is_local(self) -> bool:
        return self._lab.settings.profile == "local"

    def _queued(self, record: RunRecord) -> Standing:
        slots = [slot for slot in self.slots() if slot.lane == record.lane and slot.device == (record.device or "cpu")]
        active = [run for run in self._store.active() if run.lane == record.lane and run.device == record.device]
        leaders = [run for run in active if _leader(run) == run.id]
        running = [run for run in leaders if run.state is RunState.RUNNING]
        ahead = self._ahead(_leader(record), leaders)
        if not ahead and len(running) < max(len(slots), 1) and not any(slot.warm for slot in slots):
            return Standing("warming up", 1)
        left = [_seconds_left(run, self._store.now()) for run in running] + [run.cost for run in ahead]
        known = sum(seconds for seconds in left if seconds is not None)
        return Standing("queued", len(ahead) + 1, known / max(len(slots), 1) if None not in left else None)

    def _ahead(self, run_id: str, leaders: Sequence[RunRecord]) -> list[RunRecord]:
        """The queued runs whose turn comes before this one's."""
        queued = {run.id: run for run in leaders if run.state is RunState.QUEUED}
        working: dict[str, int] = {}
        for run in leaders:
            if run.state is RunState.RUNNING:
                working[run.owner] = working.get(run.owner, 0) + 1
        waiting = [Waiting(run.id, run.owner, run.created) for run in queued.values()]
        order = [one.run for one in fair_order(waiting, working, self._store.used())]
        return [queued[one] for one in order[: order.index(run_id)]] if run_id in order else []

    def _device(self, spec: RunSpec) -> str:
        slots = [slot.device for slot in self.slots() if slot.lane == TRAIN_LANE]
        has_gpu_slot = "gpu" in slots or (not slots and not self._lab.settings.scheduler and has_gpu())
        if spec.device == "gpu" and not has_gpu_slot:
            raise InvalidSpec("`device` must be cpu or auto while there is no training slot with a GPU, got 'gpu'.")
        return "gpu" if has_gpu_slot and spec.device != "cpu" else "cpu"

    def _check_at_hand(self, name: str) -> None:
        """Nothing is downloaded on the way: that takes long, and is asked for by itself."""
        for known in available(self._lab.settings):
            if known.name == name and not known.available:
                raise DatasetMissing(f"The dataset `{name}` is not at hand: {known.source}.")

    def _check_room(self, owner: str, lane: str, what: str) -> None:
        """One visitor of a shared laboratory must not fill its queue; alone, everybody may queue what they like."""
        if self._is_local:
            return
        mine = [run for run in self._store.active() if (run.owner, run.lane) == (owner, lane)]
        waiting = sum(run.state is RunState.QUEUED for run in mine)
        if waiting >= MOST_WAITING:
            raise QueueFull(
                f"One person may have at most {MOST_WAITING} {what} waiting here, and you have {waiting}:"
                " wait until one begins, or stop one."
            )

    def _own(self, run_id: str, owner: str) -> RunRecord:
        record = self._store.run(run_id)
        if not self.may_change(record, owner):
            raise NotOwner(f"Run `{record.name}` belongs to someone else; only its owner may change it.")
        return record

    def _wake(self) -> None:
        if self._control:
            self._control.wake()


def _predictions(run_id: str, split: str, epoch: int) -> _Order:
    return _Order("predict", run_id, {"split": split, "epoch": epoch})


def _leader(run: RunRecord) -> str:
    """The id of the run that a worker carries out for this one: its own, unless it follows another."""
    return run.source if run.source is not None and run.kind == "train" else run.id


def _seconds_left(run: RunRecord, now: float) -> float | None:
    """Seconds until a running run ends: by its own pace once it has one, before by its estimate."""
    taken, epochs = now - (run.started or now), run.spec.get("training", {}).get("epochs")
    if run.epoch and epochs:
        return float(taken / run.epoch * max(epochs - run.epoch, 0))
    return None if run.cost is None else max(run.cost - taken, 0.0)
