import hashlib
import io
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnist_core.errors import BundleError, RunBusy, RunNotFound, StorageError
from mnist_core.npz import to_npz
from mnist_core.runs import RUN_LEVEL, PointRecord, RunState, bundle_reader, export_bundle, import_bundle, write_bundle
from mnist_core.runs.bundle_format import points_from, points_member
from mnist_core.runs.checked_npz import check_npz
from tests.unit.runs.bundle_files import WEIGHTS, changed, changed_json, members, packed, refuse
from tests.unit.runs.sample_runs import claim, epoch_files, epoch_record, run_files

ALL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_a_bundle_holds_what_the_format_says_and_nothing_else(exported):
    parts = members(exported.read_bytes())
    epochs = [f"epoch/00{n}/{name}.npz" for n in range(3) for name in ("first_layer", "predictions", "weights")]
    assert list(parts) == [
        "manifest.json",
        "run.json",
        "epochs.json",
        "points.npz",
        *epochs,
        "facts.json",
        "splits.npz",
    ]
    manifest = json.loads(parts.pop("manifest.json"))
    assert manifest["format_version"] == 1
    facts = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in parts.items()}
    assert manifest["members"] == facts
    assert b"own images" not in exported.read_bytes()
    assert set(json.loads(parts["run.json"])).isdisjoint({"owner", "worker", "ticket", "lane", "wish"})


def test_export_import_export_gives_the_same_bytes(archive, elsewhere, finished, exported):
    imported = import_bundle(elsewhere, exported)
    assert export_bundle(elsewhere, imported.id) == exported.read_bytes() == export_bundle(archive, "quiet-otter")


def test_an_imported_run_reads_like_the_original(archive, elsewhere, finished, exported):
    import_bundle(elsewhere, exported)
    here, there = archive.store.run(finished), elsewhere.store.run(finished)
    house = {"beat": None, "ticket": None, "worker": None}
    assert there == replace(here, **house)
    assert elsewhere.store.epochs(finished) == archive.store.epochs(finished)
    points = [[point for _, point in side.store.points(finished)] for side in (archive, elsewhere)]
    assert points[0] == points[1]
    for artifact in elsewhere.store.artifacts(finished):
        assert elsewhere.read(finished, artifact.epoch, artifact.name) == archive.read(
            finished, artifact.epoch, artifact.name
        )
    assert elsewhere.has(finished, RUN_LEVEL, "splits")
    assert not elsewhere.has(finished, RUN_LEVEL, "data")
    assert not elsewhere.has(finished, 0, "optimizer")


def test_importing_again_changes_nothing(elsewhere, exported):
    first = import_bundle(elsewhere, exported)
    elsewhere.store.rename(first.id, "renamed")
    assert import_bundle(elsewhere, exported).name == "renamed"
    assert len(elsewhere.store.runs()) == 1


def test_importing_into_its_own_home_changes_nothing(archive, finished, exported):
    before = archive.store.run(finished)
    assert import_bundle(archive, exported) == before


def test_a_taken_name_gets_a_number(elsewhere, spec, exported):
    elsewhere.store.submit(spec, digest="1" * 64, name="quiet-otter")
    assert import_bundle(elsewhere, exported).name == "quiet-otter-2"


def test_the_same_id_with_another_digest_is_refused(elsewhere, exported, path):
    import_bundle(elsewhere, exported)
    path.write_bytes(packed(changed_json(exported, "run.json", digest="1" * 64)))
    with pytest.raises(BundleError, match="is here already with digest"):
        import_bundle(elsewhere, path)


def test_a_run_that_failed_at_once_travels_too(archive, elsewhere, spec, path):
    lease = claim(archive.store, spec)
    archive.store.finish(lease, RunState.FAILED, reason="The loss is not finite.")
    write_bundle(archive, lease.run, path)
    imported = import_bundle(elsewhere, path)
    assert (imported.state, imported.reason, imported.epoch) == ("failed", "The loss is not finite.", None)
    assert export_bundle(elsewhere, lease.run) == path.read_bytes()


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_run_that_stopped_before_its_first_epoch_travels_too(archive, elsewhere, spec, path, epochs):
    lease = claim(archive.store, spec)
    archive.keep(lease, RUN_LEVEL, run_files())
    archive.keep(lease, 0, {"weights": epoch_files(0)["weights"]})
    for number in range(epochs):
        archive.commit_epoch(lease, epoch_record(number), epoch_files(number))
    archive.store.finish(lease, RunState.STOPPED, reason="Stopped on request.")
    write_bundle(archive, lease.run, path)
    assert import_bundle(elsewhere, path).result is None
    assert export_bundle(elsewhere, lease.run) == path.read_bytes()


def test_a_run_that_does_not_fit_the_format_is_not_exported(archive, spec, path):
    lease = claim(archive.store, spec, name="mine")
    archive.commit_epoch(lease, epoch_record(0, more=1.0), {})
    archive.store.finish(lease, RunState.DONE)
    with pytest.raises(BundleError, match="`mine` cannot be exported, as `metrics` does not fit"):
        write_bundle(archive, lease.run, path)


def test_only_finished_training_runs_are_exported(archive, spec, path):
    queued = archive.store.submit(spec, digest="1" * 64, name="mine")
    with pytest.raises(RunBusy, match="`mine` is queued; wait"):
        write_bundle(archive, queued.id, path)
    running = claim(archive.store, spec)
    with pytest.raises(RunBusy, match="is running"):
        export_bundle(archive, running.run)
    with pytest.raises(RunNotFound):
        export_bundle(archive, "nothing")
    follower = archive.store.submit(spec, digest="1" * 64, source=running.run)
    archive.store.discard_queued(follower.id, "why")
    with pytest.raises(BundleError, match=f"looks at run `{running.run}`; export that one"):
        export_bundle(archive, follower.id)
    assert not path.exists()


def test_a_failed_export_leaves_the_file_as_it_was(archive, finished, path, monkeypatch):
    path.write_bytes(b"precious")
    for file in archive.blobs._folder._root.rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    with pytest.raises(StorageError, match="is damaged"):
        write_bundle(archive, finished, path)
    assert path.read_bytes() == b"precious"
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == ["run.zip"]


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("none/run.zip", "a folder that exists"),
        (".", "a folder that exists"),
        ("/dev/null", "must be a file"),
        ("x" * 300, "cannot be written: File name too long; give another path"),
        ("x" * 300 + "/run.zip", "cannot be written: File name too long|a folder that exists"),
    ],
)
def test_a_path_that_takes_no_file_is_refused(archive, finished, tmp_path, where, sentence):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BundleError, match=sentence):
        write_bundle(archive, finished, tmp_path / where)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not a run bundle"),
        (b"<html>not found</html>", "is not a run bundle"),
        (b"PK\x05\x06" + bytes(18), "`epochs.json` is missing"),
        (b"x" * 100 + b"PK\x05\x06" + b"\xff" * 18, "must have at most|is not a"),
    ],
)
def test_what_is_no_bundle_is_refused(elsewhere, path, data, sentence):
    refuse(elsewhere, path, data, sentence)


def test_what_is_no_file_has_a_sentence(elsewhere, tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    for nothing in (tmp_path / "none.zip", tmp_path, tmp_path / "pipe.zip", Path("/dev/zero"), tmp_path / ("x" * 300)):
        with pytest.raises(BundleError, match="cannot be read"):
            import_bundle(elsewhere, nothing)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"../evil.npz": b""}, "'../evil.npz' is no member"),
        ({"/etc/passwd": b""}, "is no member"),
        ({"epoch/1/weights.npz": b""}, "is no member"),
        ({"epoch/001/optimizer.npz": b""}, "is no member"),
        ({"epoch/001/weights.npz\n": b""}, "is no member"),
        ({"model.keras": b""}, "is no member"),
        ({"run.json": None}, "`run.json` is missing"),
        ({"epochs.json": None}, "`epochs.json` is missing"),
        ({"run.json": b"{"}, "`run.json` of the bundle is not sound JSON"),
        ({"run.json": b"[" * 100_000}, "`run.json` of the bundle is not sound JSON"),
        ({"run.json": b'"\xff'}, "`run.json` of the bundle is not sound JSON"),
        ({"epochs.json": b"[1e999]"}, "`epochs.json` of the bundle is not sound JSON"),
        ({"epochs.json": b"[]"}, "last epoch in `epochs.json`"),
        ({"epochs.json": b'[{"epoch": 1}]'}, "breaks a rule at `0.metrics`"),
        ({"points.npz": b"no npz"}, "`points.npz` is not a sound npz"),
        ({"points.npz": to_npz({"epoch": np.zeros(3)})}, "does not hold the arrays of this format"),
        ({WEIGHTS: b""}, "is not a sound npz"),
        ({WEIGHTS: b"PK\x05\x06" + bytes(18)}, "must hold 1 to 10000 arrays, got 0"),
    ],
)
def test_a_bundle_with_wrong_members_is_refused(elsewhere, exported, path, change, sentence):
    refuse(elsewhere, path, packed(changed(exported, **change)), sentence)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "running"}, "at `state`"),
        ({"state": "queued"}, "at `state`"),
        ({"kind": "embed"}, "at `kind`"),
        ({"id": "../x"}, "at `id`"),
        ({"digest": "12"}, "at `digest`"),
        ({"epoch": 10**30}, "at `epoch`"),
        ({"epoch": 1}, "must be that of `run.json`"),
        ({"created": None}, "at `created`"),
        ({"name": "a/b"}, "refused: `name` must be 1 to 60"),
        ({"name": "\ud800"}, "at `name`"),
        ({"owner": "someone"}, "at `owner`"),
        ({"spec": {}}, "refused: `dataset` is missing"),
        ({"spec": {"spec_version": 2}}, "refused: `"),
    ],
)
def test_a_bundle_with_a_wrong_run_is_refused(elsewhere, exported, path, fields, sentence):
    refuse(elsewhere, path, packed(changed_json(exported, "run.json", **fields)), sentence)


def test_the_manifest_must_fit_the_members(elsewhere, exported, path):
    parts = changed(exported)
    manifest = json.loads(members(exported.read_bytes())["manifest.json"])
    facts = manifest["members"]
    wrong = {
        "the manifest and the members differ in `splits.npz`": {k: v for k, v in facts.items() if k != "splits.npz"},
        "differ in `epoch/009/weights.npz`": facts | {"epoch/009/weights.npz": facts["points.npz"]},
        "`points.npz` is not what the manifest says": facts | {"points.npz": facts["run.json"]},
        "breaks a rule at `members.points.npz.sha256`": facts | {"points.npz": {"sha256": "x", "bytes": 1}},
    }
    for sentence, members_of_manifest in wrong.items():
        refuse(elsewhere, path, packed(parts, manifest | {"members": members_of_manifest}), sentence)


def test_a_newer_format_is_refused_before_anything_else_is_read(elsewhere, exported, path):
    newer = packed(changed(exported), {"format_version": 2, "anything": "new"})
    refuse(elsewhere, path, newer, "has bundle format 2, this program knows formats up to 1; install a newer")


def test_a_member_twice_is_refused(elsewhere, exported, path):
    path.write_bytes(exported.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("run.json", b"{}")
    refuse(elsewhere, path, path.read_bytes(), "a member stands in it twice")


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [
        ("MAX_TOTAL", 10_000_000, None),
        ("MAX_TOTAL", 1000, "must have at most"),
        ("MAX_MEMBERS", 5, "must have at most 5 members"),
        ("MAX_MEMBER", 300, "must have at most 300 bytes"),
        ("SMALL_MEMBERS", {"run.json": 10}, "`run.json` of `run.zip` must have at most 10 bytes"),
    ],
)
def test_a_bundle_over_a_limit_is_refused(elsewhere, exported, path, monkeypatch, limit, value, sentence):
    monkeypatch.setattr(bundle_reader, limit, value)
    if sentence:
        refuse(elsewhere, path, exported.read_bytes(), sentence)
    else:
        import_bundle(elsewhere, exported)


def test_a_member_that_unpacks_to_more_is_refused(elsewhere, exported, path, monkeypatch):
    monkeypatch.setattr(bundle_reader, "MAX_TOTAL", 10**6)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in (changed(exported) | {"manifest.json": b"{}", WEIGHTS: bytes(10**7)}).items():
            bundle.writestr(name, data)
    refuse(elsewhere, path, buffer.getvalue(), "must have at most")


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def one_array(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("w.npy", data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", bytes(8)), "must hold plain numbers"),
        (npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", bytes(4)), "plain numbers"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"), "as long as its header says"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", bytes(5)), "as long as its header says"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"), "not a sound npz|as long as"),
        (npy("__import__('os').system('true')"), "not a sound npz"),
        (npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,), }"), "plain numbers, got dtype 'nonsense'"),
        (npy("{'descr': '(,)f4', 'fortran_order': False, 'shape': (1,), }"), "plain numbers, got dtype '"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000000000000, 0), }"), "not a sound npz"),
        (b"\x93NUMPY\x09\x00", "not a sound npz"),
        (b"no array", "not a sound npz"),
        (b"", "not a sound npz"),
    ],
)
def test_arrays_that_are_not_plain_numbers_are_refused(elsewhere, exported, path, data, sentence):
    refuse(elsewhere, path, packed(changed(exported, **{WEIGHTS: one_array(data)})), sentence)


def test_pickled_objects_are_refused(elsewhere, exported, path):
    buffer = io.BytesIO()
    np.savez(buffer, w=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refuse(elsewhere, path, packed(changed(exported, **{WEIGHTS: buffer.getvalue()})), "must hold plain numbers")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_oddly_compressed_arrays_are_refused(elsewhere, exported, path, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=method) as file:
        file.writestr("w.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", bytes(4)))
    refuse(elsewhere, path, packed(changed(exported, **{WEIGHTS: buffer.getvalue()})), "must be stored or deflated")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_ordinary_arrays_are_accepted(save):
    buffer = io.BytesIO()
    arrays = {"a": np.zeros((3, 0, 2)), "b": np.array(1.5), "c": np.array(["x"]), "d": np.ones((2, 3), order="F")}
    save(buffer, **arrays)
    check_npz(buffer.getvalue(), "weights.npz")


NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.dictionaries(st.sampled_from(["loss", "accuracy", "rate"]), st.lists(NUMBER, max_size=4))
POINT = st.builds(PointRecord, st.integers(0, 9), st.integers(0, 2**31 - 1), st.floats(0, 1e9), VALUES)


@ALL
@given(st.lists(POINT, max_size=5))
def test_points_survive_their_member(points):
    data = points_member(points)
    assert points_from(data) == points
    assert points_member(points_from(data)) == data


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": np.array([-1, 0])},
        {"t": np.array([0.0, np.nan])},
        {"step": np.array([0])},
        {"t": np.array([0, 1])},
        {"count.loss": np.array([1, 1])},
        {"count.loss": np.array([-2, 5])},
        {"count.loss": np.array([3])},
        {"count.loss": np.array([2**62, 2**62])},
        {"value.loss": np.zeros((3, 1))},
        {"value.a/b": np.zeros(0), "count.a/b": np.array([-1, -1])},
        {"value.rate": np.zeros(0)},
    ],
)
def test_points_that_do_not_fit_are_refused(change):
    good = {
        "epoch": np.array([1, 1]),
        "step": np.array([0, 2]),
        "t": np.array([0.5, 1.0]),
        "count.loss": np.array([2, 1]),
        "value.loss": np.array([1.0, 2.0, 3.0]),
    }
    assert len(points_from(to_npz(good))) == 2
    with pytest.raises(BundleError, match=r"points.npz"):
        points_from(to_npz(good | change))


def test_a_bundle_cut_short_anywhere_is_refused(elsewhere, exported, path):
    data = exported.read_bytes()
    for length in range(0, len(data), max(1, len(data) // 60)):
        refuse(elsewhere, path, data[:length], "export or download it again")
