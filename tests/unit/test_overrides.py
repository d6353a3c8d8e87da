"""Changing fields by path: what a path may be, what resets what, and that nobody's data is changed."""

import copy
from typing import Any

import pytest

from mnist_core.errors import InvalidSpec
from mnist_core.networks.catalogue import presets
from mnist_core.networks.layers import Dense
from mnist_core.overrides import SHORT_NAMES, apply_overrides
from mnist_core.spec import AdamSpec, EarlyStopping, SgdSpec, StepSchedule


def test_a_field_is_set_by_its_path():
    spec = presets["bottleneck-cnn"].specify("mnist", {"training.epochs": 7, "network.layers.0.filters": 5})
    assert spec.training.epochs == 7
    assert spec.network.layers[0].filters == 5
    assert spec.training.batch_size == 32


def test_two_underscores_stand_for_the_dot():
    preset = presets["bottleneck-cnn"]
    assert preset.on("mnist", training__epochs=7, network__layers__0__filters=5, seed=4) == preset.specify(
        "mnist", {"training.epochs": 7, "network.layers.0.filters": 5, "seed": 4}
    )


@pytest.mark.parametrize(("short", "path"), SHORT_NAMES.items())
def test_short_names(short, path):
    preset = presets["bottleneck-cnn"]
    assert preset.specify("mnist", {short: 9}) == preset.specify("mnist", {path: 9})
    assert preset.specify("mnist", {short: 9}) != preset.on("mnist")


def test_another_optimizer_comes_with_its_own_defaults():
    assert presets["mlp-512"].on("mnist", optimizer__name="sgd").optimizer == SgdSpec()
    assert presets["softmax-regression"].on("mnist", optimizer__name="adam").optimizer == AdamSpec()


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_set_with_another_optimizer_stays_whatever_the_order(order):
    given = [("optimizer.momentum", 0.9), ("optimizer.name", "sgd"), ("learning_rate", 0.2)][::order]
    spec = presets["mlp-512"].specify("mnist", dict(given))
    assert spec.optimizer == SgdSpec(learning_rate=0.2, momentum=0.9)


def test_naming_the_same_optimizer_resets_its_fields_too():
    assert presets["mlp-512"].on("mnist").optimizer == AdamSpec(learning_rate=1e-4)
    assert presets["mlp-512"].on("mnist", optimizer__name="adam").optimizer == AdamSpec()


def test_another_schedule_comes_with_its_own_defaults():
    spec = presets["mlp-512"].on("mnist", schedule__kind="cosine", schedule__final=0.1)
    changed = spec.replace({"schedule.kind": "step", "schedule.factor": 0.3})
    assert changed.schedule == StepSchedule(factor=0.3)


def test_another_kind_of_layer_comes_with_its_own_defaults():
    spec = presets["mlp-512"].on("mnist", network__layers__1__kind="dense", network__layers__1__units=3)
    assert spec.network.layers[1] == Dense(units=3)
    data = {"layers": [{"kind": "conv", "filters": 3}]}
    assert apply_overrides(data, {"layers.0.kind": "pool"}) == {"layers": [{"kind": "pool"}]}


def test_an_initializer_is_a_name_or_a_kind_with_fields():
    named = presets["mlp-512"].on("mnist", network__layers__1__kernel_initializer="normal")
    spelt = presets["mlp-512"].on("mnist", network__layers__1__kernel_initializer__kind="normal")
    wide = presets["mlp-512"].on(
        "mnist", network__layers__1__kernel_initializer="normal", network__layers__1__kernel_initializer__sd=0.5
    )
    assert named.network.layers[1].kernel_initializer.sd == 0.05
    assert spelt == named
    assert wide.network.layers[1].kernel_initializer.sd == 0.5


@pytest.mark.parametrize(
    "overrides",
    [
        {"training.early_stopping": {}},
        {"training.early_stopping": EarlyStopping()},
        {"training.early_stopping.patience": 2},
        {"training.early_stopping.min_delta": 0.1},
        {"training": {"early_stopping": {}}},
    ],
    ids=str,
)
def test_early_stopping_keeps_the_best_epoch(overrides):
    assert presets["mlp-512-256"].specify("mnist", overrides).training.keep == "best"


@pytest.mark.parametrize(
    "overrides",
    [
        {"training.early_stopping": {}, "training.keep": "last"},
        {"training": {"early_stopping": {}, "keep": "last"}},
        {"training.early_stopping": None},
        {"training.epochs": 3},
    ],
    ids=str,
)
def test_keep_stays_as_it_is_set(overrides):
    assert presets["mlp-512-256"].specify("mnist", overrides).training.keep == "last"


def test_changing_the_patience_of_early_stopping_changes_nothing_else():
    spec = presets["sigmoid-cnn"].on("mnist", training__keep="last")
    assert spec.replace({"training.early_stopping.patience": 2}).training.keep == "last"


def test_whole_parts_can_be_given_as_objects_or_plain_data():
    preset = presets["mlp-512"]
    as_object = preset.on("mnist", optimizer=SgdSpec(momentum=0.5), optimizer__learning_rate=0.3)
    as_plain = preset.on("mnist", optimizer={"name": "sgd", "momentum": 0.5}, optimizer__learning_rate=0.3)
    assert as_object == as_plain
    assert as_object.optimizer == SgdSpec(momentum=0.5, learning_rate=0.3)


def test_nothing_that_is_given_is_changed():
    data = presets["mlp-512"].on("mnist").model_dump(mode="json")
    overrides: dict[str, Any] = {"training": {"epochs": 3}, "training.epochs": 4, "network.layers.1.units": 9}
    before = copy.deepcopy((data, overrides))
    apply_overrides(data, overrides)
    assert (data, overrides) == before


def test_the_number_of_classes_follows_the_dataset_unless_it_is_set():
    preset = presets["mlp-512"]
    assert preset.on("fashion-mnist", dataset__grouping="fashion-5").classes == 5
    assert preset.on("mnist", dataset__grouping={"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}).classes == 2
    assert preset.on("mnist", network__layers__2__units=3).classes == 3
    layers = [*preset.hidden, Dense(units=4, activation="linear")]
    assert preset.on("mnist", network__layers=layers).classes == 4
    assert preset.on("mnist", network={"layers": layers}).classes == 4


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("training.epochs.x", "`training.epochs.x` is not a field: `training.epochs` has no parts."),
        ("network.layers.9.units", "`network.layers.9.units` is not a field: `9` must be a number from 0 to 7."),
        ("network.layers.-1.units", "`network.layers.-1.units` is not a field: `-1` must be a number from 0 to 7."),
        ("network.layers.²", "`network.layers.²` is not a field: `²` must be a number from 0 to 7."),
        ("network.layers.x", "`network.layers.x` is not a field: `x` must be a number from 0 to 7."),
        ("network.layers." + "9" * 5000, "` must be a number from 0 to 7."),
        ("", "`` is not a field: a path is names with a dot between two, such as `training.epochs`."),
        ("training.", "`training.` is not a field: a path is names with a dot between two"),
        ("training..epochs", "`training..epochs` is not a field: a path is names with a dot between two"),
        ("nothing.here", "`nothing` is not a field; a run has `spec_version`, "),
    ],
)
def test_a_path_that_leads_nowhere_gets_a_sentence(path, expected):
    with pytest.raises(InvalidSpec) as error:
        presets["bottleneck-cnn"].specify("mnist", {path: 1})
    assert expected in str(error.value)


def test_a_path_into_an_empty_list_gets_a_sentence():
    with pytest.raises(InvalidSpec, match="leads into an empty list"):
        apply_overrides({"layers": []}, {"layers.0.units": 1})


@pytest.mark.parametrize("value", [None, 3, "x", [], {}], ids=str)
@pytest.mark.parametrize("path", ["network", "network.layers"])
def test_a_network_that_is_none_gets_a_sentence(path, value):
    with pytest.raises(InvalidSpec, match=r"^`network.* (must be|is missing; it must be) "):
        presets["mlp-512"].specify("mnist", {path: value})
