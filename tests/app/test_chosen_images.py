"""The thumbnail shown is the image counted, in every order, filter, split and epoch; and what is said of them is so."""

from itertools import pairwise

import numpy as np
import pytest
from streamlit.proto.Common_pb2 import StringArray
from streamlit.proto.WidgetStates_pb2 import WidgetState

from mnist_core.analysis.order import ORDERS
from mnist_core.analysis.selection import Cell, Changed, ConfidenceBin, Ids, Selection
from pages.ui import images
from pages.ui.frame import view as frame
from pages.ui.selection import chosen_images
from pages.ui.snapshot import load_snapshot
from tests.app.images_shown import assert_sound, choose, gallery_of, ids_of, open_images, pictures_of, sentences
from tests.app.random_events import send

CONFUSED = Cell(8, None)
MADE_AT = [(None, 2), (Cell(), 0), (CONFUSED, 2), (Cell(1, 1), 2), (ConfidenceBin(9, 10), 2)]
MADE_AT += [(Changed(True, 0), 2), (Changed(False, 2), 0)]
"""Rules, and the epoch that each is read at; all are looked at two epochs after the untrained network."""


def text_of(run, rule, epoch=2, split="validation"):
    return Selection(rule, run.id, epoch, split).text()


def judged(run, split, epoch):
    """What is recorded, and what the dataset itself says: ids, true classes, predicted ones."""
    predictions = run.predictions(split, epoch)
    ids = run.split_file[f"{split}_ids"]
    return ids, run.split_file[f"{split}_labels"], predictions


def expected(run, rule, split, epoch):
    """Ids of the images that are to be seen, by the definition of each rule."""
    ids, labels, predictions = judged(run, split, epoch)
    wrong = predictions.predicted != labels
    if rule is None or rule == Cell():
        return set(ids[wrong].tolist())
    if isinstance(rule, Changed):
        before = run.predictions(split, rule.epoch).predicted != labels
        return set(ids[before & ~wrong if rule.fixed else ~before & wrong].tolist())
    if isinstance(rule, ConfidenceBin):
        sure = predictions.probabilities(np.arange(len(ids)))[np.arange(len(ids)), predictions.predicted]
        return set(ids[sure >= rule.place / rule.bins].tolist())
    inside = labels == rule.true
    return set(ids[inside & (wrong if rule.predicted is None else predictions.predicted == rule.predicted)].tolist())


def assert_each_picture_is_the_image_said(app, run, dataset, split, epoch):
    """The pixels are those of the id, whose true class the dataset has, and whose prediction the record has."""
    data = gallery_of(app)
    shown = [item["image"] for item in data["items"]]
    ids, labels, predictions = judged(run, split, epoch)
    row_of = {image: row for row, image in enumerate(ids.tolist())}
    assert np.array_equal(pictures_of(data), dataset.images[shown])
    for item in data["items"]:
        row = row_of[item["image"]]
        assert item["true"] == str(dataset.labels[item["image"]]) == str(labels[row])
        assert item["predicted"] == str(predictions.predicted[row])
        assert item["right"] == (item["true"] == item["predicted"])
        assert np.allclose(item["p"], predictions.probabilities(np.array([row]))[0], atol=1e-4)


def gap(item):
    return item["p"][int(item["predicted"])] - item["p"][int(item["true"])]


@pytest.mark.parametrize(("rule", "made_at"), MADE_AT, ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_the_thumbnail_shown_is_the_image_counted(finished_run, shared, rule, made_at, order):
    selection = {"selection": text_of(finished_run, rule, made_at)} if rule else {}
    app = open_images(run=finished_run.id, sort=order, **selection)
    assert_sound(app)
    wanted = expected(finished_run, rule, "validation", made_at)
    shown = ids_of(app)
    assert wanted
    assert len(shown) == len(set(shown)) == min(len(wanted), chosen_images.FEW_IMAGES)
    assert set(shown) <= wanted
    assert app.subheader[0].value.startswith(f"{len(wanted)} ")
    assert_each_picture_is_the_image_said(app, finished_run, shared.lab.dataset("digits"), "validation", 2)


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_so_it_is_at_every_epoch_of_each_split_and_for_all_that_are_shown(finished_run, shared, split, epoch):
    app = open_images(run=finished_run.id, split=split, epoch=str(epoch))
    for button in [button for button in app.button if button.key == "more"]:
        button.click().run()
    assert_sound(app)
    assert set(ids_of(app)) == expected(finished_run, None, split, epoch)
    assert_each_picture_is_the_image_said(app, finished_run, shared.lab.dataset("digits"), split, epoch)


def test_each_order_is_what_it_says(finished_run):
    app = open_images(run=finished_run.id, epoch="1", split="test")
    gaps = [gap(item) for item in gallery_of(app)["items"]]
    assert all(one >= other - 2e-4 for one, other in pairwise(gaps))
    ids, labels, predictions = judged(finished_run, "test", 1)
    app.selectbox("sort").set_value("highest loss").run()
    wrong = np.flatnonzero(labels != predictions.predicted)
    by_loss = ids[wrong][np.argsort(-predictions.loss[wrong], kind="stable")]
    assert ids_of(app) == by_loss[: chosen_images.FEW_IMAGES].tolist()
    app.selectbox("sort").set_value("longest wrong").run()
    notes = [item["note"] for item in gallery_of(app)["items"]]
    assert notes == sorted(notes, reverse=True)
    assert set(notes) <= {"wrong for 2 epochs", "wrong for 1 epoch"}


@pytest.mark.parametrize("order", ["longest", "", "most  confident", "x" * 5000, "0"])
def test_an_order_that_is_none_is_the_first(finished_run, order):
    app = open_images(run=finished_run.id, sort=order)
    assert_sound(app)
    assert app.selectbox("sort").value == ORDERS[0]
    assert "the most confident first" in app.subheader[0].value


def test_a_selection_stays_while_the_epoch_moves_or_follows_it(finished_run, shared):
    app = open_images(run=finished_run.id, selection=text_of(finished_run, CONFUSED, epoch=0), epoch="0")
    at_0, at_2 = (expected(finished_run, CONFUSED, "validation", epoch) for epoch in (0, 2))
    assert at_0 != at_2
    app.query_params["epoch"] = "2"
    assert set(ids_of(app.run())) == at_0
    assert_each_picture_is_the_image_said(app, finished_run, shared.lab.dataset("digits"), "validation", 2)
    app.segmented_control("selection_moves").set_value("follow the epoch").run()
    assert_sound(app)
    assert set(ids_of(app)) == at_2
    assert "each epoch" in app.subheader[0].value
    assert_each_picture_is_the_image_said(app, finished_run, shared.lab.dataset("digits"), "validation", 2)
    app.query_params["epoch"] = "0"
    assert set(ids_of(app.run())) == at_0
    app.segmented_control("selection_moves").set_value("these images").run()
    app.query_params["epoch"] = "2"
    assert set(ids_of(app.run())) == at_0
    assert Selection.parse("".join(app.query_params["selection"])) == Selection(
        CONFUSED, finished_run.id, 0, "validation"
    )


def test_images_of_other_splits_are_counted_and_not_shown(finished_run):
    files = finished_run.split_file
    here, there = files["validation_ids"][:3].tolist(), files["train_ids"][:2].tolist()
    app = open_images(run=finished_run.id, selection=text_of(finished_run, Ids(tuple(sorted(here + there)))))
    assert_sound(app)
    assert sorted(ids_of(app)) == here
    assert "3 of 5 images" in app.subheader[0].value
    assert "2 of the selected images are in other splits." in sentences(app)
    assert "selection_moves" not in [one.key for one in app.segmented_control]
    none_here = open_images(run=finished_run.id, selection=text_of(finished_run, Ids(tuple(there))))
    assert_sound(none_here)
    assert ids_of(none_here) == []
    assert "No image of the validation split is here." in sentences(none_here)


def test_more_are_shown_on_demand_and_what_is_left_out_is_said(finished_run, monkeypatch):
    monkeypatch.setattr(chosen_images, "MOST_IMAGES", 100)
    app = open_images(run=finished_run.id, split="test", epoch="0")
    total = len(expected(finished_run, None, "test", 0))
    assert total > 100
    assert f"The first 60 of {total}." in sentences(app)
    app.button("more").click().run()
    assert len(ids_of(app)) == 100
    assert f"The first 100 of {total}." in sentences(app)
    app.button("more").click().run()
    assert len(ids_of(app)) == 60


def test_another_selection_begins_with_a_few_again(finished_run):
    app = open_images(run=finished_run.id, split="test", epoch="0")
    app.button("more").click().run()
    assert len(ids_of(app)) > chosen_images.FEW_IMAGES
    app.query_params["selection"] = text_of(finished_run, ConfidenceBin(9, 10), split="test")
    assert len(ids_of(app.run())) == chosen_images.FEW_IMAGES


def test_a_note_says_for_how_long_an_image_is_as_it_is(finished_run):
    app = open_images(run=finished_run.id, selection=text_of(finished_run, Cell(), epoch=0))
    history = finished_run.history("validation")
    row_of = {image: row for row, image in enumerate(finished_run.split_file["validation_ids"].tolist())}
    for item in gallery_of(app)["items"]:
        right = (history.predicted[:, row_of[item["image"]]] == int(item["true"])).tolist()
        same = next((n for n, one in enumerate(reversed(right)) if one != right[-1]), len(right))
        said = f"right since epoch {3 - same}" if right[-1] else f"wrong for {same} epoch{'s' * (same > 1)}"
        assert item["note"] == said


def test_choosing_opens_an_image_and_again_closes_it(finished_run):
    app = open_images(run=finished_run.id)
    image = ids_of(app)[3]
    assert gallery_of(app)["chosen"] is None
    assert_sound(choose(app, image))
    assert "".join(app.query_params["image"]) == str(image)
    assert gallery_of(app)["chosen"] == image
    assert_sound(choose(app, image))
    assert "image" not in app.query_params
    assert gallery_of(app)["chosen"] is None


@pytest.mark.parametrize("forged", ["", "3", None, 1.5, True, -1, 10**9, [3], {"a": 1}, "<b>"])
def test_what_is_not_in_the_gallery_cannot_be_chosen(finished_run, forged):
    app = choose(open_images(run=finished_run.id), forged)
    assert_sound(app)
    assert "image" not in app.query_params
    not_shown = next(iter(set(finished_run.split_file["train_ids"].tolist())))
    assert "image" not in choose(app, int(not_shown)).query_params


def test_of_training_images_only_one_epoch_is_known(finished_run, monkeypatch):
    monkeypatch.setattr(frame, "await_training_split", lambda record, epoch: None)
    monkeypatch.setattr(frame, "load_snapshot", lambda run_id, epoch, split: load_snapshot(run_id, epoch, "validation"))
    app = open_images(run=finished_run.id, split="train", sort="longest wrong")
    assert_sound(app)
    assert app.selectbox("sort").options == list(ORDERS[:2])
    assert "the most confident first" in app.subheader[0].value
    assert {item["note"] for item in gallery_of(app)["items"]} == {""}
    assert_sound(choose(app, ids_of(app)[0]))
    assert "are not recorded at each epoch" in sentences(app)
    assert not app.get("echarts_chart")


def test_without_the_images_all_else_stands(finished_run, shared, monkeypatch):
    monkeypatch.setattr(images.datasets, "available", lambda settings: ())
    app = open_images(run=finished_run.id)
    assert_sound(choose(app, ids_of(app)[0]))
    assert gallery_of(app)["sprite"] == ""
    assert set(ids_of(app)) == expected(finished_run, None, "validation", 2)


@pytest.mark.parametrize("stale", ["99", 7, None, ["x"], {"a": 1}])
def test_what_a_session_remembers_cannot_break_it(finished_run, stale):
    app = open_images(run=finished_run.id)
    choose(app, ids_of(app)[0])
    for key in ("images_shown", "chosen_image", "biography_strip_clicked"):
        app.session_state[key] = stale
    assert_sound(app.run())
    assert gallery_of(app)["items"]


@pytest.mark.parametrize("key", ["sort", "selection_moves"])
@pytest.mark.parametrize("forged", ["", "99", "x" * 5000, "<b>"])
def test_a_forged_choice_of_a_menu_is_none(finished_run, key, forged):
    app = open_images(run=finished_run.id, selection=text_of(finished_run, Cell()))
    (menu,) = (one for one in (*app.selectbox, *app.segmented_control) if one.key == key)
    state = WidgetState(id=menu.id, string_value=forged)
    if key == "selection_moves":
        state = WidgetState(id=menu.id, string_array_value=StringArray(data=[forged]))
    send(app, state)
    assert_sound(app)
    assert set(ids_of(app)) <= expected(finished_run, None, "validation", 2)
