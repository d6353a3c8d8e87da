"""The biography of an image: what the record says of it at each epoch, what other runs say, and no link breaks it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from mnist_core.analysis.biography import Moment, biography
from mnist_core.analysis.selection import Ids, Selection
from mnist_core.palette import DARK, LIGHT
from mnist_core.run import Run
from pages.ui.selection.biography import _life, life_said
from pages.ui.selection.biography_strip import strip_spec
from pages.ui.services import services
from tests.app.comparing import rival_of
from tests.app.images_shown import assert_sound, ids_of, open_images, sentences
from tests.app.random_events import send


def told(right, first=0):
    """A biography that is right at some epochs, of an image of class 1."""
    moments = [
        Moment(first + n, int(one), 0.5, np.array([0.2, 0.8] if one else [0.7, 0.3], np.float32))
        for n, one in enumerate(right)
    ]
    return biography(7, 1, moments)


def strip(app):
    (chart,) = app.get("echarts_chart")
    return chart.proto


def click(app, index, series=0):
    said = {"selection": {"selected": [{"series_index": series, "data_indices": [index]}] if index is not None else []}}
    send(app, WidgetState(id=strip(app).id, string_value=json.dumps(said)))
    return app


def press(app, label):
    (button,) = (one for one in app.button if one.label == label)
    return button.click().run()


@pytest.fixture
def image(finished_run):
    """One that the run gets wrong at first and right in the end."""
    history = finished_run.history("validation")
    right = history.predicted == history.labels
    return int(finished_run.split_file["validation_ids"][np.flatnonzero(~right[0] & right[-1])[0]])


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ([0, 0, 0], "Never right in 3 recorded epochs."),
        ([0], "Never right in 1 recorded epoch."),
        ([1], "Right at 1 recorded epoch."),
        ([1, 1], "Right at all 2 recorded epochs."),
        ([0, 0, 1, 1], "First right at epoch 2, and ever since."),
        ([1, 0, 0], "Right before training, wrong since 1."),
        ([0, 1, 0, 1], "First right at epoch 1, forgotten at 2, right again since 3."),
        ([0, 0, 1, 0, 1, 0, 0], "First right at epoch 2, forgotten at 3, right again at 4, wrong since 5."),
        ([0, 1] * 4, "First right at epoch 1, forgotten 3 times, right again since epoch 7."),
        ([0, 1] * 4 + [0], "First right at epoch 1, forgotten 4 times, wrong since epoch 8."),
    ],
)
def test_a_life_in_words(right, said):
    assert life_said(told(right)) == said


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_strip_frames_the_true_class_and_the_epoch(colours):
    cells, true, here = strip_spec(told([0, 1, 1], first=2), ["no", "yes"], 3, colours)["series"]
    assert cells["selectedMode"] == "single"
    assert true["data"] == [[0, 1], [3, 1], [3, 2], [0, 2], [0, 1]]
    assert here["data"] == [[1, 0], [2, 0], [2, 2], [1, 2], [1, 0]]


def test_the_strip_has_every_probability(finished_run, image):
    record = finished_run.biography(image)
    table = strip_spec(record, finished_run.classes, 1, LIGHT)["dataset"]["source"]
    assert table["p"].to_numpy() == pytest.approx(record.probabilities.ravel(), abs=1e-4)
    assert table["epoch"].tolist() == [str(epoch) for epoch in (0, 1, 2) for _ in range(10)]
    assert table["class"].tolist() == list(finished_run.classes) * 3


def test_nothing_is_drawn_where_no_image_is_chosen(finished_run):
    app = open_images(run=finished_run.id)
    assert_sound(app)
    assert not app.get("echarts_chart")
    assert "close_biography" not in [button.key for button in app.button]


def test_a_link_opens_it_with_what_the_record_says(finished_run, image):
    app = open_images(run=finished_run.id, image=str(image), epoch="2")
    assert_sound(app)
    record = finished_run.biography(image)
    said = sentences(app)
    assert life_said(record) in said
    sure = 100 * record.probabilities[2, record.predicted[2]]
    assert (
        f"**Image {image}: true {record.label}**, predicted {record.predicted[2]} ({sure:.1f}\u00a0%) at epoch 2"
        in said
    )
    (picture,) = (one.proto.body for one in app.get("html") if "<img" in one.proto.body)
    assert re.search(r'src="/images/digits/([0-9]+)\.png', picture)[1] == str(image)


def test_clicks_move_the_cursor_to_their_epoch(finished_run, image):
    app = open_images(run=finished_run.id, image=str(image), epoch="2")
    assert_sound(click(app, 7))
    assert "".join(app.query_params["epoch"]) == "0"
    assert_sound(click(app, 19))
    assert "".join(app.query_params["epoch"]) == "1"
    app.query_params["epoch"] = "0"
    assert_sound(click(app.run(), None))
    assert "".join(app.query_params["epoch"]) == "1"
    assert "".join(app.query_params["image"]) == str(image)


@pytest.mark.parametrize("index", [30, -1, "x", None, 1.5, True, 10**9])
def test_a_click_on_no_cell_moves_nothing(finished_run, image, index):
    app = open_images(run=finished_run.id, image=str(image), epoch="2")
    assert_sound(click(app, index))
    assert "".join(app.query_params["epoch"]) == "2"


@pytest.mark.parametrize("asked", ["x", "-1", "1.5", "999999999", "9" * 400, "\u0663", "<b>", "1 2", "`", "None"])
def test_an_image_that_is_none_is_said_to_be_none(finished_run, asked):
    app = open_images(run=finished_run.id, image=asked)
    assert_sound(app)
    (warning,) = app.warning
    assert "must be one of the" in warning.value
    assert len(warning.value) < 300
    assert not app.get("echarts_chart")
    assert not press(app, "Close").warning
    assert "image" not in app.query_params


def test_an_image_of_another_split_leads_there(finished_run, image):
    app = open_images(run=finished_run.id, image=str(image), split="test")
    assert_sound(app)
    assert not app.warning
    assert f"Image {image} is in the validation split." in sentences(app)
    press(app, "Look at it there")
    assert_sound(app)
    assert "split" not in app.query_params
    assert app.get("echarts_chart")


def test_closing_ends_it_in_url_and_session(finished_run, image):
    app = press(open_images(run=finished_run.id, image=str(image)), "Close")
    assert_sound(app)
    assert "image" not in app.query_params
    assert not app.run().get("echarts_chart")


def test_the_browsers_back_closes_it(finished_run, image):
    app = open_images(run=finished_run.id, image=str(image))
    del app.query_params["image"]
    assert_sound(app.run())
    assert "image" not in app.query_params
    assert not [one for one in app.button if one.label == "Close"]


def test_an_image_can_be_all_that_is_selected(finished_run, image):
    app = press(open_images(run=finished_run.id, image=str(image)), "Select only this image")
    assert_sound(app)
    wanted = Selection(Ids((image,)), finished_run.id, 2, "validation")
    assert Selection.parse("".join(app.query_params["selection"])) == wanted
    assert ids_of(app) == [image]


def test_another_run_says_what_it_makes_of_it_and_leads_there(finished_run, image):
    rival = rival_of(finished_run)
    first = finished_run.biography(image).predicted[0]
    app = open_images(run=finished_run.id, image=str(image))
    assert_sound(app)
    assert "The one other run that knows it gets it wrong, at its kept epoch." in sentences(app)
    press(app, f"rival: {first}")
    assert_sound(app)
    assert "".join(app.query_params["run"]) == rival.id
    assert "".join(app.query_params["image"]) == str(image)
    assert f"predicted {first} " in sentences(app)


def test_a_run_that_trained_with_an_image_is_not_asked(finished_run, image):
    ids = finished_run.split_file["validation_ids"].copy()
    ids[ids == image] = -1
    rival_of(finished_run, splits={"validation_ids": ids})
    app = open_images(run=finished_run.id, image=str(image))
    assert_sound(app)
    assert "No other finished run was asked about this image." in sentences(app)


def test_another_run_with_the_image_in_its_sealed_test_split_is_left_out(finished_run, image):
    split, turned = finished_run.split_file, {"validation": "test", "test": "validation"}
    swapped = {f"{one}_{what}": split[f"{other}_{what}"] for one, other in turned.items() for what in ("ids", "labels")}
    rival = rival_of(finished_run, splits=swapped)
    services().lab.archive.store.opened(rival.id, "somebody else")
    app = open_images(run=finished_run.id, image=str(image))
    assert_sound(app)
    assert "Left out: 1 run with the image in a test split" in sentences(app)
    assert not [button for button in app.button if button.label.startswith("rival")]


def test_of_a_run_that_trains_only_the_new_epoch_is_read(finished_run, image, monkeypatch):
    whole = finished_run.biography(image)
    short = replace(
        whole, **{name: getattr(whole, name)[:2] for name in ("epochs", "probabilities", "predicted", "loss")}
    )
    asked = []

    def read(run, image, split=None, known=None):
        asked.append(known)
        return whole if known else short

    monkeypatch.setattr(Run, "biography", read)
    for last in (1, 1, 2, 2, 1):
        seen = _life(finished_run.id, "validation", image).until(last)
        assert seen.epochs[-1] >= last
    assert asked == [None, short]
