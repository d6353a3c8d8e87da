"""Photographs every page in its states, wide and narrow, light and dark.

    python -m tools.screenshots [FOLDER] [--only WORD ...] [--look LOOK ...]
    python -m tools.screenshots --strip [FILE] --train [FILE] --maps [FILE] --inside [FOLDER]

Starts servers of its own with homes of their own, prepares their runs, and ends everything. The pictures are for
looking at: alignment, cut text, gaps, jumps, labels that cannot be read. The last line makes the pictures of the docs
anew: the strip, which has the same images and the same matrix at four epochs, the train page, the maps of a layer by
each method, and looks inside two networks that are trained on MNIST for it, which takes some minutes.
"""

import argparse
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as BrowserError

from tools.app_server import ROOT, AppServer
from tools.chromium import FLAGS, find_chromium
from tools.homes import HOMES, serving, train
from tools.states import STATES, State

__all__ = ["main"]

SIZES: dict[str, ViewportSize] = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}
LOOKS = tuple(f"{size}-{scheme}" for size in SIZES for scheme in ("light", "dark"))
TALLEST = 6000
UNFOLDINGS = 3
"""What is as high as a part of the window grows with it."""

PATIENCE_MS = 60_000
REST_MS = 700

DOCS = ROOT / "docs"
STRIP, TRAIN, MAPS = (DOCS / name for name in ("epochs.png", "train.png", "maps.png"))
TRAIN_RUN, TRAIN_HEIGHT = "quiet-otter", 1000
STRIP_RUN = "plain-finch"
STRIP_LINK = "predictions?run={run}&epoch={epoch}&selection=cell.5.6~1~validation~{id}"
STRIP_EPOCHS = ("0", "1", "3", "kept")
STRIP_WIDTH, CURSOR_WIDTH = 352, 440
"""Of the window, in which the pieces of the strip are equally wide."""

INSIDE_EPOCHS = {"mlp-512": 10, "lenet-5x5": 5}
"""How long the networks are trained that are looked into, by their names."""

INSIDE = (
    ("weights.png", "weights?run=mlp-512&difference=own", ".tiles", "now: epoch"),
    ("kernels.png", "weights?run=lenet-5x5&difference=own", ".tiles", "now: epoch"),
    ("unit-off.png", "weights?run=lenet-5x5&unit=3&off=3&split=validation", ".st-key-unit_off", "with all units"),
    (
        "inside.png",
        "network?run=lenet-5x5&selection=cell.x.x~-~validation~{lenet-5x5}",
        ".st-key-way",
        "Which pixels matter",
    ),
)
"""Pictures of the docs: file, address, the part of the page, and a text in it that comes last."""

COLOURS = 256
AROUND = 12
"""Pixels around the part."""

INSIDE_SIZE: ViewportSize = {"width": 1440, "height": 1200}

METHODS = ("PCA", "t-SNE", "UMAP")
MAP_WIDTH = 720
MAPS_STYLE = """
body { margin: 0; background: white; font: 22px sans-serif; color: #1c2430 }
main { display: flex; gap: 20px; padding: 12px; width: max-content }
figure { margin: 0 }
figcaption { padding: 8px 4px }
img { display: block }
"""
STRIP_STYLE = """
body { margin: 0; background: white }
main { display: grid; grid-template-columns: repeat(4, max-content); gap: 8px 24px; width: max-content; padding: 16px }
img { display: block }
"""


def main() -> int:
    arguments = parse()
    chromium = find_chromium()
    if not chromium:
        print("There is no Chromium: install one, or name it in the variable CHROMIUM.", file=sys.stderr)
        return 2
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="screenshots-") as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        if arguments.strip or arguments.train or arguments.maps or arguments.inside:
            with serving("full", Path(scratch)) as server:
                draw_for_docs(browser, server, arguments)
        else:
            missed = photograph_all(browser, Path(scratch), arguments)
        browser.close()
    for name in missed:
        print(f"not as it should be: {name}", file=sys.stderr)
    return 1 if missed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="only pictures with this in their name")
    parser.add_argument("--look", nargs="+", default=LOOKS, choices=LOOKS, metavar="LOOK", help=", ".join(LOOKS))
    parser.add_argument("--strip", nargs="?", const=STRIP, type=Path, metavar="FILE", help="the strip of the docs")
    parser.add_argument("--train", nargs="?", const=TRAIN, type=Path, metavar="FILE", help="the train page of the docs")
    parser.add_argument("--maps", nargs="?", const=MAPS, type=Path, metavar="FILE", help="the maps of the docs")
    parser.add_argument(
        "--inside", nargs="?", const=DOCS, type=Path, metavar="FOLDER", help="looks inside, of the docs"
    )
    return parser.parse_args()


def photograph_all(browser: Browser, scratch: Path, arguments: argparse.Namespace) -> list[str]:
    """Takes the pictures; returns the names of those that never showed what they should."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    wanted = [state for state in STATES if any(word in state.name for word in arguments.only)]
    missed: list[str] = []
    for home in HOMES:
        states = [state for state in wanted if state.home == home]
        if states:
            with serving(home, scratch) as server:
                for state in states:
                    missed += photograph(browser, server, state, arguments)
    return missed


def photograph(browser: Browser, server: AppServer, state: State, arguments: argparse.Namespace) -> Iterator[str]:
    """Takes a state in each look; yields the names of those that never showed what they should."""
    path = state.path.format_map({run.name: run.id for run in server.runs()})
    for look in arguments.look:
        name = f"{state.name}-{look}"
        with visiting(browser, look) as page:
            page.goto(f"{server.url}/{path}")
            try:
                expect(page.get_by_text(state.shows).filter(visible=True).first).to_be_visible(timeout=PATIENCE_MS)
                come_to_rest(page)
                state.act(page)
            except (AssertionError, BrowserError) as error:
                print(str(error).partition("\n")[0], file=sys.stderr)
                yield name
            come_to_rest(page)
            page.screenshot(path=arguments.folder / f"{name}.png")
            if unfold(page):
                page.screenshot(path=arguments.folder / f"{name}-whole.png")
        print(name, file=sys.stderr)


@contextmanager
def visiting(browser: Browser, look: str) -> Iterator[Page]:
    """A page of a new visitor, in one of `LOOKS`."""
    size, scheme = look.split("-")
    dark: Literal["dark", "light"] = "dark" if scheme == "dark" else "light"
    context = browser.new_context(viewport=SIZES[size], color_scheme=dark, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def unfold(page: Page) -> bool:
    """Makes the window so high that nothing scrolls; returns whether it had to."""
    has_grown = False
    for _ in range(UNFOLDINGS):
        viewport = page.viewport_size
        assert viewport is not None
        full = min(page.get_by_test_id("stMain").evaluate("e => e.scrollHeight"), TALLEST)
        if full <= viewport["height"]:
            break
        page.set_viewport_size({"width": viewport["width"], "height": full})
        come_to_rest(page)
        has_grown = True
    return has_grown


def come_to_rest(page: Page) -> None:
    """Waits until the script has run and what it sent is drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_timeout(REST_MS)


def draw_for_docs(browser: Browser, server: AppServer, arguments: argparse.Namespace) -> None:
    """The pictures of the docs that are asked for."""
    if arguments.strip:
        draw_strip(browser, server, arguments.strip)
    if arguments.train:
        draw_train(browser, server, arguments.train)
    if arguments.maps:
        draw_maps(browser, server, arguments.maps)
    if arguments.inside:
        draw_inside(browser, server, arguments.inside)


def draw_inside(browser: Browser, server: AppServer, folder: Path) -> None:
    """Parts of the pages that look into a network, of two that are trained for it."""
    for preset, epochs in INSIDE_EPOCHS.items():
        train(server, preset, "mnist", name=preset, epochs=epochs)
    ids = {run.name: run.id for run in server.runs()}
    for name, address, part, shows in INSIDE:
        with visiting(browser, "wide-light") as page:
            page.set_viewport_size(INSIDE_SIZE)
            page.goto(f"{server.url}/{address.format_map(ids)}")
            expect(page.locator(part).get_by_text(shows).first).to_be_visible(timeout=3 * PATIENCE_MS)
            page.mouse.move(0, 0)
            come_to_rest(page)
            unfold(page)
            box = page.locator(part).first.bounding_box()
            assert box
            clip = {
                "x": box["x"] - AROUND,
                "y": box["y"] - AROUND,
                "width": box["width"] + 2 * AROUND,
                "height": min(box["height"] + 2 * AROUND, INSIDE_SIZE["height"]),
            }
            picture = Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")
            small = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3)  # a third of the bytes
            small.save(folder / name, optimize=True)


def draw_maps(browser: Browser, server: AppServer, file: Path) -> None:
    """The maps of a run's last hidden layer by each method, and how far each can be trusted."""
    drawn = [map_of(browser, f"{server.url}/embeddings?run={TRAIN_RUN}", method) for method in METHODS]
    pictures = [f'<img src="data:image/png;base64,{b64encode(picture).decode()}">' for picture, _ in drawn]
    figures = [
        f"<figure>{picture}<figcaption>{said}</figcaption></figure>"
        for picture, (_, said) in zip(pictures, drawn, strict=True)
    ]
    with visiting(browser, "wide-light") as page:
        page.set_viewport_size({"width": 3 * MAP_WIDTH, "height": 800})
        page.set_content(f"<style>{MAPS_STYLE}</style><main>{''.join(figures)}</main>")
        page.locator("main").screenshot(path=file)


def map_of(browser: Browser, address: str, method: str) -> tuple[bytes, str]:
    """The picture of a map, and what stands below it."""
    with visiting(browser, "wide-light") as page:
        page.set_viewport_size({"width": 1180, "height": 1100})
        page.goto(f"{address}&method={method}")
        make = page.get_by_role("button", name=f"Make the {method}")
        hit = page.get_by_text("Neighbourhood hit")
        expect(make.or_(hit).first).to_be_visible(timeout=PATIENCE_MS)
        if make.is_visible():
            make.click()
        expect(hit).to_be_visible(timeout=3 * PATIENCE_MS)
        page.mouse.move(0, 0)
        come_to_rest(page)
        page.wait_for_timeout(REST_MS)
        return page.locator(".map").screenshot(), f"{method}: {hit.inner_text()}"


def draw_train(browser: Browser, server: AppServer, file: Path) -> None:
    """The train page with a finished run, whose choices the form has taken over."""
    with visiting(browser, "wide-light") as page:
        page.set_viewport_size(SIZES["wide"] | {"height": TRAIN_HEIGHT})
        page.goto(f"{server.url}/?run={TRAIN_RUN}")
        page.get_by_role("button", name="Train again with changes").click()
        expect(page.get_by_role("spinbutton", name="batch size")).to_have_value("32")
        page.mouse.move(0, 0)
        come_to_rest(page)
        page.screenshot(path=file)


def draw_strip(browser: Browser, server: AppServer, file: Path) -> None:
    """Cursor, headline, matrix and selected images of a run at four epochs, side by side in one picture."""
    run = next(run for run in server.runs() if run.name == STRIP_RUN)
    columns = [
        pieces(browser, f"{server.url}/{STRIP_LINK.format(run=run.name, epoch=at, id=run.id)}") for at in STRIP_EPOCHS
    ]
    images = [
        f'<img src="data:image/png;base64,{b64encode(one).decode()}">'
        for row in zip(*columns, strict=True)
        for one in row
    ]
    with visiting(browser, "wide-light") as page:
        page.set_content(f"<style>{STRIP_STYLE}</style><main>{''.join(images)}</main>")
        page.locator("main").screenshot(path=file)


def pieces(browser: Browser, address: str) -> list[bytes]:
    """Pictures of what the strip shows of one epoch, from top to bottom."""
    with visiting(browser, "narrow-light") as page:
        page.set_viewport_size({"width": CURSOR_WIDTH, "height": TALLEST})
        page.goto(address)
        images = page.get_by_role("group", name="chosen images")
        expect(images.locator(".cell").first).to_be_visible(timeout=PATIENCE_MS)
        come_to_rest(page)
        cursor = page.locator(".cursor").screenshot()
        page.set_viewport_size({"width": STRIP_WIDTH, "height": TALLEST})
        come_to_rest(page)
        matrix = page.get_by_role("img", name="Confusion matrix")
        return [cursor, *(one.screenshot() for one in (page.get_by_text("split at epoch").first, matrix, images))]


if __name__ == "__main__":
    sys.exit(main())
