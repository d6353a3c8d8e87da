"""Selections: every rule finds the images that a plain loop finds, and survives a link."""

import zlib
from base64 import urlsafe_b64encode
from string import ascii_letters, digits

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.selection import (
    MOST_IDS,
    MOST_LETTERS,
    Cell,
    Changed,
    ConfidenceBin,
    Ids,
    Judged,
    Lassoed,
    ProbabilityBin,
    Selection,
    packed,
    phrase_of,
    unpacked,
)
from mnist_core.errors import InvalidInput
from mnist_core.inference.predictions import Predictions

RUN, OTHER = "0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002"
CLASSES = 4
BOMB = urlsafe_b64encode(zlib.compress(bytes(4_000_000), 9)).decode().rstrip("=")
digit = st.integers(0, 999)
some = st.none() | digit
bins = st.integers(1, 100).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n)))
rules = (
    st.builds(Cell, some, some)
    | st.builds(Changed, st.booleans(), digit, st.sampled_from(["", OTHER]))
    | st.builds(lambda number, place: ProbabilityBin(number, *place), digit, bins)
    | st.builds(lambda place: ConfidenceBin(*place), bins)
    | st.builds(lambda ids: Ids(tuple(sorted(ids))), st.sets(digit, min_size=1, max_size=20))
    | st.builds(lambda ids: Lassoed("umap", "dense_1", tuple(sorted(ids))), st.sets(digit, min_size=1))
)
selections = st.builds(Selection, rules, st.sampled_from([RUN, OTHER]), some, st.sampled_from(["validation", "train"]))


def judged(seed: int, ids: range = range(100, 160)) -> Judged:
    rng = np.random.default_rng(seed)
    raw = rng.random((len(ids), CLASSES)) ** 4
    log_probabilities = np.log(raw / raw.sum(1, keepdims=True)).astype(np.float16)
    labels = (np.array(ids) % CLASSES).astype(np.uint8)
    loss = -log_probabilities[np.arange(len(ids)), labels].astype(np.float32)
    predictions = Predictions(raw.argmax(1).astype(np.uint8), loss, log_probabilities)
    return Judged(np.array(ids, np.int32), labels, predictions)


NOW, BEFORE, ELSEWHERE = judged(0), judged(1), judged(2, range(130, 200))


def judge(run: str, epoch: int, split: str) -> Judged:
    assert split == "validation"
    return {(RUN, 3): NOW, (RUN, 1): BEFORE, (OTHER, 3): ELSEWHERE}[run, epoch]


def found(rule, epoch=3, looked_at=3):
    return Selection(rule, RUN, epoch, "validation").ids(judge, looked_at).tolist()


def each(one=NOW):
    predicted = one.predictions.predicted.tolist()
    return zip(one.ids.tolist(), one.labels.tolist(), predicted, strict=True)


@given(selections)
def test_a_selection_survives_a_link(selection):
    assert Selection.parse(selection.text()) == selection
    unescaped = ascii_letters + digits + ".~-_"
    assert not set(selection.text()) - set(unescaped), "nothing that a URL escapes"


@given(st.text(max_size=80) | selections.map(lambda one: one.text()[1:]) | selections.map(lambda one: one.text() + "x"))
def test_what_is_no_selection_is_refused_with_a_sentence(text):
    with pytest.raises(InvalidInput, match="`selection` in the link must be a rule") as refused:
        Selection.parse(text)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        f"cell.4~3~validation~{RUN}",
        f"cell.4.9~3~holdout~{RUN}",
        f"cell.4.9~three~validation~{RUN}",
        f"confidence.15.15~3~validation~{RUN}",
        f"probability.4.0.101~3~validation~{RUN}",
        f"changed.mended.3~3~validation~{RUN}",
        f"ids.{'.'.join(map(str, range(MOST_IDS + 1)))}~3~validation~{RUN}",
        "cell.4.9~3~validation~../../x",
        f"cell.\u0664.9~3~validation~{RUN}",
        f"map.umap.dense_1~3~validation~{RUN}",
        f"map.umap.<b>.{packed((3, 5))}~3~validation~{RUN}",
        f"map.umap.dense_1.{packed((3, 5))[:-2]}~3~validation~{RUN}",
        f"map.umap.dense_1.{packed((0, 200_000))}~3~validation~{RUN}",
        f"map.umap.dense_1.{BOMB}~3~validation~{RUN}",
    ],
)
def test_each_part_has_its_rule(text):
    with pytest.raises(InvalidInput):
        Selection.parse(text)


def test_a_cell_holds_its_images_and_a_row_or_column_its_errors():
    for a in range(CLASSES):
        assert found(Cell(a)) == [i for i, true, predicted in each() if true == a != predicted]
        assert found(Cell(None, a)) == [i for i, true, predicted in each() if predicted == a != true]
        for b in range(CLASSES):
            assert found(Cell(a, b)) == [i for i, true, predicted in each() if (true, predicted) == (a, b)]
    assert found(Cell()) == [i for i, true, predicted in each() if true != predicted]
    assert found(Cell(CLASSES)) == []


def test_changes_are_told_from_another_epoch():
    before = {i: true == predicted for i, true, predicted in each(BEFORE)}
    fixed = [i for i, true, predicted in each() if true == predicted and not before[i]]
    broken = [i for i, true, predicted in each() if true != predicted and before[i]]
    assert fixed
    assert broken
    assert found(Changed(True, 1)) == fixed
    assert found(Changed(False, 1)) == broken


def test_changes_against_another_run_are_of_the_images_that_both_know():
    theirs = {i: true == predicted for i, true, predicted in each(ELSEWHERE)}
    fixed = [i for i, true, predicted in each() if true == predicted and theirs.get(i) is False]
    assert fixed
    assert found(Changed(True, 3, OTHER)) == fixed


def test_bins_together_hold_every_image_once():
    for n in (1, 7, 20):
        for make in (lambda place, n=n: ProbabilityBin(2, place, n), lambda place, n=n: ConfidenceBin(place, n)):
            assert sorted(i for place in range(n) for i in found(make(place))) == NOW.ids.tolist()
    assert found(ProbabilityBin(CLASSES, 0, 1)) == []


def test_a_rule_without_an_epoch_is_read_at_the_one_that_is_looked_at():
    assert found(Cell(), epoch=None, looked_at=1) == [i for i, true, predicted in each(BEFORE) if true != predicted]
    assert found(Cell(), epoch=3, looked_at=1) == found(Cell())


def test_chosen_images_need_no_run():
    assert Selection(Ids((1, 5)), RUN, 3, "validation").ids(lambda *_: pytest.fail("read a run"), 3).tolist() == [1, 5]


def test_a_selection_is_said_in_words():
    names = ["nought", "one", "two", "three"]
    said = [
        phrase_of(Selection(rule, RUN, 3, "validation"), names)
        for rule in (Cell(1, 2), Cell(1), Cell(None, 2), Cell(), Changed(False, 1), ConfidenceBin(14, 15), Ids((7,)))
    ]
    assert said == [
        "true one, predicted two, at epoch 3",
        "errors of one, at epoch 3",
        "taken for two, at epoch 3",
        "all errors, at epoch 3",
        "newly broken against epoch 1, at epoch 3",
        "confidence from 0.93 to 1.00, at epoch 3",
        "image 7",
    ]
    assert phrase_of(Selection(Cell(1, 2), RUN, None, "validation"), names).endswith("at each epoch")


def test_a_lasso_means_its_images_wherever_they_are():
    rule = Lassoed("tsne", "conv_2", (101, 150, 900))
    assert Selection(rule, RUN, 3, "validation").ids(lambda *_: pytest.fail("read a run"), 1).tolist() == [
        101,
        150,
        900,
    ]
    assert NOW.ids[rule.rows(NOW, lambda *_: NOW)].tolist() == [101, 150]
    selection = Selection(rule, RUN, 3, "validation")
    assert phrase_of(selection, ()) == "lasso in the t-SNE of conv_2, at epoch 3"


@pytest.mark.parametrize("share", [0.0005, 0.1, 0.5, 1.0])
def test_many_ids_fit_a_link(share):
    rng = np.random.default_rng(3)
    ids = tuple((60_000 + np.flatnonzero(rng.random(10_000) <= share)).tolist())
    assert unpacked(packed(ids)) == ids
    assert len(packed(ids)) <= 2_000


def test_more_than_a_link_holds_is_refused_with_a_sentence():
    ids = np.flatnonzero(np.random.default_rng(3).random(70_000) < 0.5)
    with pytest.raises(InvalidInput, match=rf"fit a link of {MOST_LETTERS:,} letters; these 3[0-9],[0-9]+ images"):
        packed(ids.tolist())
    a_class = np.flatnonzero(np.random.default_rng(3).random(70_000) < 0.1)
    assert unpacked(packed(a_class.tolist())) == tuple(a_class.tolist())
