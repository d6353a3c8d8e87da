"""Maps of a trained network: made in this process, by the command line and by a worker, they are the same."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mnist_core.__main__ import main
from mnist_core.analysis.embedding import TsneSettings, embed
from mnist_core.errors import InvalidInput
from mnist_core.inference import layer_forward
from mnist_core.jobs import Jobs, worker
from mnist_core.lab import Lab
from mnist_core.maps import MapRequest
from mnist_core.networks.catalogue import presets
from mnist_core.runs import RunState
from mnist_core.settings import Settings

POINTS = 100
TSNE = {"perplexity": 10, "iterations": 60, "early_iterations": 40}
SETTINGS = {"pca": {"components": 3}, "tsne": TSNE, "umap": {"neighbours": 10, "epochs": 40}}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def lab(home):
    lab = Lab(Settings(home=home, data=(), threads=2))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def run(lab):
    return lab.train(presets["bottleneck-cnn"].on("digits", epochs=2, split__train=300), name="small")


@pytest.fixture
def work(lab, monkeypatch):
    """Carries out what is queued in the view lane."""
    monkeypatch.setattr(worker, "warm_up", lambda: None)
    monkeypatch.setattr(worker, "_lab", lambda: lab)
    return lambda: worker.take_ticket("view", "cpu")


@pytest.mark.parametrize("method", SETTINGS)
def test_a_map_is_that_of_the_activations(run, method):
    result = run.map("conv_6", method, points=POINTS, split="train", settings=SETTINGS[method], epoch=1)
    [one] = result.maps
    sample = run.sample("train", POINTS)
    np.testing.assert_array_equal(result.ids, sample.ids)
    np.testing.assert_array_equal(result.labels, sample.labels)
    values = run.activations("conv_6", sample.ids, 1).rounded.values
    expected = embed(values, method, settings=result.request.settings, labels=sample.labels)
    np.testing.assert_allclose(one.positions, expected.positions, atol=1e-4 * np.abs(expected.positions).max())
    assert one.quality == expected.quality
    np.testing.assert_array_equal(one.neighbours, expected.neighbours.index[:, :15])
    assert (one.source, one.width, one.kept_variance) == (("conv_6", 1), 784, 1.0)
    assert one.positions.shape == (POINTS, 3 if method == "pca" else 2)
    assert (one.components is None) == (method != "pca")
    assert one.iterations == {"pca": 0, "tsne": 100, "umap": 40}[method]


def test_a_worker_makes_the_same_map_and_needs_the_network_once(lab, run, work, monkeypatch):
    jobs, images = Jobs(lab, None), len(run.sample().ids)
    alone = {method: run.map("conv_6", method, settings=given).maps[0] for method, given in SETTINGS.items()}

    def order(*epochs, method):
        sources = [("conv_6", epoch) for epoch in epochs]
        request = {"method": method, "settings": SETTINGS[method], "sources": sources}
        asked = jobs.map(MapRequest.parse(request), run.id, owner="ann")
        assert work() == asked.id
        done = lab.archive.store.run(asked.id)
        assert (done.state, done.reason) == (RunState.DONE, None)
        return jobs.mapped(done).maps

    for method, expected in alone.items():
        [one] = order(run.kept_epoch, method=method)
        np.testing.assert_array_equal(one.positions, expected.positions)
        assert one.quality == expected.quality
        monkeypatch.setattr(layer_forward, "layer_forward", None)
    [(_, size)] = lab.archive.store.sizes("activations")
    assert images * 784 * 2 < size < images * 784 * 2 + 2000, "in half precision"


def test_a_wide_layer_says_what_it_kept(run):
    [one] = run.map("conv_1", "pca", points=60).maps
    assert one.width > 1024
    assert 0.5 < one.kept_variance <= 1
    assert one.positions.shape == (60, 2)


def test_by_default_the_last_hidden_layer_of_the_kept_epoch_is_mapped(run):
    [one] = run.map(method="pca", points=50).maps
    assert one.source == ("conv_6", run.kept_epoch)


def test_a_look_at_the_test_split_is_recorded(lab, run):
    before = len(lab.archive.store.openings(run.id))
    run.map("output", "pca", split="validation")
    assert len(lab.archive.store.openings(run.id)) == before
    run.map("output", "pca", split="test")
    assert len(lab.archive.store.openings(run.id)) == before + 1


def test_other_images_than_those_of_the_training_are_refused(run, monkeypatch):
    other = replace(run._dataset("digits"), content_hash="0" * 64)
    monkeypatch.setattr(run, "_dataset", lambda name: other)
    with pytest.raises(InvalidInput, match="needs the images that it was trained on"):
        run.activations("pixels", run.sample().ids)


@pytest.fixture
def command(home, monkeypatch, capsys):
    monkeypatch.setenv("MNIST_LAB_HOME", str(home))
    monkeypatch.setenv("MNIST_LAB_DATA", "")

    def call(*arguments, expect=0):
        assert main(["embed", *map(str, arguments)]) == expect
        return capsys.readouterr()

    return call


def test_the_command_says_the_numbers_and_writes_the_map(run, command, tmp_path):
    out = tmp_path / "map.npz"
    settings = [word for name, value in TSNE.items() for word in ("--set", f"{name}={value}")]
    given = ["small", "--method", "tsne", "--points", POINTS, "--epoch", "last", *settings]
    said = json.loads(command(*given, "--out", out, "--json").out)
    alone = run.map("conv_6", "tsne", points=POINTS, epoch="last", settings=TSNE)
    [one] = alone.maps
    quality = one.quality._asdict()
    for name in ("trustworthiness", "continuity", "neighbourhood_hit", "neighbourhood_hit_layer"):
        assert said[name] == quality[name]
    assert said["settings"] == TsneSettings(**TSNE).model_dump()
    assert (said["run"], said["layer"], said["epoch"], said["points"]) == (run.id, "conv_6", 2, POINTS)
    assert (said["split"], said["method"], said["iterations"], said["variance"]) == ("validation", "tsne", 100, None)
    assert 0 < said["seconds"] == pytest.approx(sum(said["seconds_by_step"].values()))
    assert said["seconds"] <= said["seconds_with_activations"]
    with np.load(out) as file:
        np.testing.assert_array_equal(file["ids"], alone.ids)
        np.testing.assert_array_equal(file["labels"], alone.labels)
        np.testing.assert_array_equal(file["positions"], one.positions)
        np.testing.assert_array_equal(file["neighbours"], one.neighbours)
        assert (str(file["layer"]), int(file["epoch"])) == ("conv_6", 2)
    lines = command("small", "--method", "pca", "--layer", "pixels").out
    assert "variance along the axes" in lines
    assert "nan" not in lines


def test_bad_input_is_one_line(run, command, tmp_path):
    answer = command("small", "--layer", "dense_9", "--out", tmp_path / "map.npz", expect=2)
    assert answer.out == ""
    assert answer.err.startswith("`layer` must be one of pixels, conv_1")
    assert len(answer.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
