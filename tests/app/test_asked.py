"""What is asked of the view lane: once the cursor rests, once for all, followed, stopped, tried again, found again."""

import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.inspection import UnitsRequest
from mnist_core.runs import RunState
from pages.ui import asked as asked_module
from pages.ui.frame import resting
from tests.app.conftest import TIMEOUT
from tests.app.view_worker import ViewWorker, responses


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)


@pytest.fixture
def worker(shared, finished_run):
    return ViewWorker(shared.lab)


def script():
    import streamlit as st

    from mnist_core.inspection import UnitsRequest
    from pages.ui.asked import asked
    from pages.ui.guard import guard

    state = st.session_state
    with guard():
        request = UnitsRequest(layer=state["layer"], epoch=state["epoch"])
        found = asked(request, state["run"], what="The units", height=200)
        if found is not None:
            st.text(f"answers of {len(found.mean)} units")


@pytest.fixture
def visit(finished_run, worker):
    def open_it(**more):
        app = AppTest.from_function(script, default_timeout=TIMEOUT)
        for name, value in ({"run": finished_run.id, "layer": "output", "epoch": 2} | more).items():
            app.session_state[name] = value
        return app.run()

    return open_it


def said(app):
    assert not app.exception
    return " ".join(one.value for one in (*app.markdown, *app.text, *app.error))


def press(app, label):
    return next(one for one in app.button if one.label == label).click().run()


def test_an_answer_is_asked_for_once_followed_and_found_again(visit, worker, finished_run, monkeypatch):
    app = visit()
    assert "**The units** :material/hourglass_top: Waits for the view worker to start" in said(app)
    assert "Waits for the view worker" in said(visit())
    lease, request = worker.begin()
    assert worker.claim() is None, "two visitors, one order"
    assert request == UnitsRequest(layer="output", epoch=2)
    assert "At work." in said(app.run())
    assert not app.button
    worker.archive.keep(lease, -1, responses(finished_run, 10).to_files())
    worker.archive.store.finish(lease, RunState.DONE)
    assert said(app.run()) == said(visit()) == "answers of 10 units"
    monkeypatch.setattr(ViewWorker, "claim", None)
    monkeypatch.setattr("mnist_core.jobs.Jobs.answer", None)
    assert said(app.run()) == "answers of 10 units", "it is not read again"


def test_who_only_passes_an_epoch_asks_for_nothing(visit, worker, monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 1000.0)
    app = visit()
    for epoch in (0, 1, 2):
        app.session_state["epoch"] = epoch
        assert "Begins as soon as the cursor rests here." in said(app.run())
    assert worker.claim() is None
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)
    assert "Waits" in said(app.run())
    _, request = worker.begin()
    assert request.epoch == 2


def test_after_a_while_it_says_how_long_and_can_be_stopped(visit, worker, monkeypatch):
    monkeypatch.setattr(asked_module, "PATIENCE", 0.0)
    app = visit()
    lease, _ = worker.begin()
    assert "At work. 0." in said(app.run())
    press(app, "Stop")
    assert "Stopping." in said(app)
    assert not app.button
    assert worker.archive.store.beat(lease).value == "stop"
    worker.archive.store.finish(lease, RunState.STOPPED, reason="Stopped on request.")
    assert "Stopped on request." in said(app.run())
    assert worker.claim() is None, "nobody asked again"
    press(app, "Try again")
    assert worker.begin()


def test_what_still_waits_can_be_stopped(visit, worker, monkeypatch):
    monkeypatch.setattr(asked_module, "PATIENCE", 0.0)
    app = visit()
    press(app, "Stop")
    assert "Stopped" in said(app)
    assert worker.claim() is None


def test_what_failed_says_why_and_can_be_asked_for_again(visit, worker, finished_run):
    app = visit()
    worker.end(RunState.FAILED, "It is another dataset.")
    assert "It is another dataset." in said(app.run())
    press(app, "Try again")
    worker.answer(lambda _: responses(finished_run, 10))
    assert said(app.run()) == "answers of 10 units"


def test_what_the_run_has_not_is_a_sentence(visit, worker):
    app = visit(layer="conv_9")
    assert "`layer` must be one of output in" in app.error[0].value
    assert worker.claim() is None


@pytest.mark.parametrize("gone", ["order", "blobs"])
def test_an_answer_that_made_room_is_made_again(visit, worker, finished_run, shared, gone):
    app = visit()
    worker.answer(lambda _: responses(finished_run, 10))
    assert said(app.run()) == "answers of 10 units"
    asked_module._recent.clear()
    if gone == "order":
        [(order, _)] = shared.lab.archive.store.sizes("units")
        shared.lab.archive.store.delete(order)
    else:
        for path in (shared.lab.settings.home / "blobs").rglob("*"):
            if path.is_file():
                path.unlink()
        app.run()
    app.run()
    worker.answer(lambda _: responses(finished_run, 7))
    assert said(app.run()) == "answers of 7 units"


def test_strangers_do_not_stop_the_work_of_others(visit, worker, monkeypatch):
    monkeypatch.setattr(asked_module, "PATIENCE", 0.0)
    monkeypatch.setattr("mnist_core.jobs.Jobs.may_change", lambda *_: False)
    app = visit()
    worker.begin()
    assert "At work." in said(app.run())
    assert not app.button
