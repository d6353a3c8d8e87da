"""The selection: said on the page, kept while everything else changes, cleared, and refused with a sentence."""

import pytest

from mnist_core.analysis.selection import Cell, Changed, Ids, Selection
from pages.ui.frame.selected import NONE, OTHER_DATA, OTHER_RUN, SEALED


def chip(app):
    return next((button.label for button in app.button if button.key == "clear_selection"), None)


def text_of(run, rule, epoch=1, split="validation"):
    return Selection(rule, run.id, epoch, split).text()


def warnings(app):
    return [warning.value for warning in app.warning]


def errors_at(run, epoch, split="validation"):
    return int(run.evaluate(split, epoch).errors)


@pytest.fixture
def selected_errors(open_page, finished_run):
    """A visitor who has selected all errors of epoch 1."""
    return open_page("predictions", run=finished_run.id, selection=text_of(finished_run, Cell()))


def test_without_a_selection_it_says_so(open_page, finished_run):
    app = open_page("predictions", run=finished_run.id)
    assert chip(app) is None
    assert NONE in [text.value for text in app.markdown]


def test_a_link_selects(selected_errors, finished_run):
    assert chip(selected_errors) == f"{errors_at(finished_run, 1)}: all errors, at epoch 1"
    assert not warnings(selected_errors)


def test_it_stays_while_epoch_and_split_change(selected_errors, finished_run):
    said = chip(selected_errors)
    selected_errors.query_params["epoch"] = "0"
    assert chip(selected_errors.run()) == said
    selected_errors.segmented_control(key="frame_split").set_value("train").run()
    assert chip(selected_errors) == f"0 of {errors_at(finished_run, 1)} in this split: all errors, at epoch 1"


def test_it_stays_on_another_page(selected_errors):
    selected_errors.query_params.clear()
    selected_errors.switch_page("runs.py").run()
    assert selected_errors.query_params["selection"]
    selected_errors.query_params.clear()
    selected_errors.switch_page("predictions.py").run()
    assert chip(selected_errors)


def test_a_press_clears_it(selected_errors):
    next(button for button in selected_errors.button if button.key == "clear_selection").click().run()
    assert chip(selected_errors) is None
    assert "selection" not in selected_errors.query_params


def test_a_rule_may_follow_the_epoch(open_page, finished_run):
    app = open_page("predictions", run=finished_run.id, selection=text_of(finished_run, Cell(), None), epoch="0")
    assert chip(app) == f"{errors_at(finished_run, 0)}: all errors, at each epoch"
    app.query_params["epoch"] = "2"
    assert chip(app.run()) == f"{errors_at(finished_run, 2)}: all errors, at each epoch"


def test_a_run_of_other_images_says_so(open_page, finished_run, add_run, shared):
    other = add_run("done")  # it has recorded no facts: nobody knows what images it saw
    app = open_page("predictions", run=other.id, selection=text_of(finished_run, Cell()))
    assert OTHER_DATA in warnings(app)
    assert chip(app) is None


def test_the_test_split_stays_sealed(open_page, finished_run):
    app = open_page("predictions", run=finished_run.id, selection=text_of(finished_run, Cell(), split="test"))
    assert warnings(app) == [SEALED]
    app.segmented_control(key="frame_split").set_value("test").run()
    next(button for button in app.button if button.label == "Open the test split").click().run()
    assert chip(app) == f"{errors_at(finished_run, 1, 'test')}: all errors, at epoch 1"
    assert not warnings(app)


def test_images_can_be_named_one_by_one(open_page, finished_run):
    ids = [int(image) for image in finished_run.split_file["validation_ids"][:3]]
    app = open_page("predictions", run=finished_run.id, selection=text_of(finished_run, Ids(tuple(ids))))
    assert chip(app) == "3 chosen images"


def test_images_that_no_split_has_are_said_to_be_in_none(open_page, finished_run):
    here, there = (int(finished_run.split_file[f"{split}_ids"][0]) for split in ("validation", "train"))
    rule = Ids(tuple(sorted((here, there, 99_999))))
    app = open_page("predictions", run=finished_run.id, selection=text_of(finished_run, rule))
    said = " ".join(one.value for one in app.caption)
    assert "1 of the selected images is in other splits. 1 of them is in no split of this run." in said


def test_a_change_against_a_run_of_other_images_says_so(open_page, finished_run, add_run):
    other = add_run("done")
    app = open_page("predictions", run=finished_run.id, selection=text_of(finished_run, Changed(True, 1, other.id)))
    assert warnings(app) == [OTHER_RUN]


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("cell.4.9", "`selection` in the link must be a rule"),
        ("cell.4.9~1~validation~0000aaaa", "The run in which the selection was made is not here any more"),
        ("cell.4.9~99~validation~{run}", "The selection cannot be read: "),
        ("changed.fixed.99~1~validation~{run}", "The selection cannot be read: "),
        ("changed.fixed.1.0000aaaa~1~validation~{run}", "The run with which the selection compares is not here any"),
        ("cell.44.9~1~validation~{run}", "The selection names a class that run"),
        ("probability.10.0.20~1~validation~{run}", "The selection names a class that run"),
        ("[a](b)`\n", "`selection` in the link must be a rule"),
    ],
)
def test_what_cannot_be_selected_is_said(open_page, finished_run, selection, said):
    app = open_page("predictions", run=finished_run.id, selection=selection.format(run=finished_run.id))
    assert not app.exception
    assert not app.error
    (warning,) = warnings(app)
    assert said in warning
    assert "\n" not in warning
    assert chip(app) is None


def test_a_selection_that_cannot_be_shown_can_be_cleared(open_page, finished_run):
    app = open_page("predictions", run=finished_run.id, selection=text_of(finished_run, Cell(), split="test"))
    next(button for button in app.button if button.label == "Clear the selection").click().run()
    assert not warnings(app)
    assert "selection" not in app.query_params
