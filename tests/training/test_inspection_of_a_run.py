"""A recorded run looked into: image, units and ablation as what was recorded says, by function and by worker alike."""

import numpy as np
import pytest

from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inspection import AblationRequest, ImageRequest, UnitsRequest, ablate, inspect, unit_responses
from mnist_core.jobs import Jobs
from mnist_core.jobs.work import carry_out
from mnist_core.lab import Lab
from mnist_core.machine import worker_name
from mnist_core.networks.catalogue import presets
from mnist_core.runs import RunState
from mnist_core.settings import Settings


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(Settings(home=tmp_path_factory.mktemp("home"), data=(), threads=2))
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def run(lab):
    return lab.train(presets["bottleneck-cnn"].on("digits", epochs=1, split__train=300))


@pytest.fixture(scope="module")
def flat(lab):
    return lab.train(presets["softmax-regression"].on("digits", epochs=1, split__train=300))


@pytest.mark.parametrize("epoch", [0, "last"])
def test_an_image_ends_with_the_recorded_probabilities(run, epoch):
    for row in (0, 7):
        ids, labels, predictions = run.judged("test", epoch)
        found = inspect(run, int(ids[row]), epoch)
        assert (found.image, found.label, found.predicted) == (ids[row], labels[row], predictions.predicted[row])
        np.testing.assert_allclose(found.probabilities, predictions.probabilities(np.array([row]))[0], atol=2e-3)
        targets = {found.label, found.predicted}
        assert {(one.method, one.target) for one in found.saliency} == {
            (method, target)
            for method in ("gradient", "integrated_gradients", "occlusion", "grad_cam")
            for target in targets
        }
        assert len(found.saliency) == 4 * len(targets)
        assert [one.name for one in found.layers][1:-1] == list(run.layer_ids[1:])


def test_units_of_which_none_matters_change_nothing(flat):
    """In a softmax regression, a class whose logit is 0 is all that changes."""
    _, _, recorded = flat.judged("validation", "last")
    weights = flat.weights("last")
    off = ablate(flat, "output", [3], epoch="last")
    ids = flat.sample("validation").ids
    np.testing.assert_array_equal(off.ids, ids)
    pixels = flat.images_trained_on().images[ids].reshape(len(ids), -1) / np.float32(255)
    logits = pixels @ weights["output/kernel"] + weights["output/bias"]
    assert (logits.argmax(axis=1) == recorded.predicted).mean() > 0.99
    logits[:, 3] = 0
    assert (logits.argmax(axis=1) == off.predictions.predicted).mean() > 0.99


def test_responses_name_images_of_the_split(run):
    found = unit_responses(run, "conv_1", split="test")
    ids = run.sample("test").ids
    assert np.isin(found.top, ids).all()
    assert np.isin(found.bottom, ids).all()
    assert (found.top_values[:, 0] == found.highest).all()
    assert (found.top_values[:, -1:] >= found.bottom_values[:, :1]).all()


@pytest.mark.parametrize(
    "request_",
    [
        ImageRequest(image=3, epoch=1),
        AblationRequest(layer="conv_2", units=(0, 3), split="validation", epoch=1),
        UnitsRequest(layer="output", split="validation", epoch=0),
    ],
)
def test_a_worker_answers_what_the_function_answers(lab, run, request_):
    jobs = Jobs(lab, None)
    order = jobs.ask(request_, run.id, owner="ann")
    lease = lab.archive.store.claim(order.id, ticket="t", worker=worker_name(), device="cpu")
    carry_out(lab, lease)
    done = lab.archive.store.run(order.id)
    assert (done.state, done.reason) == (RunState.DONE, None)
    mine, theirs = jobs.answer(request_, done).to_files(), request_.compute(run).to_files()
    assert mine == theirs


def test_a_look_at_the_test_split_is_recorded(lab, run):
    before = len(lab.archive.store.openings(run.id))
    ablate(run, "conv_1", [0], split="validation")
    assert len(lab.archive.store.openings(run.id)) == before
    ablate(run, "conv_1", [0], split="test")
    assert len(lab.archive.store.openings(run.id)) == before + 1


def test_what_is_not_there_is_a_sentence(run):
    with pytest.raises(InvalidInput, match="`layer` must be one of conv_1"):
        ablate(run, "flatten_1", [0])
    with pytest.raises(EpochNotRecorded):
        inspect(run, 3, 7)


def test_numbers_of_numpy_are_numbers(run):
    units = np.flatnonzero(np.array([0, 1, 0, 1]))
    one, other = ablate(run, "conv_1", units), ablate(run, "conv_1", [1, 3])
    np.testing.assert_array_equal(one.predictions.loss, other.predictions.loss)
    image = run.sample("validation").ids[0]
    assert inspect(run, image).image == image
    with pytest.raises(InvalidInput, match=r"`units.0` must be a whole number"):
        ablate(run, "conv_1", np.array([0.5]))
    with pytest.raises(InvalidInput, match="`image` must be the id of one of"):
        inspect(run, 10**30)
