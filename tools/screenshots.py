"""Photographs every page in its states, wide and narrow, light and dark.

    python -m tools.screenshots [FOLDER] [--only WORD ...]

Starts servers of its own with homes of their own, prepares their runs, and ends everything. The pictures are for
looking at: alignment, cut text, gaps, jumps, labels that cannot be read.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from mnist_core import presets
from mnist_core.jobs import Jobs
from mnist_core.lab import Lab
from mnist_core.runs import Lease, RunState
from mnist_core.settings import load_settings
from tools.app_server import ROOT, AppServer
from tools.chromium import FLAGS, find_chromium

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOOKS = tuple((size, scheme) for size in ("wide", "narrow") for scheme in ("light", "dark"))
PATIENCE_MS = 60_000
REASON = "The loss was no longer a finite number at epoch 1, step 12. Try a smaller `optimizer.learning_rate`."


@dataclass(frozen=True)
class Shot:
    """One state of one page.

    Attributes:
        name: of the picture.
        home: which home it needs: "empty", "full" or "busy".
        path: what follows the host in the address.
        shows: a text or role name that is there once the page is drawn.
        act: what is done before the picture.
    """

    name: str
    home: str
    path: str
    shows: str
    act: Callable[[Page], None] = lambda _: None


def number(page: Page, label: str, value: int) -> None:
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Tab")


def choose(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role("radio", name=name).first.click()

    return act


def open_more(page: Page) -> None:
    page.get_by_text("More: optimiser").click()


SHOTS = (
    Shot("train-first-visit", "empty", "", "Nothing is trained yet"),
    Shot("train-more", "empty", "", "Nothing is trained yet", open_more),
    Shot("train-invalid-field", "empty", "", "Nothing is trained yet", lambda page: number(page, "epochs", 0)),
    Shot("runs-empty", "empty", "runs", "Nothing is trained yet"),
    Shot("predictions-empty", "empty", "predictions", "Nothing is trained yet"),
    Shot("train-running", "busy", "?run=under-way", "images/s"),
    Shot("train-queued", "busy", "?run=next-in-line", "in the queue"),
    Shot("predictions-queued", "busy", "predictions?run=next-in-line", "waits"),
    Shot("runs-busy", "busy", "runs?run=under-way", "under-way"),
    Shot("train-finished", "full", "?run=quiet-otter", "What it gets wrong"),
    Shot("train-failed", "full", "?run=burnt-toast", "finite number"),
    Shot("runs-full", "full", "runs", "One row a run"),
    Shot("runs-selected", "full", "runs?run=quiet-otter", "Rename, note"),
    Shot("runs-failed", "full", "runs?run=burnt-toast", "finite number"),
    Shot("predictions", "full", "predictions?run=quiet-otter", "Each class"),
    Shot("predictions-cell", "full", "predictions?run=quiet-otter&cell=4-9", "true 4, predicted 9"),
    Shot("predictions-by-row", "full", "predictions?run=quiet-otter", "Each class", choose("by row")),
    Shot("predictions-test-gate", "full", "predictions?run=quiet-otter&split=test", "Open the test split"),
    Shot("predictions-failed", "full", "predictions?run=burnt-toast", "finite number"),
    Shot("predictions-gone-link", "full", "predictions?run=gone-badger&epoch=4", "is shown"),
    Shot("predictions-long-names", "full", "predictions?run=dressed-crane", "Each class"),
    Shot("data-digits", "full", "data", "as they are stored"),
    Shot("data-class", "full", "data?dataset=mnist&label=7", "as they are stored"),
    Shot("data-network-input", "full", "data", "as they are stored", choose("network input")),
    Shot("data-groups", "full", "data", "as they are stored", choose("groups")),
    Shot("data-own", "full", "data", "as they are stored", choose("own data")),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="only pictures with this in their name")
    arguments = parser.parse_args()
    chromium = find_chromium()
    if not chromium:
        print("There is no Chromium: install one, or name it in the variable CHROMIUM.", file=sys.stderr)
        return 2
    wanted = [shot for shot in SHOTS if any(word in shot.name for word in arguments.only)]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    missed = []
    with tempfile.TemporaryDirectory(prefix="screenshots-") as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for home in ("empty", "full", "busy"):
            shots = [shot for shot in wanted if shot.home == home]
            if shots:
                with serving(home, Path(scratch)) as server:
                    missed += [name for shot in shots for name in photograph(browser, server, shot, arguments.folder)]
        browser.close()
    for name in missed:
        print(f"not as it should be: {name}", file=sys.stderr)
    return 1 if missed else 0


def photograph(browser: Browser, server: AppServer, shot: Shot, folder: Path) -> Iterator[str]:
    """Takes the four pictures of a state; yields the names of those that never showed what they should."""
    for size, scheme in LOOKS:
        name = f"{shot.name}-{size}-{scheme}"
        viewport = WIDE if size == "wide" else NARROW
        context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{server.url}/{shot.path}")
        try:
            expect(page.get_by_text(shot.shows).first).to_be_visible(timeout=PATIENCE_MS)
            shot.act(page)
        except AssertionError:
            yield name
        come_to_rest(page)
        page.screenshot(path=folder / f"{name}.png")
        full = page.get_by_test_id("stMain").evaluate("e => e.scrollHeight")
        if full > viewport["height"]:
            page.set_viewport_size({"width": viewport["width"], "height": min(full + 20, 4000)})
            come_to_rest(page)
            page.screenshot(path=folder / f"{name}-whole.png")
        context.close()
        print(name, file=sys.stderr)


def come_to_rest(page: Page) -> None:
    """Waits until the script has run and what it sent is drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_timeout(700)


@contextmanager
def serving(home: str, scratch: Path) -> Iterator[AppServer]:
    """A server whose home is in this state."""
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
    """Runs of several kinds: trained here on the digits, the shipped models, and one that failed."""
    train = ("train", "--preset", "softmax-regression", "--dataset", "digits", "--name", "first-try")
    server.command(*train, "--set", "training.epochs=6")
    train = ("train", "--preset", "mlp-512", "--dataset", "digits", "--name", "wide-heron")
    server.command(*train, "--set", "training.epochs=8")
    for path in sorted((ROOT / "cached_models").glob("*.zip")):
        server.command("import", str(path))
    lab = lab_of(server)
    try:
        store = lab.archive.store
        store.rename(newest(lab, "bottleneck-cnn", "mnist"), "quiet-otter")
        store.rename(newest(lab, "bottleneck-cnn", "fashion-mnist"), "dressed-crane")
        store.set_note(store.run("first-try").id, "The first one. Rather good for 7,850 numbers.")
        fail_one(lab)
    finally:
        lab.close()


def newest(lab: Lab, preset: str, dataset: str) -> str:
    return next(
        run.id
        for run in lab.archive.store.runs()
        if (run.spec["network"]["preset"], run.spec["dataset"]["name"]) == (preset, dataset)
    )


def fail_one(lab: Lab) -> None:
    """A run that failed before its first epoch, as the store records it."""
    store = lab.archive.store
    spec = presets["mlp-512"].on("digits", learning_rate=10.0)
    record = store.submit(spec.model_dump(mode="json"), digest="failed", name="burnt-toast", device="cpu", cost=3.0)
    lease: Lease | None = store.claim(record.id, ticket="photo", worker="photo:0:0", device="cpu")
    assert lease is not None
    store.finish(lease, RunState.FAILED, reason=REASON, used=4.2)


def keep_busy(server: AppServer) -> None:
    """One run at work for a while and one that waits."""
    lab = lab_of(server)
    try:
        jobs = Jobs(lab, None)
        jobs.submit(presets["softmax-regression"].on("digits", epochs=1000), owner="local", name="under-way")
        jobs.submit(presets["mlp-512"].on("digits", epochs=40), owner="local", name="next-in-line")
    finally:
        lab.close()


def lab_of(server: AppServer) -> Lab:
    return Lab(load_settings().model_copy(update={"home": server.home, "db": "", "blobs": ""}))


if __name__ == "__main__":
    sys.exit(main())
