"""`evaluate --json` of drawn predictions: scikit-learn's numbers, and what the arrays say of changes and selections."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    classification_report,
    confusion_matrix,
    log_loss,
    roc_auc_score,
    top_k_accuracy_score,
)

from mnist_core.errors import EpochNotRecorded, InvalidInput, RunNotFound
from tests.unit.commands.recorded_runs import DIGITS, SIZE, record


@pytest.fixture
def run(lab):
    return record(lab, 1)


def probabilities(judged):
    return np.exp(judged.predictions.log_probabilities.astype(np.float32))


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("epoch", [0, 2])
def test_every_number_is_that_of_scikit_learn(run, ask, split, epoch):
    said = ask("evaluate", run.id, "--epoch", epoch, "--split", split)
    judged = run.judged(split, epoch)
    true, predicted, shares = judged.labels, judged.predictions.predicted, probabilities(judged)
    assert (said["epoch"], said["split"]) == (epoch, split)
    assert said["accuracy"] == accuracy_score(true, predicted)
    assert said["errors"] == SIZE[split] - accuracy_score(true, predicted, normalize=False)
    assert said["confusion"] == confusion_matrix(true, predicted).tolist()
    assert said["report"] == classification_report(
        true, predicted, labels=range(10), target_names=DIGITS, output_dict=True, zero_division=0.0
    )
    exact = shares.astype(np.float64) / shares.sum(1, dtype=np.float64, keepdims=True)
    assert said["loss"] == pytest.approx(log_loss(true, exact), abs=2e-3)  # recorded in float16
    assert said["top_k"].keys() == {"2", "3", "5"}
    for k, found in said["top_k"].items():
        assert found["accuracy"] == pytest.approx(top_k_accuracy_score(true, shares, k=int(k)), abs=1e-12)
        assert found["right"] == round(found["accuracy"] * SIZE[split])
        assert found["interval"][0] < found["accuracy"] < found["interval"][1]
    for number, name in enumerate(DIGITS):
        own = true == number
        assert said["roc"]["area"][name] == pytest.approx(roc_auc_score(own, shares[:, number]))
        mine = said["precision_recall"]["average_precision"][name]
        assert mine == pytest.approx(average_precision_score(own, shares[:, number]))
    assert said["roc"]["macro"] == pytest.approx(np.mean(list(said["roc"]["area"].values())))


def test_calibration_is_that_of_scikit_learn(run, ask):
    said = ask("evaluate", run.id)["calibration"]
    judged = run.judged()
    sure = probabilities(judged)[np.arange(SIZE["validation"]), judged.predictions.predicted]
    right = judged.labels == judged.predictions.predicted
    share, mean = calibration_curve(right, np.minimum(sure, 1), n_bins=15)
    held = [one for one in said["bins"] if one["count"]]
    assert [one["accuracy"] for one in held] == pytest.approx(share)
    assert [one["confidence"] for one in held] == pytest.approx(mean)
    weights = np.array([one["count"] for one in held]) / SIZE["validation"]
    assert said["error"] == pytest.approx(weights @ np.abs(share - mean))
    assert {(one["confidence"], one["accuracy"]) for one in said["bins"] if not one["count"]} <= {(None, None)}
    assert [one["high"] for one in said["bins"][:-1]] == [one["low"] for one in said["bins"][1:]]


def test_few_classes_have_few_k(lab, ask):
    run = record(lab, 2, classes=("odd", "even", "zero"))
    assert ask("evaluate", run.id)["top_k"].keys() == {"2"}


def test_a_class_may_have_the_name_of_an_average(lab, ask):
    names = ("macro", "accuracy", "macro avg")
    judged = (run := record(lab, 2, classes=names)).judged()
    said, shares = ask("evaluate", run.id), probabilities(judged)
    areas = [roc_auc_score(judged.labels == number, shares[:, number]) for number in range(len(names))]
    assert list(said["roc"]["area"]) == list(said["precision_recall"]["average_precision"]) == list(names)
    assert list(said["roc"]["area"].values()) == pytest.approx(areas)
    assert said["roc"]["macro"] == pytest.approx(np.mean(areas))
    assert said["report"] == classification_report(
        judged.labels, judged.predictions.predicted, target_names=names, output_dict=True, zero_division=0.0
    )


def test_what_other_epochs_and_runs_got_right(lab, run, ask):
    other = record(lab, 3, shift=50)
    after = dict(zip(run.judged().ids.tolist(), run.judged().predictions.predicted.tolist(), strict=True))
    for text, before, epoch in ((1, run, 1), (other.id, other, 3), (f"{other.record.name}@0", other, 0)):
        said = ask("evaluate", run.id, "--against", text)["against"]
        judged = before.judged(epoch=epoch)
        was = dict(zip(judged.ids.tolist(), judged.predictions.predicted.tolist(), strict=True))
        both = sorted(after.keys() & was.keys())
        assert (said["run"], said["epoch"], said["images"]) == (before.id, epoch, len(both))
        assert said["fixed"] == [one for one in both if was[one] != one % 10 == after[one]]
        assert said["broken"] == [one for one in both if after[one] != one % 10 == was[one]]
        true, now, then = ([kind(one) for one in both] for kind in (lambda one: one % 10, after.get, was.get))
        assert said["accuracy"] == pytest.approx(accuracy_score(true, then))
        reference = confusion_matrix(true, now, labels=range(10)) - confusion_matrix(true, then, labels=range(10))
        assert said["confusion_difference"] == reference.tolist()


def test_a_selection_keeps_its_images_when_epoch_and_run_change(lab, run, ask):
    other = record(lab, 3, shift=50)
    made = f"cell.4.x~1~validation~{run.id}"
    judged = run.judged(epoch=1)
    wanted = judged.ids[(judged.labels == 4) & (judged.predictions.predicted != 4)].tolist()
    for seen_in in (run, other):
        said = ask("evaluate", seen_in.id, "--epoch", 3, "--selection", made)["selection"]
        now = seen_in.judged(epoch=3)
        rows = np.flatnonzero(np.isin(now.ids, wanted))
        assert (said["rule_text"], said["phrase"]) == (made, "errors of 4, at epoch 1")
        assert said["ids"] == wanted
        assert said["images_here"] == len(rows) > 0
        assert said["accuracy"] == accuracy_score(now.labels[rows], now.predictions.predicted[rows])
        assert said["errors"] == round(len(rows) * (1 - said["accuracy"]))
        assert said["loss"] == pytest.approx(now.predictions.loss[rows].mean())
        assert said["report"]["4"]["support"] == len(rows)


def test_a_selection_without_images_here_has_no_numbers(run, ask):
    said = ask("evaluate", run.id, "--selection", f"ids.1.2~-~train~{run.id}")["selection"]
    assert (said["ids"], said["images_here"], said["errors"]) == ([1, 2], 0, 0)
    assert said["accuracy"] is said["interval"] is said["loss"] is said["report"] is None


@pytest.mark.parametrize("order", ["most confident", "highest loss", "longest wrong"])
def test_the_worst_errors_come_first(run, ask, order):
    document = ask("evaluate", run.id, "--epoch", 2, "--most-wrong", 999, "--order", order)
    said, judged = document["most_wrong"], run.judged(epoch=2)
    rows = {one: row for row, one in enumerate(judged.ids.tolist())}
    assert len(said) == len({one["image"] for one in said}) == document["errors"]
    for one in said:
        row, shares = rows[one["image"]], probabilities(judged)[rows[one["image"]]]
        assert one["true"] == one["image"] % 10 != one["predicted"] == judged.predictions.predicted[row]
        assert (one["p_true"], one["p_predicted"]) == pytest.approx((shares[one["true"]], shares[one["predicted"]]))
        assert one["loss"] == pytest.approx(judged.predictions.loss[row])
        wrong = [run.judged(epoch=epoch).predictions.predicted[row] != one["true"] for epoch in (2, 1, 0)]
        assert one["wrong_for"] == [*wrong, False].index(False)
    rank = {
        "most confident": [one["p_predicted"] - one["p_true"] for one in said],
        "highest loss": [one["loss"] for one in said],
        "longest wrong": [one["wrong_for"] for one in said],
    }[order]
    assert rank == sorted(rank, reverse=True)
    assert ask("evaluate", run.id, "--epoch", 2, "--most-wrong", 2, "--order", order)["most_wrong"] == said[:2]


def test_a_look_at_a_test_split_is_recorded_with_each_run_and_only_when_it_succeeds(lab, run, ask):
    other = record(lab, 3)
    openings = lab.archive.store.openings
    ask("evaluate", run.id, "--against", other.id, "--selection", f"cell.x.x~0~validation~{other.id}")
    with pytest.raises(InvalidInput):
        ask("evaluate", run.id, "--split", "test", "--selection", "nonsense")
    assert openings(run.id) == openings(other.id) == []
    ask("evaluate", run.id, "--split", "test", "--against", other.id, "--most-wrong", 1)
    assert len(openings(run.id)) == len(openings(other.id)) == 1
    ask("evaluate", run.id, "--selection", f"cell.x.x~0~test~{other.id}")
    assert (len(openings(run.id)), len(openings(other.id))) == (1, 2)


def test_what_cannot_be_compared_is_refused(lab, run, ask):
    strange = record(lab, 3, content="2")
    grouped = record(lab, 4, classes=("low", "high"))
    apart = record(lab, 5, shift=1000)
    refused = [
        (["--against", strange.id], InvalidInput, "runs of the same images"),
        (["--against", grouped.id], InvalidInput, "runs with the same classes"),
        (["--against", apart.id], InvalidInput, "share none"),
        (["--against", "9"], EpochNotRecorded, "`epoch` must be"),
        (["--against", f"{run.id}@nine"], EpochNotRecorded, "`epoch` must be"),
        (["--against", "@1"], RunNotFound, "No run answers"),
        (["--against", ""], RunNotFound, "No run answers"),
        (["--selection", f"cell.4.9~1~validation~{strange.id}"], InvalidInput, "runs of the same images"),
        (["--selection", f"changed.fixed.1.{grouped.id}~1~validation~{run.id}"], InvalidInput, "the same classes"),
        (["--selection", f"changed.fixed.1.{strange.id}~1~validation~{run.id}"], InvalidInput, "the same images"),
        (["--selection", f"cell.4.9~8~validation~{run.id}"], EpochNotRecorded, "`epoch` must be"),
        (["--selection", "cell.4.9~1~validation~00000000-0000-7000-8000-000000000000"], RunNotFound, "No run"),
        (["--selection", ""], InvalidInput, "`selection`"),
        (["--most-wrong", "0"], InvalidInput, "`--most-wrong` must be"),
        (["--most-wrong", "²"], InvalidInput, "`--most-wrong` must be"),
        (["--order", "highest loss"], InvalidInput, "`--most-wrong`"),
    ]
    for arguments, error, part in refused:
        with pytest.raises(error, match=part):
            ask("evaluate", run.id, *arguments)
