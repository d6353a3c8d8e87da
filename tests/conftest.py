"""For all tests: no example is too slow, as the machine may be busy, and no setting but the data comes from outside.

Tests may run in several processes at once, file by file, so that what a file shares is made once. With
REQUIRE_BROWSER=1, as in continuous integration, the session fails where fewer browser tests ran than there are.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")

OURS = ("MNIST_LAB_DATA", "MNIST_LAB_TEST_DB")
for name in [name for name in os.environ if name.startswith("MNIST_LAB_") and name not in OURS]:
    del os.environ[name]

E2E = Path(__file__).parent / "e2e"
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
SENT = "browser_tests"
browser_tests: set[str] = set()
ran: set[str] = set()


def pytest_itemcollected(item: pytest.Item) -> None:
    if E2E in item.path.parents:
        browser_tests.add(item.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and not report.skipped:
        ran.add(report.nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Of several processes, the first one hears from the others which tests they found."""
    browser_tests.update(getattr(node, "workeroutput", {}).get(SENT, ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[SENT] = sorted(browser_tests)
    elif REQUIRED and not session.config.option.collectonly and (missing := browser_tests - ran):
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        said = f"Of {len(browser_tests)} browser tests {len(missing)} did not run: {', '.join(sorted(missing))}"
        reporter.write_line(f"\n{said}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
