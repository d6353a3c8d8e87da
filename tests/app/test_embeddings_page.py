"""The embeddings page in each of its states; a made-up view worker puts known places into the maps."""

import json
from dataclasses import replace

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from mnist_core.analysis.embedding import Components, Frame, Quality
from mnist_core.analysis.selection import Lassoed, Selection
from mnist_core.maps import LayerMap, MapRequest
from mnist_core.maps.recorded import keep_frame, keep_map, keep_sample
from mnist_core.runs import RunState
from pages.ui.embeddings import asking, map_view
from pages.ui.frame import resting
from tests.app.comparing import rival_of
from tests.app.random_events import send

QUALITY = Quality(0.9312, 0.9456, 0.8765, 0.9123, 10, 127)


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)


class ViewWorker:
    """Takes what is queued in the view lane, and does as it is told."""

    def __init__(self, lab, run):
        self.archive, self.run = lab.archive, run

    def claim(self):
        return self.archive.store.claim_next("view", ticket="t", worker="a-worker", device="cpu")

    def begin(self):
        lease = self.claim()
        order = self.archive.store.run(lease.run)
        assert order.kind == "embed"
        request = MapRequest.parse(order.spec)
        sample = self.run.sample(request.split, request.points, seed=request.sample_seed)
        keep_sample(self.archive, lease, sample)
        return lease, request, sample

    def make(self, *, quality=QUALITY, **more):
        """Finishes one order; each image of a map lies at (id, place of the source)."""
        lease, request, sample = self.begin()
        n, size = len(sample.ids), getattr(request.settings, "components", 2)
        near = (np.arange(n)[:, None] + np.arange(1, 4)) % n
        for place, source in enumerate(request.sources):
            positions = np.zeros((n, size), np.float32)
            positions[:, 0], positions[:, 1] = sample.ids, place
            components = None
            if request.method == "pca":
                basis = np.eye(size, 784, dtype=np.float32)
                components = Components(np.zeros(784, np.float32), basis, np.linspace(0.4, 0.1, size, dtype=np.float32))
            one = LayerMap(source, positions, near.astype(np.int32), quality, components, 784, 1.0, {"total": 1.2})
            keep_map(self.archive, lease, place, replace(one, **more))
        self.archive.store.finish(lease, RunState.DONE)
        return request


@pytest.fixture
def worker(shared, finished_run):
    return ViewWorker(shared.lab, finished_run)


def said(app):
    shown = (*app.markdown, *app.caption, *app.error, *app.warning, *app.info)
    return "\n".join(one.value for one in shown)


def maps_of(app):
    """What each map component on the page got: its header and its arrays."""
    drawn = [one.proto for one in app.get("bidi_component") if one.proto.component_name.endswith("map")]
    return [read_payload(proto.bytes) for proto in drawn]


def read_payload(data):
    size = int(np.frombuffer(data[:4], np.uint32)[0])
    header, at, arrays = json.loads(data[4 : 4 + size]), 4 + size, {}
    for name, (kind, length) in header["arrays"].items():
        arrays[name] = np.frombuffer(data, kind, length, at)
        at += -(-arrays[name].nbytes // 4) * 4
    return header, arrays


def press(app, label):
    return next(one for one in app.button if one.label == label).click().run()


def lasso(app, ids):
    one = next(one for one in app.get("bidi_component") if one.proto.component_name.endswith("map"))
    state = WidgetState(id=one.proto.id, json_value=json.dumps({"select": ids}))
    send(app, state)


def test_a_pca_is_made_without_a_press_and_shown_when_it_is_there(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id)
    assert not app.exception
    assert "view worker" in said(app)
    request = worker.make()
    assert (request.method, request.split, request.sources) == ("pca", "validation", (("pixels", 2),))
    app.run()
    assert not app.exception
    ((header, arrays),) = maps_of(app)
    ids = finished_run.split_file["validation_ids"]
    assert np.array_equal(arrays["ids"], ids)
    assert np.array_equal(arrays["labels"], finished_run.split_file["validation_labels"])
    assert np.array_equal(arrays["predicted"], finished_run.predictions("validation", 2).predicted)
    assert header["n"] == len(ids)
    text = said(app)
    assert "Neighbourhood hit 87.65\N{NO-BREAK SPACE}%** of 91.23\N{NO-BREAK SPACE}% in the layer" in text
    assert "trustworthiness 0.931, continuity 0.946" in text
    assert "The axes hold 40.00\N{NO-BREAK SPACE}% and 10.00\N{NO-BREAK SPACE}% of the variance." in text
    assert len(app.get("image")) == 2


def test_a_t_sne_is_made_at_a_press_streams_and_can_be_stopped(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, method="t-SNE")
    assert worker.claim() is None, "nobody asked"
    assert "There is no t-SNE of `pixels` at epoch 2 yet" in said(app)
    press(app, "Make the t-SNE")
    lease, _, sample = worker.begin()
    places = np.random.default_rng(0).normal(size=(len(sample.ids), 2)).astype(np.float32)
    keep_frame(worker.archive, lease, 0, Frame(places, 120, 750))
    app.run()
    ((_, arrays),) = maps_of(app)
    assert np.array_equal(arrays["ids"], sample.ids)
    press(app, "Stop")
    assert worker.archive.store.beat(lease).value == "stop"
    source = MapRequest.parse(worker.archive.store.run(lease.run).spec).sources[0]
    none = np.zeros((len(sample.ids), 0), np.int32)
    last = LayerMap(source, places, none, None, None, 784, 1.0, {}, iterations=130, unfinished=True)
    keep_map(worker.archive, lease, 0, last)
    worker.archive.store.finish(lease, RunState.STOPPED, reason="Stopped on request.")
    app.run()
    assert not app.exception
    assert len(maps_of(app)) == 1
    assert "It was stopped after 130 iterations" in said(app)
    press(app, "Make it anew")
    assert worker.claim().run != lease.run


def test_work_that_failed_says_why_and_can_be_tried_again(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id)
    first = worker.claim()
    worker.archive.store.finish(first, RunState.FAILED, reason="What leaves the layer is the same for all images.")
    app.run()
    assert [error.value for error in app.error] == ["What leaves the layer is the same for all images."]
    press(app, "Try again")
    assert worker.claim().run != first.run


def test_a_lasso_makes_the_selection_on_every_page(open_page, finished_run, worker):
    open_page("embeddings", run=finished_run.id)
    worker.make()
    app = open_page("embeddings", run=finished_run.id)
    ids = finished_run.split_file["validation_ids"][10:25].tolist()
    lasso(app, [*ids, 10**9, -1])
    assert not app.exception
    rule = Lassoed("pca", "pixels", tuple(ids))
    text = Selection(rule, finished_run.id, 2, "validation").text()
    assert "".join(app.query_params["selection"]) == text
    ((_, arrays),) = maps_of(app)
    marked = np.unpackbits(arrays["selected"])[: len(arrays["ids"])].astype(bool)
    assert arrays["ids"][marked].tolist() == ids
    assert "15 images: lasso in the PCA of pixels, at epoch 2" in [one.value for one in app.subheader]
    elsewhere = open_page("predictions", run=finished_run.id, selection=text)
    assert "15 images: lasso in the PCA of pixels, at epoch 2" in [one.value for one in elsewhere.subheader]


@pytest.mark.parametrize("told", ["x", [1, "2"], [True], {"a": 1}, None, [[1]], [1.5]])
def test_a_forged_lasso_selects_nothing(open_page, finished_run, worker, told):
    open_page("embeddings", run=finished_run.id)
    worker.make()
    app = open_page("embeddings", run=finished_run.id)
    lasso(app, told)
    assert not app.exception
    assert "selection" not in app.query_params


def test_one_image_is_chosen_and_its_neighbours_in_the_layer_stand_below(open_page, finished_run, worker):
    open_page("embeddings", run=finished_run.id)
    worker.make()
    app = open_page("embeddings", run=finished_run.id)
    ids = finished_run.split_file["validation_ids"]
    lasso(app, [int(ids[5])])
    assert "".join(app.query_params["image"]) == str(ids[5])
    assert f"Nearest to image {ids[5]} in pixels" in [one.value for one in app.subheader]
    gallery = next(
        json.loads(one.proto.mixed.json if one.proto.HasField("mixed") else one.proto.json)
        for one in app.get("bidi_component")
        if "nearest" in (one.proto.json or one.proto.mixed.json)
    )
    assert [item["image"] for item in gallery["items"]] == ids[6:9].tolist()


def test_maps_of_all_epochs_follow_the_cursor_in_one_frame(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, along="all epochs", layer="output")
    assert worker.make().sources == (("output", 0), ("output", 1), ("output", 2))
    app.run()
    frames = []
    for epoch in ("0", "1", "2"):
        app.query_params["epoch"] = epoch
        app.run()
        ((header, _),) = maps_of(app)
        frames.append((header["frame"], tuple(header["fit"])))
        assert header["bounds"][1] == int(epoch)
    assert len(set(frames)) == 1


def test_between_mapped_epochs_the_nearest_is_shown_and_said(open_page, finished_run, worker, monkeypatch):
    monkeypatch.setattr(asking, "MOST_EPOCHS", 2)
    app = open_page("embeddings", run=finished_run.id, along="all epochs", epoch="1")
    assert worker.make().sources == (("pixels", 0), ("pixels", 2))
    app.run()
    assert "Places are those of epoch 0, the nearest that is mapped; colours and numbers those of epoch 1." in said(app)


def test_maps_of_all_layers_follow_the_menu(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, along="all layers")
    assert [layer for layer, _ in worker.make().sources] == ["pixels", "output"]
    for place, layer in enumerate(("pixels", "output")):
        app = open_page("embeddings", run=finished_run.id, along="all layers", layer=layer)
        ((header, _),) = maps_of(app)
        assert header["bounds"][1] == place


def test_two_maps_stand_beside_each_other_with_what_they_have_in_common(open_page, finished_run, worker):
    open_page("embeddings", run=finished_run.id)
    worker.make()
    app = open_page("embeddings", run=finished_run.id, beside="layer:output")
    worker.make()
    app.run()
    assert not app.exception
    assert len(maps_of(app)) == 2
    assert "On average 100.00\N{NO-BREAK SPACE}% of the 3 images nearest" in said(app)


def test_three_components_are_turned_round(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, settings="components:3")
    assert worker.make().settings.components == 3
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1
    assert not maps_of(app)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"layer": "conv_9"}, "`layer` in the link must be one of pixels, output, got `conv_9`; pixels is shown."),
        ({"settings": "components:9"}, "`settings` in the link: `components` must be one of 2, 3, got 9."),
        ({"settings": "perplexity:9"}, "`settings` in the link: `perplexity` "),
        ({"beside": "x"}, "`beside` in the link must be such as"),
        ({"beside": "epoch:77"}, "What was to stand beside, epoch 77, is not here"),
        ({"image": "99999"}, "`image` in the link must be one of the 127 images"),
    ],
)
def test_what_a_link_cannot_mean_is_said_and_the_rest_is_shown(open_page, finished_run, worker, query, sentence):
    app = open_page("embeddings", run=finished_run.id, **query)
    assert not app.exception
    assert sentence in said(app)
    assert worker.make().sources == (("pixels", 2),)


def test_a_setting_that_breaks_its_rule_orders_nothing(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, method="t-SNE")
    app.number_input(key="embedding:tsne:perplexity:0").set_value(1e9).run()
    assert "`perplexity` must be a number between 2 and 100 (neighbours), got 1000000000.0." in said(app)
    assert not [one for one in app.button if one.label.startswith("Make")]
    assert worker.claim() is None


def test_the_last_map_stays_until_the_next_is_made_and_one_is_asked_for_at_a_time(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, layer="output", epoch="1")
    worker.make()
    app.run()
    assert len(maps_of(app)) == 1
    app.query_params["epoch"] = "2"
    app.run()
    lease, request, _ = worker.begin()
    assert request.sources == (("output", 2),)
    app.query_params["epoch"] = "0"
    app.run()
    assert not app.exception
    assert worker.claim() is None, "the one of epoch 2 is not there yet"
    worker.archive.store.finish(lease, RunState.FAILED, reason="Enough.")
    app.run()
    ((header, _),) = maps_of(app)
    assert header["n"] == 127
    assert worker.claim() is not None


def test_many_images_are_mapped_only_when_somebody_asks(open_page, finished_run, worker, monkeypatch):
    monkeypatch.setattr(map_view, "UNASKED", 100)
    app = open_page("embeddings", run=finished_run.id)
    assert worker.claim() is None
    press(app, "Make the PCA")
    assert worker.claim() is not None


def test_a_setting_that_the_link_asks_for_in_vain_is_said_until_one_is_chosen(open_page, finished_run, worker):
    app = open_page("embeddings", run=finished_run.id, method="t-SNE", settings="perplexity:9999")
    sentence = "`settings` in the link: `perplexity` must be a number between 2 and 100 (neighbours), got 9999."
    assert sentence in said(app)
    assert sentence in said(app.run())
    app.number_input(key="embedding:tsne:perplexity:0").set_value(40.0).run()
    assert sentence not in said(app)
    assert "".join(app.query_params["settings"]) == "perplexity:40.0"


def test_numbers_have_one_scale_at_every_epoch(open_page, finished_run, worker):
    ends = set()
    for epoch in ("1", "2"):
        open_page("embeddings", run=finished_run.id, colour="loss", epoch=epoch)
        worker.make()
        ((header, _),) = maps_of(open_page("embeddings", run=finished_run.id, colour="loss", epoch=epoch))
        ends.add((header["legend"]["low"], header["legend"]["high"]))
    assert len(ends) == 1
    assert ends.pop() == pytest.approx((0.0, np.log(10)))


def test_a_run_that_was_split_otherwise_cannot_stand_beside(open_page, finished_run, worker):
    ids = finished_run.split_file["validation_ids"].copy()
    ids[0] += 1
    rival = rival_of(finished_run, splits={"validation_ids": ids})
    for ref in (rival.id, "rival"):
        app = open_page("embeddings", run=finished_run.id, beside=f"run:{ref}")
        assert "Run `rival` has other images in its validation split, so its map cannot stand beside." in said(app)


def test_a_run_of_the_same_images_stands_beside(open_page, finished_run, worker):
    rival = rival_of(finished_run)
    open_page("embeddings", run=finished_run.id)
    worker.make()
    open_page("embeddings", run=rival.id)
    worker.make()
    app = open_page("embeddings", run=finished_run.id, beside="run:rival")
    assert not app.exception
    assert len(maps_of(app)) == 2
    assert [one.value for one in app.subheader][:2] == ["pixels at epoch 2", "rival: pixels at epoch 2"]


def test_a_layer_chosen_in_another_run_is_no_fault_of_the_link(open_page, finished_run, worker):
    rival = rival_of(finished_run)
    app = open_page("embeddings", run=finished_run.id, layer="output")
    worker.make()
    app.run()
    app.query_params["run"] = rival.id
    app.query_params["layer"] = "conv_1"
    app.run()
    assert not [one.value for one in app.warning]
    assert "layer" not in app.query_params


def test_the_chosen_image_is_marked_and_the_selection_stays(open_page, finished_run, worker):
    open_page("embeddings", run=finished_run.id)
    worker.make()
    ids = finished_run.split_file["validation_ids"]
    text = Selection(Lassoed("pca", "pixels", tuple(ids[:9].tolist())), finished_run.id, 2, "validation").text()
    app = open_page("embeddings", run=finished_run.id, selection=text)
    for _ in range(2):
        lasso(app, [int(ids[5])])
        ((header, arrays),) = maps_of(app)
        assert header["marked"] == ids[5]
        assert np.unpackbits(arrays["selected"]).sum() == 9
        assert "".join(app.query_params["image"]) == str(ids[5])
