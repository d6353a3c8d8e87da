"""The panel of one unit: its images, its charts, its flags, and the network without it; a made-up worker answers."""

import json

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from mnist_core.analysis.selection import Ids, Selection
from mnist_core.analysis.units import UnitActivity
from mnist_core.inspection import AblationRequest, UnitsRequest
from mnist_core.runs import RunState
from pages.ui.frame import resting
from tests.app.conftest import TIMEOUT
from tests.app.random_events import send
from tests.app.recorded_weights import dense, record_run, weights_of
from tests.app.view_worker import ViewWorker, flipped, responses

GLUE = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)


@pytest.fixture
def worker(shared, finished_run):
    return ViewWorker(shared.lab)


def script():
    import streamlit as st

    from pages.ui.frame.link import current_link
    from pages.ui.frame.selected import resolve
    from pages.ui.frame.view import View
    from pages.ui.services import services
    from pages.ui.weights.options import OFF
    from pages.ui.weights.unit import draw_unit

    run = services().lab.run(st.session_state["shown"])
    selection = current_link("weights").selection
    selected = resolve(selection, run, 2)[0] if selection else None
    epoch = st.session_state["epoch"]
    view = View(run, run.record, run.epochs, epoch, st.session_state["split"], run.classes, selected)
    off = tuple(int(unit) for unit in OFF.asked.split(",") if unit)
    draw_unit(view, st.session_state["layer"], st.session_state["unit"], off)


@pytest.fixture
def visit(finished_run, worker):
    def open_it(**more):
        app = AppTest.from_function(script, default_timeout=TIMEOUT)
        there = {"shown": finished_run.id, "epoch": 2, "split": "validation", "layer": "output", "unit": 3}
        for name, value in (there | more).items():
            app.session_state[name] = value
        return app.run()

    return open_it


def said(app):
    assert not app.exception, app.exception[0].value
    shown = (*app.markdown, *app.caption, *app.error, *app.warning, *app.info, *app.subheader)
    return "\n".join(one.value for one in shown)


def button(app, label):
    return next(one for one in app.button if one.label.startswith(label))


def galleries(app):
    """The images of each gallery, in order, by what it shows."""
    drawn = [one.proto for one in app.get("bidi_component") if one.proto.component_name.endswith("gallery")]
    payloads = [json.loads(proto.json) for proto in drawn]
    return {data["label"]: data["items"] for data in payloads}


def bars(app, key):
    [spec] = [json.loads(one.proto.spec) for one in app.get("echarts_chart") if key in one.proto.id]
    [series] = spec["series"]
    values = [one["value"] for one in series["data"]]
    return dict(zip(spec["yAxis"]["data"], values, strict=True))


def selection_of(app):
    return Selection.parse(in_link(app, "selection"))


def in_link(app, name):
    found = app.query_params[name]
    return found if isinstance(found, str) else found[0]


def answered(app, worker, run, **more):
    worker.answer(lambda _: responses(run, 10, **more))
    return app.run()


def test_the_images_that_drive_it_stand_in_order_with_what_it_gives(visit, worker, finished_run):
    app = visit()
    assert "**What drives the units of output**" in said(app)
    request = worker.answer(lambda _: responses(finished_run, 10))
    assert request == UnitsRequest(layer="output", split="validation", epoch=2)
    app.run()
    ids, labels, _ = finished_run.judged("validation", 2)
    drawn = galleries(app)
    most, least = drawn["images that drive the unit most"], drawn["images that drive the unit least"]
    assert [item["image"] for item in most] == ids[::-1][:12].tolist()
    assert [item["image"] for item in least] == ids[:12].tolist()
    assert most[0]["note"] == f"the unit gives {float(ids[-1] + 3):.3g}"
    assert least[5]["true"] == str(labels[5])
    assert "Unit 3 of output" in said(app)
    assert "No rule flags it." in said(app)


def test_its_charts_are_means_of_classes_and_its_weights(visit, worker, finished_run):
    mean = np.arange(100, dtype=np.float32).reshape(10, 10)
    mean[3, 4] = np.nan
    app = answered(visit(), worker, finished_run, mean=mean)
    found = bars(app, "unit_by_class")
    assert found == {str(number): None if number == 4 else 30 + number for number in range(10)}
    assert "`output` is the last layer with a kernel; its units are the answer." in said(app)


@pytest.mark.parametrize(("label", "which"), [(0, slice(None, -13, -1)), (1, slice(0, 12))])
def test_a_press_selects_its_images_and_another_clears_them(visit, worker, finished_run, label, which):
    app = answered(visit(), worker, finished_run)
    [one] = [one for place, one in enumerate(b for b in app.button if b.label == "Select these") if place == label]
    one.click().run()
    ids = finished_run.sample("validation").ids
    expected = Selection(Ids(tuple(sorted(ids[which].tolist()))), finished_run.id, 2, "validation")
    assert selection_of(app) == expected
    said(app)
    [one] = [one for place, one in enumerate(b for b in app.button if b.label == "Select these") if place == label]
    assert one.proto.type == "primary"
    one.click().run()
    assert "selection" not in app.query_params


def test_a_click_on_an_image_selects_it(visit, worker, finished_run):
    app = answered(visit(), worker, finished_run)
    one = next(one for one in app.get("bidi_component") if one.proto.component_name.endswith("gallery"))
    state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{one.proto.id}__events")
    image = int(finished_run.sample("validation").ids[-2])
    state.json_trigger_value = json.dumps([{"event": "choose", "value": image}])
    send(app, state)
    assert selection_of(app).rule == Ids((image,))
    said(app)


def test_a_unit_that_gives_the_same_for_all_says_so_and_why(visit, worker, finished_run):
    ids = finished_run.sample("validation").ids
    zeros = np.zeros((10, 12), np.float32)
    activity = UnitActivity("relu", len(ids), np.zeros(10, np.float32), np.zeros(10, np.int64))
    app = answered(visit(), worker, finished_run, top_values=zeros, bottom_values=zeros, activity=activity)
    text = said(app)
    assert "It gives 0 for every image of the validation split, so these are simply the first." in text
    assert "**dead**: its activation is 0 for every image (0)" in text


def test_without_the_unit_all_that_changes_is_shown(visit, worker, finished_run):
    app = answered(visit(), worker, finished_run)
    assert "All units of output are on." in said(app)
    button(app, "Switch unit 3 off").click().run()
    assert in_link(app, "off") == "3"
    assert "**The network without unit 3**" in said(app)
    ids, labels, predictions = finished_run.judged("validation", 2)
    right = np.flatnonzero(predictions.predicted == labels)
    broken = ids[right[[1, 4, 9]]].tolist()
    request = worker.answer(lambda _: flipped(finished_run, broken))
    assert request == AblationRequest(layer="output", units=(3,), split="validation", epoch=2)
    app.run()
    text, wrong, n = said(app), int((predictions.predicted != labels).sum()), len(ids)
    assert f"{wrong} of {n} wrong" in text
    assert f"{wrong + 3} of {n} wrong" in text
    assert "without unit 3 |" in text
    assert [item["image"] for item in galleries(app)["images that flip"]] == broken
    first = galleries(app)["images that flip"][0]
    assert first["predicted"] == str((labels[right[1]] + 1) % 10)
    assert first["note"] == f"{labels[right[1]]} with all units"
    assert not first["right"]
    button(app, "newly broken: 3").click().run()
    assert selection_of(app).rule == Ids(tuple(broken))
    assert button(app, "fixed: 0").disabled


def test_several_units_are_switched_off_and_on(visit, worker, finished_run):
    app = answered(visit(), worker, finished_run)
    button(app, "Switch unit 3 off").click().run()
    worker.answer(lambda _: flipped(finished_run, []))
    app.session_state["unit"] = 1
    app.run()
    assert "No image of the validation split is taken for another class." in said(app)
    button(app, "Switch unit 1 off").click().run()
    assert in_link(app, "off") == "1,3"
    assert "2 of 10 off: 1, 3" in said(app)
    assert worker.begin()[1].units == (1, 3)
    button(app, "Switch unit 1 on").click().run()
    assert in_link(app, "off") == "3"
    button(app, "Switch all on").click().run()
    assert "off" not in app.query_params
    assert "All units of output are on." in said(app)


@pytest.fixture
def deeper(shared):
    """A run with a hidden layer whose weights of epoch 2 were thinned out."""
    return record_run(dense(5), [weights_of(dense(5), seed) for seed in range(3)], dropped=(2,))


def test_where_weights_were_thinned_out_the_nearest_are_taken(visit, worker, deeper):
    app = visit(shown=deeper.id, layer="dense_1", unit=4)
    assert "The weights of epoch 2 were thinned out; this is epoch 1, the nearest that is kept." in said(app)
    assert worker.begin()[1] == UnitsRequest(layer="dense_1", epoch=1)
    outgoing = deeper.weights(1)["output/kernel"][4]
    assert bars(app, "unit_outgoing") == {
        str(number): pytest.approx(weight, rel=1e-3) for number, weight in enumerate(outgoing.tolist())
    }
    assert "To the right of 0 it speaks for a class, to the left against it. The bars are its weights." in said(app)


def test_of_many_units_that_hear_it_the_strongest_are_shown(visit, shared):
    layers = ({"kind": "flatten"}, {"kind": "dense", "units": 2}, *dense(60)[1:])
    run = record_run(layers, [weights_of(layers, 0)])
    app = visit(shown=run.id, layer="dense_1", unit=1, epoch=0)
    kernel = run.weights(0)["dense_2/kernel"][1]
    strongest = np.sort(np.argsort(-np.abs(kernel))[:16])
    assert list(bars(app, "unit_outgoing")) == [f"unit {unit}" for unit in strongest]
    assert "The 16 strongest of 60." in said(app)


def test_a_run_without_weights_says_so(visit, worker, shared):
    run = record_run(dense(5), [weights_of(dense(5), 0)], dropped=(0,))
    text = said(visit(shown=run.id, layer="dense_1", epoch=0))
    assert "The weights of all layers are kept at no epoch of this run" in text
    assert worker.claim() is None


def test_work_that_fails_leaves_the_rest_of_the_panel(visit, worker):
    app = visit()
    worker.end(RunState.FAILED, "It is another dataset.")
    text = said(app.run())
    assert "It is another dataset." in text
    assert "its units are the answer" in text
    assert "All units of output are on." in text
