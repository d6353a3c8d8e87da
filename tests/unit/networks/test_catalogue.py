"""The catalogue against its sources: exact parameter counts, training settings, and what a preset refuses."""

import pytest

from mnist_core.errors import InvalidInput, InvalidSpec
from mnist_core.networks.catalogue import presets
from mnist_core.networks.layers import Dense, Residual
from mnist_core.networks.shapes import flat, plan
from mnist_core.spec import AdamSpec, ConstantSchedule, EarlyStopping, LbfgsSpec, OneCycleSchedule, SgdSpec

PUBLISHED = {
    "softmax-regression": (7_850, 3_925),
    "mlp-512": (407_050, 404_485),
    "lenet-5x5": (3_274_634, 3_269_509),
    "cnn-64-32": (610_346, 609_701),
    "cnn-64-32-permuted": (1_533_290, 1_532_645),
    "bottleneck-cnn": (24_186, 20_261),
    "bottleneck-cnn-768": (626_906, 623_061),
    "logistic-regression": (7_850, 3_925),
    "mlp-512-256": (535_818, 534_533),
    "mlp-512-256-dropout": (535_818, 534_533),
    "mlp-512-256-early-stop": (535_818, 534_533),
    "sigmoid-cnn": (41_994, 33_989),
    "resnet-2": (125_614, 62_889),
    "resnet-8": (108_846, 93_161),
    "resnet-20": (304_622, 288_937),
    "speedrun": (43_850, 43_205),
}
"""Parameters for ten and for five classes."""

TRAINING = {
    "softmax-regression": (SgdSpec(learning_rate=0.5), 100, 18, "best"),
    "mlp-512": (AdamSpec(learning_rate=1e-4), 50, 18, "best"),
    "lenet-5x5": (AdamSpec(learning_rate=1e-4), 50, 18, "best"),
    "cnn-64-32": (AdamSpec(), 32, 10, "last"),
    "cnn-64-32-permuted": (AdamSpec(), 32, 10, "last"),
    "bottleneck-cnn": (AdamSpec(), 32, 3, "last"),
    "bottleneck-cnn-768": (AdamSpec(), 32, 3, "last"),
    "logistic-regression": (LbfgsSpec(), 32, 100, "last"),
    "mlp-512-256": (AdamSpec(), 512, 50, "last"),
    "mlp-512-256-dropout": (AdamSpec(), 512, 50, "last"),
    "mlp-512-256-early-stop": (AdamSpec(), 512, 100, "best"),
    "sigmoid-cnn": (SgdSpec(), 128, 25, "best"),
    "resnet-2": (AdamSpec(), 128, 25, "last"),
    "resnet-8": (AdamSpec(), 128, 25, "last"),
    "resnet-20": (AdamSpec(), 128, 25, "last"),
    "speedrun": (AdamSpec(learning_rate=0.02, beta_1=0.8, beta_2=0.95), 256, 1, "last"),
}
VALIDATION = dict.fromkeys(list(PUBLISHED)[:8], 1 / 12) | {
    name: 0.3 if name.startswith("mlp") else 0.05 for name in list(PUBLISHED)[8:]
}
VALIDATION["speedrun"] = 1 / 60


def test_every_published_network_is_here():
    assert list(presets) == list(PUBLISHED) == list(TRAINING)


@pytest.mark.parametrize("name", presets)
def test_parameters_are_those_of_the_source(name):
    assert tuple(presets[name].parameters(classes) for classes in (10, 5)) == PUBLISHED[name]


@pytest.mark.parametrize("name", presets)
def test_training_is_that_of_the_source(name):
    spec = presets[name].on()
    training = spec.training
    assert (spec.optimizer, training.batch_size, training.epochs, training.keep) == TRAINING[name]
    assert spec.split.validation == VALIDATION[name]
    assert spec.schedule == (OneCycleSchedule() if name == "speedrun" else ConstantSchedule())
    assert spec.dataset.name == ("fashion-mnist" if name.startswith(("resnet", "sigmoid")) else "mnist")
    assert spec.network.preset == name
    assert not spec.augmentation.is_on


def test_trainable_parameters_of_sigmoid_cnn():
    trainable = [
        sum(place.trainable for place in flat(plan(presets["sigmoid-cnn"].layers(classes)))) for classes in (10, 5)
    ]
    assert trainable == [38_410, 30_405]


@pytest.mark.parametrize("name", presets)
def test_early_stopping_keeps_the_best_epoch_and_says_whose_patience_it_is(name):
    preset = presets[name]
    stopping = preset.training.early_stopping
    assert (stopping is not None) == (name in ("mlp-512-256-early-stop", "sigmoid-cnn"))
    if stopping:
        assert preset.training.keep == "best"
    assert presets["sigmoid-cnn"].training.early_stopping == EarlyStopping(patience=10)
    assert "patience of 5 epochs is ours" in presets["mlp-512-256-early-stop"].note


@pytest.mark.parametrize(("depth", "blocks"), [(2, 0), (8, 3), (20, 9)])
def test_a_resnet_of_depth_2_has_no_residual_block_and_says_so(depth, blocks):
    preset = presets[f"resnet-{depth}"]
    assert sum(isinstance(layer, Residual) for layer in preset.hidden) == blocks
    assert ("no residual block" in preset.note) == (depth == 2)


def test_where_the_source_tuned_on_the_test_set_the_note_says_so():
    assert "test set" in presets["cnn-64-32-permuted"].note


@pytest.mark.parametrize("name", ["sigmoid-cnn", "resnet-2"])
def test_accuracies_on_unpublished_classes_are_not_comparable_and_say_so(name):
    assert "not published" in presets[name].note


@pytest.mark.parametrize("name", presets)
def test_a_preset_has_a_note_and_fits_any_dataset(name):
    preset = presets[name]
    assert preset.note.endswith(".")
    assert preset.name == name
    assert all(0 < accuracy < 1 for accuracy in preset.reported)
    for dataset in ("digits", "mnist", "fashion-mnist", "a" * 64):
        assert preset.on(dataset).classes == 10
    assert preset.on("fashion-mnist", dataset__grouping="fashion-5").classes == 5
    assert isinstance(preset.layers(7)[-1], Dense)


def test_an_unknown_preset_is_refused_with_all_names():
    with pytest.raises(InvalidInput) as error:
        presets["mlp-513"]
    assert all(name in str(error.value) for name in presets)


def test_a_file_of_own_data_is_taken_in_first(tmp_path):
    for file in ("mine.npz", tmp_path / "mine.npz"):
        with pytest.raises(InvalidSpec, match="taken in first"):
            presets["mlp-512"].on(file)
