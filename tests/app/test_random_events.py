"""Random events over all pages, in every order: whatever is asked, nobody sees a traceback or loses the frame."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from mnist_core import presets
from mnist_core.errors import DatasetMissing
from mnist_core.runs import RUN_LEVEL, Lease, RunRecord, RunState, export_bundle
from pages.ui.data import download as data_download
from pages.ui.frame import view as frame
from pages.ui.guard import BROKEN
from pages.ui.services import close_services, services
from tests.app.random_events import INDICES, LONGEST, ME, OTHER, PAGES, RUN_PAGES, Visitor, World, files_of, npz, send

SEQUENCES, CHUNK = 300, 30
BROKE = BROKEN.partition("(")[0]
TITLES = {page.capitalize() for page in PAGES}
NAVIGATION = Path(__file__).parents[2] / "pages" / "navigation.py"


@pytest.fixture
def template(home, tmp_path, finished_run, add_run, monkeypatch) -> Callable[[], World]:
    """Lays out the same laboratory each time: runs in every state, of two owners, one deleted, and orders of views."""

    def refuse(name: str, settings: object, hear: object) -> None:
        raise DatasetMissing(f"`{name}` is not here and could not be downloaded.")

    monkeypatch.setattr(data_download, "fetch", refuse)
    ids = _furnish(finished_run, add_run)
    bundle = export_bundle(services().lab.archive, finished_run.id)
    close_services()
    kept = tmp_path / "template"
    shutil.copytree(home, kept)

    def lay_out() -> World:
        _forget()
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        return World(home, ids, bundle)

    return lay_out


def _furnish(finished_run, add_run) -> dict[str, str]:
    archive = services().lab.archive
    store, done = archive.store, finished_run.id
    store.rename(done, "finished one")

    def with_files(state: RunState, **more: Any) -> RunRecord:
        record = add_run("running", epochs=1, **more)
        lease = Lease(record.id, "t", record.attempt)
        store.keep(lease, files_of(done, 1))
        store.finish(lease, state, reason="It was stopped.", used=4.0) if state.is_finished else None
        return store.run(record.id)

    added = [
        add_run("done", name="without files", owner=ME),
        add_run("queued", name="queued one", owner=ME),
        add_run("queued", name="queued two", owner=ME),
        with_files(RunState.RUNNING, name="running one", owner=ME, digest="running"),
        add_run("running", name="starting one", owner=ME, epochs=-1),
        add_run("failed", name="failed later", owner=ME, epochs=1, reason="The loss became infinite."),
        with_files(RunState.STOPPED, name="stopped one", owner=ME),
        add_run("stopped", name="stopped early", owner=ME, epochs=-1),
        add_run("queued", name="follower one", owner=ME, digest="running", follow=True),
        add_run("queued", name="follower done", owner=ME, digest=finished_run.record.digest, follow=True),
        add_run("done", name="deleted one", owner=ME),
        add_run("done", name="foreign done", owner=OTHER),
        add_run("queued", name="foreign queued", owner=OTHER),
        with_files(RunState.RUNNING, name="foreign running", owner=OTHER),
        add_run("queued", name="foreign follower", owner=OTHER, digest="running", follow=True),
        add_run("done", name="foreign deleted", owner=OTHER),
    ]
    ids = {"finished one": done} | {record.name: record.id for record in added}
    broken = add_run("running", name="failed one", owner=ME, epochs=-1)
    lease = Lease(broken.id, "t", broken.attempt)
    archive.keep(lease, RUN_LEVEL, {"traceback": b"Traceback: here"})
    store.finish(lease, RunState.FAILED, reason="The network could not be built.")
    own = services().lab.take_in(npz(images=90), "own.npz")
    spec = presets["softmax-regression"].specify(own, {}).model_dump(mode="json")
    of_own = store.submit(spec, digest="own", name="of own data", owner=ME, device="cpu", cost=1.0)
    waits = store.order("predict", done, {"split": "train", "epoch": 2}, owner=ME)
    failed = store.order("predict", done, {"split": "train", "epoch": 1}, owner=OTHER)
    lease = store.claim(failed.id, ticket="t", worker="a-worker", device="cpu")
    assert lease
    store.finish(lease, RunState.FAILED, reason="The weights are gone.")
    for name in ("deleted one", "foreign deleted"):
        store.delete(ids[name])
    more = {"failed one": broken.id, "of own data": of_own.id, "view order": waits.id, "failed order": failed.id}
    return ids | more | {"own dataset": own.name}


def _forget() -> None:
    close_services()
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


@pytest.mark.parametrize("first", range(0, SEQUENCES, CHUNK))
def test_no_sequence_of_events_breaks_a_page(template, monkeypatch, first):
    for seed in range(first, first + CHUNK):
        play(seed, template, monkeypatch)


def play(seed: int, template: Callable[[], World], monkeypatch: pytest.MonkeyPatch) -> None:
    """One visit, the same for the same seed."""
    rng = random.Random(seed)
    profile = rng.choice(["local", "demo"])
    monkeypatch.setenv("MNIST_LAB_PROFILE", profile)
    visitor = Visitor(template(), rng, AppTest.from_file(str(NAVIGATION), default_timeout=60))
    if rng.random() < 0.7:
        visitor.app.session_state["owner"] = ME
    visitor.events.append(f"profile {profile}, {'owner' if 'owner' in visitor.app.session_state else 'nobody'}")
    try:
        _visit(visitor, private=profile != "local")
    except BaseException as error:
        error.add_note(f"seed {seed}:\n  " + "\n  ".join(visitor.events))
        raise


def _visit(visitor: Visitor, *, private: bool) -> None:
    for number in range(visitor.rng.randint(3, 6)):
        if visitor.rng.random() < 0.4:
            visitor.waits()
        foreign = visitor.world.foreign() if private else {}
        visitor.act() if number else visitor.arrive()
        _assert_sound(visitor, foreign, private=private)


def _assert_sound(visitor: Visitor, foreign: dict[str, tuple[Any, ...]], *, private: bool) -> None:
    app = visitor.app
    assert not app.exception, [one.value for one in app.exception]
    _assert_framed(app)
    said = [alert.value for alert in (*app.error, *app.warning, *app.info)]
    assert not [text for text in said if not _is_sentence(text)]
    if private:
        assert not [text for text in said if str(visitor.world.home) in text]
        assert visitor.world.foreign() == foreign


def _is_sentence(text: str) -> bool:
    is_one_line = len(text.splitlines()) == 1
    return is_one_line and len(text) <= LONGEST and "Traceback" not in text and BROKE not in text


def _assert_framed(app: AppTest) -> None:
    """The menu is there with all pages, and under it the page's title, or the run bar that says why it is not."""
    assert {info["url_pathname"] for info in app._registered_pages.values()} >= set(PAGES)
    titles = [title.value for title in app.title]
    if titles:
        assert len(titles) == 1
        assert titles[0] in TITLES
    else:
        assert any(box.key == "frame_run" for box in app.selectbox)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_breaks_keeps_the_frame_and_says_one_sentence(open_page, finished_run, monkeypatch, caplog, page):
    def fail(*_: object) -> None:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(frame, "page_header", fail)
    app = open_page(page, run=finished_run.id)
    assert not app.exception
    (error,) = app.error
    assert error.value == BROKEN.format(kind="RuntimeError")
    assert {info["url_pathname"] for info in app._registered_pages.values()} >= set(PAGES)
    assert [box.key for box in app.selectbox] == (["frame_run"] if page in RUN_PAGES else [])
    (record,) = (record for record in caplog.records if record.name == "mnist_lab")
    assert record.exc_info
    assert "fail" in caplog.text
    assert "RuntimeError: first line" in caplog.text


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("ref", ["two\nlines", "`[here](https://example.org)`", "\x00\u202e"])
def test_a_link_cannot_write_on_the_page(open_page, add_run, page, ref):
    add_run("done")
    app = open_page(page, run=ref)
    said = [warning.value for warning in app.warning]
    assert bool(said) == (page != "data")  # which shows no run, only takes a dataset from one
    assert all(_is_sentence(text) and "?" in text and text.count("`") % 2 == 0 for text in said)


@pytest.mark.parametrize("page", PAGES)
def test_a_link_to_an_order_shows_the_run_that_it_looks_at(open_page, finished_run, shared, page):
    store = shared.lab.archive.store
    order = store.order("predict", finished_run.id, {"split": "train", "epoch": 2}, owner="local")
    app = open_page(page, run=order.id)
    assert not app.error
    assert not app.warning
    texts = [said.value for said in (*app.subheader, *app.caption)] + [str(box.value) for box in app.selectbox]
    name = finished_run.record.name.replace("-", r"\-")
    assert any(name in text or finished_run.id in text for text in texts)


@pytest.mark.parametrize("rows", INDICES)
def test_a_forged_choice_of_a_row_chooses_no_run(open_page, add_run, rows):
    add_run("done")
    app = open_page("runs")
    send(app, WidgetState(id=app.dataframe[0].proto.id, string_value=json.dumps({"selection": {"rows": rows}})))
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize(
    "marks", ["x", [1], [None], {"a": 1}, *([{"series_index": 0, "data_indices": i}] for i in INDICES)]
)
@pytest.mark.parametrize("panel", ["calibration", "probability"])
def test_a_forged_click_on_a_chart_is_none(open_page, finished_run, marks, panel):
    app = open_page("predictions", run=finished_run.id, panel=panel, image="3")
    for number in range(len(app.get("echarts_chart"))):
        chart = app.get("echarts_chart")[number]
        send(app, WidgetState(id=chart.proto.id, string_value=json.dumps({"selection": {"selected": marks}})))
        assert not app.exception
        assert not app.error


def test_a_forged_dataset_is_not_said_to_be_shown(open_page):
    app = open_page("data")
    box = next(box for box in app.selectbox if box.label == "dataset")
    send(app, WidgetState(id=box.id, string_value="two\nlines"))
    assert app.warning[0].value.endswith("; digits is shown.")


@pytest.mark.parametrize("profile", ["local", "demo"])
def test_folders_of_the_server_are_named_to_its_owner_alone(open_page, finished_run, home, monkeypatch, profile):
    for path in (home / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    close_services()
    monkeypatch.setenv("MNIST_LAB_PROFILE", profile)
    app = open_page("predictions", run=finished_run.id)
    assert app.error
    assert any(str(home) in error.value for error in app.error) == (profile == "local")
