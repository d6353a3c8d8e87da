"""The map in Chromium, in an app of its own: what the mouse, the keys and the browser itself do to it."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.e2e.conftest import Visitors
from tools.app_server import ROOT, AppServer, until

APP = "tests/e2e/map_app/app.py"
CONTEXTS = """
window.contexts = []
const get = HTMLCanvasElement.prototype.getContext
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  const made = get.call(this, kind, ...more)
  if (kind === "webgl" && made && !contexts.includes(made)) contexts.push(made)
  return made
}
"""
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith("webgl") ? null : get.call(this, kind, ...more)
}
"""
LIVING = "() => contexts.filter(one => !one.isContextLost()).length"
INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  return data.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 40), 0)
}"""


class MapServer(AppServer):
    """A server that shows the map alone."""

    def launch(self) -> Self:
        command = [sys.executable, "-m", "streamlit", "run", APP, "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def wait_until_healthy(self) -> Self:
        def answers() -> bool:
            with suppress(OSError):
                return urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=10).status == 200
            return False

        until(answers, 60, "the server answers")
        return self


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = MapServer(tmp_path_factory.mktemp("home")).start()
    yield server.url
    server.stop()
    server.end_everything()


@pytest.fixture
def see(visitors: Visitors, address: str) -> Callable[..., Page]:
    """Opens the stand-in app with a script that runs before its own, and waits until the map is drawn."""

    def opened(query: str = "", before: str = "") -> Page:
        page = visitors.visit(width=1300, height=900)
        page.add_init_script(before or "0")
        page.goto(f"{address}/?{query}")
        if before != NO_WEBGL:
            drawn(page, 2 if "maps=2" in query else 1)
        return page

    return opened


def drawn(page: Page, maps: int = 1) -> None:
    expect(page.locator("canvas.points")).to_have_count(maps)
    for canvas in page.locator("canvas.points").all():
        wait(page, lambda canvas=canvas: canvas.evaluate(INK) > 300, "the points are drawn")


def wait(page: Page, holds: Callable[[], bool], what: str) -> None:
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"in 10 s it did not come to pass that {what}")


def box(place: Locator) -> FloatRect:
    found = place.bounding_box()
    assert found is not None
    return found


def drag(page: Page, *way: tuple[float, float]) -> None:
    """Along points in parts of the map's width and height."""
    area = box(page.locator(".plot").first)
    places = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in way]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def selected(page: Page) -> int:
    found = re.search(r"selected: (\d+)", page.get_by_text("selected:").inner_text())
    assert found
    return int(found.group(1))


def test_lasso_and_rectangle_select_what_they_hold(see: Callable[..., Page]) -> None:
    page = see()
    page.keyboard.down("Shift")
    drag(page, (0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.04))
    page.keyboard.up("Shift")
    expect(page.get_by_text("selected: 1000")).to_be_visible()
    page.get_by_role("button", name="rectangle").click()
    drag(page, (0.02, 0.02), (0.98, 0.5))
    wait(page, lambda: 200 < selected(page) < 800, "the upper half is selected")
    expect(page.locator(".counts")).to_have_text(f"1,000 images, {selected(page)} selected")


def test_a_selection_from_elsewhere_is_shown_and_enter_selects(see: Callable[..., Page]) -> None:
    page = see()
    page.get_by_role("button", name="select two").click()
    expect(page.locator(".counts")).to_have_text("1,000 images, 2 selected")
    page.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".aloud")).to_contain_text("predicted")
    image = re.match(r"image (\d+): true", page.locator(".aloud").inner_text())
    page.keyboard.press("Enter")
    assert image
    expect(page.get_by_text(f"selected: 1, first [{image.group(1)}]")).to_be_visible()


def test_zoom_stays_while_points_glide_to_another_epoch(see: Callable[..., Page]) -> None:
    page = see()
    tip = page.locator(".tip")
    page.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    whole = box(tip)
    for _ in range(4):
        page.keyboard.press("-")
    wait(page, lambda: box(tip) != whole, "the map is smaller")
    page.wait_for_timeout(300)
    before = box(tip)
    tip.evaluate("""tip => {
      window.places = new Set()
      const note = () => { places.add(tip.style.transform); requestAnimationFrame(note) }
      note()
    }""")
    for _ in range(5):  # a browser that is short of time may draw no step of a glide; a jump never has any
        page.get_by_role("button", name="later").dispatch_event("click")
        wait(page, lambda: box(tip) != before, "the points move")
        page.wait_for_timeout(1000)
        page.get_by_role("button", name="earlier").dispatch_event("click")
        wait(page, lambda: box(tip) == before, "the points are back, and the zoom is what it was")
        if page.evaluate("places.size") > 2:
            break
    assert page.evaluate("places.size") > 2


def test_maps_on_a_page_mark_the_same_image(see: Callable[..., Page]) -> None:
    page = see("maps=2")
    second = page.locator("canvas.pictures").nth(1)
    assert second.evaluate(INK) == 0
    page.locator(".plot").first.focus()
    page.keyboard.press("ArrowRight")
    wait(page, lambda: second.evaluate(INK) > 20, "the other map marks it")
    page.keyboard.press("Tab")
    wait(page, lambda: second.evaluate(INK) == 0, "the mark is gone")


def test_classes_are_switched_off(see: Callable[..., Page]) -> None:
    page = see()
    before = page.locator("canvas.points").evaluate(INK)
    for name in "012456789":
        page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("button", name="5", exact=True)).to_have_attribute("aria-pressed", "false")
    wait(page, lambda: page.locator("canvas.points").evaluate(INK) < before / 4, "fewer points are drawn")
    page.locator(".plot").focus()
    for _ in range(5):
        page.keyboard.press("ArrowUp")
        expect(page.locator(".aloud")).to_contain_text("true 3")


def test_images_stand_at_their_places_from_one_sprite(see: Callable[..., Page]) -> None:
    page = see("n=200")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/images/" in request.url else None)
    page.get_by_text("images", exact=True).click()
    wait(page, lambda: page.locator("canvas.pictures").evaluate(INK) > 20_000, "the images are drawn")
    assert len(asked) == 1
    assert asked[0].partition(".png")[0].count(",") > 150


def test_without_webgl_a_chart_comes_and_selects_nothing_by_itself(see: Callable[..., Page]) -> None:
    page = see(before=NO_WEBGL)
    said = page.get_by_test_id("stCaptionContainer").get_by_text("This browser has no WebGL")
    expect(said).to_be_visible()  # for a moment the map says it too, before the chart takes its place
    expect(page.locator(".stEChartsChart canvas, [data-testid=stEChartsChart] canvas").first).to_be_visible()
    expect(page.get_by_text("selected: 0")).to_be_visible()


def test_no_context_is_left_behind_and_a_lost_one_is_made_anew(see: Callable[..., Page]) -> None:
    page = see("maps=2", CONTEXTS)
    assert page.evaluate(LIVING) == 1
    page.evaluate("contexts.at(-1).getExtension('WEBGL_lose_context').loseContext()")
    wait(page, lambda: page.evaluate(LIVING) == 1, "there is a new context")
    expect(page.locator(".trouble").first).to_be_hidden()
    drawn(page, 2)
    page.get_by_role("link", name="other").click()
    expect(page.get_by_text("nothing")).to_be_visible()
    wait(page, lambda: page.evaluate(LIVING) == 0, "the context is given back")
    page.get_by_role("link", name="map", exact=True).click()
    drawn(page)
    assert page.evaluate(LIVING) == 1


def test_the_bundle_is_loaded_once_and_kept(see: Callable[..., Page]) -> None:
    page = see()
    page.get_by_role("button", name="later").click()
    page.wait_for_timeout(500)
    loads = page.evaluate("performance.getEntriesByType('resource').filter(one => one.name.includes('/map.js')).length")
    assert loads == 1


def test_what_the_bundle_holds_has_its_licences() -> None:
    folder = Path(ROOT) / "pages/ui/components/map"
    told = (folder / "bundle" / "LICENCES.txt").read_text(encoding="utf-8")
    for name in ("regl-scatterplot", "regl", "gl-matrix", "earcut"):
        assert re.search(rf"^{name} \d", told, re.MULTILINE), name


def test_who_zooms_past_all_points_is_told_so(see: Callable[..., Page]) -> None:
    page = see()
    area = box(page.locator(".plot").first)
    page.mouse.move(area["x"] + 3, area["y"] + 3)
    for _ in range(12):
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(60)
    expect(page.locator(".counts")).to_have_text("1,000 images, none in sight")
    page.get_by_role("button", name="whole map").click()
    expect(page.locator(".counts")).to_have_text("1,000 images")
