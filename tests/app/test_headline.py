"""The headline: the numbers of the split as scikit-learn has them, and beside them those of what is selected."""

import numpy as np
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.analysis.selection import Cell, Ids
from pages.ui.format import accuracy_sentence, percent
from pages.ui.selection.headline import NOTHING
from tests.app.numbers_shown import open_numbers, recorded, said, text_of


def sentences_of(run, rows, epoch=2):
    """What is to be said of some rows of the validation split, from scikit-learn's numbers."""
    labels, predicted, probabilities = (one[rows] for one in recorded(run, epoch))
    right, total = int((labels == predicted).sum()), len(labels)
    accuracy = accuracy_score(labels, predicted)
    first = top_k_accuracy_score(labels, probabilities, k=3, labels=range(10))
    loss = run.predictions("validation", epoch).loss[rows].mean(dtype=np.float64)
    return (
        accuracy_sentence(accuracy, wilson_interval(right, total), total - right, total),
        f"mean loss {loss:.4f}, right among the first 3: {percent(first)} (",
    )


def test_the_numbers_of_the_split_are_those_of_scikit_learn(finished_run):
    app = open_numbers(run=finished_run.id)
    for sentence in sentences_of(finished_run, slice(None)):
        assert sentence in said(app)
    assert "validation split at epoch 2" in said(app)
    assert NOTHING in [one.value for one in app.markdown]


def test_the_selected_images_have_their_own_at_every_epoch(finished_run):
    labels, predicted, _ = recorded(finished_run, epoch=1)
    wrong = np.flatnonzero(labels != predicted)
    app = open_numbers(run=finished_run.id, epoch="2", selection=text_of(finished_run, Cell(), epoch=1))
    for sentence in [*sentences_of(finished_run, slice(None)), *sentences_of(finished_run, wrong)]:
        assert sentence in said(app)
    assert f"the {len(wrong)} selected" in said(app)


def test_of_images_in_two_splits_those_here_are_counted(finished_run):
    here, elsewhere = (int(finished_run.split_file[f"{split}_ids"][0]) for split in ("validation", "test"))
    rule = Ids(tuple(sorted((here, elsewhere))))
    app = open_numbers(run=finished_run.id, selection=text_of(finished_run, rule))
    assert "the 1 of 2 selected in this split" in said(app)
    assert "0 of 1 wrong" in said(app) or "1 of 1 wrong" in said(app)


def test_what_is_in_another_split_is_said(finished_run):
    rule = Ids((int(finished_run.split_file["test_ids"][0]),))
    app = open_numbers(run=finished_run.id, selection=text_of(finished_run, rule))
    assert "None of the selected images is in the validation split." in said(app)
