"""For the browser tests: the app as a process of its own, and Chromium looking at it.

Chromium is taken from the variable CHROMIUM or from the path; where there is none the tests are skipped.
"""

import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tools.app_server import AppServer
from tools.chromium import FLAGS, find_chromium

HERE = Path(__file__).parent
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
PATIENCE_MS = 30_000
HARMLESS = re.compile(r"/_stcore/(health|host-config)")
"""At a deep link, Streamlit looks below the page's own path for its server first."""

GOING_DOWN = re.compile(r"ERR_CONNECTION|WebSocket|Failed to fetch|status of 50\d|not responding", re.IGNORECASE)
BROKEN = re.compile(r"This part of the page broke|Traceback \(most recent call last\)")

expect.set_options(timeout=PATIENCE_MS)
servers: list[AppServer] = []
"""Of the module at work."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in (item for item in items if HERE in item.path.parents):
        item.add_marker(pytest.mark.browser)
        if not find_chromium() and not REQUIRED:
            item.add_marker(pytest.mark.skip("no Chromium: install one, or name it in the variable CHROMIUM"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to a failure what the servers logged."""
    report = yield
    if report.failed and HERE in item.path.parents:
        report.sections += [(f"Log of the server with home {one.home}", one.said()) for one in servers]
    return report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    assert path, "no Chromium: install one, or name it in the variable CHROMIUM"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., AppServer]]:
    """Makes servers, each with a home of its own unless one is given; what is left of them fails the test."""
    servers.clear()

    def make(home: Path | None = None, **settings: str) -> AppServer:
        server = AppServer(home or tmp_path_factory.mktemp("home"), **settings)
        servers.append(server)
        return server

    yield make
    left = []
    for server in servers:
        server.stop()
        left += server.end_everything()
    assert not left, "processes were left after the server's end"


@pytest.fixture(scope="module")
def server(make_server: Callable[..., AppServer]) -> AppServer:
    """One server for the tests of a module, with an empty home and a worker that is warm."""
    return make_server().start().wait_until_warm()


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one finished run, `first-look`: a softmax regression after two epochs on the digits."""
    home = tmp_path_factory.mktemp("trained")
    server = AppServer(home)
    more = ("--set", "training.epochs=2", "--name", "first-look")
    server.command("train", "--preset", "softmax-regression", "--dataset", "digits", *more)
    return home


@pytest.fixture
def copied_home(trained_home: Path, tmp_path: Path) -> Path:
    """A copy of `trained_home`."""
    return Path(shutil.copytree(trained_home, tmp_path / "home"))


class Visitors:
    """Opens pages in contexts of their own and notes what goes wrong in them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.contexts: list[BrowserContext] = []
        self.problems: list[str] = []
        self.expects_outage = False
        """Whether the server is taken away on purpose, so that failed requests are no problem."""

    def visit(self, *, width: int = 1440, height: int = 900) -> Page:
        """A page in a new context, as another person's browser."""
        context = self._browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("console", self._hear)
        page.on("request", self._watch)
        return page

    def close(self) -> None:
        for context in self.contexts:
            for page in context.pages:
                if found := BROKEN.search(page.locator("body").inner_text()):
                    self.problems.append(f"{page.url} shows: {found.group()}")
            context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        said = f"{message.text} ({message.location.get('url', '')})"
        if message.type != "error" or HARMLESS.search(said):
            return
        if not (self.expects_outage and GOING_DOWN.search(said)):
            self.problems.append(f"console: {said}")

    def _watch(self, request: Request) -> None:
        """The app works without a network, so it asks nobody but its own server."""
        if request.url.startswith(("http", "ws")) and urlsplit(request.url).hostname != "127.0.0.1":
            self.problems.append(f"asks another host: {request.url}")


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Visitors]:
    """Opens pages; the test fails where one of them breaks or complains."""
    found = Visitors(browser)
    yield found
    found.close()
    assert not found.problems


@pytest.fixture
def page(visitors: Visitors) -> Page:
    """A page on a desktop."""
    return visitors.visit()
