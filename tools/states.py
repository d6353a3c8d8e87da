"""Every state of every page that is photographed: where it is, what shows that it is drawn, and what is done first."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

__all__ = ["STATES", "State"]


@dataclass(frozen=True)
class State:
    """One state of one page.

    Attributes:
        name: of the picture.
        home: which home it needs.
        path: what follows the host in the address; `{quiet-otter}` stands for the id of that run.
        shows: a text that is there once the page is drawn.
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


def open_link(page: Page) -> None:
    page.get_by_role("button", name="Link", exact=True).click()
    expect(page.get_by_role("img", name="QR code of the link")).to_be_visible()


def open_biography(page: Page) -> None:
    page.get_by_role("group", name="chosen images").locator(".cell").first.click()
    expect(page.get_by_text("Select only this image")).to_be_visible()


def open_test(page: Page) -> None:
    page.get_by_role("button", name="Open the test split").click()
    expect(page.get_by_role("button", name="Open the test split")).to_be_hidden()


def open_test_for_curves(page: Page) -> None:
    page.get_by_role("button", name="Go to the test split").click()
    open_test(page)
    expect(page.get_by_role("heading", name="Each epoch")).to_be_visible()


def follow_live(page: Page) -> None:
    expect(page.locator(".cursor .live")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".cursor .track")).to_have_attribute("aria-valuenow", re.compile(r"^([3-9]|\d\d+)$"))


def arrive(page: Page) -> None:
    """Waits until what a worker is asked for is there."""
    for waiting in ("Begins as soon as", "Waits for the view worker", "At work."):
        expect(page.get_by_text(waiting)).to_have_count(0, timeout=ARRIVAL_MS)


def make_map(page: Page) -> None:
    page.get_by_role("button", name="Make the").first.click()
    expect(page.get_by_text("Neighbourhood hit").first).to_be_visible(timeout=ARRIVAL_MS)


def unfold_network(page: Page) -> None:
    page.locator("summary").get_by_text("The network, layer by layer").click()


ARRIVAL_MS = 120_000
OTTER = "predictions?run=quiet-otter"
FOUR_NINE = "selection=cell.4.9~1~validation~{quiet-otter}"

STATES = (
    State("train-first-visit", "empty", "", "Nothing is trained yet"),
    State("train-more", "empty", "", "Nothing is trained yet", open_more),
    State("train-invalid-field", "empty", "", "Nothing is trained yet", lambda page: number(page, "epochs", 0)),
    State("runs-empty", "empty", "runs", "Nothing is trained yet"),
    State("predictions-empty", "empty", "predictions", "Nothing is trained yet"),
    State("curves-empty", "empty", "curves", "Nothing is trained yet"),
    State("train-running", "busy", "?run=under-way", "images/s"),
    State("train-queued", "busy", "?run=next-in-line", "in the queue"),
    State("predictions-queued", "busy", "predictions?run=next-in-line", "waits"),
    State("predictions-live", "busy", "predictions?run=under-way&epoch=last", "Each class", follow_live),
    State("curves-queued", "busy", "curves?run=next-in-line", "waits"),
    State("curves-running", "busy", "curves?run=under-way&epoch=last", "Each epoch", follow_live),
    State("runs-busy", "busy", "runs?run=under-way", "under-way"),
    State("train-finished", "full", "?run=quiet-otter", "What it gets wrong"),
    State("train-failed", "full", "?run=burnt-toast", "finite number"),
    State("train-untrained", "full", "?run=early-bird", "early-bird"),
    State("runs-full", "full", "runs", "One row a run"),
    State("runs-selected", "full", "runs?run=quiet-otter", "Rename, note"),
    State("runs-failed", "full", "runs?run=burnt-toast", "finite number"),
    State("predictions", "full", OTTER, "Each class"),
    State("predictions-many-epochs", "full", "predictions?run=patient-mole&epoch=4", "split at epoch 4"),
    State("predictions-untrained", "full", f"{OTTER}&epoch=0", "split at epoch 0"),
    State("predictions-only-untrained", "full", "predictions?run=early-bird", "split at epoch 0"),
    State("predictions-selection", "full", f"{OTTER}&epoch=3&{FOUR_NINE}", "true 4, predicted 9, at epoch 1"),
    State("predictions-selected-only", "full", f"{OTTER}&{FOUR_NINE}&of=selected images", "selected images alone"),
    State(
        "predictions-other-images",
        "full",
        f"predictions?run=dressed-crane&{FOUR_NINE}",
        "The selection is of other images",
    ),
    State("predictions-all-errors", "full", f"{OTTER}&selection=cell.x.x~-~validation~{{quiet-otter}}", "each epoch"),
    State("predictions-by-row", "full", OTTER, "Each class", choose("by row")),
    State("predictions-compared", "full", f"{OTTER}&epoch=3&against=1&numbers=difference", "newly broken"),
    State(
        "predictions-compared-run",
        "full",
        f"{OTTER}&against=kept&against_run={{steady-ibis}}&numbers=difference"
        "&selection=changed.fixed.6.{steady-ibis}~5~validation~{quiet-otter}",
        "fixed against another run",
    ),
    State("predictions-biography", "full", f"{OTTER}&epoch=3", "Each class", open_biography),
    State("predictions-probability", "full", f"{OTTER}&panel=probability&class=9", "Counts are logarithmic"),
    State("predictions-probability-all", "full", f"{OTTER}&panel=probability", "Counts are logarithmic"),
    State("predictions-roc", "full", f"{OTTER}&panel=ROC", "How sure it is"),
    State("predictions-roc-class", "full", f"{OTTER}&panel=ROC&class=9", "How sure it is"),
    State("predictions-precision-recall", "full", f"{OTTER}&panel=precision-recall", "How sure it is"),
    State("predictions-random", "full", f"{OTTER}&panel=random images", "Drawn at random"),
    State("predictions-link", "full", f"{OTTER}&epoch=3&{FOUR_NINE}", "Each class", open_link),
    State("predictions-test-gate", "full", f"{OTTER}&split=test", "Open the test split"),
    State("predictions-test", "full", f"{OTTER}&split=test", "Open the test split", open_test),
    State("predictions-failed", "full", "predictions?run=burnt-toast", "finite number"),
    State("predictions-gone-link", "full", "predictions?run=gone-badger&epoch=4", "is shown"),
    State("predictions-long-names", "full", "predictions?run=dressed-crane", "Each class"),
    State("curves", "full", "curves?run=quiet-otter&epoch=3", "Each epoch"),
    State("curves-log-smooth", "full", "curves?run=patient-mole&x=steps&scale=log&smoothing=0.8", "Each epoch"),
    State("curves-test", "full", "curves?run=quiet-otter", "Each epoch", open_test_for_curves),
    State("curves-only-untrained", "full", "curves?run=early-bird", "Each epoch"),
    State("curves-selection", "full", f"curves?run=quiet-otter&{FOUR_NINE}", "Each epoch"),
    State("embeddings", "full", "embeddings?run=keen-lynx", "Neighbourhood hit", arrive),
    State("embeddings-to-make", "full", "embeddings?run=keen-lynx&method=UMAP", "Make the UMAP"),
    State("embeddings-made", "full", "embeddings?run=keen-lynx&method=t-SNE", "Make the t-SNE", make_map),
    State("embeddings-beside", "full", "embeddings?run=keen-lynx&beside=layer:conv_1", "beside", arrive),
    State("weights", "full", "weights?run=wide-heron", "now: epoch"),
    State("weights-kernels", "full", "weights?run=keen-lynx&layer=conv_2", "now: epoch"),
    State("weights-rows", "full", "weights?run=keen-lynx&layer=dense_1", "now: epoch"),
    State("weights-unit", "full", "weights?run=keen-lynx&unit=3", "Unit 3 of conv_1", arrive),
    State("weights-unit-off", "full", "weights?run=keen-lynx&unit=3&off=3,5", "2 of 32 off", arrive),
    State("weights-matched", "full", "weights?run=wide-heron&matched=epoch:0", "Mean cosine of the pairs"),
    State("weights-no-layer", "full", "weights?run=keen-lynx&layer=conv_9", "`layer` in the link"),
    State("weights-queued", "busy", "weights?run=next-in-line", "waits"),
    State("weights-running", "busy", "weights?run=under-way&epoch=last", "now: epoch", follow_live),
    State("network", "full", "network?run=keen-lynx", "From pixels to probabilities", arrive),
    State("network-beside", "full", "network?run=keen-lynx&beside=epoch:0", "From pixels to probabilities", arrive),
    State("network-whole", "full", "network?run=keen-lynx&part=the network", "multiply-adds"),
    State("network-on-train", "full", "?run=keen-lynx", "What it gets wrong", unfold_network),
    State("network-queued", "busy", "network?run=next-in-line", "waits"),
    State("data-digits", "full", "data", "as they are stored"),
    State("data-class", "full", "data?dataset=mnist&label=7", "as they are stored"),
    State("data-network-input", "full", "data", "as they are stored", choose("network input")),
    State("data-groups", "full", "data", "as they are stored", choose("groups")),
    State("data-own", "full", "data", "as they are stored", choose("own data")),
)
