"""What a run costs: counts of work, memory, and how finished runs correct the seconds."""

import math
from pathlib import Path

import pytest

from mnist_core.errors import InvalidInput
from mnist_core.machine import machine_name
from mnist_core.networks.catalogue import presets
from mnist_core.networks.cost import WORK, Calibration, estimate, load_calibration, save_calibration, work_of_step
from mnist_core.runs import RunRecord, RunState
from mnist_core.spec import RunSpec

NOWHERE = Path("/no-such-folder")
SECONDS = dict.fromkeys(WORK, 1e-9) | {"steps": 1e-3}
OWN = Calibration(machine=machine_name(), threads=2, seconds=SECONDS)


def finished(spec: RunSpec, images_per_second: float | None, **changes) -> RunRecord:
    result = {"images_per_second": images_per_second, "machine": changes.pop("machine", machine_name())}
    fields = dict.fromkeys(RunRecord.__dataclass_fields__) | {
        "spec": spec.model_dump(mode="json"),
        "state": RunState.DONE,
        "result": result,
    }
    return RunRecord(**(fields | changes))


def test_counts_are_those_of_the_network():
    cost = estimate(presets["lenet-5x5"].on("mnist"), 55_000, home=NOWHERE)
    assert cost.parameters == 3_274_634
    # 5x5x1x32 at 28x28, 5x5x32x64 at 14x14, then the dense layers.
    assert cost.multiply_adds == 25 * 32 * 784 + 25 * 32 * 64 * 196 + 3136 * 1024 + 1024 * 10


def test_work_of_a_step_grows_with_the_batch_but_for_steps_layers_and_parameters():
    small = work_of_step(presets["cnn-64-32-permuted"].on("mnist", batch_size=10))
    large = work_of_step(presets["cnn-64-32-permuted"].on("mnist", batch_size=30))
    for kind in WORK:
        factor = 1 if kind in ("steps", "layers", "parameters") else 3
        assert large[kind] == factor * small[kind], kind


def test_every_kind_of_work_is_done_by_some_run():
    found = [work_of_step(presets[name].on("mnist")) for name in presets if name != "logistic-regression"]
    found.append(work_of_step(presets["mlp-512"].on("mnist", augmentation__shift=1)))
    for kind in WORK:
        assert any(work[kind] > 0 for work in found), kind


@pytest.mark.parametrize(
    ("overrides", "slots"),
    [
        ({"optimizer.name": "adam"}, 2),
        ({"optimizer.name": "adamw"}, 2),
        ({"optimizer.name": "adagrad"}, 1),
        ({"optimizer.name": "rmsprop"}, 1),
        ({"optimizer.name": "rmsprop", "optimizer.momentum": 0.5}, 2),
        ({"optimizer.name": "sgd"}, 0),
        ({"optimizer.name": "sgd", "optimizer.momentum": 0.5}, 1),
    ],
    ids=str,
)
def test_memory_holds_weights_gradients_slots_and_activations(overrides, slots):
    cost = estimate(presets["mlp-512"].specify("mnist", overrides), 1000, home=NOWHERE)
    assert cost.bytes == 4 * (407_050 * (2 + slots) + 50 * (784 + 512 + 10))


def test_activations_of_half_the_width_need_half_the_memory():
    full, half = (
        estimate(presets["mlp-512"].on("mnist", precision=precision), 1000, home=NOWHERE).bytes
        for precision in ("float32", "bfloat16")
    )
    assert full - half == 2 * 50 * (784 + 512 + 10)


def test_seconds_follow_from_the_calibration_of_this_machine(tmp_path):
    save_calibration(OWN, tmp_path)
    spec = presets["mlp-512"].on("mnist", epochs=4)
    cost = estimate(spec, 5_000, tmp_path)
    assert cost.seconds_per_epoch == pytest.approx(100 * OWN.seconds_per_step(work_of_step(spec)))
    assert cost.seconds_per_run > 4 * cost.seconds_per_epoch
    assert cost.basis == "calibrated here"


def test_the_shipped_calibration_says_whose_it_is(tmp_path):
    shipped, is_own = load_calibration(tmp_path)
    assert not is_own
    assert set(shipped.seconds) <= set(WORK)
    assert all(math.isfinite(seconds) and seconds >= 0 for seconds in shipped.seconds.values())
    cost = estimate(presets["mlp-512"].on("mnist"), 1000, tmp_path)
    assert cost.basis == f"calibrated on {shipped.machine}, not here"
    assert cost.seconds_per_epoch > 0


def test_a_calibration_of_another_machine_does_not_count(tmp_path):
    save_calibration(OWN.model_copy(update={"machine": "elsewhere"}), tmp_path)
    assert load_calibration(tmp_path)[1] is False


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"machine": 3}'])
def test_a_damaged_calibration_gets_a_sentence(tmp_path, content):
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"must be a calibration, got something else; run `calibrate` again\.$"):
        load_calibration(tmp_path)


def test_a_calibration_comes_back(tmp_path):
    save_calibration(OWN, tmp_path / "new" / "home")
    assert load_calibration(tmp_path / "new" / "home") == (OWN, True)


def test_finished_runs_of_the_same_network_decide(tmp_path):
    save_calibration(OWN, tmp_path)
    spec = presets["mlp-512"].on("mnist")
    runs = [finished(spec.replace({"epochs": 3, "seed": 4}), speed) for speed in (900.0, 1000.0, 5000.0)]
    cost = estimate(spec, 55_000, tmp_path, runs)
    assert cost.seconds_per_epoch == pytest.approx(55)
    assert "finished runs of this network" in cost.basis


def test_a_machine_that_is_half_as_fast_as_calibrated_takes_twice_as_long(tmp_path):
    save_calibration(OWN, tmp_path)
    spec, other = presets["mlp-512"].on("mnist"), presets["bottleneck-cnn"].on("mnist")
    per_image = OWN.seconds_per_step(work_of_step(other)) / other.training.batch_size
    slow = finished(other, 1 / (2 * per_image))
    once, twice = estimate(spec, 55_000, tmp_path), estimate(spec, 55_000, tmp_path, [slow])
    assert twice.seconds_per_epoch == pytest.approx(2 * once.seconds_per_epoch)


@pytest.mark.parametrize(
    "changes",
    [{"state": RunState.FAILED}, {"state": RunState.STOPPED}, {"machine": "elsewhere"}, {"result": None}],
    ids=str,
)
def test_other_runs_say_nothing(tmp_path, changes):
    save_calibration(OWN, tmp_path)
    spec = presets["mlp-512"].on("mnist")
    assert estimate(spec, 1000, tmp_path, [finished(spec, 1.0, **changes)]) == estimate(spec, 1000, tmp_path)


def test_a_run_without_a_measured_epoch_says_nothing(tmp_path):
    spec = presets["mlp-512"].on("mnist")
    assert estimate(spec, 1000, tmp_path, [finished(spec, None)]) == estimate(spec, 1000, tmp_path)
