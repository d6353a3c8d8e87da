"""The data page in each of its states: what is at hand and what is not, filters, input, groups, own data."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from mnist_core import presets
from mnist_core.datasets import sources
from mnist_core.datasets.shelf import own_sets
from mnist_core.datasets.sources import IdxSource
from mnist_core.part import field_docs
from mnist_core.spec import AugmentationSpec
from pages.ui.data import download as data_download
from tests.unit.datasets.conftest import files, idx_set, start_mirror  # noqa: F401 (fixtures)


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def chooser(app: AppTest) -> Selectbox:
    return next(box for box in app.selectbox if box.label == "dataset")


def assert_sound(app: AppTest) -> None:
    assert not app.exception
    assert [error.value for error in app.error] == []


def npz(labels: list[int], **more: object) -> bytes:
    file = io.BytesIO()
    y = np.array(labels)
    np.savez(file, x=np.zeros((len(y), 28, 28), np.uint8), y=y, **more)
    return file.getvalue()


def upload(app: AppTest, data: bytes, name: str = "mine.npz") -> AppTest:
    return app.file_uploader(key="upload").set_value((name, data, "application/octet-stream")).run()


def test_the_digits_are_always_here(open_page):
    app = open_page("data")
    assert_sound(app)
    assert app.title[0].value == "Data"
    assert "1,797 images in 10 classes, bundled. Divided into 1,400 train, 127 validation, 270 test" in captions(app)
    assert "Images 1 to 60 of 1,797" in captions(app)
    assert [option.split()[0] for option in chooser(app).options] == ["digits", "mnist", "fashion-mnist"]


def test_filters_and_pages_come_from_the_url(open_page):
    app = open_page("data", part="test", page="2")
    assert "Images 61 to 120 of 270" in captions(app)
    app.selectbox(key="label").set_value("3").run()
    assert "Images 1 to 28 of 28" in captions(app)
    assert_sound(app)


@pytest.mark.parametrize(
    "query",
    [
        {"part": "nowhere", "label": "77", "page": "0"},
        {"page": "9999999", "view": "nothing"},
        {"view": "network input", "image": "-4"},
        {"view": "network input", "image": "99999999999999999999"},
        {"view": "groups", "run": "no-such-run", "epoch": "x"},
    ],
)
def test_nonsense_in_the_url_is_passed_over(open_page, query):
    app = open_page("data", **query)
    assert_sound(app)
    assert chooser(app).value == "digits"


@pytest.mark.parametrize("name", ["../etc", "a" * 64, "![x](y)"])
def test_a_dataset_that_is_not_known_is_said(open_page, name):
    app = open_page("data", dataset=name, view="own data")
    assert_sound(app)
    assert "`dataset` in the link must be one of" in app.warning[0].value
    assert chooser(app).value == "digits"


def test_a_run_brings_its_dataset_and_its_split(open_page, finished_run):
    app = open_page("data", run=finished_run.record.name)
    assert_sound(app)
    assert "Divided into 1,400 train" in captions(app)
    assert f"as run {finished_run.record.name.replace('-', chr(92) + '-')} has them" in captions(app)


def test_what_is_not_here_says_how_to_get_it(open_page):
    app = open_page("data", dataset="mnist")
    assert_sound(app)
    assert "`mnist` is not here yet: downloaded at first use into" in app.info[0].value
    assert app.button(key="download").label == "Download mnist"


def await_download(app: AppTest, name: str = "mnist") -> AppTest:
    thread = data_download._downloads()[name].thread
    assert thread
    thread.join(30)
    return app.run()


def test_a_download_that_fails_says_why(open_page, start_mirror, idx_set, monkeypatch):  # noqa: F811
    mirror = start_mirror(train_images=404)
    monkeypatch.setitem(sources.SOURCES, "mnist", IdxSource(idx_set(mirror)))
    app = open_page("data", dataset="mnist")
    app.button(key="download").click().run()
    app = await_download(app)
    assert not app.exception
    assert "`mnist` is not here and could not be downloaded." in app.error[0].value
    assert "answered 404 Not Found" in app.error[0].value
    assert app.button(key="download").label == "Try again"


def test_a_damaged_folder_is_said(home: Path, open_page, monkeypatch, tmp_path):
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    (tmp_path / "data" / "mnist" / "train-images-idx3-ubyte").write_bytes(b"nothing")
    monkeypatch.setenv("MNIST_LAB_DATA", str(tmp_path / "data"))
    app = open_page("data", dataset="mnist")
    assert "must hold all four files of `mnist`" in app.info[0].value
    app.button(key="download").click().run()
    app = await_download(app)
    assert "must hold all four files of `mnist`" in app.error[0].value


def slowly(handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"\x1f" * 250_000)
    time.sleep(2)


def test_a_download_shows_how_far_it_is(open_page, start_mirror, idx_set, monkeypatch):  # noqa: F811
    mirror = start_mirror(train_labels=slowly)
    monkeypatch.setitem(sources.SOURCES, "mnist", IdxSource(idx_set(mirror)))
    app = open_page("data", dataset="mnist")
    app.button(key="download").click().run()
    until = time.monotonic() + 10
    while "file 2 of 4, 0.2 of 1.0 MB" not in app.get("progress")[0].proto.text and time.monotonic() < until:
        app.run()
    assert "Downloading mnist: file 2 of 4, 0.2 of 1.0 MB" in app.get("progress")[0].proto.text
    await_download(app)


def test_a_download_ends_with_the_images(open_page, start_mirror, idx_set, monkeypatch):  # noqa: F811
    monkeypatch.setitem(sources.SOURCES, "mnist", IdxSource(idx_set(start_mirror())))
    app = open_page("data", dataset="mnist")
    app.button(key="download").click().run()
    app = await_download(app)
    assert_sound(app)
    assert "60 images in 10 classes, the official files" in captions(app)
    assert "`split.validation` must be between 10 and 30" in app.warning[0].value


def test_the_network_input_is_drawn_by_the_specifications_bounds(open_page):
    app = open_page("data", view="network input")
    assert_sound(app)
    docs = {doc.path: doc for doc in field_docs(AugmentationSpec)}
    for slider in app.slider:
        doc = docs[slider.key.removeprefix("augmentation.")]
        assert (slider.min, slider.max) == (doc.low, doc.high)
    assert "the very draws of the training" in captions(app)
    assert app.code[0].value == "--set augmentation.shift=2 --set augmentation.rotate=10 --set augmentation.zoom=0.1"
    app.slider(key="augmentation.noise").set_value(0.2).run()
    assert "Noise is of the same strength" in captions(app)
    for slider in app.slider:
        slider.set_value(0.0)
    app.run()
    assert "Nothing is changed" in captions(app)
    app.button(key="another").click().run()
    app.number_input(key="image").set_value(0).run()
    assert_sound(app)


@pytest.mark.parametrize(
    ("field", "value"),
    [("augmentation.shift", 99.0), ("augmentation.zoom", -1.0), ("augmentation.noise", float("nan"))],
)
def test_a_forged_value_draws_nothing_out_of_bounds(open_page, field, value):
    app = open_page("data", view="network input")
    app.slider(key=field).set_value(value).run()
    assert not app.exception
    said = [error.value for error in app.error]
    assert said[0].startswith(f"`{field}` must be a number between") if said else str(value) not in app.code[0].value


def name_groups(app: AppTest, names: list[str]) -> AppTest:
    for text, name in zip(app.text_input, names, strict=True):
        text.set_value(name)
    return app.run()


def test_groups_are_counted_and_told_to_the_command_line(open_page):
    app = open_page("data", view="groups")
    assert "No classes are merged yet" in app.info[0].value
    name_groups(app, ["even", "odd"] * 5)
    assert_sound(app)
    assert app.code[0].value == """--set dataset.grouping='{"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}'"""
    assert app.session_state["grouping"]["groups"] == {"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}
    app.button(key="take-none").click().run()
    assert "grouping" not in app.session_state
    assert app.text_input[3].value == "3"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["all"] * 10, "`dataset.grouping` must be a list of 2 to 100 items or null, got 1."),
        (["", *"123456789"], "`dataset.grouping.0.name` must be a text of 1 to 60 characters, got ''."),
    ],
)
def test_groups_that_break_a_rule_are_said_as_on_the_command_line(open_page, names, said):
    app = name_groups(open_page("data", view="groups"), names)
    assert not app.exception
    assert [error.value for error in app.error] == [said]


def test_own_data_is_taken_in_chosen_and_kept(open_page, shared):
    app = upload(open_page("data", view="own data"), npz([0, 1, 2] * 30, classes=np.array(["a", "b", "*c*"])))
    assert_sound(app)
    (own,) = own_sets(shared.lab.settings)
    assert "90 images in 3 classes are here and chosen" in app.success[0].value
    assert chooser(app).value == own.name
    again = open_page("data", dataset=own.name)
    assert_sound(again)
    assert "90 images in 3 classes, own data" in captions(again)
    shared.lab.archive.blobs.collect(set(), older_than_s=-1)
    assert_sound(open_page("data", dataset=own.name))


def test_a_file_that_is_too_large_is_refused_by_the_server_too(open_page, shared, monkeypatch):
    monkeypatch.setattr("pages.ui.data.own.MEGABYTE", 1)
    app = upload(open_page("data", view="own data"), npz([0, 1, 2] * 30))
    assert "A file may hold 500 MB here" in app.error[0].value
    assert own_sets(shared.lab.settings) == ()


def test_damaged_own_data_of_a_run_takes_the_page_from_nobody(open_page, shared):
    sha = shared.lab.archive.blobs.put(b"not an npz file")
    spec = presets["softmax-regression"].on("digits").model_dump(mode="json")
    spec["dataset"]["name"] = sha
    shared.lab.archive.store.submit(spec, digest="ab" * 32)
    assert_sound(open_page("data"))
    assert_sound(open_page("train"))


def test_own_data_can_be_chosen_and_taken_off(open_page, shared):
    app = upload(open_page("data", view="own data"), npz([0, 1] * 6))
    (own,) = own_sets(shared.lab.settings)
    app = open_page("data", view="own data")
    app.button(key=f"choose-{own.name}").click().run()
    assert chooser(app).value == own.name
    app = open_page("data", view="own data")
    app.button(key=f"remove-{own.name}").click().run()
    assert_sound(app)
    assert own_sets(shared.lab.settings) == ()
    assert chooser(app).value == "digits"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (npz([1, 2, 3] * 5), "Labels in `y` of `mine.npz` must be 0 to k-1, k between 2 and 100, got 1 to 3; subtract"),
        (b"", "`mine.npz`"),
        (b"PK\x03\x04 not really", "`mine.npz`"),
    ],
)
def test_own_data_that_breaks_a_rule_is_refused_as_on_the_command_line(open_page, shared, data, said):
    app = upload(open_page("data", view="own data"), data)
    assert not app.exception
    assert said in app.error[0].value
    assert own_sets(shared.lab.settings) == ()
    assert chooser(app).value == "digits"


def test_what_cannot_be_divided_can_still_be_looked_at(open_page, shared):
    upload(open_page("data", view="own data"), npz([0, 1, 1, 1]))
    (own,) = own_sets(shared.lab.settings)
    for view in ("images", "network input", "groups"):
        app = open_page("data", dataset=own.name, view=view)
        assert_sound(app)
        assert "must have at least 3 images" in app.warning[0].value


def test_strangers_can_take_nothing_off(home: Path, monkeypatch, open_page):
    monkeypatch.setenv("MNIST_LAB_PROFILE", "demo")
    app = upload(open_page("data", view="own data"), npz([0, 1] * 6))
    assert_sound(app)
    assert not [button for button in app.button if str(button.key).startswith("remove-")]
    assert "Everyone who uses this server can see what you bring here." in captions(app)
