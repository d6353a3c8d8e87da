"""Looking at what is recorded: links, cells, the test split, bundles, own data, and a phone."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitors
from tests.e2e.steps import drawn, open_runs, open_train, train_button
from tools.app_server import AppServer

MATRIX = re.compile(r"^Confusion matrix of \d+ images")
PAGES = ("", "runs?run=first-look", "predictions?run=first-look", "data")


@pytest.fixture(scope="module")
def server(
    make_server: Callable[..., AppServer], trained_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> AppServer:
    home = tmp_path_factory.mktemp("looking") / "home"
    return make_server(Path(shutil.copytree(trained_home, home))).start().wait_until_warm()


def open_predictions(page: Page, server: AppServer, query: str = "run=first-look") -> None:
    page.goto(f"{server.url}/predictions?{query}")
    expect(page.get_by_role("img", name=MATRIX)).to_be_visible()


def test_link_to_a_run_that_is_gone_says_what_else_there_is(server: AppServer, page: Page) -> None:
    open_predictions(page, server, "run=gone-otter&epoch=7")
    expect(page.get_by_text(re.compile(r"gone-otter.*first-look.* is shown"))).to_be_visible()


def test_cell_of_the_matrix_is_chosen_by_menus_and_kept_in_the_link(server: AppServer, visitors: Visitors) -> None:
    page = visitors.visit(height=2000)  # so high that nothing scrolls, as that closes an open menu
    open_predictions(page, server)
    for menu, said in (("true class", "errors of 8"), ("predicted class", "true 8, predicted 8")):
        page.get_by_role("combobox", name=menu).fill("8")
        page.get_by_role("option", name="8", exact=True).click()
        expect(page.get_by_role("button", name=re.compile(rf"[\d,]+: {said}, at epoch 2"))).to_be_visible()
    heading = page.get_by_role("heading", name=re.compile(r"^\d+ images?: true 8, predicted 8, at epoch 2$"))
    expect(heading).to_be_visible()
    expect(page).to_have_url(re.compile("selection=cell.8.8~2~validation~"))
    page.reload()
    expect(heading).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"[\d,]+: true 8, predicted 8, at epoch 2"))).to_be_visible()
    expect(page.get_by_role("group", name="chosen images").locator(".cell").first).to_be_visible()
    drawn(page)
    page.keyboard.press("Escape")
    expect(heading).to_be_hidden()
    expect(page).not_to_have_url(re.compile("selection="))


def test_test_split_is_opened_knowingly(server: AppServer, page: Page) -> None:
    page.goto(f"{server.url}/predictions?run=first-look&split=test")
    expect(page.get_by_role("button", name="Open the test split")).to_be_visible()
    expect(page.get_by_role("img", name=MATRIX)).to_be_hidden()
    page.get_by_role("button", name="Open the test split").click()
    expect(page.get_by_role("img", name=re.compile("^Confusion matrix of 270 images"))).to_be_visible()


def test_run_and_epoch_stay_when_the_page_changes(server: AppServer, page: Page) -> None:
    open_predictions(page, server, "run=first-look&epoch=1")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="first-look", exact=True)).to_be_visible()
    page.get_by_role("link", name="Predictions", exact=True).click()
    expect(page.get_by_role("img", name=MATRIX)).to_be_visible()
    expect(page).to_have_url(re.compile(r"run=[0-9a-f-]{36}&epoch=1"))
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value(re.compile("^first-look"))


def test_bundle_is_exported_deleted_and_imported(server: AppServer, page: Page, tmp_path: Path) -> None:
    open_runs(page, server, "first-look")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export", exact=True).click()
    bundle = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(bundle)
    assert bundle.name == "first-look.zip"
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    page.locator("input[type=file]").set_input_files(bundle)
    expect(page.get_by_text("first-look.zip")).to_be_visible()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="first-look", exact=True)).to_be_visible()
    assert [run.name for run in server.runs()] == ["first-look"]


def test_own_data_is_refused_or_taken_in(server: AppServer, page: Page, tmp_path: Path) -> None:
    images = np.random.default_rng(7).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    np.savez(good, x=images, y=np.arange(60) % 3, classes=np.array(["ant", "bee", "cat"]))
    np.savez(bad, x=images, y=np.arange(60) % 3 + 1)
    page.goto(f"{server.url}/data")
    page.get_by_role("radio", name=re.compile("own data", re.IGNORECASE)).click()
    field = page.locator("input[type=file]")
    field.set_input_files(bad)
    expect(page.get_by_role("alert").filter(has_text=re.compile("0"))).to_be_visible()
    field.set_input_files(good)
    expect(page.get_by_text("60 images in 3 classes are here")).to_be_visible()
    open_train(page, server)
    page.get_by_role("combobox", name="dataset").click()
    expect(page.get_by_role("option", name=re.compile(r"60 images"))).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_phone_never_scrolls_sideways(server: AppServer, visitors: Visitors, path: str) -> None:
    page = visitors.visit(width=390, height=844)
    page.goto(f"{server.url}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    too_wide = "e => [e.scrollWidth, e.clientWidth]"
    for where in ("html", "[data-testid=stMain]"):
        wanted, there = page.locator(where).evaluate(too_wide)
        assert wanted <= there, f"{where} of /{path} is {wanted} wide on {there}"


def test_phone_reaches_the_train_button(server: AppServer, visitors: Visitors) -> None:
    page = visitors.visit(width=390, height=844)
    open_train(page, server)
    train_button(page).scroll_into_view_if_needed()
    train_button(page).click(trial=True)
