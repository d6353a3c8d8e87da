"""Run bundles: a finished run as one zip file, written from an archive and read into another.

The same run gives the same bytes, here or after an import elsewhere. No pickle, no images, no optimiser state.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from mnist_core.errors import BundleError, InvalidInput, RunBusy, RunNotFound
from mnist_core.runs.archive import Archive
from mnist_core.runs.atomic import NO_SPACE, disk_errors, replacing
from mnist_core.runs.bundle_contents import check_contents
from mnist_core.runs.bundle_format import (
    FORMAT_VERSION,
    RunMember,
    artifact_of,
    epochs_from,
    epochs_member,
    from_json,
    member_of,
    points_from,
    points_member,
    to_json,
)
from mnist_core.runs.bundle_reader import MAX_MEMBER, MAX_MEMBERS, MAX_TOTAL, BundleReader, open_bundle
from mnist_core.runs.names import check_name
from mnist_core.runs.records import Artifact, EpochRecord, RunRecord, RunState
from mnist_core.spec import RunSpec

__all__ = ["bundle_run", "export_bundle", "import_bundle", "write_bundle"]

OWNER = "local"
"""The owner of an imported run, where nobody else is named."""


def export_bundle(archive: Archive, ref: str) -> bytes:
    """The bundle of a finished run.

    Args:
        archive: where the run is recorded.
        ref: id, beginning of the id, or name of the run.

    Raises:
        RunNotFound: no run, or more than one, answers to `ref`.
        RunBusy: it is not finished.
        BundleError: it is not a training run of its own, or too large.
        BlobMissing: a recorded blob is gone or damaged.
    """
    buffer = io.BytesIO()
    _write(archive, ref, buffer)
    return buffer.getvalue()


def write_bundle(archive: Archive, ref: str, path: Path) -> None:
    """Writes the bundle of a finished run to a file, which is whole or untouched.

    Args:
        archive: where the run is recorded.
        ref: id, beginning of the id, or name of the run.
        path: the file; an existing one is replaced.

    Raises:
        RunNotFound: no run, or more than one, answers to `ref`.
        RunBusy: it is not finished.
        BundleError: it is not a training run of its own, or too large, or no file can be written to the path.
        StorageFull: no space is left.
        BlobMissing: a recorded blob is gone or damaged.
    """
    path = path.absolute()
    with _path_errors(path):
        if not path.parent.is_dir() or (path.exists() and not path.is_file()):
            raise BundleError(f"`{path}` must be a file in a folder that exists; make the folder or give another path.")
        with replacing(path) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
            _write(archive, ref, file)


@contextmanager
def _path_errors(path: Path) -> Iterator[None]:
    with disk_errors(f"the file `{path}`"):
        try:
            yield
        except OSError as error:
            if error.errno in NO_SPACE:
                raise
            raise BundleError(f"`{path}` cannot be written: {error.strerror or error}; give another path.") from error


def bundle_run(path: Path) -> RunMember:
    """What a bundle says of its run; of the rest only the directory and the manifest are read.

    Raises:
        BundleError: the bundle breaks a rule of the format.
    """
    with open_bundle(path) as bundle:
        return from_json(bundle.read("run.json"), RunMember, "run.json")


def import_bundle(archive: Archive, path: Path, *, owner: str = OWNER) -> RunRecord:
    """Reads a bundle into the archive; one whose run is here already changes nothing.

    All of it is checked before anything is written.

    Args:
        archive: where it goes.
        path: the bundle.
        owner: who will own the run.

    Returns:
        The run as it is recorded here; its name has a number behind it when another run had that name.

    Raises:
        BundleError: the bundle breaks a rule of the format, or its run is here with another digest.
        StorageError: the archive cannot be written.
    """
    with open_bundle(path) as bundle:
        member = from_json(bundle.read("run.json"), RunMember, "run.json")
        known = _known(archive, member)
        if known:
            return known
        epochs = _checked_epochs(bundle, member)
        points = points_from(bundle.read("points.npz"))
        spec = _checked_spec(member)
        check_contents(bundle, member, spec, epochs)
        artifacts = [_put(archive, bundle, name) for name in bundle.members if artifact_of(name)]
    record = archive.store.insert(_record(member, spec, owner), epochs=epochs, points=points, artifacts=artifacts)
    return _same_digest(record, member)


def _write(archive: Archive, ref: str, file: BinaryIO) -> None:
    record = _exportable(archive, ref)
    artifacts = {member_of(artifact): artifact for artifact in archive.store.artifacts(record.id)}
    kept = {member: artifact for member, artifact in sorted(artifacts.items(), key=str) if member}
    small = dict(_small_members(archive, record))
    sizes = {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in small.items()}
    sizes |= {name: (artifact.sha, artifact.bytes) for name, artifact in kept.items()}
    _check_sizes(record, [size for _, size in sizes.values()])
    members = {name: {"sha256": sha, "bytes": size} for name, (sha, size) in sizes.items()}
    with zipfile.ZipFile(file, "w") as bundle:
        _add(bundle, "manifest.json", to_json({"format_version": FORMAT_VERSION, "members": members}))
        for name, data in small.items():
            _add(bundle, name, data)
        for name, artifact in kept.items():
            _add(bundle, name, archive.blobs.get(artifact.sha))


def _add(bundle: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    bundle.writestr(info, data)


def _exportable(archive: Archive, ref: str) -> RunRecord:
    record = archive.store.run(ref)
    if not record.state.is_finished:
        raise RunBusy(f"Only finished runs can be exported, `{record.name}` is {record.state}; wait, or stop it first.")
    if record.kind != "train" or (record.source and record.epoch is None):
        raise BundleError(
            f"Only runs that trained can be exported, `{record.name}` looks at run `{record.source}`; export that one."
        )
    return record


def _small_members(archive: Archive, record: RunRecord) -> Iterator[tuple[str, bytes]]:
    try:
        yield "run.json", to_json(RunMember.of(record).model_dump())
        yield "epochs.json", epochs_member(archive.store.epochs(record.id))
    except ValidationError as error:
        field = error.errors(include_url=False)[0]["loc"][0]
        raise BundleError(f"Run `{record.name}` cannot be exported, as `{field}` does not fit the format.") from error
    yield "points.npz", points_member([point for _, point in archive.store.points(record.id)])


def _check_sizes(record: RunRecord, sizes: list[int]) -> None:
    if max(sizes) > MAX_MEMBER or sum(sizes) > MAX_TOTAL - MAX_MEMBER or len(sizes) >= MAX_MEMBERS:
        raise BundleError(
            f"A bundle holds at most {MAX_TOTAL - MAX_MEMBER} bytes, {MAX_MEMBER} in one file; run `{record.name}` has"
            f" {sum(sizes)}, {max(sizes)} in one; train it again with a smaller `MNIST_LAB_SNAPSHOT_MB`."
        )


def _known(archive: Archive, member: RunMember) -> RunRecord | None:
    try:
        return _same_digest(archive.store.run(member.id), member)
    except RunNotFound:
        return None


def _same_digest(record: RunRecord, member: RunMember) -> RunRecord:
    if record.digest != member.digest:
        raise BundleError(
            f"Run `{record.id}` is here already with digest `{record.digest}`, the bundle's is `{member.digest}`;"
            f" delete run `{record.name}` to import this one."
        )
    return record


def _checked_spec(member: RunMember) -> RunSpec:
    try:
        check_name(member.name)
        return RunSpec.parse(member.spec)
    except InvalidInput as error:
        raise BundleError(f"`run.json` of the bundle is refused: {error}") from error


def _checked_epochs(bundle: BundleReader, member: RunMember) -> list[EpochRecord]:
    epochs = epochs_from(bundle.read("epochs.json"))
    last = epochs[-1].epoch if epochs else None
    if last != member.epoch:
        raise BundleError(f"The last epoch in `epochs.json` must be that of `run.json`, {member.epoch}, got {last}.")
    return epochs


def _put(archive: Archive, bundle: BundleReader, name: str) -> Artifact:
    key = artifact_of(name)
    assert key
    data = bundle.read(name)
    return Artifact(*key, archive.blobs.put(data), len(data))


def _record(member: RunMember, spec: RunSpec, owner: str) -> RunRecord:
    # Fields that the bundle left at their defaults are written out, as whoever reads the row expects all of them.
    plain = member.model_dump() | {"state": RunState(member.state), "spec": spec.model_dump(mode="json")}
    here = {"owner": owner, "lane": "train"} | dict.fromkeys(("source", "wish", "ticket", "worker", "beat"))
    return RunRecord(**plain | here)
