"""Whole trainings on the bundled digits: what is recorded, how they stop, fail, resume and repeat."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix, log_loss

from mnist_core import datasets
from mnist_core.errors import Diverged, InvalidInput, InvalidSpec, RunBusy, StorageFull, TrainingFailed
from mnist_core.lab import Lab
from mnist_core.networks.catalogue import presets
from mnist_core.npz import from_npz
from mnist_core.runs import Facts, RunState
from mnist_core.settings import Settings
from mnist_core.training.engine import Engine

SMALL = {"epochs": 3, "batch_size": 64, "split__train": 300}


def small(preset="bottleneck-cnn", **overrides):
    return presets[preset].on("digits", **(SMALL | overrides))


class StopAfter:
    """Asks to stop once an epoch is committed, in the middle of the next."""

    def __init__(self, epoch):
        self.epoch, self.is_due = epoch, False

    def __call__(self, job):
        return self

    def begin(self, weights):
        pass

    def points(self, epoch, step, losses, accuracies):
        self.is_due = epoch > self.epoch

    def beat(self):
        pass

    def commit(self, snapshot):
        return 0.0


def test_every_epoch_is_recorded(lab):
    run = lab.train(small())
    assert run.record.state is RunState.DONE
    assert run.record.reason is None
    assert [epoch.epoch for epoch in run.epochs] == [0, 1, 2, 3]
    assert run.epochs[0].metrics["loss"] is None
    assert run.epochs[0].metrics["val_loss"] == pytest.approx(np.log(10), rel=0.3)
    splits = run.split_file
    for epoch in range(4):
        predictions = run.predictions("validation", epoch)
        assert len(predictions) == len(splits["validation_ids"])
        right = np.mean(predictions.predicted == splits["validation_labels"])
        assert right == run.epochs[epoch].metrics["val_accuracy"]
        loss = predictions.loss.mean(dtype=np.float64)
        assert loss == run.epochs[epoch].metrics["val_loss"]
        taken = predictions.log_probabilities[np.arange(len(predictions)), splits["validation_labels"]]
        np.testing.assert_allclose(-taken.astype(float), predictions.loss, rtol=2e-3, atol=1e-3)


def test_points_hold_each_true_step(lab):
    run = lab.train(small())
    points = [point for _, point in lab.archive.store.points(run.id)]
    for epoch in (1, 2, 3):
        losses = [loss for point in points if point.epoch == epoch for loss in point.values["loss"]]
        assert len(losses) == 5
        assert np.mean(losses) == pytest.approx(run.epochs[epoch].metrics["loss"], rel=1e-12)
    steps = [point.step for point in points]
    assert steps == sorted(steps)
    assert steps[0] == 0


def test_seconds_are_those_of_steps_evaluation_and_recording(lab, monkeypatch):
    """By a clock that moves only where work is done."""
    from mnist_core.inference.forward import Forward
    from mnist_core.training import train as loop

    now = [0.0]

    def taking(owner, name, seconds):
        real = getattr(owner, name)

        def slow(*arguments, **named):
            now[0] += seconds
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, slow)

    class Slow(StopAfter):
        def points(self, epoch, step, losses, accuracies):
            now[0] += 100

        def commit(self, snapshot):
            now[0] += 7
            return 7.0

    monkeypatch.setattr(loop, "perf_counter", lambda: now[0])
    taking(Engine, "run_steps", 0.0)
    taking(Forward, "predict", 1000.0)
    run = lab.train(small(batch_size=300), listen=Slow(99))
    spent = [(e.seconds, e.evaluation_seconds) for e in run.epochs]
    assert spent == [(0.0, 3000.0), (100.0, 3000.0), (100.0, 3000.0), (100.0, 3000.0)]
    assert all(0 < e.recording_seconds < 7 for e in run.epochs)


def test_evaluation_agrees_with_scikit_learn(lab):
    run = lab.train(small())
    for split in ("train", "validation", "test"):
        for epoch in (0, "best", "last"):
            result = run.evaluate(split, epoch)
            truth = run.split_file[f"{split}_labels"]
            predicted = run.predictions(split, epoch).predicted
            np.testing.assert_array_equal(result.confusion, confusion_matrix(truth, predicted, labels=range(10)))
            names = run.classes
            expected = classification_report(
                truth, predicted, labels=range(10), target_names=names, output_dict=True, zero_division=0
            )
            assert result.report == expected


def test_recomputed_predictions_equal_the_recorded_ones(lab):
    from mnist_core.inference.predict import predict

    run = lab.train(small())
    spec = run.spec
    dataset = lab.dataset("digits")
    for epoch in (0, 2):
        anew = predict(spec, run.weights(epoch), dataset, run.split_file["test_ids"])
        recorded = run.predictions("test", epoch)
        np.testing.assert_array_equal(anew.predicted, recorded.predicted)
        np.testing.assert_array_equal(anew.loss, recorded.loss)
        np.testing.assert_array_equal(anew.log_probabilities, recorded.log_probabilities)


def document(run):
    """What must be equal between equal runs: all but times, names and ids."""
    result = {key: value for key, value in run.record.result.items() if key != "images_per_second"}
    return [epoch.metrics for epoch in run.epochs], result, run.weights("last")


def assert_equal_runs(one, other):
    (metrics, result, weights), (metrics_2, result_2, weights_2) = document(one), document(other)
    assert metrics == metrics_2
    assert result == result_2
    for key, value in weights.items():
        np.testing.assert_array_equal(value, weights_2[key], err_msg=key)


def kept(lab, run):
    return {(artifact.epoch, artifact.name) for artifact in lab.archive.store.artifacts(run.id)}


VARIANTS = {
    "plain": {},
    "dropout, l2 and bfloat16": {"preset": "mlp-512-256-dropout", "precision": "bfloat16"},
    "augmentation": {"augmentation__shift": 2, "augmentation__zoom": 0.1, "augmentation__noise": 0.1},
    "batch norm and momentum": {"preset": "sigmoid-cnn", "optimizer__momentum": 0.9, "schedule__kind": "one_cycle"},
    "scikit-learn": {"preset": "logistic-regression", "epochs": 6},
}


def variant(name):
    overrides = SMALL | {"split__train": 200} | VARIANTS[name]
    preset = overrides.pop("preset", "bottleneck-cnn")
    if preset == "logistic-regression":
        del overrides["batch_size"]
    return presets[preset].on("digits", **overrides)


@pytest.mark.parametrize("name", VARIANTS)
def test_same_seed_repeats_and_an_interrupted_run_ends_alike(name, lab, tmp_path):
    spec = variant(name)
    whole = lab.train(spec)
    other = Lab(Settings(home=tmp_path / "other", threads=2))
    broken = interrupted(other, spec)
    assert broken.record.state is RunState.RUNNING
    assert max(epoch.epoch for epoch in broken.epochs) == 1
    resumed = other.resume(broken.record.name)
    assert resumed.id == broken.id
    assert_equal_runs(whole, resumed)
    assert kept(other, resumed) == kept(lab, whole)
    other.archive.store.close()


class Killed(BaseException):
    """Leaves nothing behind but what is recorded, like a kill of the process."""


def interrupted(lab, spec):
    """A run whose process dies in the second epoch, as far as the store can tell."""

    class Dies(StopAfter):
        def points(self, epoch, step, losses, accuracies):
            if epoch == 2:
                raise Killed

    with pytest.raises(Killed):
        lab.train(spec, listen=Dies(0))
    [record] = lab.archive.store.runs()
    forget_worker(lab, record.id)
    return lab.run(record.id)


def forget_worker(lab, run_id):
    """Makes the run's worker a process that is gone."""
    from sqlalchemy import text

    with lab.archive.store._database.writing() as connection:
        host, _, _ = lab.archive.store.run(run_id).worker.rsplit(":", 2)
        connection.execute(text("UPDATE run SET worker = :worker"), {"worker": f"{host}:999999999:1"})


def test_another_seed_gives_other_numbers_on_the_same_split(lab):
    one, other = lab.train(small()), lab.train(small(seed=1))
    np.testing.assert_array_equal(one.split_file["train_ids"], other.split_file["train_ids"])
    assert one.epochs[0].metrics["val_loss"] != other.epochs[0].metrics["val_loss"]
    assert one.epochs[3].metrics["loss"] != other.epochs[3].metrics["loss"]


def test_stop_keeps_what_was_learnt(lab):
    stop = StopAfter(1)
    run = lab.train(small(), listen=stop, should_stop=lambda: stop.is_due)
    assert run.record.state is RunState.STOPPED
    assert run.record.reason.startswith("Stopped on request")
    assert [epoch.epoch for epoch in run.epochs] == [0, 1]
    assert run.record.result["kept_epoch"] == 1
    assert run.evaluate("test").epoch == 1


def test_stop_in_the_first_epoch_leaves_no_epoch(lab):
    stop = StopAfter(0)
    run = lab.train(small(), listen=stop, should_stop=lambda: stop.is_due)
    assert run.record.state is RunState.STOPPED
    assert run.epochs == []
    assert run.record.result is None
    with pytest.raises(InvalidInput, match="none yet"):
        run.evaluate()


def test_divergence_fails_with_epoch_and_step(lab):
    # The penalty multiplies each weight by 1 - 2 * 10 a step.
    spec = small("mlp-512", optimizer__name="sgd", learning_rate=10, batch_size=8, network__layers__1__l2=1)
    with pytest.raises(Diverged, match=r"epoch 1, step \d+\. Try a smaller `optimizer.learning_rate`"):
        lab.train(spec)
    [run] = lab.runs()
    assert run.record.state is RunState.FAILED
    assert "no longer a finite number" in run.record.reason
    assert run.epochs == []
    values = [value for _, point in lab.archive.store.points(run.id) for value in point.values["loss"]]
    assert None in values


def test_weights_that_are_not_finite_fail_the_run_though_its_losses_are(lab, monkeypatch):
    sound = Engine.weights
    monkeypatch.setattr(Engine, "weights", lambda engine: sound(engine) | {"unused/bias": np.array([np.inf])})
    with pytest.raises(Diverged, match="`unused/bias` was no longer finite after epoch 0"):
        lab.train(small())


def test_an_unknown_error_is_recorded_with_its_traceback(lab):
    class Broken(StopAfter):
        def commit(self, snapshot):
            raise ZeroDivisionError("nothing divides")

    with pytest.raises(TrainingFailed, match="ZeroDivisionError: nothing divides"):
        lab.train(small(), listen=Broken(0))
    [run] = lab.runs()
    assert run.record.state is RunState.FAILED
    assert b"Traceback" in lab.archive.read(run.id, -1, "traceback")


def test_early_stopping_keeps_the_best_epoch(lab):
    spec = small("mlp-512-256", epochs=40, learning_rate=0.02, training__early_stopping__patience=2)
    run = lab.train(spec)
    losses = {epoch.epoch: epoch.metrics["val_loss"] for epoch in run.epochs if epoch.epoch > 0}
    best = min(losses, key=losses.get)
    assert max(losses) == best + 2 < 40
    assert run.record.reason.startswith("Ended early")
    assert run.record.result["best_epoch"] == run.record.result["kept_epoch"] == best
    assert run.record.result["test"]["epoch"] == best
    truth = run.split_file["train_labels"]
    predicted = run.predictions("train", best).predicted
    assert run.record.result["train"]["accuracy"] == np.mean(predicted == truth)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_keep_decides_the_kept_epoch(lab, keep):
    run = lab.train(small("mlp-512-256", epochs=6, learning_rate=0.05, training__keep=keep, split__validation=20))
    best = min(run.epochs[1:], key=lambda epoch: epoch.metrics["val_loss"]).epoch
    assert best < 6
    assert run.kept_epoch == run.record.result["test"]["epoch"] == (best if keep == "best" else 6)


def test_a_stop_after_the_last_epoch_comes_too_late(lab):
    class Last(StopAfter):
        def points(self, epoch, step, losses, accuracies):
            pass

        def commit(self, snapshot):
            self.is_due = snapshot.epoch == 3
            return 0.0

    stop = Last(0)
    run = lab.train(small(), listen=stop, should_stop=lambda: stop.is_due)
    assert run.record.state is RunState.DONE
    assert run.record.result["train"] is None


def test_a_run_that_could_not_be_recorded_goes_on_in_the_same_process(lab, monkeypatch):
    whole = lab.train(small())
    real, calls = lab.archive.blobs.put, []

    def full(data):
        calls.append(data)
        if len(calls) == 10:
            raise StorageFull("no space is left")
        return real(data)

    monkeypatch.setattr(lab.archive.blobs, "put", full)
    with pytest.raises(StorageFull):
        lab.train(small())
    broken = lab.runs()[0]
    assert broken.record.state is RunState.QUEUED
    assert_equal_runs(whole, lab.resume(broken.id))


def test_other_images_are_not_taken_for_those_of_the_run(lab):
    run = lab.train(small(epochs=1))
    lab._loaded["digits"] = replace(lab.dataset("digits"), content_hash="0" * 64)
    with pytest.raises(InvalidInput, match="needs the images that it was trained on"):
        run.evaluate("train")


def test_own_data_is_kept_as_it_was_read(lab, tmp_path):
    path = tmp_path / "own.npz"
    labels = np.arange(60) % 2
    np.savez(path, x=np.zeros((60, 28, 28), np.uint8), y=labels)
    own = lab.dataset(path)
    path.write_bytes(b"something else")
    assert lab.archive.blobs.exists(own.name)
    lab._loaded.clear()
    assert lab.dataset(own.name).content_hash == own.content_hash


def test_logistic_regression_is_scikit_learns(lab):
    spec = presets["logistic-regression"].on("digits", epochs=12)
    run = lab.train(spec)
    images, splits = lab.dataset("digits"), run.split_file
    pixels = datasets.to_model_input(images.images).reshape(-1, 784)
    with pytest.warns(UserWarning, match="failed to converge"):
        model = LogisticRegression(max_iter=12).fit(pixels[splits["train_ids"]], splits["train_labels"])
    np.testing.assert_allclose(run.weights("last")["output/kernel"], model.coef_.T, rtol=1e-4, atol=1e-5)
    probabilities = model.predict_proba(pixels[splits["test_ids"]])
    expected = log_loss(splits["test_labels"], probabilities)
    assert run.record.result["test"]["loss"] == pytest.approx(expected, rel=1e-4)
    assert run.parameters == 7_850


def test_logistic_regression_of_two_classes(lab):
    groups = {"low": [0, 1, 2, 3, 4], "high": [5, 6, 7, 8, 9]}
    run = lab.train(presets["logistic-regression"].on("digits", epochs=5, dataset__grouping=groups))
    pixels = datasets.to_model_input(lab.dataset("digits").images).reshape(-1, 784)
    splits = run.split_file
    with pytest.warns(UserWarning, match="failed to converge"):
        model = LogisticRegression(max_iter=5).fit(pixels[splits["train_ids"]], splits["train_labels"])
    logs = run.predictions("test").log_probabilities.astype(float)
    np.testing.assert_allclose(np.exp(logs), model.predict_proba(pixels[splits["test_ids"]]), atol=2e-3)


def test_a_converged_solver_ends_the_run(lab):
    run = lab.train(presets["logistic-regression"].on("digits", epochs=1000, optimizer__tolerance=0.05))
    assert run.record.state is RunState.DONE
    assert 1 <= len(run.epochs) - 1 < 1000


def test_grouping_trains_on_the_merged_classes(lab):
    run = lab.train(small(dataset__grouping={"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}))
    assert run.evaluate().confusion.shape == (2, 2)
    assert run.classes == ("even", "odd")
    assert run.parameters == presets["bottleneck-cnn"].parameters(2)


def test_old_epochs_are_thinned_out_within_the_budget(tmp_path):
    lab = Lab(Settings(home=tmp_path, snapshot_mb=1))
    run = lab.train(small("bottleneck-cnn", epochs=13, split__train=100))
    artifacts = lab.archive.store.artifacts(run.id)
    epochs = {name: {a.epoch for a in artifacts if a.name == name} for name in ("weights", "first_layer", "optimizer")}
    assert epochs["weights"] >= {0, 1, 2, 4, 8, run.best_epoch, 12, 13}
    assert not epochs["weights"] & {3, 5, 6, 7}
    assert sum(a.bytes for a in artifacts if a.name in ("weights", "first_layer")) <= 2**20
    assert epochs["first_layer"] == set(range(14))
    assert epochs["optimizer"] == {12, 13}
    assert len(run.predictions("test", 7)) > 0
    with pytest.raises(InvalidInput, match=r"take one of 0, 1, 2, 4, 8"):
        run.weights(7)
    lab.archive.store.close()


def test_classes_must_fit_the_dataset(lab):
    spec = small(**{f"network__layers__{len(presets['bottleneck-cnn'].hidden)}__units": 7})
    with pytest.raises(InvalidSpec, match=r"units` must be the number of classes, 10 for `digits`, got 7"):
        lab.train(spec)
    assert lab.runs() == []


def test_only_an_abandoned_run_resumes(lab):
    run = lab.train(small(epochs=1))
    with pytest.raises(RunBusy, match="unfinished"):
        lab.resume(run.id)
    record = replace(run.record, state=RunState.RUNNING)
    with pytest.raises(RunBusy, match="is being trained by"):
        lab._check_abandoned(record)


def test_a_look_at_the_test_split_is_recorded(lab):
    run = lab.train(small(epochs=1))
    assert lab.archive.store.openings(run.id) == []
    run.evaluate("validation")
    run.evaluate("test")
    [opening] = lab.archive.store.openings(run.id)
    assert (opening.by, opening.state) == ("local", RunState.DONE)


def test_facts_name_machine_versions_and_threads(lab):
    facts = lab.train(small(epochs=1)).facts
    assert facts.versions.keys() >= {"python", "tensorflow", "keras", "numpy", "scikit-learn"}
    assert facts.threads >= 1
    assert facts.device == "cpu"
    assert Facts.from_bytes(facts.to_bytes()) == facts


def test_weights_before_the_first_step_are_those_of_epoch_0(lab):
    from mnist_core.networks.build import build_model, model_weights

    run = lab.train(small(epochs=1))
    fresh = model_weights(build_model(run.spec.network.layers, seed=0))
    for key, value in run.weights(0).items():
        np.testing.assert_array_equal(value, fresh[key])
    first = from_npz(lab.archive.read(run.id, 1, "first_layer"))
    np.testing.assert_array_equal(first["conv_1/kernel"], run.weights(1)["conv_1/kernel"])
