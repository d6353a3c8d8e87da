"""The curves page: every curve is what the records say, every choice is heeded, and the test split stays sealed."""

import json
import math

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.palette import DARK, LIGHT
from mnist_core.runs import RUN_LEVEL, Lease, PointRecord
from pages.ui.curves.chart import Place, chart_spec, epochs_table
from pages.ui.curves.data import QUANTITIES, load_curves
from pages.ui.curves.epoch_table import epoch_table
from pages.ui.curves.options import LABELS, Options
from pages.ui.format import accuracy_sentence, interval
from pages.ui.frame.split_gate import OPENED_KEY
from tests.app.random_events import send


def assert_sound(app) -> None:
    assert not app.exception
    assert not [error.value for error in app.error]


def charts(app) -> dict[str, dict]:
    """The specification of each chart on the page, by its quantity."""
    found = [element.proto for element in app.get("echarts_chart")]
    assert len(found) == len(QUANTITIES)
    return {quantity: json.loads(one.spec) for quantity, one in zip(QUANTITIES, found, strict=True)}


def names(spec: dict) -> list[str]:
    return spec["legend"]["data"]


def line(spec: dict, name: str) -> dict:
    return next(one for one in spec["series"] if one.get("name") == name)


def steps_of(run, name: str) -> list[float]:
    points = run._archive.store.points(run.id)
    return [value for _, point in points for value in point.values[name]]


def rule(spec: dict) -> float:
    return spec["series"][0]["markLine"]["data"][0]["xAxis"]


@pytest.fixture
def curves(finished_run):
    return load_curves(finished_run.record, with_test=True)


def test_each_epochs_value_is_that_of_its_record(finished_run, curves):
    for quantity in QUANTITIES:
        for name, recorded in (("training", ""), ("evaluation", "train_eval_"), ("validation", "val_")):
            wanted = [one.metrics[recorded + quantity] for one in finished_run.epochs]
            found = curves.values[quantity][name].tolist()
            assert found == pytest.approx([math.nan if one is None else one for one in wanted], nan_ok=True)


def test_the_test_curve_is_what_the_recorded_predictions_come_to(finished_run, curves):
    for place, epoch in enumerate(range(3)):
        found = finished_run.evaluate("test", epoch)
        assert curves.values["accuracy"]["test"][place] == found.accuracy
        assert curves.values["loss"]["test"][place] == pytest.approx(found.loss, rel=1e-6)


def test_the_training_line_is_the_mean_of_the_true_steps(finished_run, curves):
    losses = np.array(steps_of(finished_run, "loss"))
    width = curves.steps.width
    wanted = [losses[start : start + width].mean() for start in range(0, len(losses), width)]
    spec = chart_spec(curves, "loss", Options(x="steps"), Place(2, LIGHT))
    drawn = line(spec, LABELS["training"])["data"]
    assert [y for _, y in drawn] == pytest.approx(wanted, abs=1e-4)
    assert [x for x, _ in drawn] == pytest.approx([start + width / 2 for start in range(0, len(losses), width)], abs=1)
    assert 2 * curves.per_epoch == len(losses)


def test_smoothing_leaves_what_was_measured_faint_behind_and_all_other_curves_exact(curves):
    plain, smooth = (chart_spec(curves, "loss", Options(smoothing=s), Place(2, LIGHT)) for s in (0.0, 0.9))
    assert line(smooth, "as measured")["data"] == line(plain, "training")["data"]
    assert line(smooth, "training")["data"][0] == line(plain, "training")["data"][0]
    heights = {
        spec: np.array([y for _, y in line(spec_, "training")["data"]])
        for spec, spec_ in (("plain", plain), ("smooth", smooth))
    }
    assert np.abs(np.diff(heights["smooth"])).sum() < np.abs(np.diff(heights["plain"])).sum()
    assert epochs_table(curves, "loss", Options(smoothing=0.9)).equals(epochs_table(curves, "loss", Options()))


def test_a_log_scale_shows_the_error_and_leaves_out_what_is_zero(curves):
    table = epochs_table(curves, "accuracy", Options(scale="log"))
    assert table["validation"].tolist() == pytest.approx((100 - 100 * curves.values["accuracy"]["validation"]).tolist())
    spec = chart_spec(curves, "accuracy", Options(scale="log"), Place(2, DARK))
    assert spec["yAxis"]["type"] == "log"
    assert 0 < spec["yAxis"]["min"] <= table["validation"].min()
    assert spec["title"]["text"].startswith("error")
    assert all(y is None or y > 0 for _, y in line(spec, "training")["data"])


@pytest.mark.parametrize("x", ["epochs", "steps", "time"])
def test_epochs_stand_where_their_axis_has_them(finished_run, curves, x):
    seconds = [0.0, *np.cumsum([one.seconds for one in finished_run.epochs[1:]])]
    wanted = {"epochs": [0, 1, 2], "steps": [0, curves.per_epoch, 2 * curves.per_epoch], "time": seconds}[x]
    table = epochs_table(curves, "loss", Options(x=x))
    assert table["x"].tolist() == pytest.approx(wanted)
    for epoch in range(3):
        assert rule(chart_spec(curves, "loss", Options(x=x), Place(epoch, LIGHT))) == pytest.approx(wanted[epoch])


def test_the_best_epoch_is_marked_where_validation_is(finished_run, curves):
    spec = chart_spec(curves, "loss", Options(), Place(1, LIGHT))
    mark = line(spec, "best, kept 2")
    assert mark["data"] == [[2.0, pytest.approx(finished_run.epochs[2].metrics["val_loss"])]]
    assert not any(
        one["type"] == "scatter"
        for one in chart_spec(curves, "loss", Options(("training",)), Place(1, LIGHT))["series"]
    )


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_words_in_the_chart_cover_what_runs_behind_them(curves, colours):
    spec = chart_spec(curves, "loss", Options(), Place(2, colours))
    mark, rule_line = line(spec, "best, kept 2"), spec["series"][0]["markLine"]
    for label in (mark["label"], rule_line["label"]):
        assert (label["color"], label["backgroundColor"]) == (colours.text, colours.background)
    assert mark["z"] > max(one.get("z", 0) for one in spec["series"] if one is not mark)


def test_the_table_holds_the_record_with_its_interval_and_gap(finished_run, curves):
    images = len(finished_run.split_file["validation_ids"])
    table = epoch_table(curves, images)
    for row, one in zip(table.to_dict("records"), reversed(finished_run.epochs), strict=True):
        right = one.metrics["val_accuracy"]
        assert row["95 % interval"] == interval(wilson_interval(round(right * images), images))
        assert row["gap"] == pytest.approx(100 * (one.metrics["train_eval_accuracy"] - right))
        spent = [row["training (s)"], row["evaluating (s)"], row["recording (s)"]]
        assert spent == [one.seconds, one.evaluation_seconds, one.recording_seconds]


def test_the_page_says_the_epoch_that_is_looked_at(open_page, finished_run):
    app = open_page("curves", run=finished_run.id, epoch="1")
    assert_sound(app)
    found = finished_run.evaluate("validation", 1)
    total = len(finished_run.split_file["validation_ids"])
    sentence = accuracy_sentence(found.accuracy, found.interval, found.errors, total)
    assert any(sentence in one.value and "epoch 1" in one.value for one in app.markdown)
    assert {rule(spec) for spec in charts(app).values()} == {1}


def test_the_test_curve_shows_only_after_the_gate_was_passed(open_page, finished_run, shared):
    before = len(shared.lab.archive.store.openings(finished_run.id))
    app = open_page("curves", run=finished_run.id)
    assert_sound(app)
    assert all(LABELS["test"] not in names(spec) for spec in charts(app).values())
    assert not any("test" in column for column in app.dataframe[0].value.columns)
    app.button(key="to_test_split").click().run()
    assert not app.get("echarts_chart")
    next(one for one in app.button if one.label == "Open the test split").click().run()
    assert_sound(app)
    assert all(LABELS["test"] in names(spec) for spec in charts(app).values())
    assert app.dataframe[0].value["test accuracy"].tolist() == pytest.approx(
        [100 * finished_run.history("test").accuracy[place] for place in (2, 1, 0)]
    )
    assert len(shared.lab.archive.store.openings(finished_run.id)) == before + 1
    assert LABELS["test"] not in names(charts(open_page("curves", run=finished_run.id))["loss"])


def test_a_test_split_that_cannot_be_read_leaves_the_other_curves(open_page, add_run):
    record = add_run("done")
    app = open_page("curves", run=record.id)
    app.session_state[OPENED_KEY] = frozenset({record.id})
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert names(charts(app)["loss"]) == [LABELS[name] for name in ("training", "evaluation", "validation")]


def test_every_option_is_read_from_the_link(open_page, finished_run):
    app = open_page("curves", run=finished_run.id, show="training", x="time", scale="log", smoothing="0.6")
    assert_sound(app)
    spec = charts(app)["accuracy"]
    assert names(spec) == ["training"]
    assert spec["xAxis"]["name"].startswith("seconds")
    assert spec["yAxis"]["type"] == "log"
    assert line(spec, "as measured")


def test_every_option_is_heeded(open_page, finished_run):
    app = open_page("curves", run=finished_run.id)
    app.slider(key="smoothing").set_value(0.6).run()
    assert line(charts(app)["loss"], "as measured")
    app.multiselect(key="show").set_value(["validation"]).run()
    assert names(charts(app)["loss"]) == ["validation"]
    app.segmented_control(key="x").set_value("steps").run()
    assert charts(app)["loss"]["xAxis"]["name"] == "training steps"
    app.segmented_control(key="scale").set_value("log").run()
    assert charts(app)["loss"]["yAxis"]["type"] == "log"
    assert_sound(app)


@pytest.mark.parametrize(
    "query",
    [
        {"x": "miles", "scale": "LOG", "smoothing": "1"},
        {"smoothing": "nan", "show": "nothing"},
        {"smoothing": "-1", "x": ""},
        {"show": "9" * 400, "scale": "\x00", "smoothing": "1e400"},
    ],
)
def test_what_is_no_option_is_the_default(open_page, finished_run, query):
    app = open_page("curves", run=finished_run.id, **query)
    assert_sound(app)
    spec = charts(app)["loss"]
    assert spec["xAxis"]["name"] == "epoch"
    assert spec["yAxis"]["type"] == "value"
    assert not any(one.get("name") == "as measured" for one in spec["series"])


def test_no_curve_at_all_is_a_choice(open_page, finished_run):
    app = open_page("curves", run=finished_run.id)
    app.multiselect(key="show").set_value([]).run()
    assert_sound(app)
    assert names(charts(app)["loss"]) == []


def click_point(app, row: object) -> None:
    """What a browser says where a point of the first chart is clicked; None where that took the mark off again."""
    selected = [] if row is None else [{"series_index": 3, "data_indices": [row]}]
    told = json.dumps({"selection": {"selected": selected, "areas": []}})
    send(app, WidgetState(id=app.get("echarts_chart")[0].proto.id, string_value=told))


def click_row(app, row: int) -> None:
    """What a browser says where the button of a row is clicked."""
    state = WidgetState(id=app.dataframe[0].proto.button_click_widgets["cursor"])
    state.string_trigger_value.data = json.dumps({"row": row, "label": "go"})
    send(app, state)


def test_a_click_on_a_point_moves_the_cursor_and_so_does_the_next_on_the_same(open_page, finished_run):
    app = open_page("curves", run=finished_run.id)
    click_point(app, 1)
    assert_sound(app)
    assert "".join(app.query_params["epoch"]) == "1"
    click_point(app, 2)
    assert "epoch" not in app.query_params
    click_row(app, 2)
    assert "".join(app.query_params["epoch"]) == "0"
    assert {rule(spec) for spec in charts(app).values()} == {0}
    assert app.dataframe[0].value["cursor"].tolist() == ["go", "go", "here"]
    click_point(app, None)
    assert "epoch" not in app.query_params


def test_a_click_on_what_is_no_epoch_is_none(open_page, finished_run):
    app = open_page("curves", run=finished_run.id, epoch="1")
    for row in (3, -1, "1", 1.5, True, [1], {}, 10**9):
        click_point(app, row)
        assert_sound(app)
        assert "".join(app.query_params["epoch"]) == "1"
    click_row(app, 3)
    assert_sound(app)
    assert "".join(app.query_params["epoch"]) == "1"


def test_a_run_that_trains_is_followed(open_page, add_run, commit_epoch):
    record = add_run("running", epochs=1)
    app = open_page("curves", run=record.id, x="time", epoch="last")
    for epoch in (2, 3):
        commit_epoch(record, epoch)
        app.run()
        assert_sound(app)
        assert app.dataframe[0].value["epoch"].tolist() == list(range(epoch, -1, -1))
        assert "".join(app.query_params["epoch"]) == "last"
        assert {rule(spec) for spec in charts(app).values()} == {4.0 * epoch}


def test_steps_of_the_epoch_at_work_have_a_place_in_time(finished_run, shared, add_run):
    """It is drawn behind the finished epochs, by the speed so far."""
    record = add_run("running", epochs=1)
    lease = Lease(record.id, "t", record.attempt)
    archive = shared.lab.archive
    archive.keep(lease, RUN_LEVEL, {"splits": archive.read(finished_run.id, RUN_LEVEL, "splits")})
    steps = -(-len(finished_run.split_file["train_ids"]) // record.spec["training"]["batch_size"])
    values = {"loss": [1.0] * 2 * steps, "accuracy": [0.5] * 2 * steps}
    archive.store.beat(lease, [PointRecord(1, 0, 0.0, values)])
    curves = load_curves(record, with_test=False)
    assert curves.per_epoch == steps
    assert curves.place(np.array([0.5, 1.0, 1.5, 2.0]), "time").tolist() == pytest.approx([2.0, 4.0, 6.0, 8.0])


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_run_that_ended_at_its_untrained_network_is_shown(open_page, add_run, state):
    app = open_page("curves", run=add_run(state, epochs=0, reason="The loss became infinite.").id)
    assert not app.exception
    assert [error.value[:24] for error in app.error] == ["The loss became infinite"] * (state == "failed")
    assert len(app.dataframe[0].value) == 1
    for options in ({"scale": "log"}, {"x": "time"}, {"x": "steps"}):
        app = open_page("curves", run=add_run(state, epochs=0).id, **options)
        assert not app.exception
        over = "seconds of training steps" if options.get("x") == "time" else "epoch"
        assert charts(app)["loss"]["xAxis"]["name"] == over


def test_a_single_epoch_is_a_curve(open_page, add_run):
    app = open_page("curves", run=add_run("done", epochs=1).id)
    assert_sound(app)
    assert line(charts(app)["loss"], "best, kept 1")
