"""The app's processes: none is left behind, and TensorFlow stays out of the one that serves the pages."""

import re
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import expect

from tests.e2e.conftest import Visitors
from tools.app_server import AppServer, maps, until

PAGES = {"": "Train", "runs": "Runs", "predictions?run=first-look": "Predictions", "data": "Data"}


def visit_all_pages(visitors: Visitors, server: AppServer) -> None:
    page = visitors.visit()
    for path, heading in PAGES.items():
        page.goto(f"{server.url}/{path}")
        expect(page.get_by_role("heading", name=heading, level=1, exact=True)).to_be_visible()


def test_tensorflow_is_mapped_by_the_worker_alone_and_sigterm_ends_both(
    make_server: Callable[..., AppServer], visitors: Visitors, copied_home: Path
) -> None:
    server = make_server(copied_home).start().wait_until_warm()
    visit_all_pages(visitors, server)
    app = psutil.Process(server.process.pid)
    assert maps(app, "site-packages/pandas")
    assert not maps(app, "site-packages/tensorflow")
    assert not maps(app, "site-packages/keras")
    assert any(one.pid != app.pid for one in server.workers())
    visitors.expects_outage = True
    server.stop()
    assert not server.end_everything()


def test_killed_server_takes_its_workers_along(make_server: Callable[..., AppServer]) -> None:
    server = make_server().start().wait_until_warm()
    assert len(server.processes()) > 1
    server.kill()
    until(lambda: not server.processes(), 15, "every process of the killed server is gone")


def test_deep_link_is_the_first_thing_that_a_new_server_shows(
    make_server: Callable[..., AppServer], visitors: Visitors, copied_home: Path
) -> None:
    server = make_server(copied_home).start()
    page = visitors.visit()
    page.goto(f"{server.url}/predictions?run=first-look&epoch=1")
    for name in ("Train", "Runs", "Predictions", "Data"):
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Predictions", level=1)).to_be_visible()
    expect(page.get_by_text(re.compile(r"wrong.*validation split at epoch 1"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"run=[0-9a-f-]{36}&epoch=1"))
