"""The weights page: tiles as they are drawn, what is chosen in them, and cursors that move nothing else."""

import re
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from mnist_core.lab import Lab
from mnist_core.palette import LIGHT
from mnist_core.settings import load_settings
from pages.ui.weights.mosaic import levels
from tests.e2e.conftest import Visitors
from tests.e2e.steps import drawn, start_run, stop_button
from tools.app_server import AppServer

RUN = "looked-into"
BEGUN_MS = 1000
"""Until the run that a click asked for has begun, of which the address is the first sign."""

PIXELS = """canvas => {
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  const step = width / 28
  const at = (row, column) => 4 * (Math.floor((row + 0.5) * step) * width + Math.floor((column + 0.5) * step))
  return Array.from({ length: 784 }, (_, place) => {
    const start = at(Math.floor(place / 28), place % 28)
    return Array.from(data.slice(start, start + 3))
  })
}"""
"""The colour of each weight of a magnified tile."""


@pytest.fixture(scope="module")
def server(make_server: Callable[..., AppServer]) -> AppServer:
    """A server with a finished network of one hidden layer, `looked-into`."""
    made = make_server()
    settings = ("--set", "training.epochs=3", "--name", RUN)
    made.command("train", "--preset", "mlp-512", "--dataset", "digits", *settings)
    return made.start().wait_until_warm()


def open_weights(page: Page, server: AppServer, query: str = "", run: str = RUN) -> Locator:
    page.goto(f"{server.url}/weights?run={run}{query}")
    expect(page.locator(".tiles .sheet").nth(2)).to_be_visible()
    drawn(page)
    return page.locator(".tiles .board").first


def words(page: Page) -> Locator:
    return page.locator(".tiles .words").first


def colour_of(level: int) -> np.ndarray:
    """What the palette has for a level, as the browser mixes it."""
    stops = np.array([[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in LIGHT.diverging], float)
    at = level / 254 * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    return stops[low] + (at - low) * (stops[low + 1] - stops[low])


@pytest.mark.parametrize("unit", [0, 63, 200])
def test_the_tile_of_a_unit_has_the_colours_of_its_weights(server: AppServer, page: Page, unit: int) -> None:
    open_weights(page, server, f"&unit={unit}&epoch=3")
    expect(words(page)).to_contain_text(re.compile(rf"^unit {unit}: norm "))
    end = float(page.locator(".scale .ends span").nth(2).inner_text())
    lab = Lab(load_settings().model_copy(update={"home": server.home, "db": "", "blobs": ""}))
    run = lab.run(RUN)
    kernels = [run.first_layer(epoch).kernel for epoch in (0, 3)]
    lab.close()
    for place, kernel in enumerate(kernels):
        seen = np.array(page.locator(".tiles .lens canvas").nth(place).evaluate(PIXELS))
        wanted = levels(kernel[:, unit], end)
        apart = np.abs(seen - np.stack([colour_of(level) for level in wanted.tolist()])).max(axis=1)
        assert np.median(apart) <= 1
        assert apart.max() <= 12, "the end of the scale is written with three digits"


def test_pointing_marks_all_sheets_and_a_click_chooses_the_unit(server: AppServer, page: Page) -> None:
    open_weights(page, server)
    sheet = page.locator(".tiles .sheet").nth(1)
    box = sheet.bounding_box()
    assert box
    step = box["width"] / 8
    page.mouse.move(box["x"] + 2.5 * step, box["y"] + 1.5 * step)
    expect(words(page)).to_contain_text("unit 10: norm ")
    places = [mark.bounding_box() for mark in page.locator(".tiles .mark.pointed").all()]
    offsets = {(round(one["x"] - places[0]["x"]) % round(one["width"]), round(one["y"])) for one in places if one}
    assert len(places) == 3
    assert len({y for _, y in offsets}) == 1
    page.mouse.click(box["x"] + 2.5 * step, box["y"] + 1.5 * step)
    expect(page.locator(".tiles .mark.chosen").nth(2)).to_be_visible()
    page.wait_for_url("**unit=10*")
    page.reload()
    expect(words(page)).to_contain_text("unit 10: norm ")
    expect(page.locator(".tiles .mark.chosen").nth(1)).to_be_visible()


def test_back_and_forward_take_a_choice_back_and_make_it_again(server: AppServer, page: Page) -> None:
    board = open_weights(page, server, "&before=1")
    board.focus()
    for key, unit in (("Home", 0), ("ArrowRight", 1)):
        board.press(key)
        board.press("Enter")
        page.wait_for_url(f"**unit={unit}*")
        expect(words(page)).to_contain_text(f"unit {unit}: norm ")
        drawn(page)
    page.get_by_role("radio", name="norm").click()
    page.wait_for_url("**order=norm*")
    page.wait_for_timeout(BEGUN_MS)
    drawn(page)
    page.go_back()
    expect(page).not_to_have_url(re.compile("order="))
    expect(page.get_by_role("heading", name="Unit 1 of dense_1")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Unit 0 of dense_1")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name=re.compile("^Unit ")).first).to_be_hidden()
    expect(page).not_to_have_url(re.compile("unit="))
    page.go_forward()
    page.go_forward()
    expect(page.get_by_role("heading", name="Unit 1 of dense_1")).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    expect(page).not_to_have_url(re.compile("unit="))
    page.get_by_role("link", name="Weights", exact=True).click()
    expect(page.get_by_role("heading", name="Unit 1 of dense_1")).to_be_visible()
    expect(page).to_have_url(re.compile("before=1.*unit=1|unit=1.*before=1"))
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()


def test_going_back_and_forward_quickly_breaks_nothing(server: AppServer, page: Page) -> None:
    board = open_weights(page, server, "&before=1")
    board.focus()
    for key, unit in (("Home", 0), ("ArrowRight", 1)):
        board.press(key)
        board.press("Enter")
        page.wait_for_url(f"**unit={unit}*")
        drawn(page)
    pauses_ms = Random(1)
    for _ in range(8):
        page.get_by_role("radio", name="norm").click()
        page.wait_for_url("**order=norm*")
        page.wait_for_timeout(BEGUN_MS)
        for go in (page.go_back, page.go_back, page.go_back, page.go_forward, page.go_forward):
            go()
            page.wait_for_timeout(pauses_ms.choice([0, 20, 50, 80, 120, 200, 350, 600]))
        expect(page).not_to_have_url(re.compile("order="))
        expect(page.get_by_role("heading", name="Unit 1 of dense_1")).to_be_visible()
        page.wait_for_timeout(BEGUN_MS)


def test_the_keyboard_goes_from_unit_to_unit_and_leaves_the_epoch_alone(server: AppServer, page: Page) -> None:
    board = open_weights(page, server, "&epoch=2")
    board.focus()
    for key, unit in (("Home", 0), ("ArrowRight", 1), ("ArrowDown", 9), ("ArrowLeft", 8), ("End", 63)):
        board.press(key)
        expect(words(page)).to_contain_text(re.compile(rf"^unit {unit}: "))
    board.press("Enter")
    page.wait_for_url("**unit=63*")
    expect(page.locator(".cursor .track")).to_have_attribute("aria-valuenow", "2")
    expect(words(page)).to_contain_text("unit 63: ")


def test_the_cursor_moves_now_and_nothing_else(server: AppServer, page: Page) -> None:
    open_weights(page, server, "&epoch=0&unit=3")
    titles = page.locator(".tiles .panel .title")
    page.locator(".tiles").evaluate("one => { one.dataset.kept = 'yes' }")
    heights, inks = set(), set()
    for epoch in range(4):
        expect(titles.nth(1)).to_have_text(f"now: epoch {epoch}")
        drawn(page)
        box = page.locator(".tiles").bounding_box()
        assert box
        heights.add((round(box["y"]), round(box["height"])))
        inks.add(str(page.locator(".tiles .lens canvas").nth(1).evaluate(PIXELS)))
        expect(titles.nth(0)).to_have_text("before: epoch 0")
        page.keyboard.press("ArrowRight")
    assert len(inks) == 4
    assert len(heights) == 1, "nothing jumps"
    assert page.locator(".tiles").get_attribute("data-kept") == "yes"


def test_on_a_phone_the_sheets_stand_below_each_other(server: AppServer, visitors: Visitors) -> None:
    page = visitors.visit(width=390, height=844)
    open_weights(page, server, "&unit=3")
    boxes = [one.bounding_box() for one in page.locator(".tiles .sheet").all()]
    assert all(one and one["width"] > 300 for one in boxes)
    assert [one["y"] for one in boxes if one] == sorted({one["y"] for one in boxes if one})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_run_that_trains_grows_while_it_is_looked_at(server: AppServer, page: Page, visitors: Visitors) -> None:
    start_run(page, server, "growing")
    expect(stop_button(page)).to_be_visible()
    other = visitors.visit()
    open_weights(other, server, run="growing")
    title = other.locator(".tiles .panel .title").nth(1)
    seen = title.inner_text()
    expect(title).not_to_have_text(seen)
    stop_button(page).click()
