"""`inspect` and `ablate`: each number is that of the answer, sentences for bad input. The network is played here."""

import numpy as np
import pytest

from mnist_core.__main__ import main
from mnist_core.analysis.evaluation import confusion_matrix, wilson_interval
from mnist_core.errors import EpochNotRecorded, InvalidInput, RunNotFound
from mnist_core.inference.predictions import Predictions
from mnist_core.inspection import Ablation, AblationRequest, ImageInspection, ImageRequest, LayerActivation, Saliency
from tests.unit.runs.sample_runs import SIZES, SPEC, train

PROBABILITIES = np.array([0.1, 0.6, 0.3], np.float32)
HIDDEN = np.array([0, 0, -1, 3], np.float32)
MAP = np.zeros((28, 28), np.float32)
MAP[4, 9], MAP[5, 9] = -2, 1.5


@pytest.fixture
def run(lab):
    return lab.run(train(lab.archive, SPEC.model_dump(mode="json"), name="sound"))


@pytest.fixture(autouse=True)
def played(monkeypatch):
    """What is asked for; the ablation answers that every image is of class 1."""
    asked = []

    def look(self, run, between=None):
        asked.append(self)
        layers = (
            LayerActivation("pixels", "pixels", np.ones((28, 28, 1), np.float32)),
            LayerActivation("dense_1", "dense", HIDDEN),
            LayerActivation("probabilities", "probabilities", PROBABILITIES),
        )
        maps = (Saliency("gradient", 2, MAP), Saliency("grad_cam", 1, np.zeros((28, 28), np.float32), "conv_1"))
        return ImageInspection(self.image, self.epoch, 2, 1, PROBABILITIES, layers, maps)

    def switch_off(self, run, between=None):
        asked.append(self)
        sample = run.sample(self.split)
        n = len(sample.ids)
        logs = np.full((n, 10), -4, np.float16)
        return Ablation(Predictions(np.ones(n, np.uint8), np.full(n, 0.25, np.float32), logs), sample.ids)

    monkeypatch.setattr(ImageRequest, "compute", look)
    monkeypatch.setattr(AblationRequest, "compute", switch_off)
    return asked


def test_an_image_is_summed_up(ask, run, played):
    said = ask("inspect", run.id, "--image", 3, "--epoch", 1)
    assert played == [ImageRequest(image=3, epoch=1)]
    assert {name: said[name] for name in ("run", "split", "epoch", "image", "label", "predicted")} == {
        "run": run.id, "split": "train", "epoch": 1, "image": 3, "label": 2, "predicted": 1
    }  # fmt: skip
    assert (said["label_name"], said["predicted_name"]) == ("2", "1")
    assert said["probabilities"] == pytest.approx([0.1, 0.6, 0.3])
    assert [one["name"] for one in said["layers"]] == ["pixels", "dense_1", "probabilities"]
    assert said["layers"][1] == {
        "name": "dense_1", "kind": "dense", "shape": [4], "low": -1, "mean": 0.5, "high": 3, "zeros": 0.5
    }  # fmt: skip
    gradient, cam = said["saliency"]
    assert (gradient["method"], gradient["target"], gradient["layer"], gradient["strongest"]) == (
        "gradient", 2, None, [4, 9]
    )  # fmt: skip
    assert (gradient["low"], gradient["high"], gradient["sum"]) == (-2, 1.5, -0.5)
    assert (cam["layer"], cam["strongest"]) == ("conv_1", None)


@pytest.mark.parametrize(("split", "openings"), [("validation", 0), ("test", 1)])
def test_units_off_are_compared_with_units_on(lab, ask, run, played, split, openings):
    said = ask("ablate", run.id, "--layer", "dense_1", "--units", "3,1", "--split", split, "--epoch", "last")
    assert played == [AblationRequest(layer="dense_1", units=(1, 3), split=split, epoch=2)]
    ids, labels, predictions = run.judged(split, 2)
    n, was = len(ids), predictions.predicted == labels
    assert (said["split"], said["layer"], said["units"], said["epoch"], said["images"]) == (
        split, "dense_1", [1, 3], 2, SIZES[split]
    )  # fmt: skip
    for when, right, loss in (
        ("before", int(was.sum()), float(predictions.loss.mean(dtype=np.float64))),
        ("after", int((labels == 1).sum()), 0.25),
    ):
        assert said[when] == {
            "accuracy": right / n, "interval": list(wilson_interval(right, n)), "errors": n - right, "loss": loss
        }  # fmt: skip
    assert said["fixed"] == ids[(labels == 1) & ~was].tolist()
    assert said["broken"] == ids[(labels != 1) & was].tolist()
    assert said["flipped"] == (predictions.predicted != 1).sum()
    after = confusion_matrix(labels, np.ones(n, np.uint8), 10)
    assert said["confusion_difference"] == (after - confusion_matrix(labels, predictions.predicted, 10)).tolist()
    assert len(lab.archive.store.openings(run.id)) == openings


@pytest.mark.parametrize(("image", "openings"), [(31, 0), (32, 1)])
def test_a_look_at_a_test_image_is_recorded(lab, ask, run, image, openings):
    ask("inspect", run.id, "--image", image)
    assert len(lab.archive.store.openings(run.id)) == openings


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["inspect", "--image", "4_0"], "`--image` must be a whole number from 0, got '4_0'."),
        (["inspect", "--image", "-1"], "`--image` must be a whole number from 0, got '-1'."),
        (["inspect", "--image", "47"], "`image` must be the id of one of the 47 images"),
        (["ablate", "--layer", "dense_1", "--units", ""], "`--units` must be whole numbers from 0 with commas between"),
        (["ablate", "--layer", "dense_1", "--units", "1,,2"], "`--units` must be whole numbers from 0"),
        (["ablate", "--layer", "dense_1", "--units", "1,1"], "`units` must name each unit once, got 1 more than once."),
        (["ablate", "--layer", "dense_1", "--units", "4"], "`units` must be between 0 and 3 for `dense_1`"),
        (["ablate", "--layer", "conv_1", "--units", "0"], "`layer` must be one of dense_1, output"),
    ],
)
def test_bad_input_is_a_sentence(ask, run, arguments, sentence, played):
    command, *rest = arguments
    with pytest.raises(InvalidInput) as caught:
        ask(command, run.id, *[f"{rest[place]}={rest[place + 1]}" for place in range(0, len(rest), 2)])
    assert str(caught.value).startswith(sentence)
    assert played == []


@pytest.mark.parametrize("command", [("inspect", "--image", 3), ("ablate", "--layer", "dense_1", "--units", 1)])
def test_an_epoch_or_a_run_that_is_not_there_is_a_sentence(lab, ask, run, command):
    name, *rest = command
    with pytest.raises(EpochNotRecorded, match="`epoch` must be best, last, kept or a recorded epoch"):
        ask(name, run.id, *rest, "--epoch", "9")
    waiting = lab.archive.store.submit(SPEC.model_dump(mode="json"), digest="0")
    with pytest.raises(EpochNotRecorded, match="none yet"):
        ask(name, waiting.id, *rest)
    with pytest.raises(RunNotFound):
        ask(name, "no-such-run", *rest)


def test_bad_input_ends_with_2_and_one_line(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MNIST_LAB_HOME", str(tmp_path / "home"))
    for arguments in (["inspect", run.id], ["ablate", run.id, "--layer", "dense_1", "--units", "9"]):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
        assert code == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
    assert main(["inspect", run.id, "--image", "3", "--json"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
