"""The laboratory: settings, datasets and recorded runs in one place, and what can be done with them.

The command line, notebooks and workers all go through `Lab`; a `Run` is its handle to one recorded run.
"""

import os
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from mnist_core import datasets
from mnist_core.datasets import Dataset, Splits
from mnist_core.datasets.shelf import is_shelved, on_shelf, shelve
from mnist_core.errors import InvalidInput, InvalidSpec, RunBusy
from mnist_core.machine import is_alive, worker_name
from mnist_core.networks.cost import Cost, estimate
from mnist_core.opinions import Opinion, opinions
from mnist_core.run import Run
from mnist_core.runs import Archive, Blobs, Lease, RunRecord, RunState, Store, import_bundle, sqlite_url
from mnist_core.runs.names import check_name
from mnist_core.settings import Settings, load_settings
from mnist_core.spec import RunSpec
from mnist_core.training.assignment import Assignment, Bench, Watch

__all__ = ["LEASE_SECONDS", "Lab"]

LEASE_SECONDS = 30.0
"""A run whose worker has not been heard of for so long may be taken over."""

LOADED_DATASETS = 4
"""How many datasets stay in memory."""


class Lab:
    """Datasets and recorded runs of one installation.

    Args:
        settings: where things are; default the environment's.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or load_settings()
        self._loaded: dict[str, Dataset] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connections to the database."""
        if "archive" in self.__dict__:
            self.archive.store.close()

    @cached_property
    def archive(self) -> Archive:
        """The recorded runs."""
        return Archive(
            Store(self.settings.db or sqlite_url(self.settings.home / "lab.sqlite")), Blobs(self.settings.blobs_url)
        )

    def dataset(self, name: str | Path) -> Dataset:
        """Loads a dataset by name, or reads own data: an `.npz` file, kept as a blob and named by its sha256.

        Raises:
            DatasetError: it is not at hand, damaged, or breaks a rule.
        """
        if str(name).endswith(".npz"):
            return self._take_in(Path(os.path.expanduser(name)))  # noqa: PTH111 - leaves an unknown ~user as it is
        return self._kept(str(name), self._loaded.get(str(name)) or self._load(str(name)))

    def take_in(self, data: bytes, source: str) -> Dataset:
        """Takes in own data, on the shelf of this installation, from where it can be chosen again.

        Args:
            data: the bytes of an `.npz` file.
            source: its name, for sentences.

        Raises:
            DatasetError: the file breaks a rule.
            StorageError: it cannot be kept.
        """
        own = datasets.parse_npz(data, source=source)
        self.archive.blobs.put(data)
        shelve(data, own, self.settings)
        return self._kept(own.name, own)

    def _kept(self, name: str, dataset: Dataset) -> Dataset:
        """Keeps the datasets that were asked for last in memory."""
        with self._lock:
            self._loaded.pop(name, None)
            self._loaded[name] = dataset
            for old in list(self._loaded)[:-LOADED_DATASETS]:
                del self._loaded[old]
        return dataset

    def _load(self, name: str) -> Dataset:
        if datasets.is_own(name):
            return self._own(name)
        return datasets.load(name, self.settings)

    def has_own(self, name: str) -> bool:
        """Whether own data is here: on the shelf, or kept for a run."""
        return self.archive.blobs.exists(name) or is_shelved(name, self.settings)

    def _own(self, name: str) -> Dataset:
        is_blob = self.archive.blobs.exists(name)
        data = self.archive.blobs.get(name) if is_blob else on_shelf(name, self.settings)
        self.archive.blobs.put(data)  # renews it, so that it is not collected before a run names it
        return datasets.parse_npz(data)

    def _take_in(self, path: Path) -> Dataset:
        data = datasets.read_bytes(path)
        own = datasets.parse_npz(data, source=str(path))
        self.archive.blobs.put(data)
        return self._kept(own.name, own)

    def train(
        self,
        spec: RunSpec,
        *,
        name: str | None = None,
        listen: Callable[[Any], Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Trains in this process, recording every epoch.

        Args:
            spec: what to train, from `presets[...].on(...)`.
            name: what to call the run; default a friendly name.
            listen: makes a further recorder from the job, for a progress bar.
            should_stop: asked between chunks; once true, the run ends as `stopped`.

        Raises:
            InvalidInput: the name is not allowed or taken, or spec and dataset do not fit.
            TrainingFailed: the run failed; it is recorded with its reason.
        """
        if name is not None:
            check_name(name)
        if datasets.is_own(spec.dataset.name):
            self._kept(spec.dataset.name, self._own(spec.dataset.name))
        bench = self.prepare(spec)
        device = bench.placement.device
        record, lease = self.archive.store.begin(
            spec.model_dump(mode="json"),
            digest=spec.digest(bench.dataset.content_hash, device),
            name=name,
            holder={"ticket": uuid4().hex, "worker": worker_name(), "device": device},
            cost=self.cost(spec, len(bench.splits.train)).seconds_per_run,
        )
        return self._carry_out(record, lease, bench, Watch(listen, should_stop))

    def prepare(self, spec: RunSpec, *, threads: int | None = None) -> Bench:
        """Lays out what a run needs: dataset, splits, device. Nothing is recorded.

        Args:
            spec: what would be trained.
            threads: threads to train with; default the setting.

        Raises:
            InvalidInput: spec, dataset and machine do not fit.
        """
        dataset, splits = self.lay_out(spec)
        from mnist_core.training.runtime import place  # loads TensorFlow, so after what can be said without it

        return Bench(dataset, splits, place(spec.device, threads or self.settings.training_threads))

    def lay_out(self, spec: RunSpec) -> tuple[Dataset, Splits]:
        """The dataset of a run after grouping, and its splits. Nothing is recorded, TensorFlow is not loaded.

        Raises:
            InvalidInput: spec and dataset do not fit.
        """
        dataset = self.dataset(spec.dataset.name).grouped(spec.dataset.grouping)
        if spec.classes != len(dataset.classes):
            last = len(spec.network.layers) - 1
            raise InvalidSpec(
                f"`network.layers.{last}.units` must be the number of classes, {len(dataset.classes)} for"
                f" `{dataset.name}`, got {spec.classes}."
            )
        return dataset, datasets.split(dataset, spec.split)

    def resume(
        self,
        ref: str,
        *,
        listen: Callable[[Any], Any] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Run:
        """Goes on with a run whose process died, from its last committed epoch, in this process.

        Raises:
            RunBusy: it is finished, or its process is alive.
            InvalidInput: the machine or the dataset are not those that it began with.
        """
        record = self.archive.store.run(ref)
        self._check_abandoned(record)
        bench = self.prepare_again(record)
        if record.state is RunState.RUNNING:
            self.archive.store.requeue(record.id, ticket=record.ticket or "", attempt=record.attempt)
        device = bench.placement.device
        lease = self.archive.store.claim(record.id, ticket=uuid4().hex, worker=worker_name(), device=device)
        if lease is None:
            raise RunBusy(f"Run `{record.name}` was taken by another worker; see `show {record.name}`.")
        return self._carry_out(record, lease, bench, Watch(listen, should_stop))

    def prepare_again(self, record: RunRecord) -> Bench:
        """Lays out what a recorded run needs, as it was when it was submitted or began.

        Raises:
            InvalidInput: the machine or the dataset are not those that it was submitted for, or began with.
        """
        spec = RunSpec.parse(record.spec)
        facts = self._handle(record).facts
        bench = self.prepare(spec, threads=facts.threads if facts else None)
        if spec.digest(bench.dataset.content_hash, bench.placement.device) != record.digest:
            raise InvalidInput(
                f"Run `{record.name}` can go on only with the data, the kind of device and the version that it began"
                f" with; here the data is `{bench.dataset.source}` and the device {bench.placement.device}."
            )
        if facts and facts.threads != bench.placement.threads:
            raise InvalidInput(
                f"Run `{record.name}` began with {facts.threads} threads, and TensorFlow has started with"
                f" {bench.placement.threads} in this process; resume it in a new one."
            )
        return bench

    def _carry_out(self, record: RunRecord, lease: Lease, bench: Bench, watch: Watch) -> Run:
        from mnist_core.training.execute import execute

        self.archive.collect_garbage()
        assignment = Assignment(lease, RunSpec.parse(record.spec), bench, self.settings.snapshot_bytes)
        execute(self.archive, assignment, watch)
        return self._handle(record)

    def _check_abandoned(self, record: RunRecord) -> None:
        if record.state.is_finished:
            raise RunBusy(
                f"Run `{record.name}` must be unfinished to go on, got {record.state}; train it anew instead."
            )
        if record.state is RunState.QUEUED:
            return
        # A process that lives but is silent has lost the run; the lease keeps it from writing if it wakes up.
        silent = self.archive.store.now() - (record.beat or 0.0)
        if is_alive(record.worker or "") is not False and silent < LEASE_SECONDS:
            raise RunBusy(
                f"Run `{record.name}` is being trained by `{record.worker}`; wait, end that process, or try again when"
                f" it has been silent for {LEASE_SECONDS:.0f} s."
            )

    def cost(self, spec: RunSpec, train_images: int) -> Cost:
        """What a run would cost here, by this machine's calibration and finished runs."""
        return estimate(spec, train_images, self.settings.home, self.archive.store.runs())

    def _handle(self, record: RunRecord) -> Run:
        return Run(self.archive, record.id, self.dataset)

    def runs(self) -> list[Run]:
        """All recorded runs, newest first."""
        return [self._handle(record) for record in self.archive.store.runs()]

    def run(self, ref: str) -> Run:
        """One run by id, unambiguous prefix of it, or name.

        Raises:
            RunNotFound: no run, or more than one, answers to it.
        """
        return self._handle(self.archive.store.run(ref))

    def other_opinions(self, run: str, image: int) -> list[Opinion]:
        """What the other finished runs with the same images say of one of them at their kept epochs, newest first.

        At most the newest 40 of the same dataset are asked, see `opinions`; a page keeps the answer for a while.

        Args:
            run: id, unambiguous prefix of it, or name.
            image: the image's id.

        Raises:
            RunNotFound: no run, or more than one, answers to it.
        """
        return opinions(self.archive, self.archive.store.run(run).id, image)

    def import_bundle(self, path: str | Path) -> Run:
        """Takes in a run bundle; a run that is here already is left as it is.

        Raises:
            BundleError: it is damaged, too large, of a newer format, or holds what it must not.
        """
        return self._handle(import_bundle(self.archive, Path(path)))
