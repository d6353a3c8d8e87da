"""The embeddings page: a map that a worker makes, what is selected in it, and the epochs that move its points."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visitors
from tests.e2e.steps import drawn, start_run, stop_button
from tools.app_server import AppServer

SLOW_MS = 120_000
"""The first map of a server waits for the view worker to start."""

INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  return data.reduce((sum, value) => (sum * 31 + value) % 1000003, 0)
}"""
"""What stands on the canvas, in one number."""


@pytest.fixture(scope="module")
def server(make_server: Callable[..., AppServer]) -> AppServer:
    """A server with a finished network of one hidden layer, `looked-into`."""
    made = make_server()
    settings = ("--set", "training.epochs=3", "--name", "looked-into")
    made.command("train", "--preset", "mlp-512", "--dataset", "digits", *settings)
    return made.start().wait_until_warm()


def open_map(page: Page, server: AppServer, query: str = "") -> Locator:
    page.goto(f"{server.url}/embeddings?run=looked-into{query}")
    return plot(page)


def plot(page: Page) -> Locator:
    found = page.locator(".map .plot")
    expect(found).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text(re.compile("^Neighbourhood hit"))).to_be_visible(timeout=SLOW_MS)
    drawn(page)
    return found


def lasso_all(page: Page, area: Locator) -> None:
    page.get_by_role("button", name="rectangle").click()
    box = area.bounding_box()
    assert box
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] - 6, steps=8)
    page.mouse.up()


def test_what_is_drawn_round_in_the_map_is_selected_everywhere(server: AppServer, visitors: Visitors) -> None:
    page = visitors.visit(height=1600)
    area = open_map(page, server)
    lasso_all(page, area)
    chip = page.get_by_role("button", name=re.compile(r"\d+: lasso in the PCA of dense_1, at epoch \d+"))
    expect(chip).to_be_visible()
    drawn(page)
    (count,) = re.findall(r"(\d+): ", chip.inner_text())
    expect(
        page.get_by_role("heading", name=re.compile(rf"^{count} images: lasso in the PCA of dense_1"))
    ).to_be_visible()
    expect(page.get_by_text(f"the {count} selected", exact=False)).to_be_visible()
    address = page.url
    elsewhere = visitors.visit()
    elsewhere.goto(address.replace("/embeddings", "/predictions"))
    expect(elsewhere.get_by_role("heading", name=re.compile(rf"^{count} images: lasso in the PCA"))).to_be_visible()
    page.locator("body").press("Escape")
    expect(page.get_by_text("nothing selected")).to_be_visible()


def test_the_cursor_moves_the_points_of_all_epochs(server: AppServer, page: Page) -> None:
    open_map(page, server, "&along=all+epochs&epoch=0")
    canvas = page.locator("canvas.points")
    track = page.locator(".cursor .track")
    seen = set()
    for epoch in range(4):
        expect(track).to_have_attribute("aria-valuenow", str(epoch))
        expect(page.get_by_text(f"epoch {epoch}, made in", exact=False)).to_be_visible()
        page.wait_for_timeout(1000)  # the points glide
        seen.add(canvas.evaluate(INK))
        page.keyboard.press("ArrowRight")
    assert len(seen) == 4
    assert page.locator(".map .plot").count() == 1


def test_a_map_is_made_while_a_run_trains_and_can_be_stopped(server: AppServer, page: Page, visitors: Visitors) -> None:
    start_run(page, server, "long-run")
    expect(stop_button(page)).to_be_visible()
    other = visitors.visit()
    other.goto(f"{server.url}/embeddings?run=looked-into&method=UMAP")
    other.get_by_role("button", name="Make the UMAP").click()
    expect(other.get_by_text(re.compile("^Neighbourhood hit"))).to_be_visible(timeout=SLOW_MS)
    expect(stop_button(page)).to_be_visible()
    other.goto(f"{server.url}/embeddings?run=looked-into&method=t-SNE&settings=iterations:5000")
    other.get_by_role("button", name="Make the t-SNE").click()
    expect(other.get_by_text(re.compile(r"^Iteration \d+"))).to_be_visible(timeout=SLOW_MS)
    other.get_by_role("button", name="Stop", exact=True).click()
    expect(other.get_by_text(re.compile("^It was stopped after"))).to_be_visible(timeout=SLOW_MS)
    expect(other.locator(".map .plot")).to_be_visible()
    stop_button(page).click()
