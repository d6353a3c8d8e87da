"""Bundles whose files are sound one by one and yet make up no run: refused with a sentence, before anything is kept."""

import numpy as np
import pytest

from mnist_core.runs import import_bundle
from tests.unit.runs.bundle_files import WEIGHTS, changed, changed_arrays, changed_field, packed, refuse
from tests.unit.runs.sample_runs import epoch_files

PREDICTIONS = "epoch/001/predictions.npz"
FIRST_LAYER = "epoch/001/first_layer.npz"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("result", {"test": 5}, "at `result.best_epoch`"),
        ("result.test", 5, "at `result.test`"),
        ("result.test.loss", None, "at `result.test.loss`"),
        ("result.test.loss", -1.0, "at `result.test.loss`"),
        ("result.test.accuracy", 1.5, "at `result.test.accuracy`"),
        ("result.test.errors", -1, "at `result.test.errors`"),
        ("result.test.interval", [0.5], "at `result.test.interval.1`"),
        ("result.test.interval", ["0.5", 0.6], "at `result.test.interval.0`"),
        ("result.test.interval", [0.5, 2.0], "at `result.test.interval.1`"),
        ("result.train", {}, "at `result.train.epoch`"),
        ("result.images_per_second", "x", "at `result.images_per_second`"),
        ("result.images_per_second", 0.0, "at `result.images_per_second`"),
        ("result.machine", None, "at `result.machine`"),
        ("result.more", 1, "at `result.more`"),
        ("result.best_epoch", 3, "`result.best_epoch` in `run.json` must be an epoch of `epochs.json`, got 3"),
        ("result.kept_epoch", 0, "at `result.kept_epoch`"),
        ("result.test.epoch", 7, "`result.test.epoch` in `run.json` must be"),
        ("result.train.epoch", 7, "`result.train.epoch` in `run.json` must be"),
        ("created", 1e30, "at `created`"),
        ("created", -1.0, "at `created`"),
        ("started", 1e30, "at `started`"),
        ("ended", 1e30, "at `ended`"),
        ("used", -1.0, "at `used`"),
        ("cost", -1.0, "at `cost`"),
        ("spec.network.layers.2.units", 8, "`dense_1/kernel` in `epoch/000/first_layer.npz` must be float32 .9, 8."),
        ("spec.network.layers.3.units", 11, "`facts.json` must name 11 classes"),
    ],
)
def test_a_run_that_no_training_leaves_is_refused(elsewhere, exported, path, field, value, sentence):
    refuse(elsewhere, path, packed(changed_field(exported, "run.json", field, value)), sentence)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("1.metrics", {}, "at `1.metrics.loss`"),
        ("1.metrics.val_loss", None, "at `1.metrics.val_loss`"),
        ("1.metrics.val_accuracy", 2.0, "at `1.metrics.val_accuracy`"),
        ("1.metrics.more", 2.0, "at `1.metrics.more`"),
        ("1.metrics.loss", None, "must be null at epoch 0 and numbers from epoch 1 on, got others at epoch 1"),
        ("0.metrics.accuracy", 0.5, "got others at epoch 0"),
        ("1.seconds", -1.0, "at `1.seconds`"),
        ("1", ..., "must hold epochs 0, 1 and so on without a gap"),
        ("1.epoch", 0, "must hold epochs 0, 1 and so on without a gap"),
    ],
)
def test_epochs_that_no_training_leaves_are_refused(elsewhere, exported, path, field, value, sentence):
    refuse(elsewhere, path, packed(changed_field(exported, "epochs.json", field, value)), sentence)


@pytest.mark.parametrize(
    ("member", "arrays", "sentence"),
    [
        ("splits.npz", {"train_ids": None}, "must hold an array 'train_ids'"),
        ("splits.npz", {"more": np.zeros(1)}, "must not hold an array 'more'"),
        ("splits.npz", {"test_ids": np.arange(15)}, "`test_ids` in `splits.npz` must be int32 .15,., got int64"),
        ("splits.npz", {"test_ids": np.arange(14, dtype=np.int32)}, "`test_labels` in `splits.npz` must be uint8 .14,"),
        ("splits.npz", {"test_ids": np.zeros((3, 5), np.int32)}, "`test_ids` in `splits.npz` must be int32 .15,."),
        ("splits.npz", {"test_ids": np.zeros(15, np.int32)}, "each once and in order"),
        ("splits.npz", {"test_ids": np.arange(-1, 14, dtype=np.int32)}, "from 0 on"),
        (
            "splits.npz",
            {"test_ids": np.zeros(0, np.int32), "test_labels": np.zeros(0, np.uint8)},
            "at least one image id",
        ),
        ("splits.npz", {"test_labels": np.full(15, 10, np.uint8)}, "must be classes below 10, got 10"),
        (PREDICTIONS, {"test_loss": None}, "must hold an array 'test_loss'"),
        (PREDICTIONS, {"train_loss": np.zeros(20, np.float32)}, "must not hold an array 'train_loss'"),
        (PREDICTIONS, {"test_loss": np.zeros(14, np.float32)}, "must be float32 .15,., got float32 .14,."),
        (PREDICTIONS, {"test_loss": np.zeros(15)}, "must be float32 .15,., got float64"),
        (PREDICTIONS, {"test_loss": np.full(15, np.nan, np.float32)}, "must hold finite numbers"),
        (PREDICTIONS, {"test_predicted": np.full(15, 10, np.uint8)}, "must be classes below 10, got 10"),
        (PREDICTIONS, {"test_log_probabilities": np.zeros((15, 9), np.float16)}, "must be float16 .15, 10."),
        (PREDICTIONS, {"test_log_probabilities": np.ones((15, 10), np.float16)}, "must be at most 0, got 1"),
        (PREDICTIONS, {"test_log_probabilities": np.full((15, 10), -np.inf, np.float16)}, "must hold finite numbers"),
        (WEIGHTS, {"output/bias": None}, "must hold an array 'output/bias'"),
        (WEIGHTS, {"dense_2/bias": np.zeros(10, np.float32)}, "must not hold an array 'dense_2/bias'"),
        (WEIGHTS, {"output/bias": np.zeros(9, np.float32)}, "must be float32 .10,., got float32 .9,."),
        (WEIGHTS, {"output/bias": np.zeros(10)}, "must be float32 .10,., got float64"),
        (WEIGHTS, {"output/bias": np.zeros(10, ">f4")}, "must be float32 .10,., got >f4"),
        (WEIGHTS, {"output/bias": np.full(10, np.inf, np.float32)}, "must hold finite numbers"),
        (WEIGHTS, {"output/bias": np.full(10, "x")}, "must be float32"),
        (FIRST_LAYER, {"dense_1/bias": None}, "must hold an array 'dense_1/bias'"),
        (FIRST_LAYER, {"output/bias": np.zeros(10, np.float32)}, "must not hold an array 'output/bias'"),
    ],
)
def test_arrays_that_do_not_fit_the_run_are_refused(elsewhere, exported, path, member, arrays, sentence):
    refuse(elsewhere, path, packed(changed_arrays(exported, member, arrays)), sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"splits.npz": None}, "must hold `splits.npz`"),
        ({"facts.json": None}, "must hold `facts.json`"),
        ({PREDICTIONS: None}, "must hold `epoch/001/predictions.npz`"),
        ({"epoch/003/weights.npz": epoch_files(3)["weights"]}, "must belong to an epoch of `epochs.json`"),
    ],
)
def test_files_and_epochs_must_go_together(elsewhere, exported, path, change, sentence):
    refuse(elsewhere, path, packed(changed(exported, **change)), sentence)


def test_weights_may_have_been_thinned_out(elsewhere, exported, path):
    path.write_bytes(packed(changed(exported, **{WEIGHTS: None, FIRST_LAYER: None})))
    assert not elsewhere.has(import_bundle(elsewhere, path).id, 1, "weights")


def test_a_specification_is_completed_with_its_defaults(elsewhere, exported, path, spec):
    path.write_bytes(packed(changed_field(exported, "run.json", "spec.network.preset", ...)))
    assert import_bundle(elsewhere, path).spec == spec
