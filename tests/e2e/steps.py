"""What visitors do on the pages, by the roles and words that they see."""

import re

from playwright.sync_api import Locator, Page, expect

from tools.app_server import AppServer

__all__ = [
    "badge",
    "curve",
    "drawn",
    "open_runs",
    "open_train",
    "start_run",
    "stop_button",
    "train_button",
    "type_number",
]

LONG = 1000
"""Epochs of a run that does not end by itself during a test."""


def train_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile(r"^Train Shortcut"))


def stop_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Stop", exact=True)


def badge(page: Page, word: str) -> Locator:
    """The state beside the name of the run that is shown."""
    return page.get_by_role("main").get_by_text(re.compile(rf"(^|\s){word}$")).first


def curve(page: Page, quantity: str = "loss") -> Locator:
    """A curve with at least one epoch on it, as it is read aloud."""
    return page.get_by_role("img", name=re.compile(rf"^{quantity} over epochs, .* at best epoch \d+"))


def drawn(page: Page) -> None:
    """Waits until the script of the page has run."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def open_train(page: Page, server: AppServer, query: str = "") -> None:
    page.goto(f"{server.url}/{query}")
    expect(train_button(page)).to_be_enabled()


def open_runs(page: Page, server: AppServer, name: str) -> None:
    page.goto(f"{server.url}/runs?run={name}")
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def type_number(page: Page, label: str, value: int) -> None:
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Tab")


def start_run(page: Page, server: AppServer, name: str, epochs: int = LONG) -> None:
    """Presses Train for a run on the digits and waits until the page looks at it."""
    open_train(page, server)
    type_number(page, "epochs", epochs)
    page.get_by_role("textbox", name="name of the run").fill(name)
    page.get_by_role("textbox", name="name of the run").press("Tab")
    train_button(page).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
