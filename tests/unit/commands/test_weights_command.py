"""`weights --json` of recorded arrays: NumPy's numbers, the nearest epoch where weights were thinned out, sentences."""

import numpy as np
import pytest

from mnist_core.__main__ import main
from mnist_core.errors import EpochNotRecorded, RunNotFound
from mnist_core.npz import from_npz, to_npz
from mnist_core.runs import RUN_LEVEL, RunState
from mnist_core.runs.kept import nearest_epoch
from tests.unit.runs.sample_runs import SPEC, claim, epoch_files, epoch_record, result, run_files, train

CONTRACT = ["name", "kernel_sum", "bias_sum", "kernel_norm", "change", "relative_change", "flags"]


def record(lab, *, kept, epochs, first=None, change=lambda _, weights: weights):
    """A run of which some epochs keep their weights; `change` makes what is recorded of what was drawn."""
    lease = claim(lab.archive.store, SPEC.model_dump(mode="json"))
    lab.archive.keep(lease, RUN_LEVEL, run_files())
    for epoch in range(epochs):
        files = epoch_files(epoch)
        files["weights"] = to_npz(change(epoch, from_npz(files["weights"])))
        if epoch not in kept:
            del files["weights"]
        if first is not None and epoch not in first:
            del files["first_layer"]
        lab.archive.commit_epoch(lease, epoch_record(epoch), files)
    plain = result(epochs - 1).model_dump(mode="json")
    assert lab.archive.store.finish(lease, RunState.DONE, result=plain, used=1.0)
    return lab.run(lease.run)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_every_number_is_that_of_numpy(lab, ask, epoch):
    run = lab.run(train(lab.archive, SPEC.model_dump(mode="json")))
    said = ask("weights", run.id, "--epoch", epoch)
    before, after = run.weights(0), run.weights(epoch)
    assert (said["run"], said["epoch"]) == (run.id, epoch)
    assert [layer["name"] for layer in said["layers"]] == ["dense_1", "output"]
    for layer in said["layers"]:
        assert set(CONTRACT) <= layer.keys()
        was, now = (arrays[f"{layer['name']}/kernel"].astype(np.float64) for arrays in (before, after))
        norm = np.linalg.norm(was)
        assert (layer["kernel_sum_before"], layer["kernel_sum"]) == pytest.approx((was.sum(), now.sum()), abs=1e-9)
        assert layer["bias_sum"] == pytest.approx(after[f"{layer['name']}/bias"].sum(dtype=np.float64), abs=1e-9)
        assert (layer["kernel_norm_before"], layer["kernel_norm"]) == pytest.approx((norm, np.linalg.norm(now)))
        assert layer["change"] == pytest.approx(np.linalg.norm(now - was))
        assert layer["relative_change"] == pytest.approx(np.linalg.norm(now - was) / norm)
        assert layer["sign_changes"] == np.mean((was < 0) != (now < 0))
        assert layer["flags"] == []


@pytest.mark.parametrize(("which", "epoch"), [([], 2), (["--epoch", "last"], 2), (["--epoch", "best"], 2)])
def test_the_kept_epoch_is_the_one_that_is_meant(lab, ask, which, epoch):
    run = lab.run(train(lab.archive, SPEC.model_dump(mode="json")))
    assert ask("weights", run.id, *which)["epoch"] == epoch


def test_where_weights_start_at_0_there_is_null_and_flags_name_their_rule(lab, ask):
    def change(epoch, weights):
        weights["output/kernel"] *= epoch > 0
        if epoch == 1:
            weights["dense_1/kernel"][:, 2] = 2 * weights["dense_1/kernel"][:, 0]
        return weights

    run = record(lab, kept=(0, 1), epochs=2, change=change)
    hidden, output = ask("weights", run.id, "--epoch", 1)["layers"]
    assert output["relative_change"] is output["cosine"] is None
    assert output["change"] == output["kernel_norm"] > 0
    assert [(flag["unit"], flag["kind"], flag["of"]) for flag in hidden["flags"]] == [
        (0, "duplicate", 2),
        (2, "duplicate", 0),
    ]
    flagged = ask("weights", run.id, "--epoch", 0)["layers"][1]["flags"]
    assert [flag["unit"] for flag in flagged] == list(range(10))
    assert all(flag["kind"] == "dead" and "weights are 0" in flag["rule"] for flag in flagged)


@pytest.mark.parametrize(("epoch", "nearest"), [(1, 0), (3, 2), (4, 5)])
def test_where_weights_were_thinned_out_the_nearest_kept_are_named(lab, ask, epoch, nearest):
    run = record(lab, kept=(0, 2, 5), epochs=6)
    with pytest.raises(EpochNotRecorded) as caught:
        ask("weights", run.id, "--epoch", epoch)
    assert f"weights of epoch {epoch}" in str(caught.value)
    assert f"epoch {nearest}: take one of 0, 2, 5" in str(caught.value)
    assert nearest_epoch(run.weight_epochs, epoch) == nearest


def test_the_first_layer_is_there_where_the_others_are_not(lab):
    run = record(lab, kept=(0, 2), epochs=3, first=(0, 1))
    assert run.first_layer(1).name == "dense_1"
    assert np.array_equal(run.first_layer(1).kernel, from_npz(epoch_files(1)["first_layer"])["dense_1/kernel"])
    with pytest.raises(EpochNotRecorded, match="has no `first_layer` of epoch 2; take one of 0, 1"):
        run.first_layer(2)


@pytest.mark.parametrize("epoch", ["3", "-1", "kepd", "1.0", "", "9" * 30])
def test_an_epoch_that_there_is_not_is_a_sentence(lab, ask, epoch):
    run = lab.run(train(lab.archive, SPEC.model_dump(mode="json")))
    with pytest.raises(EpochNotRecorded, match="`epoch` must be best, last, kept or a recorded epoch"):
        ask("weights", run.id, f"--epoch={epoch}")


def test_a_run_that_has_not_started_or_is_not_there_is_a_sentence(lab, ask):
    waiting = lab.archive.store.submit(SPEC.model_dump(mode="json"), digest="0")
    with pytest.raises(EpochNotRecorded, match="none yet"):
        ask("weights", waiting.id)
    with pytest.raises(RunNotFound):
        ask("weights", "no-such-run")


def test_bad_input_ends_with_2_and_one_line(lab, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MNIST_LAB_HOME", str(tmp_path / "home"))
    run = record(lab, kept=(0, 2), epochs=3)
    for arguments in (["no-such-run"], [run.id, "--epoch", "1"], [run.id, "--epoch", "9"]):
        assert main(["weights", *arguments, "--json"]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
    assert main(["weights", run.id, "--json"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
