"""Homes with runs in them, for pictures: an empty one, one with finished runs of several kinds, and a busy one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_core import presets
from mnist_core.jobs import Jobs
from mnist_core.lab import Lab
from mnist_core.runs import RUN_LEVEL, Lease, RunRecord, RunState
from mnist_core.settings import load_settings
from tools.app_server import ROOT, AppServer

__all__ = ["HOMES", "serving", "train"]

HOMES = ("empty", "full", "busy")
BUSY_EPOCHS = 250
REASON = "The loss was no longer a finite number at epoch 1, step 12. Try a smaller `optimizer.learning_rate`."
NAMES = {
    "quiet-otter": ("bottleneck-cnn", "mnist"),
    "dressed-crane": ("bottleneck-cnn", "fashion-mnist"),
    "plain-finch": ("mlp-64", "mnist"),
    "steady-ibis": ("softmax-regression", "mnist"),
    "patient-mole": ("bottleneck-cnn", "digits"),
}
"""What shipped models are called in the pictures, by network and dataset."""


@contextmanager
def serving(home: str, scratch: Path) -> Iterator[AppServer]:
    """A server whose home is in this state.

    Args:
        home: one of `HOMES`.
        scratch: a folder that may be written to.
    """
    server = AppServer(scratch / home, shipped=False)
    if home == "full":
        fill(server)
    try:
        server.start().wait_until_warm()
        if home == "busy":
            keep_busy(server)
        yield server
    finally:
        server.stop()
        server.end_everything()


def fill(server: AppServer) -> None:
    """Runs of several kinds: trained here on the digits, the shipped models, one that failed, one stopped at once."""
    train(server, "mlp-512", "digits", name="wide-heron", epochs=8)
    train(server, "lenet-5x5", "digits", name="keen-lynx", epochs=4)
    lab = lab_of(server)
    try:
        fail_one(lab)
        stop_one(lab, lab.archive.store.run("wide-heron"))
    finally:
        lab.close()
    train(server, "softmax-regression", "digits", name="first-try", epochs=6)
    for path in sorted((ROOT / "cached_models").glob("*.zip")):
        server.command("import", str(path))
    lab = lab_of(server)
    try:
        store = lab.archive.store
        for name, (preset, dataset) in NAMES.items():
            store.rename(newest(lab, preset, dataset).id, name)
        store.set_note(store.run("first-try").id, "The first one. Rather good for 7,850 numbers.")
    finally:
        lab.close()


def train(server: AppServer, preset: str, dataset: str, *, name: str, epochs: int) -> None:
    """Trains a preset in a process of its own."""
    server.command(
        *("train", "--preset", preset, "--dataset", dataset, "--name", name, "--set", f"training.epochs={epochs}")
    )


def newest(lab: Lab, preset: str, dataset: str) -> RunRecord:
    wanted = (preset, dataset)
    runs = lab.archive.store.runs()
    return next(run for run in runs if (run.spec["network"]["preset"], run.spec["dataset"]["name"]) == wanted)


def fail_one(lab: Lab) -> None:
    """A run that failed before its first epoch, as the store records it."""
    spec = presets["mlp-512"].on("digits", learning_rate=10.0)
    lease = claimed(lab, spec.model_dump(mode="json"), "burnt-toast")
    lab.archive.store.finish(lease, RunState.FAILED, reason=REASON, used=4.2)


def stop_one(lab: Lab, like: RunRecord) -> None:
    """A run that was stopped in its first epoch: what another one recorded of the untrained network, and no more."""
    archive = lab.archive
    lease = claimed(lab, like.spec, "early-bird")
    archive.keep(lease, RUN_LEVEL, {name: archive.read(like.id, RUN_LEVEL, name) for name in ("splits", "facts")})
    untrained = lab.run(like.id).epochs[0]
    archive.commit_epoch(lease, untrained, {"predictions": archive.read(like.id, 0, "predictions")})
    archive.store.finish(lease, RunState.STOPPED, used=1.3)


def claimed(lab: Lab, spec: dict[str, object], name: str) -> Lease:
    store = lab.archive.store
    record = store.submit(spec, digest=name, name=name, device="cpu", cost=3.0)
    lease: Lease | None = store.claim(record.id, ticket="photo", worker="photo:0:0", device="cpu")
    assert lease is not None
    return lease


def keep_busy(server: AppServer) -> None:
    """One run at work for a while and one that waits."""
    lab = lab_of(server)
    try:
        jobs = Jobs(lab, None)
        jobs.submit(presets["resnet-8"].on("digits", epochs=BUSY_EPOCHS), owner="local", name="under-way")
        jobs.submit(presets["mlp-512"].on("digits", epochs=40), owner="local", name="next-in-line")
    finally:
        lab.close()


def lab_of(server: AppServer) -> Lab:
    return Lab(load_settings().model_copy(update={"home": server.home, "db": "", "blobs": ""}))
