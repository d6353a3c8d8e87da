"""Histories against plain Python that looks at one image and one epoch at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from mnist_core.analysis.evaluation import class_scores
from mnist_core.analysis.history import History
from mnist_core.analysis.history import _class_counts as class_counts
from mnist_core.errors import EpochNotRecorded


def history(seed: int, epochs: int, total: int, classes: int) -> History:
    generator = np.random.default_rng(seed)
    numbers = np.sort(generator.choice(40, epochs, replace=False)).astype(np.int32)
    labels = generator.integers(0, classes, total).astype(np.uint8)
    guesses = generator.integers(0, classes, (epochs, total))
    predicted = np.where(generator.random((epochs, total)) < 0.5, labels, guesses).astype(np.uint8)
    return History(numbers, labels, predicted, classes)


HISTORIES = st.builds(history, st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 25), st.integers(2, 30))


def wrong_in_a_row(one: History, place: int, row: int) -> int:
    length = 0
    while place - length >= 0 and one.predicted[place - length, row] != one.labels[row]:
        length += 1
    return length


def right_since(one: History, place: int, row: int) -> int:
    since = -1
    for before in range(place, -1, -1):
        if one.predicted[before, row] != one.labels[row]:
            break
        since = int(one.epochs[before])
    return since


@given(HISTORIES)
def test_matrices_and_scores_are_those_of_scikit_learn_at_each_epoch(one):
    every = range(one.classes)
    for place, predicted in enumerate(one.predicted):
        epoch = int(one.epochs[place])
        assert np.array_equal(one.confusion[place], confusion_matrix(one.labels, predicted, labels=every))
        assert one.accuracy[place] == accuracy_score(one.labels, predicted)
        reference = precision_recall_fscore_support(one.labels, predicted, labels=every, zero_division=0.0)
        at_once = (one.precision[place], one.recall[place], one.f1[place])
        assert np.array_equal(at_once, reference[:3])
        assert np.array_equal(one.scores(epoch).f1, reference[2])
        assert np.array_equal(one.scores(epoch).support, reference[3])


@given(HISTORIES)
def test_how_long_each_image_is_wrong_and_since_when_it_is_right(one):
    for place, epoch in enumerate(one.epochs.tolist()):
        rows = range(len(one.labels))
        assert one.wrong_for(epoch).tolist() == [wrong_in_a_row(one, place, row) for row in rows]
        assert one.learnt_at(epoch).tolist() == [right_since(one, place, row) for row in rows]
        assert one.wrong_for(epoch).dtype == one.learnt_at(epoch).dtype == np.int32


@given(HISTORIES, st.data())
def test_a_history_that_grew_is_the_one_that_was_always_long(one, data):
    cut = data.draw(st.integers(0, len(one.epochs)))
    short = History(one.epochs[:cut], one.labels, one.predicted[:cut], one.classes)
    if data.draw(st.booleans()):
        assert len(short.confusion) == len(short.f1) == len(short.accuracy) == cut
    grown = short.extended(one.epochs[cut:], one.predicted[cut:])
    for name in ("epochs", "predicted", "confusion", "accuracy", "precision", "recall", "f1"):
        assert np.array_equal(getattr(grown, name), getattr(one, name)), name
    assert len(short.confusion) == cut


def test_known_matrices_are_not_counted_again(monkeypatch):
    one = history(1, 6, 50, 10)
    counted = []

    def counting(labels, predicted, classes):
        counted.append(predicted)
        return np.zeros((classes, classes), np.int64)

    known = one.confusion.copy()
    monkeypatch.setattr("mnist_core.analysis.history.confusion_matrix", counting)
    grown = one.extended(one.epochs[-1:] + 1, one.predicted[-1:])
    assert np.array_equal(grown.confusion[:-1], known)
    assert len(counted) == 1


def test_what_is_shared_cannot_be_changed():
    one = history(2, 3, 20, 4)
    grown = one.extended(one.epochs[-1:] + 1, one.predicted[-1:])
    computed = (one.confusion, one.accuracy, one.f1, grown.confusion, grown.recall)
    for array in (*computed, one.epochs, one.labels, one.predicted, grown.epochs, grown.labels, grown.predicted):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_what_the_caller_holds_stays_writable():
    labels, predicted = np.zeros(3, np.uint8), np.zeros((1, 3), np.uint8)
    History(np.zeros(1, np.int32), labels, predicted, 2)
    assert labels.flags.writeable
    assert predicted.flags.writeable


def test_scores_over_epochs_need_no_matrices_and_count_each_epoch_once(monkeypatch):
    counted = []

    def counting(labels, predicted, classes):
        counted.append(len(predicted))
        return class_counts(labels, predicted, classes)

    monkeypatch.setattr("mnist_core.analysis.history._class_counts", counting)
    one = history(5, 6, 50, 10)
    grown = one
    for epoch in range(3):
        assert all(len(scores) == 6 + epoch for scores in (grown.f1, grown.precision, grown.recall, grown.accuracy))
        grown = grown.extended(grown.epochs[-1:] + 1, one.predicted[epoch : epoch + 1])
    assert counted == [6, 1, 1, 1]
    assert "confusion" not in vars(grown)


def test_scores_of_an_epoch_follow_from_its_matrix():
    one = history(3, 5, 40, 10)
    epoch = int(one.epochs[3])
    assert one.place(epoch) == 3
    assert np.array_equal(one.scores(epoch).precision, class_scores(one.confusion[3]).precision)


@pytest.mark.parametrize("epoch", [-1, 1, 5, 10**9])
def test_an_epoch_that_is_not_there_gets_a_sentence(epoch):
    one = History(np.array([0, 2, 4], np.int32), np.zeros(3, np.uint8), np.zeros((3, 3), np.uint8), 2)
    for ask in (one.place, one.scores, one.wrong_for, one.learnt_at):
        with pytest.raises(EpochNotRecorded, match=rf"^`epoch` must be .*\(0 to 4\), got {epoch}\.$"):
            ask(epoch)


def test_a_history_may_have_no_epoch_yet():
    none = History(np.zeros(0, np.int32), np.zeros(3, np.uint8), np.zeros((0, 3), np.uint8), 2)
    assert none.confusion.shape == (0, 2, 2)
    assert none.f1.shape == (0, 2)
    with pytest.raises(EpochNotRecorded, match="none yet"):
        none.place(0)


def test_epochs_out_of_order_are_refused():
    one = history(4, 3, 10, 3)
    with pytest.raises(ValueError, match="ascend"):
        one.extended(one.epochs[-1:], one.predicted[-1:])
    with pytest.raises(ValueError, match="epochs, images"):
        one.extended(one.epochs[-1:] + 1, one.predicted[-2:])
