"""The train page in each of its states, and the feed behind the live curves."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mnist_core.analysis.curves import MOST_BUCKETS
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import flat, plan
from mnist_core.npz import to_npz
from mnist_core.palette import LIGHT
from mnist_core.run import Run
from mnist_core.runs import RUN_LEVEL, EpochRecord, Lease, PointRecord, RunRecord, RunState, Wish
from mnist_core.runs.reading import News
from mnist_core.spec import RunSpec
from pages.ui.format import duration
from pages.ui.gallery import GalleryItem
from pages.ui.recorded import Recorded, epochs_of
from pages.ui.services import Services
from pages.ui.train.live import Feed, feed
from pages.ui.train.live_curves import curve_spec
from pages.ui.train.most_wrong import MOST_WRONG, Validated, wrong_said
from pages.ui.train.preset_cards import blocks

OpenPage = Callable[..., AppTest]
AddRun = Callable[..., RunRecord]
IMAGES = 1000
BATCH = 100
METRICS = {"loss": 0.5, "accuracy": 0.8, "train_eval_loss": 0.5, "train_eval_accuracy": 0.8, "penalty": 0.0}


def claimed(shared: Services, record: RunRecord, ticket: str = "t") -> Lease:
    """Takes a queued run, as a worker does, with its splits."""
    lease = shared.lab.archive.store.claim(record.id, ticket=ticket, worker="w", device="cpu")
    assert lease
    ids = {f"{name}_ids": np.arange(IMAGES, dtype=np.int32) for name in ("train", "validation", "test")}
    labels = {f"{name}_labels": np.zeros(IMAGES, np.uint8) for name in ("train", "validation", "test")}
    shared.lab.archive.keep(lease, RUN_LEVEL, {"splits": to_npz(ids | labels)})
    return lease


def beat(shared: Services, lease: Lease, step: int, losses: list[float]) -> None:
    values = {"loss": losses, "accuracy": [value / 10 for value in losses]}
    epoch = step // (IMAGES // BATCH) + 1
    shared.lab.archive.store.beat(lease, [PointRecord(epoch, step, float(step), values)])


def commit(shared: Services, lease: Lease, epoch: int) -> None:
    metrics = METRICS | {"val_loss": 0.4, "val_accuracy": 0.9}
    shared.lab.archive.store.commit_epoch(lease, EpochRecord(epoch, metrics, 2.0, 0.25, 0.25), [])


def words(app: AppTest) -> str:
    assert not app.exception
    shown = (app.markdown, app.caption, app.subheader, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for kind in shown for element in kind)


def test_first_visit_says_what_to_do(open_page: OpenPage) -> None:
    app = open_page("train")
    text = words(app)
    assert "Nothing is trained yet" in text
    assert "**7,850** parameters" in text
    assert not app.button(key="train").disabled
    assert not app.error
    assert app.query_params["preset"] == "softmax-regression"
    assert len(app.get("echarts_chart")) == 2


def test_a_preset_comes_with_the_link(open_page: OpenPage) -> None:
    app = open_page("train", preset="bottleneck-cnn")
    assert "**24,186** parameters" in words(app)
    assert [box.value for box in app.number_input][:3] == [3, 32, 0.001]


def test_a_link_that_means_nothing_is_said(open_page: OpenPage) -> None:
    app = open_page("train", preset="<b>", dataset="../x", run="nobody-here")
    assert len(app.warning) == 3
    assert not app.error
    assert "**7,850** parameters" in words(app)


def test_train_queues_a_run_and_links_it(open_page: OpenPage, shared: Services) -> None:
    app = open_page("train")
    app.text_input(key="train:name:0").set_value("first-one")
    app.number_input[0].set_value(4)
    app.button(key="train").click().run()
    (record,) = shared.lab.archive.store.runs()
    assert (record.name, record.state, record.owner) == ("first-one", RunState.QUEUED, "local")
    assert RunSpec.parse(record.spec) == presets["softmax-regression"].on("digits", epochs=4)
    assert app.query_params["run"] == record.id
    text = words(app)
    assert "queued" in text
    assert "Your runs at work" in text


def test_a_second_train_queues_a_second_run(open_page: OpenPage, shared: Services) -> None:
    app = open_page("train")
    app.button(key="train").click().run()
    app.number_input[0].set_value(2)
    app.button(key="train").click().run()
    first, second = reversed(shared.lab.archive.store.runs())
    assert app.query_params["run"] == second.id
    app.button(key=f"look:{first.id}").click().run()
    assert app.query_params["run"] == first.id


def test_a_name_that_is_taken_is_one_sentence(open_page: OpenPage, add_run: AddRun, shared: Services) -> None:
    add_run(name="mine")
    app = open_page("train")
    app.text_input(key="train:name:0").set_value("mine")
    app.button(key="train").click().run()
    assert len(app.error) == 1
    assert "`name` must be new" in app.error[0].value
    assert len(shared.lab.archive.store.runs()) == 1


@pytest.mark.parametrize("value", [0, -3, 100_000])
def test_what_breaks_a_rule_cannot_be_trained(open_page: OpenPage, shared: Services, value: int) -> None:
    app = open_page("train")
    app.number_input[1].set_value(value).run()
    (error,) = app.error
    assert error.value == f"`training.batch_size` must be a whole number between 1 and 4096 (images), got {value}."
    assert app.button(key="train").disabled
    assert shared.lab.archive.store.runs() == []


def test_a_split_that_does_not_fit_cannot_be_trained(open_page: OpenPage) -> None:
    app = open_page("train")
    (train,) = [box for box in app.text_input if box.label == "training images"]
    train.set_value("100000").run()
    assert len(app.error) == 1
    assert app.button(key="train").disabled


def test_a_dataset_that_is_not_here_says_how_to_get_it(open_page: OpenPage) -> None:
    app = open_page("train", dataset="mnist")
    assert "`mnist` is not here yet" in app.info[0].value
    assert "Download mnist" in [button.label for button in app.button]
    assert app.button(key="train").disabled
    assert not app.error


def test_a_queued_run_says_its_place(open_page: OpenPage, add_run: AddRun, shared: Services) -> None:
    busy = add_run(name="busy")
    claimed(shared, busy)
    waiting, behind = add_run(name="waiting"), add_run(name="behind")
    app = open_page("train", run=behind.id)
    assert "Number 2 in the queue" in app.get("progress")[0].proto.text
    assert "now:" not in words(app)
    assert "Wrong right now" not in words(app)
    assert {f"look:{busy.id}", f"look:{waiting.id}"} <= {button.key for button in app.button}


def test_a_running_run_shows_what_is_measured(open_page: OpenPage, add_run: AddRun, shared: Services) -> None:
    record = add_run()
    lease = claimed(shared, record)
    app = open_page("train", run=record.id)
    assert "Compiling" in app.get("progress")[0].proto.text
    for epoch in (0, 1, 2):
        commit(shared, lease, epoch)
    beat(shared, lease, 20, [1.0] * 5)
    app.run()
    text = app.get("progress")[0].proto.text
    assert text == f"epoch 3 of 9, {duration(16)} left, 500 images/s"
    assert "now: **90.00\N{NO-BREAK SPACE}%** validation, best: **90.00\N{NO-BREAK SPACE}%** (epoch 1)" in words(app)
    assert not app.button(key=f"stop:{record.id}").disabled


def test_stop_is_a_wish(open_page: OpenPage, add_run: AddRun, shared: Services) -> None:
    record = add_run()
    claimed(shared, record)
    app = open_page("train", run=record.id)
    app.button(key=f"stop:{record.id}").click().run()
    assert shared.lab.archive.store.run(record.id).wish is Wish.STOP
    assert "Stopping" in app.get("progress")[0].proto.text
    assert app.button(key=f"stop:{record.id}").disabled


def test_a_resumed_run_says_so(open_page: OpenPage, add_run: AddRun, shared: Services) -> None:
    record = add_run()
    lease = claimed(shared, record)
    commit(shared, lease, 0)
    commit(shared, lease, 1)
    shared.lab.archive.store.requeue(record.id, ticket=lease.ticket, attempt=lease.attempt)
    assert "goes on from its last committed epoch, 1" in words(open_page("train", run=record.id))
    claimed(shared, record, "u")
    assert "goes on from its last committed epoch, 1" in words(open_page("train", run=record.id))


def test_a_finished_run_says_what_came_out(open_page: OpenPage, finished_run: Run) -> None:
    app = open_page("train", run=finished_run.record.name)
    text = words(app)
    evaluation = finished_run.evaluate("validation")
    total = int(evaluation.confusion.sum())
    assert f"**{evaluation.accuracy * 100:.2f}\N{NO-BREAK SPACE}%** of the validation images are right" in text
    assert f"{evaluation.errors} of {total} wrong" in text
    assert re.search(r"wrong validation images|validation image", text)
    assert not app.get("progress")
    assert len(app.get("page_link")) == 4


def test_train_again_starts_from_the_runs_values(open_page: OpenPage, finished_run: Run, shared: Services) -> None:
    app = open_page("train", run=finished_run.id, preset="mlp-512")
    (again,) = [button for button in app.button if button.label == "Train again with changes"]
    again.click().run()
    assert app.query_params["preset"] == "softmax-regression"
    assert app.number_input[0].value == 2
    app.number_input[2].set_value(0.25)
    app.button(key="train").click().run()
    record = next(run for run in shared.lab.archive.store.runs() if run.state is RunState.QUEUED)
    assert RunSpec.parse(record.spec) == finished_run.spec.replace({"learning_rate": 0.25})


def test_a_failed_run_says_why(open_page: OpenPage, add_run: AddRun, shared: Services) -> None:
    record = add_run()
    lease = claimed(shared, record)
    shared.lab.archive.keep(lease, RUN_LEVEL, {"traceback": b"Traceback: here"})
    shared.lab.archive.store.finish(lease, RunState.FAILED, reason="The loss is no longer a finite number.")
    app = open_page("train", run=record.id)
    assert app.error[0].value == "The loss is no longer a finite number."
    assert app.code[0].value == "Traceback: here"
    assert "No epoch was finished" in words(app)
    assert not app.get("echarts_chart")


def test_a_stopped_run_keeps_what_was_learnt(open_page: OpenPage, add_run: AddRun) -> None:
    record = add_run("stopped", epochs=3, reason="Stopped on request; the epochs until then are kept.")
    app = open_page("train", run=record.id)
    assert app.info[0].value == "Stopped on request; the epochs until then are kept."
    assert "of the validation images are right" in words(app)


def test_the_feed_drops_what_a_resumed_run_repeats(add_run: AddRun, shared: Services) -> None:
    record = add_run()
    lease = claimed(shared, record)
    source = Feed(record.id)
    assert source.look().curve is None
    beat(shared, lease, 0, [1.0] * 10)
    commit(shared, lease, 0)
    commit(shared, lease, 1)
    beat(shared, lease, 10, [9.0] * 8)
    curve = source.look().curve
    assert curve is not None
    assert curve.loss.tolist() == [1.0] * 10 + [9.0] * 8
    store = shared.lab.archive.store
    store.requeue(record.id, ticket=lease.ticket, attempt=lease.attempt)
    again = claimed(shared, record, "u")
    store.rewind(again)
    beat(shared, again, 10, [2.0] * 3)
    for one in (source, Feed(record.id)):
        look = one.look()
        assert look.curve is not None
        assert look.curve.loss.tolist() == [1.0] * 10 + [2.0] * 3
        assert look.curve.epochs[9] == pytest.approx(0.95)
        assert look.done == pytest.approx(1.3)


def test_a_look_at_a_long_run_reads_what_is_new_and_draws_no_more_than_fits(
    add_run: AddRun, monkeypatch: pytest.MonkeyPatch, shared: Services
) -> None:
    """What the server does each second for each session that looks at a run with 20,000 steps."""
    record = add_run()
    lease = claimed(shared, record)
    for start in range(0, 20_000, 500):
        beat(shared, lease, start, [1.0] * 500)
    source = feed(record.id)
    source.look()
    read = shared.lab.archive.store.news
    sizes: list[int] = []

    def counted(run_id: str, *, points: int, epochs: int) -> News:
        sizes.append(len((found := read(run_id, points=points, epochs=epochs)).points))
        return found

    monkeypatch.setattr(shared.lab.archive.store, "news", counted)
    beat(shared, lease, 20_000, [1.0] * 500)
    for _ in range(3):
        spec = curve_spec(source.look(), "loss", LIGHT)
    assert sizes == [1, 0, 0]
    assert 100 <= len(spec["series"][0]["data"]) <= MOST_BUCKETS


def test_a_feed_reads_each_epoch_once(
    add_run: AddRun, commit_epoch: Callable[[RunRecord, int], None], monkeypatch: pytest.MonkeyPatch, shared: Services
) -> None:
    record = add_run("running", epochs=1)
    came: list[list[int]] = []
    store = shared.lab.archive.store
    read = store.news

    def counted(run_id: str, *, points: int, epochs: int) -> News:
        found = read(run_id, points=points, epochs=epochs)
        came.append([one.epoch for one in found.epochs])
        return found

    monkeypatch.setattr(store, "news", counted)
    source = Feed(record.id)
    for number in (2, 3):
        source.look()
        commit_epoch(record, number)
    look = source.look()
    assert source.look().epochs == look.epochs == tuple(store.epochs(record.id))
    assert came == [[0, 1], [2], [3], []]
    whole = epochs_of(look.record)
    assert (look.recorded.best, look.recorded.kept) == (whole.best, whole.kept)
    assert look.best is look.epochs[3]


def test_a_run_that_goes_on_without_its_leader_is_read_anew(add_run: AddRun, shared: Services) -> None:
    leader = add_run("running", epochs=2, digest="same")
    follower = add_run(digest="same", follow=True)
    assert follower.source == leader.id
    source = Feed(follower.id)
    assert len(source.look().epochs) == 3
    store = shared.lab.archive.store
    store.finish(Lease(leader.id, "t", leader.attempt), RunState.STOPPED)
    assert store.run(follower.id).source is None
    assert [one.epoch for one in source.look().epochs] == [0, 1, 2]


def test_axes_move_one_way(add_run: AddRun, commit_epoch: Callable[[RunRecord, int], None], shared: Services) -> None:
    record = add_run()
    lease = claimed(shared, record)
    source = Feed(record.id)

    def axis() -> tuple[float, float]:
        specs = [curve_spec(source.look(), quantity, LIGHT) for quantity in ("accuracy", "loss")]
        return specs[0]["yAxis"]["min"], specs[1]["yAxis"]["max"]

    assert axis() == (0, 2.5)
    beat(shared, lease, 0, [9.0] * 5)
    assert axis() == (0, 10)
    beat(shared, lease, 5, [2.0] * 5)
    commit_epoch(store_record(shared, record), 0)
    assert axis() == (0, 2.5)
    commit_epoch(store_record(shared, record), 1)
    assert axis() == (50, 0.5)
    commit(shared, lease, 2)
    assert axis() == (50, 1)


def store_record(shared: Services, record: RunRecord) -> RunRecord:
    return shared.lab.archive.store.run(record.id)


def test_many_epochs_get_an_axis_that_grows_and_few_places(add_run: AddRun) -> None:
    look = feed(add_run("running", epochs=2).id).look()
    long = look.spec.replace({"training.epochs": 1000})
    epochs = tuple(replace(look.epochs[1], epoch=number) for number in range(731))
    for done, wanted in ((0, 10), (9.4, 10), (10.2, 20), (730, 1000)):
        spec = curve_spec(replace(look, spec=long, done=done), "loss", LIGHT)
        assert spec["xAxis"]["max"] == wanted
    many = replace(look, spec=long, recorded=Recorded(epochs, 333, 333))
    _, validation, best = curve_spec(many, "loss", LIGHT)["series"]
    shown = [point[0] for point in validation["data"]]
    assert len(shown) <= 202
    assert {0, 333, 730} <= set(shown)
    assert best["data"][0][0] == 333


def test_groups_made_on_the_data_page_are_offered_and_trained(open_page: OpenPage, shared: Services) -> None:
    app = open_page("train")
    groups = {"low": [0, 1, 2, 3, 4], "high": [5, 6, 7, 8, 9]}
    app.session_state["grouping"] = {"dataset": "digits", "groups": groups}
    app.run()
    (grouping,) = [box for box in app.selectbox if box.label == "grouping"]
    grouping.select("own groups").run()
    assert app.text_area[0].value == "low: 0, 1, 2, 3, 4\nhigh: 5, 6, 7, 8, 9"
    assert "**1,570** parameters" in words(app)
    app.button(key="train").click().run()
    (record,) = shared.lab.archive.store.runs()
    assert RunSpec.parse(record.spec).classes == 2


def test_layers_stay_while_a_field_is_invalid(open_page: OpenPage) -> None:
    app = open_page("train")
    app.number_input[0].set_value(0).run()
    assert app.error
    assert "The network, layer by layer" in [box.label for box in app.expander]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (0, "No validation image is wrong, after epoch 1,000."),
        (1, "The one validation image that is wrong, after epoch 1,000."),
        (3, "The 3 validation images that are wrong, after epoch 1,000; the one that it is surest about first."),
        (1234, "The 10 that it is surest about, of 1,234 wrong validation images, after epoch 1,000."),
    ],
)
def test_errors_are_counted_in_words(errors: int, said: str) -> None:
    item = GalleryItem(image=0, true="1", predicted="2", right=False, probabilities=())
    found = Validated(1000, errors, 9999, 0.5, (0.4, 0.6), (item,) * min(errors, MOST_WRONG))
    assert wrong_said(found) == said


def test_curves_mark_the_best_epoch_and_leave_the_start_outside(add_run: AddRun) -> None:
    look = feed(add_run("running", epochs=4).id).look()
    spec = curve_spec(look, "accuracy", LIGHT)
    training, validation, best = spec["series"]
    assert training["data"] == []
    assert [point[0] for point in validation["data"]] == [0, 1, 2, 3, 4]
    assert best["data"] == [validation["data"][4]]
    assert spec["yAxis"]["min"] == 50
    assert spec["xAxis"]["max"] == look.spec.training.epochs


@pytest.mark.parametrize("name", presets)
def test_every_preset_has_a_picture(name: str) -> None:
    bars = blocks(list(flat(plan(presets[name].layers(10)))))
    assert bars[0][0] == "input"
    assert bars[-1][0] == "dense"
    assert all(0 < height <= 1 and width > 0 for _, height, width in bars)


def test_cards_quote_what_was_recorded(open_page: OpenPage, finished_run: Run, home: Path) -> None:
    """Only runs of exactly the preset count, and this one was cut to two epochs."""
    from pages.ui.dataset_choice import known_datasets
    from pages.ui.train.preset_cards import _says

    digits = known_datasets()[0]
    lines: list[Any] = _says(digits)[0]
    assert lines[0] == "7,850 parameters"
    assert lines[1].startswith("about ")
    assert finished_run.record.state is RunState.DONE
