"""The network page in each of its states; a made-up view worker sends images through in a way that is known."""

import json

import numpy as np
import pytest

from mnist_core.analysis.selection import Ids, Selection
from mnist_core.inspection import ImageInspection, ImageRequest, LayerActivation, Saliency
from mnist_core.networks.catalogue import presets
from mnist_core.runs import RUN_LEVEL, RunState
from pages.ui import images
from pages.ui.frame import resting
from pages.ui.images import ImageSource
from pages.ui.network import way
from tests.app.comparing import rival_of

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)


class ViewWorker:
    """Takes what is queued in the view lane, and answers that the image is what it is, or the class after it."""

    def __init__(self, lab, run):
        self.archive, self.run = lab.archive, run

    def claim(self):
        return self.archive.store.claim_next("view", ticket="t", worker="a-worker", device="cpu")

    def begin(self):
        lease = self.claim()
        order = self.archive.store.run(lease.run)
        assert order.kind == "inspect"
        return lease, ImageRequest.parse(order.spec)

    def make(self, *, wrong=False):
        lease, request = self.begin()
        ids, labels = (self.run.split_file[f"validation_{name}"] for name in ("ids", "labels"))
        label = int(labels[ids.tolist().index(request.image)])
        self.archive.keep(lease, RUN_LEVEL, passed(request, label, (label + wrong) % 10).to_files())
        self.archive.store.finish(lease, RunState.DONE)
        return request


def passed(request, label, predicted):
    pixels = np.random.default_rng(request.image).random((28, 28, 1)).astype(np.float32)
    logits = np.arange(10, dtype=np.float32) - 4 - request.epoch
    probabilities = np.full(10, 0.01, np.float32)
    probabilities[predicted] = 0.91
    layers = (
        LayerActivation("pixels", "pixels", pixels),
        LayerActivation("flatten_1", "flatten", pixels.reshape(-1)),
        LayerActivation("output", "dense", logits),
        LayerActivation("probabilities", "probabilities", probabilities),
    )
    maps = [
        Saliency(method, target, np.full((28, 28), 0.5 - target, np.float32))
        for method in ("gradient", "integrated_gradients", "occlusion")
        for target in dict.fromkeys((label, predicted))
    ]
    return ImageInspection(request.image, request.epoch, label, predicted, probabilities, layers, tuple(maps))


@pytest.fixture
def worker(shared, finished_run):
    return ViewWorker(shared.lab, finished_run)


def said(app):
    assert not app.exception
    shown = (*app.markdown, *app.caption, *app.error, *app.warning, *app.info, *app.subheader)
    return "\n".join(one.value for one in shown)


def drawn(app):
    return "\n".join(one.proto.body for one in app.get("html"))


def press(app, label):
    return next(one for one in app.button if one.label == label).click().run()


def link(app, name):
    return "".join(app.query_params[name])


def ids_of(run):
    return run.split_file["validation_ids"].tolist()


def test_an_image_is_sent_through_once_and_shown_from_pixels_to_probabilities(open_page, finished_run, worker):
    app = open_page("network", run=finished_run.id)
    assert "view worker" in said(app)
    assert worker.make() == ImageRequest(image=ids_of(finished_run)[0], epoch=2)
    app.run()
    text, html = said(app), drawn(app)
    assert text.index("**pixels**") < text.index("**flatten_1**: the same values") < text.index("**probabilities**")
    assert html.index("28 x 28, 1 channel<") < html.index("10 values")
    assert "784 values" in drawn(open_page("network", run=finished_run.id, unfolded="true"))
    assert f"-6 to 3, 10.00{SPACE}% zeros" in html
    assert f"91.00{SPACE}%" in html
    again = open_page("network", run=finished_run.id)
    assert "From pixels to probabilities" in said(again)
    assert worker.claim() is None, "what was found once is kept"


def test_saliency_of_the_true_and_the_predicted_class(open_page, finished_run, worker):
    open_page("network", run=finished_run.id)
    worker.make(wrong=True)
    app = open_page("network", run=finished_run.id)
    text, html = said(app), drawn(app)
    label = int(finished_run.split_file["validation_labels"][0])
    assert f"true <b>{label}</b>, predicted <b>{(label + 1) % 10}</b> (91.00{SPACE}%), wrong" in html
    for title in ("Gradient", "Integrated gradients", "Occlusion"):
        assert f"**{title}**" in text
        assert f'alt="{title} on {label}, true"' in html
        assert f'alt="{title} on {(label + 1) % 10}, predicted"' in html
    assert "Grad-CAM" not in text, "there is no convolution"


def test_the_chosen_image_is_sent_through_and_the_steps_choose(open_page, finished_run, worker):
    ids = ids_of(finished_run)
    app = open_page("network", run=finished_run.id, image=str(ids[5]))
    assert f"Image {ids[5]}: number 6 of the {len(ids)} images of the validation split." in said(app)
    assert worker.make().image == ids[5]
    press(app, "Next")
    assert link(app, "image") == str(ids[6])
    assert worker.make().image == ids[6]
    press(app, "Previous")
    assert link(app, "image") == str(ids[5])
    press(app, "Random")
    assert int(link(app, "image")) in set(ids) - {ids[5]}


def test_the_last_image_stays_until_the_next_is_there(open_page, finished_run, worker):
    first, second = ids_of(finished_run)[:2]
    open_page("network", run=finished_run.id)
    worker.make()
    app = open_page("network", run=finished_run.id)
    before = drawn(app).count("<img")
    press(app, "Next")
    assert f"Still image {first}, epoch 2, until the next is there." in said(app)
    assert drawn(app).count("<img") == before - 1, "all but the end of its way"
    worker.make()
    app.run()
    assert f"Image {second}, epoch 2." in said(app)
    assert "Still" not in said(app)
    assert "Still" not in said(open_page("network", run=rival_of(finished_run).id)), "of no other run"


def test_the_selection_is_led_through_where_there_is_one(open_page, finished_run, worker):
    ids = ids_of(finished_run)
    text = Selection(Ids((ids[3], ids[9])), finished_run.id, 2, "validation").text()
    app = open_page("network", run=finished_run.id, selection=text)
    assert f"Image {ids[3]}: the first of the 2 selected of the validation split, as none is chosen." in said(app)
    assert next(one for one in app.button if one.label == "Previous").disabled
    press(app, "Next")
    assert link(app, "image") == str(ids[9])
    assert next(one for one in app.button if one.label == "Next").disabled
    press(app, "Random")
    assert link(app, "image") == str(ids[3])


def test_an_image_of_another_split_leads_there(open_page, finished_run, worker):
    image = int(finished_run.split_file["train_ids"][0])
    app = open_page("network", run=finished_run.id, image=str(image))
    assert "`image` in the link must be one of the" in said(app)
    press(app, "Look at it in the train split")
    assert link(app, "split") == "train"


def test_a_thinned_epoch_shows_the_nearest(open_page, finished_run, worker, monkeypatch):
    monkeypatch.setattr(way, "_weights", lambda *_: (0, 2))
    app = open_page("network", run=finished_run.id, epoch="1")
    assert "The weights of epoch 1 were thinned out; this is epoch 0, the nearest that is kept." in said(app)
    assert worker.make().epoch == 0


def test_beside_a_thinned_epoch_stands_the_nearest(open_page, finished_run, worker, monkeypatch):
    monkeypatch.setattr(way, "_weights", lambda *_: (0, 2))
    app = open_page("network", run=finished_run.id, epoch="2", beside="epoch:1")
    assert "The weights of epoch 1 were thinned out; beside it is epoch 0, the nearest that is kept." in said(app)
    assert link(app, "beside") == "epoch:1"
    assert {worker.make().epoch, worker.make().epoch} == {0, 2}
    same = open_page("network", run=finished_run.id, epoch="0", beside="epoch:1")
    assert not same.warning


def test_a_run_without_weights_says_so(open_page, finished_run, worker):
    app = open_page("network", run=rival_of(finished_run).id)
    assert "No weights of this run are kept" in said(app)
    assert worker.claim() is None


def test_missing_images_say_how_to_get_them_and_the_network_is_there(open_page, finished_run, monkeypatch):
    monkeypatch.setattr(images, "image_source", lambda *_: ImageSource("digits", missing="They are away."))
    app = open_page("network", run=finished_run.id)
    assert [one.value for one in app.info] == ["They are away."]
    whole = open_page("network", run=finished_run.id, part="the network")
    assert "**7,850** parameters" in said(whole)


def test_work_that_failed_says_why_and_can_be_tried_again(open_page, finished_run, worker):
    app = open_page("network", run=finished_run.id)
    first, _ = worker.begin()
    worker.archive.store.finish(first, RunState.FAILED, reason="What goes through a network must be finite numbers.")
    app.run()
    assert "What goes through a network must be finite numbers." in said(app)
    press(app, "Try again")
    assert worker.claim().run != first.run


def test_the_same_image_before_training_stands_beside_on_one_scale(open_page, finished_run, worker):
    open_page("network", run=finished_run.id)
    worker.make()
    app = open_page("network", run=finished_run.id, beside="epoch:0")
    request = worker.make()
    assert request == ImageRequest(image=ids_of(finished_run)[0], epoch=0)
    app.run()
    html = drawn(app)
    assert "<b>before training (epoch 0)</b>" in html
    assert f"-6 to 3, 10.00{SPACE}% zeros" in html
    assert f"-4 to 5, 10.00{SPACE}% zeros" in html
    assert html.count('alt="output: 10 values') == 2


def test_a_held_image_stays_beside_while_others_come(open_page, finished_run, worker):
    ids = ids_of(finished_run)
    app = open_page("network", run=finished_run.id)
    press(app, "Hold this image beside")
    assert link(app, "beside") == f"image:{ids[0]}"
    press(app, "Next")
    assert link(app, "beside") == f"image:{ids[0]}"
    for _ in range(2):
        worker.make()
        app.run()
    assert f"<b>image {ids[0]}</b>" in drawn(app)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("epoch:77", "What was to stand beside, epoch 77, is not here; nothing is shown beside."),
        ("image:999999", "What was to stand beside, image 999999, is not here; nothing is shown beside."),
        ("epoch:<b>", "`beside` in the link must be such as epoch:0 or image:ID; nothing is shown beside."),
        ("layer:conv_1", "`beside` in the link must be such as epoch:0 or image:ID; nothing is shown beside."),
    ],
)
def test_what_cannot_stand_beside_is_said(open_page, finished_run, asked, sentence):
    assert sentence in said(open_page("network", run=finished_run.id, beside=asked))


def test_a_layer_with_weights_leads_to_them_with_the_same_link(open_page, finished_run, worker):
    open_page("network", run=finished_run.id)
    worker.make()
    app = open_page("network", run=finished_run.id, epoch="2")
    links = {one.proto.label: one.proto for one in app.get("page_link")}
    assert list(links) == ["**output**"]
    assert links["**output**"].page == "weights"
    assert f"run={finished_run.id}" in links["**output**"].query_string
    assert "layer=output" in links["**output**"].query_string
    assert "epoch=2" in links["**output**"].query_string


def test_the_network_itself_in_numbers_and_as_text(open_page, finished_run):
    app = open_page("network", run=finished_run.id, part="the network")
    (table,) = app.dataframe
    assert table.value["layer"].tolist() == ["flatten_1", "output"]
    assert table.value["parameters"].tolist() == [0, 7850]
    assert table.value["multiply_adds"].tolist() == [0, 7840]
    assert table.value["stored"].tolist() == [0, 31.4]
    assert table.value["left"].tolist() == [3.14, 0.04]
    (text,) = app.code
    assert json.loads(text.value) == [layer.model_dump(mode="json") for layer in finished_run.spec.network.layers]
    app.selectbox(key=f"network:{finished_run.id}:configuration").set_value("output").run()
    assert json.loads(app.code[0].value)["units"] == 10
    assert "it stands at `network.layers.1` in the specification." in said(app)
    (diagram,) = [one for one in app.get("bidi_component") if one.proto.component_name.endswith("network_diagram")]
    assert "7,850 parameters" in (diagram.proto.json or diagram.proto.mixed.json)


@pytest.mark.parametrize("name", ["resnet-8", "cnn-64-32-permuted", "logistic-regression"])
def test_before_training_the_network_opens_on_the_train_page(open_page, home, name):
    app = open_page("train", preset=name)
    assert not app.dataframe, "nothing is drawn before it is opened"
    app.session_state["train:network"] = True
    app.run()
    layers = presets[name].on("digits").network.layers
    assert json.loads(app.code[0].value) == [layer.model_dump(mode="json") for layer in layers]
    assert f"**{presets[name].parameters(10):,}** parameters take" in said(app)
