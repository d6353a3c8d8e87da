"""Moving through the epochs of a run: the cursor, the selection that stays, the link that shows the same picture."""

import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visitors
from tests.e2e.steps import curve, drawn, start_run, stop_button
from tools.app_server import AppServer

EPOCHS = 12
MATRIX = re.compile(r"^Confusion matrix")
CHIP = re.compile(r"\d+: errors of 8, at epoch 1")


@pytest.fixture(scope="module")
def server(make_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory) -> AppServer:
    """A server with a run of twelve epochs, `long-look`, that is wrong often enough to see it learn."""
    home = tmp_path_factory.mktemp("epochs")
    options = ("--preset", "softmax-regression", "--dataset", "digits", "--name", "long-look")
    settings = ("--set", f"training.epochs={EPOCHS}", "--set", "optimizer.learning_rate=0.05")
    made = make_server(home)
    made.command("train", *options, *settings)
    return made.start().wait_until_warm()


def open_run(page: Page, server: AppServer, query: str) -> None:
    page.goto(f"{server.url}/predictions?run=long-look{query}")
    expect(page.get_by_role("img", name=MATRIX)).to_be_visible()
    drawn(page)


def cursor(page: Page) -> Locator:
    return page.locator(".cursor .track")


def at_epoch(page: Page, epoch: int) -> None:
    """Waits until cursor, headline and link are at an epoch."""
    expect(cursor(page)).to_have_attribute("aria-valuenow", str(epoch))
    expect(page.get_by_text(f"split at epoch {epoch}", exact=False).first).to_be_visible()
    drawn(page)


def pictures(page: Page) -> list[str]:
    """What the gallery of chosen images says of each, in order."""
    drawn(page)
    cells = page.get_by_role("group", name="chosen images").locator(".cell")
    expect(cells.first).to_be_visible()
    return [str(label) for label in cells.evaluate_all("cells => cells.map(one => one.getAttribute('aria-label'))")]


def choose_errors_of_eight(page: Page) -> None:
    page.get_by_role("combobox", name="true class").fill("8")
    page.get_by_role("option", name="8", exact=True).click()
    expect(page.get_by_role("button", name=CHIP)).to_be_visible()
    others = page.locator('[role=group][aria-label="chosen images"] .cell:not([aria-label*="true 8"])')
    expect(others).to_have_count(0)  # the images of the selection appear once they are loaded


def test_what_is_selected_stays_while_the_epoch_moves(server: AppServer, visitors: Visitors) -> None:
    page = visitors.visit(height=2000)
    open_run(page, server, "&epoch=1")
    choose_errors_of_eight(page)
    then = pictures(page)
    cursor(page).focus()
    page.keyboard.press("End")
    at_epoch(page, EPOCHS)
    expect(page.get_by_role("button", name=CHIP)).to_be_visible()
    now = pictures(page)
    image = re.compile(r"image (\d+)")
    assert sorted(image.findall(" ".join(then))) == sorted(image.findall(" ".join(now))), "the same images"
    assert sorted(then) != sorted(now), "of which it says something else"
    page.get_by_text("follow the epoch", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("errors of 8, at each epoch"))).to_be_visible()
    before = sorted(image.findall(" ".join(now)))
    for _ in range(100):  # other images appear once they are loaded
        if sorted(image.findall(" ".join(pictures(page)))) != before:
            break
        page.wait_for_timeout(200)
    else:
        raise AssertionError("the rule is not read anew")


def test_a_cell_is_selected_by_a_click_and_cleared_by_escape(server: AppServer, page: Page) -> None:
    open_run(page, server, "&epoch=0")
    box = page.get_by_role("img", name=MATRIX).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.45)
    expect(page).to_have_url(re.compile(r"selection=cell\.\d\.\d~0~validation~"))
    chip = page.get_by_role("button", name=re.compile(r"\d+: true \d, predicted \d, at epoch 0"))
    expect(chip).to_be_visible()
    drawn(page)
    page.keyboard.press("Escape")
    expect(chip).to_be_hidden()
    expect(page).not_to_have_url(re.compile("selection="))


def test_a_link_shows_the_same_picture_to_someone_else_and_after_a_restart(
    make_server: Callable[..., AppServer], server: AppServer, visitors: Visitors, tmp_path: Path
) -> None:
    page = visitors.visit(height=2000)
    open_run(page, server, "&epoch=1&numbers=by row&against=0&panel=ROC")
    choose_errors_of_eight(page)
    shown = pictures(page)
    page.reload()
    assert pictures(page) == shown
    page.get_by_role("button", name="Link").click()
    box = page.get_by_role("textbox", name="Link to this view")
    expect(box).to_have_value(page.url)
    link = box.input_value()
    code = page.get_by_role("img", name="QR code of the link")
    expect(code).to_be_visible()
    assert code.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    other = make_server(Path(shutil.copytree(server.home, tmp_path / "home"))).start()
    for host in (server, other):  # the other one was started just now, and nobody has been there
        someone = visitors.visit(height=2000)
        someone.goto(link.replace(server.url, host.url))
        expect(someone.get_by_role("button", name=CHIP)).to_be_visible()
        assert pictures(someone) == shown
        expect(someone.get_by_role("radio", name="ROC")).to_be_checked()


def test_playing_shows_every_epoch_in_turn(server: AppServer, page: Page) -> None:
    open_run(page, server, "&epoch=0")
    page.evaluate(
        """() => {
            window.shown = []
            const matrix = document.querySelector('[aria-label^="Confusion matrix"]')
            const note = () => {
              const at = new URL(location.href).searchParams.get("epoch") ?? "kept"
              if (window.shown.at(-1) !== at) window.shown.push(at)
              if (!document.contains(matrix)) window.lost = true
            }
            setInterval(note, 10)
        }"""
    )
    page.locator(".cursor .pace").click()
    expect(page.locator(".cursor .pace")).to_have_text("4/s")
    page.keyboard.press("Space")
    expect(cursor(page)).to_have_attribute("aria-valuenow", str(EPOCHS))
    expect(page.locator(".cursor .play")).to_have_attribute("aria-label", "play")
    drawn(page)
    assert not page.evaluate("window.lost"), "the matrix was drawn anew instead of in place"
    places = page.evaluate("window.shown")
    numbers = [int(place) for place in places if place.isdigit()]
    assert numbers == sorted(numbers)
    assert len(numbers) >= EPOCHS - 1


def test_ten_epochs_of_a_running_run_are_played_and_then_followed(server: AppServer, page: Page) -> None:
    start_run(page, server, "still-going")
    expect(curve(page)).to_be_visible()
    page.goto(f"{server.url}/predictions?run=still-going&epoch=0")
    expect(page.get_by_role("img", name=MATRIX)).to_be_visible()
    page.keyboard.press("Space")
    for epoch in range(1, 11):
        expect(cursor(page)).to_have_attribute("aria-valuenow", re.compile(rf"^({epoch}|[1-9]\d+)$"))
    page.keyboard.press("Space")
    live = page.locator(".cursor .live")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("epoch=last"))
    drawn(page)
    seen = int(cursor(page).get_attribute("aria-valuenow") or 0)
    expect(cursor(page)).to_have_attribute("aria-valuenow", re.compile(rf"^(?!{seen}$)\d+$"))
    page.goto(f"{server.url}/?run=still-going")
    stop_button(page).click()
    expect(stop_button(page)).to_be_hidden()


def test_keys_move_the_epoch_but_not_out_of_the_gallery(server: AppServer, page: Page) -> None:
    open_run(page, server, "&epoch=3")
    page.keyboard.press("ArrowRight")
    at_epoch(page, 4)
    page.keyboard.press("ArrowLeft")
    at_epoch(page, 3)
    first = page.get_by_role("group", name="chosen images").locator(".cell").first
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("group", name="chosen images").locator(".cell").nth(1)).to_be_focused()
    expect(cursor(page)).to_have_attribute("aria-valuenow", "3")


def test_an_image_has_its_biography(server: AppServer, visitors: Visitors) -> None:
    page = visitors.visit(height=2400)
    open_run(page, server, "&epoch=1")
    first = page.get_by_role("group", name="chosen images").locator(".cell").first
    first.click()
    expect(page).to_have_url(re.compile(r"image=\d+"))
    image = parse_qs(urlsplit(page.url).query)["image"][0]
    told = json.loads(server.command("biography", "long-look", image, "--json"))
    said = page.get_by_text(f"Image {image}: true {told['label_name']}").first
    expect(said).to_be_visible()
    strip = page.get_by_role("img", name=re.compile(rf"for image {image} at"))
    box = strip.bounding_box()
    assert box
    strip.click(position={"x": box["width"] - 40, "y": box["height"] / 2})
    at_epoch(page, EPOCHS)
    expect(said).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page).not_to_have_url(re.compile("image="))


def test_the_curve_is_clicked_to_move(server: AppServer, page: Page) -> None:
    open_run(page, server, "&epoch=0")
    box = cursor(page).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    at_epoch(page, EPOCHS // 2)


def test_codes_are_only_drawn_for_addresses_that_fit(server: AppServer) -> None:
    with urllib.request.urlopen(f"{server.url}/qr.svg?text=x", timeout=10) as answer:
        assert answer.headers["content-type"] == "image/svg+xml"
    for text in ("", "x" * 1201):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(f"{server.url}/qr.svg?text={text}", timeout=10)
