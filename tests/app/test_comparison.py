"""What a view is compared with: its images are those of the records, and what is not there is said."""

import numpy as np
import pytest

from mnist_core.analysis.selection import Selection
from pages.ui.format import percent
from pages.ui.predictions.against import Asked
from pages.ui.predictions.comparison import APART, HOW, SEALED, TRAINING
from pages.ui.snapshot import load_snapshot
from tests.app.comparing import open_matrix, rival_of

EPOCHS, RUNS = "against_epoch_menu", "against_run_menu"


def captions(app) -> str:
    return " ".join(caption.value for caption in app.caption)


def warnings(app) -> list[str]:
    return [warning.value for warning in app.warning]


def changes(app) -> list[str]:
    return [button.label for button in app.button if (button.key or "").startswith("changed_")]


def assert_sound(app) -> None:
    assert not app.exception
    assert not app.error


def changed(run, before: np.ndarray, after: np.ndarray) -> tuple[set[int], set[int]]:
    """Ids of the validation images that are fixed and newly broken."""
    ids, labels = (run.split_file[f"validation_{what}"] for what in ("ids", "labels"))
    was, now = before == labels, after == labels
    return set(ids[now & ~was].tolist()), set(ids[was & ~now].tolist())


def predicted(run, epoch: int) -> np.ndarray:
    return run.predictions("validation", epoch).predicted


def judge(run, epoch, split):
    return load_snapshot(run, epoch, split)


def test_nothing_is_compared_unless_it_is_asked_for(finished_run):
    app = open_matrix(run=finished_run.id)
    assert_sound(app)
    assert HOW in captions(app)
    assert not changes(app)
    assert "difference" not in app.segmented_control(key="numbers").options


def test_the_buttons_select_what_is_fixed_and_what_is_newly_broken(finished_run):
    app = open_matrix(run=finished_run.id)
    app.selectbox(key=EPOCHS).set_value("previous").run()
    assert_sound(app)
    assert app.query_params["against"] == "previous"
    fixed, broken = changed(finished_run, predicted(finished_run, 1), predicted(finished_run, 2))
    assert fixed
    assert changes(app) == [f"fixed: {len(fixed)}", f"newly broken: {len(broken)}"]
    accuracies = [percent(finished_run.evaluate("validation", epoch).accuracy) for epoch in (1, 2)]
    assert all(accuracy in captions(app) for accuracy in accuracies)

    button = app.button(key="changed_fixed").click().run().button(key="changed_fixed")
    assert button.proto.type == "primary"
    selection = Selection.parse(app.query_params["selection"])
    assert set(selection.ids(judge, 2).tolist()) == fixed
    app.button(key="changed_fixed").click().run()
    assert "selection" not in app.query_params
    assert app.button(key="changed_fixed").proto.type == "secondary"


@pytest.mark.parametrize(("against", "there"), [("0", 0), ("007", None), ("first", 0), ("kept", 2), ("best", 2)])
def test_a_link_names_the_epoch(finished_run, against, there):
    app = open_matrix(run=finished_run.id, epoch="1", against=against)
    assert_sound(app)
    if there is None:
        (warning,) = warnings(app)
        assert warning.startswith("Epoch 7, which is to be compared with, is not recorded in run")
        return
    fixed, broken = changed(finished_run, predicted(finished_run, there), predicted(finished_run, 1))
    assert changes(app) == [f"fixed: {len(fixed)}", f"newly broken: {len(broken)}"]
    assert f"At epoch {there}: " in captions(app)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"against": "99"}, "Epoch 99, which is to be compared with, is not recorded"),
        ({"against": "newest"}, "`against` in the link must be a number or one of none, same"),
        ({"against": "-1"}, "`against` in the link"),
        ({"against": "\u0663"}, "`against` in the link"),
        ({"against": "9" * 400}, "`against` in the link"),
        ({"against": "kept", "against_run": "0000aaaa"}, "Run `0000aaaa`, which is to be compared with, is not here"),
        ({"against": "kept", "against_run": "<b>`*"}, "`against_run` in the link must be the id of a run"),
    ],
)
def test_what_is_not_there_is_said_and_not_compared(finished_run, query, said):
    app = open_matrix(run=finished_run.id, **query)
    assert_sound(app)
    (warning,) = warnings(app)
    assert said in warning
    assert not changes(app)
    assert "against" not in app.query_params
    assert "against_run" not in app.query_params
    assert warnings(app.run()) == [warning]
    app.selectbox(key=EPOCHS).set_value("0").run()
    assert not warnings(app)
    assert changes(app)


def test_what_is_chosen_stays_while_the_epoch_has_nothing_to_compare_with(finished_run):
    app = open_matrix(run=finished_run.id, against="previous", numbers="difference", epoch="0")
    assert_sound(app)
    assert "Epoch 0 has no previous one" in captions(app)
    assert "so counts are shown" in captions(app)
    app.query_params["epoch"] = "1"
    app.run()
    assert changes(app)
    assert app.segmented_control(key="numbers").value == "difference"


def test_nothing_can_be_chosen_again(finished_run):
    app = open_matrix(run=finished_run.id, against="1")
    app.selectbox(key=EPOCHS).set_value("none").run()
    assert_sound(app)
    assert not warnings(app)
    assert "against" not in app.query_params
    assert not warnings(app.run())


def test_another_run_is_compared_at_its_own_epochs(finished_run):
    rival = rival_of(finished_run)
    app = open_matrix(run=finished_run.id)
    app.selectbox(key=RUNS).set_value(rival.id).run()
    assert_sound(app)
    assert app.query_params["against"] == "kept"
    assert app.query_params["against_run"] == rival.id
    app.selectbox(key=EPOCHS).set_value("same").run()
    fixed, broken = changed(finished_run, predicted(rival, 2), predicted(finished_run, 2))
    assert changes(app) == [f"fixed: {len(fixed)}", f"newly broken: {len(broken)}"]
    assert "epoch 2 of rival" in captions(app)
    app.button(key="changed_fixed").click().run()
    selection = Selection.parse(app.query_params["selection"])
    assert set(selection.ids(judge, 2).tolist()) == fixed
    app.selectbox(key=RUNS).set_value("").run()
    assert app.query_params["against"] == "previous"
    assert "against_run" not in app.query_params


def test_runs_that_share_some_images_are_compared_on_these(finished_run):
    ids = finished_run.split_file["validation_ids"]
    others = ids.copy()
    others[:40] = np.arange(40) + ids.max() + 1
    order = np.argsort(others)
    rival = rival_of(finished_run, splits={"validation_ids": others[order]})
    app = open_matrix(run=finished_run.id, against="same", against_run=rival.id)
    assert_sound(app)
    assert f"the {len(ids) - 40} images that the two splits share; the other 40 are not compared" in captions(app)
    labels = dict(zip(ids.tolist(), finished_run.split_file["validation_labels"].tolist(), strict=True))
    here = dict(zip(ids.tolist(), predicted(finished_run, 2).tolist(), strict=True))
    there = dict(zip(others[order].tolist(), predicted(rival, 2).tolist(), strict=True))
    common = sorted(set(here) & set(there))
    fixed = sum(there[image] != labels[image] == here[image] for image in common)
    assert changes(app)[0] == f"fixed: {fixed}"


def test_runs_without_a_common_image_are_not_compared(finished_run):
    ids = finished_run.split_file["validation_ids"]
    rival = rival_of(finished_run, splits={"validation_ids": ids + ids.max() + 1})
    app = open_matrix(run=finished_run.id, against="kept", against_run=rival.id)
    assert_sound(app)
    assert APART in captions(app)
    assert not changes(app)


def test_runs_of_other_images_are_not_offered(finished_run, add_run):
    other = add_run("done")  # it has recorded no facts: nobody knows what images it saw
    app = open_matrix(run=finished_run.id, against="kept", against_run=other.id)
    assert_sound(app)
    assert f"Run {other.name.replace('-', chr(92) + '-')} saw other images" in captions(app)
    assert not changes(app)


def test_the_test_split_of_another_run_stays_sealed(finished_run):
    rival = rival_of(finished_run)
    app = open_matrix(run=finished_run.id, split="test", against="kept", against_run=rival.id)
    next(button for button in app.button if button.label == "Open the test split").click().run()
    assert_sound(app)
    assert SEALED.format(name="rival") in captions(app)
    assert not changes(app)
    app.session_state["opened_test_splits"] = frozenset({finished_run.id, rival.id})
    assert len(changes(app.run())) == 2


def test_the_run_that_was_compared_with_is_looked_at(finished_run):
    rival = rival_of(finished_run)
    app = open_matrix(run=rival.id, against="kept", against_run=rival.id)
    assert_sound(app)
    assert "is the one that is looked at now" in warnings(app)[0]
    assert not changes(app)


@pytest.mark.parametrize("stale", [7, None, "previous", ["x"], Asked("99", "zz"), Asked("same", "0000aaaa")])
def test_what_a_session_remembers_cannot_break_it(finished_run, stale):
    app = open_matrix(run=finished_run.id)
    app.session_state["against_kept"] = stale
    app.run()
    assert_sound(app)
    assert not changes(app)


def test_the_training_split_is_not_compared(finished_run, monkeypatch):
    monkeypatch.setattr("pages.ui.frame.view.await_training_split", lambda *_: None)
    monkeypatch.setattr(
        "pages.ui.frame.view.load_snapshot", lambda run, epoch, _: load_snapshot(run, epoch, "validation")
    )
    app = open_matrix(run=finished_run.id, split="train", against="previous")
    assert_sound(app)
    assert TRAINING in captions(app)
    assert app.selectbox(key=EPOCHS).disabled
    assert not changes(app)
