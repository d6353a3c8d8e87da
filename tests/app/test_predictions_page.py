"""The predictions page: the record's numbers, the rows' images, and no link or session breaks it."""

from itertools import pairwise

import numpy as np
import pytest

from mnist_core.analysis.selection import Cell, Selection
from mnist_core.errors import InvalidInput
from pages.ui import gallery as gallery_module
from pages.ui import images
from pages.ui.format import accuracy_sentence
from pages.ui.snapshot import load_snapshot


@pytest.fixture
def shown(monkeypatch):
    """What each gallery of the page was last given, by its key."""
    drawn = {}
    monkeypatch.setattr(gallery_module, "_COMPONENT", lambda *, key, data, **_: drawn.update({key: data}))
    return drawn


@pytest.fixture
def opened(open_page, finished_run, shown):
    app = open_page("predictions", run=finished_run.id)
    assert_sound(app)
    return app


def assert_sound(app) -> None:
    assert not app.exception
    assert not [error.value for error in app.error]


def subheaders(app) -> list[str]:
    return [one.value for one in app.subheader]


def test_the_numbers_are_those_of_the_record(opened, finished_run):
    found = finished_run.evaluate("validation")
    total = len(finished_run.split_file["validation_ids"])
    sentence = accuracy_sentence(found.accuracy, found.interval, found.errors, total)
    assert any(sentence in one.value for one in opened.markdown)
    assert f"{found.errors} errors, the most confident first" in subheaders(opened)


def test_errors_are_shown_with_their_own_ids_and_classes(opened, finished_run, shown, shared):
    record = dict(
        zip(finished_run.split_file["validation_ids"].tolist(), finished_run.predictions().predicted, strict=True)
    )
    labels = shared.lab.dataset("digits").labels
    data = shown["gallery_chosen"]
    assert data["items"]
    for item in data["items"]:
        assert item["true"] == str(labels[item["image"]])
        assert item["predicted"] == str(record[item["image"]])
        assert not item["right"]
        assert item["predicted"] == str(int(np.argmax(item["p"])))
    gaps = [item["p"][int(item["predicted"])] - item["p"][int(item["true"])] for item in data["items"]]
    assert all(one >= other - 2e-4 for one, other in pairwise(gaps))


def test_all_parts_are_about_the_epoch_and_the_selection(open_page, finished_run, shown):
    selection = Selection(Cell(), finished_run.id, 0, "validation")
    app = open_page("predictions", run=finished_run.id, epoch="1", selection=selection.text())
    assert_sound(app)
    before, now = (finished_run.predictions(epoch=epoch).predicted for epoch in (0, 1))
    labels, ids = (finished_run.split_file[f"validation_{name}"] for name in ("labels", "ids"))
    wrong = before != labels
    still = int((now != labels)[wrong].sum())
    assert f"{wrong.sum()} images: all errors, at epoch 0" in subheaders(app)
    items = shown["gallery_chosen"]["items"]
    assert {item["image"] for item in items} <= set(ids[wrong].tolist())
    said = dict(zip(ids.tolist(), now.tolist(), strict=True))
    assert [item["predicted"] for item in items] == [str(said[item["image"]]) for item in items]
    assert any(f"{still} of {wrong.sum()} wrong" in one.value for one in app.markdown)


@pytest.mark.parametrize("stale", ["99-99", 7, None, ["x"], "4-"])
def test_what_a_session_remembers_cannot_break_the_page(open_page, finished_run, shown, stale):
    app = open_page("predictions", run=finished_run.id)
    for key in ("image", "images_shown", "confusion_clicked", "against", "against_run", "random_seed"):
        app.session_state[key] = stale
    app.run()
    assert_sound(app)


def test_ten_others_are_drawn(open_page, finished_run, shown):
    opened = open_page("predictions", run=finished_run.id, panel="random images")
    first = [item["image"] for item in shown["gallery_random"]["items"]]
    opened.button("draw").click().run()
    assert_sound(opened)
    second = [item["image"] for item in shown["gallery_random"]["items"]]
    assert len(set(first)) == len(set(second)) == 10
    assert first != second
    assert set(first + second) <= set(finished_run.split_file["validation_ids"].tolist())


@pytest.mark.parametrize("epoch", ["0", "1", "last", "best"])
def test_every_epoch_can_be_seen(open_page, finished_run, shown, epoch):
    app = open_page("predictions", run=finished_run.id, epoch=epoch)
    assert_sound(app)
    found = finished_run.evaluate("validation", epoch)
    assert any(f"{found.errors:,} of" in one.value and f"epoch {found.epoch}" in one.value for one in app.markdown)


def test_without_images_all_that_needs_none_is_shown(open_page, finished_run, shown, shared, monkeypatch):
    monkeypatch.setattr(images.datasets, "available", lambda settings: ())
    app = open_page("predictions", run=finished_run.id)
    assert_sound(app)
    assert any("digits" in one.value for one in app.info)
    assert shown["gallery_chosen"]["sprite"] == ""
    assert shown["gallery_chosen"]["items"]
    assert app.dataframe


def test_the_test_split_is_seen_once_it_is_opened(open_page, finished_run, shown):
    app = open_page("predictions", run=finished_run.id, split="test")
    assert_sound(app)
    assert not shown
    next(one for one in app.button if one.label == "Open the test split").click().run()
    assert_sound(app)
    ids = set(finished_run.split_file["test_ids"].tolist())
    assert {item["image"] for item in shown["gallery_chosen"]["items"]} <= ids


def test_a_snapshot_is_read_only_and_of_what_is_there(finished_run):
    snapshot = load_snapshot(finished_run.id, 2, "validation")
    for array in (snapshot.ids, snapshot.labels, snapshot.predictions.predicted, snapshot.errors):
        assert not array.flags.writeable
    with pytest.raises(InvalidInput, match="not made yet"):
        load_snapshot(finished_run.id, 2, "train")
