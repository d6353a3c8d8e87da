"""The weights page in each of its states, down to the bytes that a browser gets of each tile."""

import json
import re

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from mnist_core.analysis.likeness import first_layer_likeness
from mnist_core.analysis.units import UnitActivity
from mnist_core.analysis.weights import LayerWeights, change
from mnist_core.datasets import to_model_input
from mnist_core.inspection import UnitsRequest
from pages.ui.frame import resting
from pages.ui.recent import bytes_of
from pages.ui.services import services
from pages.ui.weights import history, reading, tiles_view
from pages.ui.weights.mosaic import levels
from pages.ui.weights.reading import kept_files
from tests.app.random_events import send
from tests.app.recorded_weights import (
    CONVOLUTIONS,
    boards_of,
    commit_weights,
    dense,
    lease_of,
    record_run,
    weights_of,
)
from tests.app.view_worker import ViewWorker, responses

MIDDLE = 127


def said(app):
    shown = (*app.markdown, *app.caption, *app.error, *app.warning, *app.info)
    return "\n".join(one.value for one in shown)


def opened(open_page, run, **query):
    app = open_page("weights", run=run.id, **query)
    assert not app.exception, app.exception[0].value
    assert not app.error
    return app


def choose(app, unit):
    one = next(one for one in app.get("bidi_component") if one.proto.component_name.endswith("tiles"))
    state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{one.proto.id}__events")
    state.json_trigger_value = json.dumps([{"event": "choose", "value": unit}])
    send(app, state)


def chart(app, key):
    return next(json.loads(one.proto.spec) for one in app.get("echarts_chart") if key in one.proto.id)


def moved(arrays, **changes):
    return arrays | {name: arrays[name] + step for name, step in changes.items()}


def only_pixel_of(unit, units, *, layer="dense_1"):
    """Each unit looks at one pixel: unit k at row 1 + k // 20, column k % 20."""
    kernel = np.zeros((784, units), np.float32)
    every = np.arange(units)
    kernel[(1 + every // 20) * 28 + every % 20, every] = 1
    return kernel


@pytest.mark.parametrize("order", ["index", "norm", "change"])
def test_tile_k_is_unit_k_down_to_what_the_browser_is_given(open_page, home, order):
    layers, units = dense(150), 150
    was, now = (weights_of(layers, seed) for seed in (1, 2))
    marks = only_pixel_of(0, units)
    random = np.random.default_rng(3)
    sizes = random.permutation(units).astype(np.float32) + 1
    was["dense_1/kernel"] = np.zeros_like(marks)
    now["dense_1/kernel"] = marks * sizes
    now["dense_1/bias"] = np.linspace(-1, 1, units, dtype=np.float32)
    was["dense_1/bias"] = np.zeros(units, np.float32)
    run = record_run(layers, [was, now])
    seen = []
    for page in range(3):
        (board,) = boards_of(opened(open_page, run, order=order, tiles=str(page + 1)))
        before, after, difference = board.parts
        assert (before == MIDDLE).all()
        assert np.array_equal(after, difference), "what grew from 0 is what it is now"
        for place, unit in enumerate(board.header["units"]):
            (row, column), *others = np.argwhere(after[place] != MIDDLE).tolist()
            assert not others
            assert (row, column) == (1 + unit // 20, unit % 20), "tile k is unit k"
            assert board.header["names"][place] == f"unit {unit}"
            assert f"{sizes[unit]:g} now" in board.header["said"][place]
        biases = np.array([now["dense_1/bias"][unit] for unit in board.header["units"]])
        assert np.array_equal(board.biases[1], levels(biases, np.sort(np.abs(now["dense_1/bias"]))[-1]))
        seen += board.header["units"]
    assert sorted(seen) == list(range(units))
    if order == "index":
        assert seen == list(range(units))
    else:
        assert seen == np.argsort(-sizes, kind="stable").tolist()


@pytest.mark.parametrize("channel", [0, 5])
def test_a_kernel_of_a_later_convolution_is_shown_channel_by_channel(open_page, home, channel):
    was, now = (weights_of(CONVOLUTIONS, seed) for seed in (1, 2))
    run = record_run(CONVOLUTIONS, [was, now])
    (board,) = boards_of(opened(open_page, run, layer="conv_2", channel=str(channel)))
    end = float(board.header["scales"][0]["ends"][2])
    for part, arrays in zip(board.parts, (was, now), strict=False):
        for unit in range(4):
            wanted = arrays["conv_2/kernel"][:, :, channel, unit]
            assert np.abs(part[unit].astype(int) - levels(wanted, end)).max() <= 1
    assert board.header["panels"][1]["title"] == "now: epoch 1"


def test_one_scale_for_before_now_and_difference_unless_it_is_asked_for_otherwise(open_page, home):
    was = weights_of(dense(20), 1)
    now = moved(was, **{"dense_1/kernel": np.float32(0.01)})
    run = record_run(dense(20), [was, now])
    (common,) = boards_of(opened(open_page, run))
    assert [one["name"] for one in common.header["scales"]] == ["weight", "bias"]
    assert np.abs(common.parts[2].astype(int) - MIDDLE).max() < 3
    (own,) = boards_of(opened(open_page, run, difference="own"))
    assert [one["name"] for one in own.header["scales"]] == ["weight", "difference", "bias"]
    assert own.parts[2].min() > 250
    assert np.array_equal(own.parts[1], common.parts[1])


def test_the_scale_stays_as_the_cursor_moves(open_page, home):
    run = record_run(dense(20), [weights_of(dense(20), seed) for seed in range(4)])
    ends = {str(boards_of(opened(open_page, run, epoch=str(e)))[0].header["scales"]) for e in range(4)}
    assert len(ends) == 1


def test_a_layer_that_does_not_see_the_pixels_says_so_and_shows_its_kernel(open_page, home):
    was, now = (weights_of(CONVOLUTIONS, seed) for seed in (1, 2))
    run = record_run(CONVOLUTIONS, [was, now])
    app = opened(open_page, run, layer="output")
    assert "Between the pixels and `output` stands `conv_1`, so it has no templates." in said(app)
    (board,) = boards_of(app)
    kernel = now["output/kernel"]
    assert board.header["strips"]
    inputs, units = kernel.shape
    assert (len(board.header["units"]), board.header["rows"]) == (units, 1)
    end = float(board.header["scales"][0]["ends"][2])
    assert inputs <= 512
    assert np.abs(board.parts[1][:, 0].astype(int) - levels(kernel.T, end)).max() <= 1


def test_a_chosen_unit_is_in_the_link_marked_and_chosen_no_more_by_a_second_click(open_page, home):
    run = record_run(dense(150), [weights_of(dense(150), seed) for seed in (1, 2)])
    app = opened(open_page, run)
    choose(app, 7)
    assert "".join(app.query_params["unit"]) == "7"
    assert boards_of(app)[0].header["chosen"] == 7
    choose(app, 7)
    assert "unit" not in app.query_params
    assert boards_of(app)[0].header["chosen"] is None
    (board,) = boards_of(opened(open_page, run, unit="149"))
    assert 149 in board.header["units"], "the page of the chosen unit"


def test_a_link_to_another_layer_takes_no_units_of_the_one_before_along(open_page, home):
    run = record_run(dense(150), [weights_of(dense(150), seed) for seed in (1, 2)])
    app = opened(open_page, run, unit="5", off="5,7")
    for name in ("unit", "off"):
        del app.query_params[name]
    app.query_params["layer"] = "output"
    assert boards_of(app.run())[0].header["chosen"] is None
    assert not {"unit", "off"} & set(app.query_params)


def test_a_unit_that_is_chosen_elsewhere_is_brought_into_sight(open_page, home):
    run = record_run(dense(150), [weights_of(dense(150), seed) for seed in (1, 2)])
    app = opened(open_page, run, unit="1", tiles="3")
    assert 1 not in boards_of(app)[0].header["units"]
    choose(app, 149)
    assert 149 in boards_of(app)[0].header["units"]
    choose(app, 149)
    assert 149 in boards_of(app)[0].header["units"], "the page stays when the unit is let go"


@pytest.mark.parametrize("told", ["x", -1, 150, 149, 1.5, True, None, [3], {"unit": 3}])
def test_a_forged_choice_chooses_nothing(open_page, home, told):
    run = record_run(dense(150), [weights_of(dense(150), seed) for seed in (1, 2)])
    app = opened(open_page, run)
    choose(app, told)
    assert not app.exception
    assert "unit" not in app.query_params


def test_the_numbers_are_those_of_the_notebooks_and_what_they_hide(open_page, home):
    was, now = (weights_of(CONVOLUTIONS, seed) for seed in (1, 2))
    run = record_run(CONVOLUTIONS, [was, now])
    text = said(opened(open_page, run)).replace("\N{MINUS SIGN}", "-")
    found = change(*(LayerWeights("conv_1", one["conv_1/kernel"], one["conv_1/bias"]) for one in (was, now)))
    sums = [one["conv_1/kernel"].sum(dtype=float) for one in (was, now)]
    assert f"| sum of the weights | {sums[0]:.4f} | {sums[1]:.4f} |" in text
    assert f"| cosine | {found.cosine:.4f} |" in text
    assert f"{found.change:.4f} ({found.relative_change:.2%}".replace("%", "\N{NO-BREAK SPACE}%") in text


def test_the_untrained_network_has_no_difference_and_says_so(open_page, home):
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in (1, 2)])
    app = opened(open_page, run, epoch="0")
    assert "This is the untrained network: nothing has changed yet" in said(app)
    assert (boards_of(app)[0].parts[2] == MIDDLE).all()


@pytest.mark.parametrize(
    ("step", "query", "is_said"), [(1e-4, {}, True), (1e-4, {"difference": "own"}, False), (1, {}, False)]
)
def test_a_difference_that_can_hardly_be_seen_says_so(open_page, home, step, query, is_said):
    was = weights_of(dense(8), 1)
    run = record_run(dense(8), [was, moved(was, **{"dense_1/kernel": np.float32(step)})])
    assert ("`own`, above, shows where" in said(opened(open_page, run, **query))) == is_said


def test_where_weights_were_thinned_out_the_nearest_stand_and_the_first_layer_is_still_there(open_page, home):
    weights = [weights_of(CONVOLUTIONS, seed) for seed in range(6)]
    run = record_run(CONVOLUTIONS, weights, dropped=(3,))
    app = opened(open_page, run, layer="conv_2", epoch="3")
    assert "The weights of epoch 3 were thinned out; now is epoch 2, the nearest that is kept." in said(app)
    assert boards_of(app)[0].header["panels"][1]["title"] == "now: epoch 2"
    assert "5 of 6 epochs still have the weights of all layers." in said(app)
    first = opened(open_page, run, epoch="3")
    assert boards_of(first)[0].header["panels"][1]["title"] == "now: epoch 3"
    lines = {one["name"]: one["data"] for one in chart(first, "weights_change")["series"] if "name" in one}
    assert [epoch for epoch, _ in lines["conv_1"]] == [0, 1, 2, 3, 4, 5]
    assert [epoch for epoch, _ in lines["conv_2"]] == [0, 1, 2, 4, 5]


def test_an_epoch_that_was_thinned_out_is_matched_by_the_nearest(open_page, home):
    weights = [weights_of(CONVOLUTIONS, seed) for seed in range(6)]
    run = record_run(CONVOLUTIONS, weights, dropped=(3,))
    app = opened(open_page, run, layer="conv_2", epoch="5", matched="epoch:3")
    assert "The weights of epoch 3 were thinned out; beside it is epoch 2, the nearest that is kept." in said(app)
    assert "conv_2 at epoch 5 beside epoch 2" in [one.value for one in app.subheader]
    assert "".join(app.query_params["matched"]) == "epoch:3"


def test_curves_are_shares_of_the_start_or_norms_where_that_is_0(open_page, home):
    weights = [weights_of(dense(8), seed) for seed in range(3)]
    weights[0]["output/kernel"] = np.zeros_like(weights[0]["output/kernel"])
    app = opened(open_page, record_run(dense(8), weights))
    spec = chart(app, "weights_change")
    lines = {one["name"]: one for one in spec["series"] if "name" in one}
    start, last = (one["dense_1/kernel"].astype(float) for one in (weights[0], weights[2]))
    assert lines["dense_1"]["data"][2][1] == pytest.approx(
        100 * np.linalg.norm(last - start) / np.linalg.norm(start), rel=1e-4
    )
    assert lines["output"]["data"][2][1] == pytest.approx(np.linalg.norm(weights[2]["output/kernel"]), rel=1e-4)
    assert (lines["dense_1"]["yAxisIndex"], lines["output"]["yAxisIndex"]) == (0, 1)
    assert "output starts at 0, so there is no share" in said(app)
    steps = {one["name"]: one["data"] for one in chart(app, "weights_update")["series"] if "name" in one}
    assert steps["dense_1"][0][1] is None
    middle = weights[1]["dense_1/kernel"].astype(float)
    assert steps["dense_1"][2][1] == pytest.approx(
        100 * np.linalg.norm(last - middle) / np.linalg.norm(start), rel=1e-4
    )


def test_both_cursors_stand_in_the_curves(open_page, home):
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in range(5)])
    app = opened(open_page, run, epoch="3", before="1")
    rules = chart(app, "weights_change")["series"][-1]["markLine"]["data"]
    assert [one["xAxis"] for one in rules] == [3, 1]
    frame = chart(app, "weights_distribution")["series"][1]["data"]
    assert frame[0] == [3, 0]
    assert boards_of(app)[0].header["panels"][0]["title"] == "before: epoch 1"


def test_a_run_that_trains_grows(open_page, home):
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in range(2)], state="running")
    app = opened(open_page, run)
    assert boards_of(app)[0].header["panels"][1]["title"] == "now: epoch 1"
    commit_weights(lease_of(run), 2, weights_of(dense(8), 7), dense(8))
    app.run()
    assert boards_of(app)[0].header["panels"][1]["title"] == "now: epoch 2"
    assert len(chart(app, "weights_change")["series"][0]["data"]) == 3


def test_a_long_run_is_read_a_little_at_a_time_and_thinned_evenly(open_page, home, monkeypatch):
    monkeypatch.setattr(history, "PATIENCE", 0.0)
    monkeypatch.setattr(history, "MOST_EPOCHS", 5)
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in range(12)])
    app = opened(open_page, run)
    assert len(chart(app, "weights_change")["series"][0]["data"]) < 5
    for _ in range(8):
        app.run()
    epochs = [epoch for epoch, _ in chart(app, "weights_change")["series"][0]["data"]]
    assert epochs == [0, 4, 8, 11]
    assert "Of 12 epochs 4 were read, evenly." in said(app)
    assert "is not among them" not in said(app)
    app.query_params["epoch"] = "5"
    app.run()
    assert "Epoch 5 is not among them; the frame is at epoch 4, the nearest." in said(app)


def test_what_was_read_is_not_read_again(open_page, home, monkeypatch):
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in range(6)])
    app = opened(open_page, run)
    read = []
    archive = type(services().lab.archive)
    whole = archive.read
    monkeypatch.setattr(archive, "read", lambda self, *place: read.append(place) or whole(self, *place))
    app.query_params["epoch"] = "4"
    app.run()
    assert [place[1:] for place in read if place[2] != "facts"] == [(4, "first_layer")]
    read.clear()
    app.run()
    assert not read


def test_flagged_units_are_listed_with_their_rule_and_lead_to_their_tile(open_page, home):
    arrays = weights_of(dense(100), 1)
    arrays["dense_1/kernel"][:, 5] = 2 * arrays["dense_1/kernel"][:, 90]
    arrays["dense_1/kernel"][:, 7] = 0
    app = opened(open_page, record_run(dense(100), [weights_of(dense(100), 2), arrays]))
    text = said(app)
    assert "**duplicate: 2 of 100** (the cosine of its incoming weights with those of another unit is above" in text
    assert "**dead: 1 of 100** (all its incoming weights are 0)" in text
    (board,) = boards_of(app)
    assert [unit for unit, flag in enumerate(board.header["flagged"]) if flag] == [5, 7]
    assert "duplicate of unit 90" in board.header["said"][5]
    next(one for one in app.button if one.label == "90, like 5").click().run()
    (board,) = boards_of(app)
    assert board.header["chosen"] == 90
    assert 90 in board.header["units"]


def test_layers_that_differ_in_the_order_of_their_units_are_the_same_when_matched(open_page, home):
    layers = dense(60)
    one = weights_of(layers, 1)
    order = np.random.default_rng(5).permutation(60)
    other = one | {"dense_1/kernel": one["dense_1/kernel"][:, order]}
    record_run(layers, [one, other], name="shuffled")
    run = record_run(layers, [one, one])
    app = opened(open_page, run, matched="run:shuffled")
    assert "Mean cosine of the pairs: 1.000**, from 1.000 to 1.000; 60 pairs." in said(app)
    _, pairs = boards_of(app)
    assert np.array_equal(pairs.parts[0], pairs.parts[1]), "each pair shows the same tile twice"
    partners = {
        unit: int(re.search(r"paired with unit (\d+)", text)[1])
        for unit, text in zip(pairs.header["units"], pairs.header["said"], strict=True)
    }
    assert all(order[partner] == unit for unit, partner in partners.items())
    assert pairs.header["labels"][0] == "1.000"


def test_first_layers_that_see_the_pixels_say_how_alike_they_answer(open_page, finished_run):
    app = opened(open_page, finished_run, matched="epoch:1")
    every = to_model_input(services().lab.dataset("digits").images)[..., 0]
    images = every[finished_run.split_file["validation_ids"]]
    kernels = [finished_run.first_layer(epoch).kernel for epoch in (2, 1)]
    wanted = first_layer_likeness(images, *kernels)
    assert wanted < 1
    assert f"Likeness of what they give for {len(images)} images: {wanted:.3f}" in said(app)
    untrained = opened(open_page, finished_run, matched="epoch:0")
    assert "Likeness" not in said(untrained), "it gives the same to every image"


def test_pairs_show_the_units_that_they_name(open_page, home):
    layers = dense(30)
    one, other = (weights_of(layers, seed) for seed in (1, 2))
    run = record_run(layers, [one, other])
    app = opened(open_page, run, matched="epoch:0", epoch="1")
    assert "dense_1 at epoch 1 beside epoch 0" in [one.value for one in app.subheader]
    _, pairs = boards_of(app)
    end = float(pairs.header["scales"][0]["ends"][2])
    for place, (unit, text) in enumerate(zip(pairs.header["units"], pairs.header["said"], strict=True)):
        partner = int(re.search(r"paired with unit (\d+)", text)[1])
        for part, arrays, which in zip(pairs.parts, (other, one), (unit, partner), strict=True):
            wanted = levels(arrays["dense_1/kernel"][:, which].reshape(28, 28), end)
            assert np.abs(part[place].astype(int) - wanted).max() <= 1


def test_layers_of_another_shape_give_a_sentence(open_page, home):
    record_run(CONVOLUTIONS, [weights_of(CONVOLUTIONS, 1)], name="convolutions")
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in (1, 2)])
    app = opened(open_page, run, matched="run:convolutions")
    assert (
        "Run convolutions has no layer whose units look at as many weights as those of `dense_1` (784), so nothing is"
        " compared." in said(app)
    )
    assert len(boards_of(app)) == 1


@pytest.mark.parametrize("units", [1, 3000])
def test_one_unit_and_thousands_are_shown(open_page, home, units):
    run = record_run(dense(units), [weights_of(dense(units), seed) for seed in (1, 2)])
    (board,) = boards_of(opened(open_page, run, unit=str(units - 1)))
    assert board.header["units"][-1] == units - 1
    assert len(board.header["units"]) <= tiles_view.PER_PAGE


def test_a_failed_run_shows_what_it_recorded(open_page, home):
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in (1, 2)], state="failed")
    app = open_page("weights", run=run.id)
    assert not app.exception
    assert "The loss was no longer a number. What it recorded until then is shown." in said(app)
    assert len(boards_of(app)) == 1


def test_weights_that_are_no_numbers_are_shown_as_such_and_end_the_curves(open_page, home):
    weights = [weights_of(dense(8), seed) for seed in range(3)]
    weights[2]["dense_1/kernel"][5, 3] = np.nan
    app = opened(open_page, record_run(dense(8), weights), epoch="2")
    assert boards_of(app)[0].parts[1][3].ravel()[5] == 255
    assert "At epoch 2 weights are not finite numbers, so the curves end before it." in said(app)
    assert "Some of these weights are not finite numbers" in said(app)


def test_a_run_without_recorded_weights_says_so(open_page, add_run):
    app = open_page("weights", run=add_run("done", epochs=2).id)
    assert not app.exception
    assert "No weights of this run are recorded" in said(app)
    assert not boards_of(app)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"layer": "conv_9"}, "`layer` in the link must be one of conv_1, conv_2, output, got `conv_9`; conv_1 is"),
        ({"layer": "conv_2", "channel": "6"}, "`channel` in the link must be between 0 and 5, got `6`; channel 0 is"),
        ({"before": "9"}, "`before` in the link must be an epoch of the run, 0 to 1, got `9`; 0 is shown."),
        ({"unit": "6"}, "`unit` in the link must be between 0 and 5, got `6`; no unit is chosen."),
        (
            {"off": "2,6"},
            "`off` in the link must be at most 64 units between 0 and 5, such as 3,7, got `2,6`; none is switched",
        ),
        ({"matched": "x"}, "`matched` in the link must be such as epoch:3 or run:ID, got `x`; nothing is compared."),
        ({"matched": "epoch:7"}, "What was to be compared with, epoch 7, is not here; nothing is compared."),
    ],
)
def test_what_a_link_cannot_mean_is_said_and_the_rest_is_shown(open_page, home, query, sentence):
    run = record_run(CONVOLUTIONS, [weights_of(CONVOLUTIONS, seed) for seed in (1, 2)])
    app = opened(open_page, run, **query)
    assert sentence in said(app)
    assert len(boards_of(app)) == 1


def test_another_layer_takes_back_what_meant_nothing_in_it(open_page, home):
    run = record_run(CONVOLUTIONS, [weights_of(CONVOLUTIONS, seed) for seed in (1, 2)])
    app = opened(open_page, run, layer="conv_2", channel="5", unit="3", order="norm")
    app.selectbox(key="weights_layer_menu").set_value("output").run()
    assert not app.exception
    assert not app.warning
    left = {name: "".join(value) for name, value in app.query_params.items()}
    assert left == {"run": run.id, "layer": "output", "order": "norm"}


def test_a_page_switch_keeps_what_was_asked_for(open_page, home):
    run = record_run(CONVOLUTIONS, [weights_of(CONVOLUTIONS, seed) for seed in (1, 2)])
    app = opened(open_page, run, layer="conv_2", channel="5", unit="3")
    app.query_params.clear()
    app.switch_page("curves.py").run()
    app.switch_page("weights.py").run()
    assert not app.exception
    assert "".join(app.query_params["layer"]) == "conv_2"
    assert boards_of(app)[0].header["chosen"] == 3


def test_what_units_give_for_images_is_judged_once_it_is_known(open_page, finished_run):
    app = opened(open_page, finished_run, unit="4")
    assert "Judged by the weights alone" in said(app)
    jobs, lab = services().jobs, services().lab
    jobs.ask(UnitsRequest(layer="output", split="validation", epoch=2), finished_run.id, owner="ann")
    highest = np.where(np.arange(10) == 6, 0, 1).astype(np.float32)
    activity = UnitActivity("relu", 127, highest, np.zeros(10, np.int64))
    ViewWorker(lab).answer(lambda _: responses(finished_run, 10, activity=activity))
    app = opened(open_page, finished_run)
    assert "**dead: 1 of 10** (its activation is 0 for every image)" in said(app)
    assert "by what the units give for the images of the validation split" in said(app)
    assert boards_of(app)[0].header["flagged"].index(True) == 6
    app.query_params["epoch"] = "1"
    app.run()
    assert "Judged by the weights alone" in said(app), "at this epoch nobody asked"


def test_units_stay_off_in_their_run_alone_but_a_link_may_bring_any(open_page, home):
    one, other = (record_run(dense(6), [weights_of(dense(6), seed)] * 2, name=f"run-{seed}") for seed in (1, 2))
    app = opened(open_page, one, unit="3", off="3,5")
    app.selectbox(key="frame_run").set_value(other.id).run()
    assert {name: "".join(text) for name, text in app.query_params.items()} == {"run": other.id, "unit": "3"}
    app.query_params["run"], app.query_params["off"] = one.id, "3,5"
    app.run()
    assert "".join(app.query_params["off"]) == "3,5"


@pytest.mark.parametrize("query", [{"order": "zzz"}, {"difference": "zzz"}])
def test_a_choice_that_there_is_not_is_said(open_page, home, query):
    (name,) = query
    app = opened(open_page, record_run(dense(6), [weights_of(dense(6), 1)] * 2), **query)
    assert f"`{name}` in the link must be one of" in said(app)
    app.segmented_control(key=f"weights_{name}_menu").set_value({"order": "norm", "difference": "own"}[name]).run()
    assert "in the link must be" not in said(app)
    assert "".join(app.query_params[name]) in ("norm", "own")


def test_what_was_asked_of_another_run_is_no_fault_of_the_link(open_page, home):
    first = record_run(CONVOLUTIONS, [weights_of(CONVOLUTIONS, seed) for seed in range(5)])
    other = record_run(dense(3), [weights_of(dense(3), seed) for seed in (1, 2)])
    app = opened(open_page, first, layer="conv_2", channel="5", unit="3", before="4", matched="epoch:4")
    for _ in range(2):
        app.query_params["run"] = other.id
        app.run()
        assert not app.exception
        assert not app.warning
    assert set(app.query_params) == {"run"}
    app.query_params["run"] = first.id
    app.run()
    assert boards_of(app)[0].header["panels"][0]["title"] == "before: epoch 4"


def test_many_units_are_paired_once_the_cursor_rests_and_the_last_pairs_stay_until_then(open_page, home, monkeypatch):
    layers = dense(200)
    run = record_run(layers, [weights_of(layers, seed) for seed in range(3)])
    app = opened(open_page, run, matched="epoch:0", epoch="1")
    assert "The units are paired as soon as the cursor rests here." in said(app)
    assert len(boards_of(app)) == 1
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)
    app.run()
    assert "dense_1 at epoch 1 beside epoch 0" in [one.value for one in app.subheader]
    monkeypatch.setattr(resting, "REST_SECONDS", 60.0)
    app.query_params["epoch"] = "2"
    app.run()
    assert "dense_1 at epoch 1 beside epoch 0" in [one.value for one in app.subheader]
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)
    app.run()
    assert "dense_1 at epoch 2 beside epoch 0" in [one.value for one in app.subheader]
    assert not app.exception


def test_what_is_thinned_out_while_somebody_looks_is_passed_over(open_page, home):
    weights = [weights_of(CONVOLUTIONS, seed) for seed in range(5)]
    run = record_run(CONVOLUTIONS, weights, state="running")
    assert list(kept_files(run.record)["weights"]) == [0, 1, 2, 3, 4]
    services().lab.archive.store.drop(lease_of(run), [(3, "weights")])
    app = opened(open_page, run, layer="conv_2", epoch="3")
    assert "now is epoch 2, the nearest that is kept" in said(app)
    app.run()
    lines = {one["name"]: one["data"] for one in chart(app, "weights_change")["series"] if "name" in one}
    assert [epoch for epoch, _ in lines["conv_2"]] == [0, 1, 2, 4]
    assert not app.get("progress")


def test_read_weights_stay_in_memory_up_to_a_limit(open_page, home, monkeypatch):
    monkeypatch.setattr(reading, "MOST_BYTES", 3 * 4 * (784 * 8 + 10))
    run = record_run(dense(8), [weights_of(dense(8), seed) for seed in range(6)])
    app = opened(open_page, run)
    for epoch in range(6):
        app.query_params["epoch"] = str(epoch)
        app.run()
        assert not app.error
    held = reading._recent()
    assert len(held._held) <= 3
    assert held._bytes == bytes_of(held._held)


def test_where_weights_share_a_column_the_difference_is_still_that_of_single_weights(open_page, home):
    layers = (*CONVOLUTIONS[:2], *CONVOLUTIONS[3:])
    was = weights_of(layers, 1)
    inputs = len(was["output/kernel"])
    assert inputs > 512
    run = record_run(layers, [was, moved(was, **{"output/kernel": np.float32(0.5)})])
    app = opened(open_page, run, layer="output", difference="own")
    assert "neighbouring weights share a column, which shows the strongest of them" in said(app)
    (board,) = boards_of(app)
    assert board.parts[2].min() >= 253, "all went the same way"
