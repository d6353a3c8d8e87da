"""A store and its blobs together: what is recorded of a run, as bytes. Blobs are written first, then the rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mnist_core.errors import EpochNotRecorded
from mnist_core.runs.blobs import Blobs, is_sha256
from mnist_core.runs.records import RUN_LEVEL, Artifact, EpochRecord, Lease, PointRecord, Wish
from mnist_core.runs.store import Store

__all__ = ["Archive"]


@dataclass(frozen=True)
class Archive:
    """The store of runs and the blobs that it names."""

    store: Store
    blobs: Blobs

    def commit_epoch(
        self,
        lease: Lease,
        record: EpochRecord,
        files: Mapping[str, bytes],
        *,
        points: Sequence[PointRecord] = (),
        dropped: Iterable[tuple[int, str]] = (),
    ) -> Wish | None:
        """Records an epoch and its files, all or nothing; what is left of a failed one is collected later.

        Args:
            lease: the right to write the run.
            record: the epoch's numbers.
            files: bytes by artifact name.
            points: points to append with it.
            dropped: older artifacts to forget, as (epoch, name).

        Returns:
            What is wished of the worker.

        Raises:
            LeaseLost: the lease no longer holds the run.
            StorageFull: no space is left.
            StorageError: the epoch is committed already, or a disk or database fails.
        """
        artifacts = self._put(record.epoch, files)
        return self.store.commit_epoch(lease, record, artifacts, points=points, dropped=dropped)

    def keep(self, lease: Lease, epoch: int, files: Mapping[str, bytes]) -> None:
        """Records files outside an epoch's commit, replacing those of the same name.

        Args:
            lease: the right to write the run.
            epoch: the epoch that they belong to, or `RUN_LEVEL`.
            files: bytes by artifact name.

        Raises:
            LeaseLost: the lease no longer holds the run.
            StorageFull: no space is left.
            StorageError: a disk or database fails.
        """
        self.store.keep(lease, self._put(epoch, files))

    def read(self, run_id: str, epoch: int, name: str) -> bytes:
        """The bytes of one artifact, checked against their sha256.

        Raises:
            EpochNotRecorded: the run has no such artifact at that epoch; the sentence names the epochs that have it.
            BlobMissing: it is recorded, but its blob is gone or damaged.
        """
        found = self.store.artifact(run_id, epoch, name)
        if found is None:
            raise EpochNotRecorded(self._missing(run_id, epoch, name))
        return self.blobs.get(found.sha)

    def has(self, run_id: str, epoch: int, name: str) -> bool:
        """Whether the run has this artifact at this epoch."""
        return self.store.artifact(run_id, epoch, name) is not None

    def collect_garbage(self, *, older_than_s: float = 3600) -> int:
        """Removes old deleted runs, old blobs that no artifact and no run's dataset names, and old temporary files.

        Returns:
            How many files were removed.
        """
        self.store.purge(older_than_s=older_than_s)
        referenced = self.store.referenced_blobs() | {name for name in self.store.named_datasets() if is_sha256(name)}
        return self.blobs.collect(referenced, older_than_s=older_than_s)

    def _put(self, epoch: int, files: Mapping[str, bytes]) -> list[Artifact]:
        return [Artifact(epoch, name, self.blobs.put(data), len(data)) for name, data in files.items()]

    def _missing(self, run_id: str, epoch: int, name: str) -> str:
        having = [artifact.epoch for artifact in self.store.artifacts(run_id) if artifact.name == name]
        where = f"Run `{self.store.run(run_id).name}` has no `{name}`" + f" of epoch {epoch}" * (epoch != RUN_LEVEL)
        if not having or epoch == RUN_LEVEL:
            return f"{where}, nor of any other epoch; train it again." if epoch != RUN_LEVEL else f"{where}."
        return f"{where}; take one of {', '.join(str(number) for number in having)}."
