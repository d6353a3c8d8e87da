"""`embed` refuses what cannot be mapped before it computes anything; training tests have the maps themselves."""

import numpy as np
import pytest

from mnist_core.errors import InvalidInput
from mnist_core.inference.activations import Activations
from mnist_core.run import Run
from tests.unit.runs.sample_runs import SIZES, SPEC, train


@pytest.fixture
def run(lab):
    return lab.run(train(lab.archive, SPEC.model_dump(mode="json")))


BAD = {
    "a layer": (["--layer", "dense_9"], "`layer` must be one of pixels, pool_1, flatten_1, dense_1, output"),
    "an epoch": (["--epoch", "9"], "`epoch` must be best, last, kept or a recorded epoch"),
    "no number of points": (["--points", "many"], "`--points` must be a whole number"),
    "few points": (["--points", "2"], "`points` must be a whole number between 3 and 70000"),
    "a setting": (["--set", "perplexity=50"], "`perplexity` is not a setting of umap"),
    "no value": (["--set", "neighbours"], "`--set` takes NAME=VALUE"),
    "a value": (["--set", "neighbours=many"], "`neighbours` must be a whole number"),
    "too many neighbours": (["--points", "10"], "`neighbours` must be at most 10 for 10 images"),
    "no folder": (["--out", "nowhere/map.npz"], "`--out` must be a file ending in `.npz`, in a folder that exists"),
    "no such kind of file": (["--out", "map.csv"], "`--out` must be a file ending in `.npz`"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_sentence(run, ask, name, monkeypatch, tmp_path):
    monkeypatch.setattr(Run, "activations", lambda *_, **__: pytest.fail("it computes already"))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    arguments, said = BAD[name]
    with pytest.raises(InvalidInput) as caught:
        ask("embed", run.id, *arguments)
    assert said in str(caught.value)
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(("split", "looks"), [("validation", 0), ("test", 1)])
def test_only_a_look_at_the_test_split_is_recorded(run, ask, lab, monkeypatch, split, looks):
    def drawn(self, layer, ids, epoch="kept", **_):
        assert (layer, epoch) == ("dense_1", 2)
        return Activations(np.random.default_rng(0).normal(size=(len(ids), 4)).astype(np.float32), 4, 1.0)

    monkeypatch.setattr(Run, "activations", drawn)
    said = ask("embed", run.id, "--method", "pca", "--split", split)
    assert (said["layer"], said["epoch"], said["split"], said["file"]) == ("dense_1", 2, split, None)
    assert said["points"] == SIZES[split]
    assert len(said["variance"]) == 2
    assert len(lab.archive.store.openings(run.id)) == looks
    assert lab.archive.store.sizes("embed") == []
