"""`biography --json`, and what the package says of one image: the arrays of each epoch, and other runs' opinions."""

import numpy as np
import pytest

from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.runs import RUN_LEVEL, Lease
from tests.unit.commands.recorded_runs import DIGITS, record
from tests.unit.runs.sample_runs import epoch_record

IMAGE, TEST_IMAGE, TRAINING_IMAGE = 355, 601, 12


@pytest.fixture
def run(lab):
    return record(lab, 1)


@pytest.mark.parametrize(("image", "split"), [(IMAGE, "validation"), (TEST_IMAGE, "test")])
def test_it_is_what_each_epoch_recorded(run, ask, image, split):
    said = ask("biography", run.id, image)
    assert (said["run"], said["image"], said["split"], said["label"]) == (run.id, image, split, image % 10)
    assert said["label_name"] == DIGITS[image % 10]
    assert [one["epoch"] for one in said["epochs"]] == [0, 1, 2, 3]
    for one in said["epochs"]:
        judged = run.judged(split, one["epoch"])
        (row,) = np.flatnonzero(judged.ids == image)
        assert one["predicted"] == judged.predictions.predicted[row]
        assert one["right"] == (one["predicted"] == image % 10)
        assert one["loss"] == pytest.approx(judged.predictions.loss[row])
        assert one["probabilities"] == pytest.approx(np.exp(judged.predictions.log_probabilities[row].astype(float)))
    assert said["wrong_epochs"] == sum(not one["right"] for one in said["epochs"])
    assert ask("biography", run.id, image, "--split", split) == said


def test_what_is_known_of_an_image_is_not_read_again(lab, monkeypatch):
    run = record(lab, 1, state="running")
    known = run.biography(IMAGE)
    assert run.biography(IMAGE, known=known) is known
    archive = lab.archive
    again = {"predictions": archive.read(run.id, 1, "predictions")}
    archive.commit_epoch(Lease(run.id, "ticket-1", run.record.attempt), epoch_record(4), again)
    read = []
    get = archive.blobs.get
    monkeypatch.setattr(type(archive.blobs), "get", lambda _, sha: read.append(sha) or get(sha))
    grown = run.biography(IMAGE, known=known)
    assert read == [archive.store.artifact(run.id, 4, "predictions").sha]
    assert grown.to_json() == run.biography(IMAGE).to_json()
    assert known.epochs.tolist() == [0, 1, 2, 3]


def test_only_a_test_image_opens_the_test_split(lab, run, ask):
    ask("biography", run.id, IMAGE)
    assert lab.archive.store.openings(run.id) == []
    ask("biography", run.id, TEST_IMAGE)
    assert len(lab.archive.store.openings(run.id)) == 1


def test_finished_runs_of_the_same_images_say_what_they_think(lab, run, ask):
    alike, shifted = record(lab, 2), record(lab, 3, shift=50)
    stopped = record(lab, 4, state="stopped")
    for more in ({"content": "2"}, {"state": "running"}, {"shift": 1000}):
        record(lab, 5, **more)
    said = ask("biography", run.id, IMAGE)["others"]
    assert [one["run"] for one in said] == [stopped.id, shifted.id, alike.id]
    for one, other in zip(said, (stopped, shifted, alike), strict=True):
        judged = other.judged("validation", other.kept_epoch)
        (row,) = np.flatnonzero(judged.ids == IMAGE)
        assert (one["name"], one["epoch"], one["split"]) == (other.record.name, other.kept_epoch, "validation")
        assert one["predicted"] == judged.predictions.predicted[row]
        assert one["p_true"] == pytest.approx(np.exp(float(judged.predictions.log_probabilities[row, IMAGE % 10])))
        assert one["right"] == (one["predicted"] == IMAGE % 10)


def test_of_test_images_only_those_speak_whose_test_split_was_opened(lab, run):
    sealed, opened = record(lab, 2), record(lab, 3)
    opened.open_test_split()
    assert [one.run for one in lab.other_opinions(run.id, TEST_IMAGE)] == [opened.id]
    assert lab.archive.store.openings(sealed.id) == []


def test_only_the_newest_runs_are_asked(lab, run, monkeypatch):
    older, newer = record(lab, 2), record(lab, 3)
    monkeypatch.setattr("mnist_core.opinions.ASKED", 2)
    assert [one.run for one in lab.other_opinions(run.id, IMAGE)] == [newer.id, older.id]
    newest = record(lab, 4)
    record(lab, 5, dataset="fashion-mnist")
    assert [one.run for one in lab.other_opinions(run.id, IMAGE)] == [newest.id, newer.id]


def test_of_a_run_of_another_dataset_no_file_is_read(lab, run, monkeypatch):
    record(lab, 2, dataset="fashion-mnist")
    lab.other_opinions(run.id, IMAGE)
    read = []
    get = lab.archive.blobs.get
    monkeypatch.setattr(type(lab.archive.blobs), "get", lambda _, sha: read.append(sha) or get(sha))
    assert lab.other_opinions(run.id, IMAGE) == []
    assert read == [lab.archive.store.artifact(run.id, RUN_LEVEL, "facts").sha]


def test_a_run_that_groups_classes_judges_by_its_own(lab, run):
    record(lab, 2, classes=("low", "high"))
    (one,) = lab.other_opinions(run.id, IMAGE)
    assert one.predicted_name == ("low", "high")[one.predicted]
    assert one.right == (one.predicted == IMAGE % 2)


def test_followers_and_runs_with_lost_files_are_silent(lab, run):
    other, lost = record(lab, 2), record(lab, 3)
    follower = lab.archive.store.submit(run.record.spec, digest=run.record.digest, follow=True)
    assert follower.source == run.id
    found = lab.archive.store.artifact(lost.id, 3, "predictions")
    next((lab.settings.home / "blobs").rglob(found.sha)).unlink()
    assert [one.run for one in lab.other_opinions(run.id, IMAGE)] == [other.id]
    assert [one.run for one in lab.other_opinions(follower.id, IMAGE)] == [other.id]
    assert [one.run for one in lab.other_opinions(other.id, IMAGE)] == [follower.id]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([TRAINING_IMAGE], "validation or test image"),
        ([99_999], "one of the 650 images"),
        (["four"], "`IMAGE` must be the id"),
        (["1" * 5000], "`IMAGE` must be the id"),
        ([IMAGE, "--split", "test"], "is in its validation split"),
    ],
)
def test_bad_images_are_refused(run, ask, arguments, part):
    with pytest.raises(InvalidInput, match=part):
        ask("biography", run.id, *arguments)


def test_a_run_without_epochs_has_no_biography(lab):
    waiting = lab.archive.store.submit({}, digest="0")
    with pytest.raises(EpochNotRecorded, match="has no `splits`"):
        lab.run(waiting.id).biography(IMAGE)
