"""What each layer costs: the totals are those of the network, and the shares follow from the calibration."""

import json
from pathlib import Path

import pytest

from mnist_core.machine import machine_name
from mnist_core.networks.catalogue import presets
from mnist_core.networks.cost import WORK, Calibration, estimate, load_calibration, save_calibration, work_of_step
from mnist_core.networks.layer_costs import layer_costs
from tests.unit.networks.test_catalogue import PUBLISHED

NOWHERE = Path("/no-such-folder")


def own(home, **seconds):
    save_calibration(Calibration(machine=machine_name(), threads=2, seconds=dict.fromkeys(WORK, 0.0) | seconds), home)


@pytest.mark.parametrize("name", presets)
def test_the_totals_are_those_of_the_network(name):
    spec = presets[name].on("mnist")
    found = layer_costs(spec, NOWHERE)
    whole = estimate(spec, 1000, NOWHERE)
    assert found.parameters == PUBLISHED[name][0]
    assert found.multiply_adds == whole.multiply_adds
    assert found.parameter_bytes == 4 * PUBLISHED[name][0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_memory_of_a_batch_is_that_of_the_estimate(precision):
    spec = presets["cnn-64-32-permuted"].on("mnist", precision=precision)
    found = layer_costs(spec, NOWHERE)
    with_gradients_and_two_slots = 4 * found.parameter_bytes
    in_use = with_gradients_and_two_slots + spec.training.batch_size * found.activation_bytes
    assert in_use == estimate(spec, 1000, NOWHERE).bytes


@pytest.mark.parametrize("name", presets)
def test_shares_and_the_rest_make_a_whole_step(name):
    found = layer_costs(presets[name].on("mnist"), NOWHERE)
    assert sum(one.time_share for one in found.layers) + found.rest == pytest.approx(1)
    assert all(one.time_share >= 0 for one in found.layers)


def test_the_rest_is_what_belongs_to_no_layer():
    spec = presets["mlp-512"].on("mnist", augmentation__shift=1)
    calibration, _ = load_calibration(NOWHERE)
    alone = {kind: amount for kind, amount in work_of_step(spec).items() if kind in ("steps", "augment")}
    expected = calibration.seconds_per_step(alone) / calibration.seconds_per_step(work_of_step(spec))
    assert layer_costs(spec, NOWHERE).rest == pytest.approx(expected)


def test_where_only_products_take_time_shares_are_those_of_multiply_adds(tmp_path):
    own(tmp_path, dense=1e-9)
    found = layer_costs(presets["mlp-512-256"].on("mnist"), tmp_path)
    products = [one.place.multiply_adds for one in found.layers]
    assert [one.time_share for one in found.layers] == pytest.approx([each / sum(products) for each in products])
    assert found.rest == pytest.approx(0)
    assert found.basis == "calibrated here"


def test_a_solver_spends_its_time_in_the_one_product():
    found = layer_costs(presets["logistic-regression"].on("mnist"), NOWHERE)
    assert {one.place.id: one.time_share for one in found.layers} == {"flatten_1": 0.0, "output": 1.0}


def test_a_machine_that_takes_no_time_has_no_shares(tmp_path):
    own(tmp_path)
    assert {one.time_share for one in layer_costs(presets["mlp-512"].on("mnist"), tmp_path).layers} == {0.0}


def test_what_stands_in_residual_layers_is_a_level_below():
    found = layer_costs(presets["resnet-8"].on("mnist"), NOWHERE)
    levels = {one.place.id: one.level for one in found.layers}
    assert (levels["residual_1"], levels["residual_2"], levels["output"]) == (0, 0, 0)
    shortcuts = [one for one in found.layers if one.place.path.endswith(".shortcut")]
    assert [one.level for one in shortcuts] == [1, 1]
    assert all(one.level == 1 for one in found.layers if ".body." in one.place.path)


def test_equal_specifications_cost_the_same():
    spec = presets["resnet-20"].on("fashion-mnist")
    again = type(spec).parse(json.loads(spec.model_dump_json()))
    assert layer_costs(spec, NOWHERE) == layer_costs(again, NOWHERE)
