"""A server for strangers: each browser is an owner from its first Train on, and changes only what is its own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitors
from tests.e2e.steps import badge, open_runs, open_train, start_run
from tools.app_server import AppServer, until

COOKIE = "mnist_lab_owner"


@pytest.fixture(scope="module")
def server(make_server: Callable[..., AppServer]) -> AppServer:
    return make_server(MNIST_LAB_PROFILE="demo").start().wait_until_warm()


def owner_cookies(page: Page) -> list[str]:
    return [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE]


def delete_button(page: Page):
    return page.get_by_role("button", name="Delete", exact=True)


def test_two_browsers_are_two_owners(server: AppServer, page: Page, visitors: Visitors) -> None:
    open_train(page, server)
    assert not owner_cookies(page)
    start_run(page, server, "mine", epochs=3)
    until(lambda: bool(page.wait_for_timeout(50) or owner_cookies(page)), 20, "the browser has its cookie")
    expect(badge(page, "finished")).to_be_visible()

    other = visitors.visit()
    open_runs(other, server, "mine")
    assert not owner_cookies(other)
    expect(delete_button(other)).to_be_disabled()
    start_run(other, server, "theirs", epochs=2)
    expect(badge(other, "finished")).to_be_visible()
    until(lambda: bool(other.wait_for_timeout(50) or owner_cookies(other)), 20, "the other browser has its cookie")
    assert owner_cookies(page) != owner_cookies(other)
    assert len({run.owner for run in server.runs()}) == 2

    open_runs(page, server, "theirs")
    expect(delete_button(page)).to_be_disabled()
    open_runs(page, server, "mine")
    expect(delete_button(page)).to_be_enabled()
    delete_button(page).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert [run.name for run in server.runs()] == ["theirs"]
