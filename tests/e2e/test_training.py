"""Training in the browser: first visit, stop, reload, queue, a killed worker, keys alone, two people at once."""

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect

from mnist_core.runs import RunRecord, RunState
from tests.e2e.conftest import Visitors
from tests.e2e.steps import badge, curve, open_runs, open_train, start_run, stop_button, train_button, type_number
from tools.app_server import AppServer

TRAINING = re.compile(r"epoch [\d,]+ of [\d,]+, .*left")


def run_named(server: AppServer, name: str) -> RunRecord:
    return next(run for run in server.runs() if run.name == name)


@pytest.fixture(autouse=True)
def nothing_goes_on(server: AppServer, visitors: Visitors) -> Iterator[None]:
    """Leaves no run at work for the next test, whatever happened in this one."""
    yield
    for run in server.runs():
        if run.state.is_active:
            page = visitors.visit()
            page.goto(f"{server.url}/?run={run.id}")
            with suppress(AssertionError):
                stop_button(page).click()
                expect(badge(page, "stopped")).to_be_visible()


def test_first_visit_trains_and_finds_a_wrong_digit(server: AppServer, page: Page) -> None:
    open_train(page, server)
    type_number(page, "epochs", 120)
    train_button(page).click()
    expect(stop_button(page)).to_be_visible()
    expect(page.get_by_text(TRAINING)).to_be_visible()
    expect(curve(page, "loss")).to_be_visible()
    expect(curve(page, "accuracy")).to_be_visible()
    expect(stop_button(page)).to_be_hidden()
    expect(badge(page, "finished")).to_be_visible()
    expect(page.get_by_text(re.compile(r"of the validation images are right .* wrong, at epoch \d+"))).to_be_visible()
    page.get_by_role("link", name="What it gets wrong").click()
    expect(page.get_by_role("img", name=re.compile(r"^Confusion matrix of 127 images"))).to_be_visible()
    expect(page.get_by_role("group", name="chosen images").locator(".wrong").first).to_be_visible()
    page.get_by_role("radio", name="random images").click()
    expect(page.get_by_role("list", name="ten random images").get_by_role("listitem")).to_have_count(10)


def test_stop_keeps_what_was_learnt(server: AppServer, page: Page) -> None:
    start_run(page, server, "to-be-stopped")
    expect(curve(page)).to_be_visible()
    stop_button(page).click()
    expect(badge(page, "stopped")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Stopped on request")).to_be_visible()
    expect(page.get_by_role("link", name="What it gets wrong")).to_be_visible()
    run = run_named(server, "to-be-stopped")
    assert run.state is RunState.STOPPED
    assert (run.epoch or 0) >= 1


def test_reload_in_mid_run_goes_on_showing_it(server: AppServer, page: Page) -> None:
    start_run(page, server, "reloaded")
    expect(page.get_by_text(TRAINING)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="reloaded", exact=True)).to_be_visible()
    expect(page.get_by_text(TRAINING)).to_be_visible()
    expect(curve(page)).to_be_visible()
    assert [run.name for run in server.runs() if run.state is RunState.RUNNING] == ["reloaded"]


def test_second_run_waits_its_turn(server: AppServer, page: Page, visitors: Visitors) -> None:
    start_run(page, server, "goes-first")
    expect(page.get_by_text(TRAINING)).to_be_visible()
    other = visitors.visit()
    start_run(other, server, "goes-second", epochs=999)
    expect(other.get_by_text("Number 1 in the queue")).to_be_visible()
    expect(stop_button(page)).to_be_enabled()
    stop_button(page).click()
    expect(badge(page, "stopped")).to_be_visible()
    expect(other.get_by_text(TRAINING)).to_be_visible()


def test_killed_worker_goes_on_from_its_last_epoch(server: AppServer, page: Page) -> None:
    start_run(page, server, "survivor", epochs=300)
    expect(curve(page)).to_be_visible()
    for worker in server.workers():
        worker.kill()
    expect(page.get_by_text("goes on from its last committed epoch")).to_be_visible()
    expect(badge(page, "finished")).to_be_visible(timeout=90_000)
    run = run_named(server, "survivor")
    assert (run.state, run.attempt, run.epoch) == (RunState.DONE, 2, 300)


def test_keyboard_alone(server: AppServer, page: Page) -> None:
    open_train(page, server)

    def tab_to(what: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate("(e => e && (e.ariaLabel || e.innerText || ''))(document.activeElement)")
            if re.match(what, focused):
                return
        raise AssertionError(f"Tab never comes to {what}")

    tab_to("epochs")
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    tab_to(r"(play_arrow\s+)?Train")
    page.keyboard.press("Enter")
    expect(badge(page, "finished")).to_be_visible()
    tab_to(r"(grid_on\s+)?What it gets wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Predictions", level=1)).to_be_visible()


def test_control_enter_trains(server: AppServer, page: Page) -> None:
    open_train(page, server)
    type_number(page, "epochs", 4)
    page.keyboard.press("Control+Enter")
    expect(badge(page, "finished")).to_be_visible()


def test_one_stops_while_another_renames(server: AppServer, page: Page, visitors: Visitors) -> None:
    start_run(page, server, "contested")
    expect(curve(page)).to_be_visible()
    other = visitors.visit()
    open_runs(other, server, "contested")
    other.get_by_role("button", name="Rename, note").click()
    other.get_by_role("textbox", name="Name").fill("renamed")
    stop_button(page).click()
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_role("heading", name="renamed", exact=True)).to_be_visible()
    expect(badge(page, "stopped")).to_be_visible()
    assert run_named(server, "renamed").state is RunState.STOPPED


def test_one_deletes_while_another_looks_and_stops(server: AppServer, page: Page, visitors: Visitors) -> None:
    start_run(page, server, "deleted-under-way")
    expect(curve(page)).to_be_visible()
    other = visitors.visit()
    open_runs(other, server, "deleted-under-way")
    stop_button(other).click()
    other.get_by_role("button", name="Delete", exact=True).click()
    expect(other.get_by_text("it is gone for good in an hour")).to_be_visible()
    assert "deleted-under-way" not in [run.name for run in server.runs()]
    page.reload()
    expect(
        page.get_by_text(re.compile("deleted-under-way|no run|not recorded|01a", re.IGNORECASE)).first
    ).to_be_visible()
    other.get_by_role("button", name="Undo").click()
    expect(other.get_by_role("heading", name="deleted-under-way", exact=True)).to_be_visible()
    assert run_named(server, "deleted-under-way").state is RunState.STOPPED
