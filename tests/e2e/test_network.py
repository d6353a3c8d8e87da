"""The network page: an image that a worker sends through, the steps to others, and the network's diagram."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitors
from tests.e2e.steps import drawn, open_train
from tools.app_server import AppServer

SLOW_MS = 120_000
"""The first image of a server waits for the view worker to start."""


@pytest.fixture(scope="module")
def server(make_server: Callable[..., AppServer]) -> AppServer:
    """A server with a finished small convolutional network, `looked-into`."""
    made = make_server()
    settings = ("--set", "training.epochs=2", "--name", "looked-into")
    made.command("train", "--preset", "bottleneck-cnn", "--dataset", "digits", *settings)
    return made.start().wait_until_warm()


def open_way(page: Page, server: AppServer, query: str = "") -> None:
    page.goto(f"{server.url}/network?run=looked-into{query}")
    expect(page.get_by_role("heading", name="From pixels to probabilities")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("img", name=re.compile("enlarged$"))).to_be_visible()
    drawn(page)


def tiles(page: Page, layer: str) -> str:
    picture = page.get_by_role("img", name=re.compile(rf"^{layer}: "))
    expect(picture).to_have_count(1)
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    return picture.get_attribute("src") or ""


def test_an_image_goes_through_and_the_cursor_and_the_steps_change_it(server: AppServer, page: Page) -> None:
    open_way(page, server)
    shown = page.get_by_text(re.compile(r"^Image \d+, epoch \d\.$"))
    first, said = tiles(page, "conv_1"), shown.inner_text()
    assert page.get_by_role("img", name=re.compile("^Grad-CAM on ")).count() in (1, 2)
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page).to_have_url(re.compile(r"image=\d+"))
    expect(shown).not_to_have_text(said)
    expect(shown).to_be_visible()
    drawn(page)
    second = tiles(page, "conv_1")
    assert second != first
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text(re.compile(r"^Image \d+, epoch 1\.$"))).to_be_visible()
    drawn(page)
    assert tiles(page, "conv_1") != second


WATCH = """() => {
  const heading = () => [...document.querySelectorAll("h3")].find(one => one.textContent === "Which pixels matter")
  window.seen = { places: [], still: false }
  window.watch = setInterval(() => {
    window.seen.places.push(heading() ? heading().getBoundingClientRect().top : null)
    window.seen.still ||= document.body.textContent.includes("until the next is there.")
  }, 20)
}"""
"""Notes where the pictures of the pixels stand, and whether the last image is said to stay, many times a second."""


def test_what_is_shown_stays_where_it_is_while_the_next_is_on_its_way(server: AppServer, page: Page) -> None:
    open_way(page, server)
    page.evaluate(WATCH)
    shown = page.get_by_text(re.compile(r"^Image \d+, epoch 2\.$"))
    before = shown.inner_text()
    page.get_by_role("button", name="Random").click()
    expect(shown).not_to_have_text(before)
    expect(shown).to_be_visible()
    drawn(page)
    seen = page.evaluate("() => { clearInterval(window.watch); return window.seen }")
    assert seen["still"]
    assert None not in seen["places"]
    assert max(seen["places"]) - min(seen["places"]) < 30


def test_the_name_of_a_layer_leads_to_its_weights_with_the_same_link(server: AppServer, page: Page) -> None:
    open_way(page, server, "&epoch=1")
    page.get_by_role("link", name="conv_2").click()
    expect(page).to_have_url(re.compile(r"/weights\?.*layer=conv_2"))
    assert "epoch=1" in page.url
    expect(page.get_by_role("heading", name="Weights", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_diagram_fits_the_screen(server: AppServer, visitors: Visitors, width: int) -> None:
    page = visitors.visit(width=width)
    open_train(page, server, "train?preset=resnet-8")
    page.get_by_test_id("stExpander").get_by_text("The network, layer by layer", exact=True).click()
    flow = page.get_by_role("img", name=re.compile("^Diagram of the network"))
    expect(flow).to_be_visible()
    expect(flow.get_by_text("residual_3", exact=True)).to_be_attached()
    assert flow.evaluate("flow => flow.scrollWidth <= flow.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
