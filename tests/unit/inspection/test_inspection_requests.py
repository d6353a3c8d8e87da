"""What can be asked of the inside of a network: each rule has its sentence, and answers are kept as they are."""

import numpy as np
import pytest

from mnist_core.analysis.units import UnitActivity
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inference.predictions import Predictions
from mnist_core.inspection import (
    REQUESTS,
    Ablation,
    AblationRequest,
    ImageInspection,
    ImageRequest,
    LayerActivation,
    Saliency,
    UnitResponses,
    UnitsRequest,
    ablate,
    inspect,
    unit_responses,
)
from mnist_core.lab import Lab
from mnist_core.runs import RunState
from mnist_core.settings import Settings
from tests.unit.runs.sample_runs import SIZES, SPEC, claim, run_files, train

IMAGES = sum(SIZES.values())


@pytest.fixture
def lab(tmp_path):
    lab = Lab(Settings(home=tmp_path / "home", data=()))
    yield lab
    lab.close()


@pytest.fixture
def run(lab):
    return lab.run(train(lab.archive, SPEC.model_dump(mode="json"), name="sound"))


@pytest.fixture
def thinned(lab, run):
    """The same run whose weights of epoch 1 were thinned out."""
    lease = claim(lab.archive.store, SPEC.model_dump(mode="json"), name="thin")
    lab.archive.keep(lease, -1, run_files())
    from tests.unit.runs.sample_runs import epoch_files, epoch_record

    for number in range(4):
        lab.archive.commit_epoch(lease, epoch_record(number), epoch_files(number))
    lab.archive.store.drop(lease, [(1, "weights"), (2, "weights")])
    return lab.run(lease.run)


ASKED = [
    (ImageRequest, {"image": 3, "epoch": 1}),
    (AblationRequest, {"layer": "dense_1", "units": [3, 1], "epoch": 1}),
    (UnitsRequest, {"layer": "output", "split": "test", "epoch": 1}),
]


def test_each_kind_of_work_has_its_request():
    assert {kind: request.KIND for kind, request in REQUESTS.items()} == {
        "inspect": "inspect", "ablate": "ablate", "units": "units"
    }  # fmt: skip
    assert {type(request.parse(data)) for request, data in ASKED} == set(REQUESTS.values())


@pytest.mark.parametrize(("request_", "data"), ASKED)
def test_an_order_reads_back_as_the_request(run, request_, data):
    fitted = request_.parse(data).fitted(run)
    assert request_.parse(fitted.order()) == fitted
    assert request_.parse(fitted.order()).order() == fitted.order()


def test_units_are_the_same_in_whatever_order():
    one, other = (AblationRequest.parse({"layer": "a", "units": units, "epoch": 0}) for units in ([3, 0, 2], (2, 3, 0)))
    assert one == other
    assert one.units == (0, 2, 3)
    assert one.order()["units"] == [0, 2, 3]
    assert one.split == "validation"


@pytest.mark.parametrize(
    ("request_", "data", "sentence"),
    [
        (ImageRequest, {"epoch": 1}, "`image` is missing; it must be a whole number of at least 0."),
        (ImageRequest, {"image": -1, "epoch": 1}, "`image` must be a whole number of at least 0, got -1."),
        (ImageRequest, {"image": True, "epoch": 1}, "`image` must be a whole number of at least 0, got 'true'."),
        (AblationRequest, {"layer": "a", "units": [], "epoch": 1}, "`units` must be a list of at least 1 item, got 0."),
        (
            AblationRequest,
            {"layer": "a", "units": [1, 2, 1], "epoch": 1},
            "`units` must name each unit once, got 1 more than once.",
        ),
        (
            AblationRequest,
            {"layer": "a", "units": [0, -2], "epoch": 1},
            "`units.1` must be a whole number of at least 0, got -2.",
        ),
        (
            AblationRequest,
            {"layer": "a", "units": [True], "epoch": 1},
            "`units.0` must be a whole number of at least 0, got true.",
        ),
        (
            UnitsRequest,
            {"layer": "a", "split": "all", "epoch": 1},
            "`split` must be one of train, validation, test, got 'all'.",
        ),
        (UnitsRequest, {"layer": "a", "epoch": 1, "unit": 3}, "`unit` is not a field"),
    ],
)
def test_what_breaks_a_rule_has_a_sentence(request_, data, sentence):
    with pytest.raises(InvalidInput) as caught:
        request_.parse(data)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("request_", "changes", "sentence"),
    [
        (
            ImageRequest,
            {"image": IMAGES},
            f"`image` must be the id of one of the {IMAGES} images of `sound` (0 to {IMAGES - 1}), got {IMAGES}.",
        ),
        (
            AblationRequest,
            {"layer": "pool_1"},
            "`layer` must be one of dense_1, output in `sound`, those with units, got 'pool_1'.",
        ),
        (
            UnitsRequest,
            {"layer": "conv_9"},
            "`layer` must be one of dense_1, output in `sound`, those with units, got 'conv_9'.",
        ),
        (
            AblationRequest,
            {"units": [0, 4]},
            "`units` must be between 0 and 3 for `dense_1` of `sound`, got 4.",
        ),
    ],
)
def test_what_the_run_has_not_is_refused(run, request_, changes, sentence):
    [data] = [data for known, data in ASKED if known is request_]
    with pytest.raises(InvalidInput) as caught:
        request_.parse(data | changes).fitted(run)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("request_", "data"), ASKED)
def test_an_epoch_that_is_not_there_is_refused(run, thinned, lab, request_, data):
    with pytest.raises(EpochNotRecorded, match=r"a recorded epoch of `sound` \(0 to 2\), got 7"):
        request_.parse(data | {"epoch": 7}).fitted(run)
    for epoch, nearest in ((1, 0), (2, 3)):
        with pytest.raises(EpochNotRecorded) as caught:
            request_.parse(data | {"epoch": epoch}).fitted(thinned)
        assert str(caught.value) == (
            f"The weights of epoch {epoch} of `thin` were not kept; the nearest epoch whose weights were is {nearest}."
        )
    assert request_.parse(data | {"epoch": 3}).fitted(thinned).epoch == 3


@pytest.mark.parametrize("state", [None, RunState.FAILED])
@pytest.mark.parametrize(("request_", "data"), ASKED)
def test_a_run_that_learnt_nothing_is_refused(lab, state, request_, data):
    lease = claim(lab.archive.store, SPEC.model_dump(mode="json"), name="bare")
    if state:
        lab.archive.store.finish(lease, state, reason="It broke.")
    with pytest.raises(EpochNotRecorded, match=r"a recorded epoch of `bare` \(none yet\), got 1"):
        request_.parse(data).fitted(lab.run(lease.run))


def test_weights_that_were_never_kept_are_said_so(lab, run):
    lease = claim(lab.archive.store, SPEC.model_dump(mode="json"), name="light")
    lab.archive.keep(lease, -1, run_files())
    from tests.unit.runs.sample_runs import epoch_record

    lab.archive.commit_epoch(lease, epoch_record(0), {})
    with pytest.raises(EpochNotRecorded, match="of `light` were not kept, nor those of any other epoch"):
        ImageRequest.parse({"image": 3, "epoch": 0}).fitted(lab.run(lease.run))


def test_the_functions_refuse_likewise(run):
    with pytest.raises(InvalidInput, match="`image` must be"):
        inspect(run, -3, 1)
    with pytest.raises(InvalidInput, match="`units` must name each unit once"):
        ablate(run, "dense_1", [1, 1])
    with pytest.raises(InvalidInput, match="`split` must be one of"):
        unit_responses(run, "dense_1", split="all")
    assert run._archive.store.openings(run.id) == [], "what was refused was not looked at"


def test_answers_are_kept_as_they_are():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(10)).astype(np.float32)
    layers = (
        LayerActivation("pixels", "pixels", random.random((28, 28, 1), np.float32)),
        LayerActivation("conv_1", "conv", random.random((4, 5, 6), np.float32)),
        LayerActivation("probabilities", "probabilities", probabilities),
    )
    maps = (
        Saliency("gradient", 3, random.random((28, 28), np.float32)),
        Saliency("grad_cam", 3, random.random((28, 28), np.float32), "conv_1"),
    )
    given = ImageInspection(7, 2, 3, 4, probabilities, layers, maps)
    back = ImageRequest.read(given.to_files())
    assert back[:4] == given[:4]
    assert set(given.to_files()) == set(ImageRequest.FILES)
    for mine, theirs in zip((*back.layers, *back.saliency), (*layers, *maps), strict=True):
        assert type(mine) is type(theirs)
        assert mine._replace(values=None) == theirs._replace(values=None)
        np.testing.assert_array_equal(mine.values, theirs.values)
        assert mine.values.dtype == np.float32
    assert back.layer("conv_1") is back.layers[1]
    assert back.layer("conv_2") is None
    assert back.salient("grad_cam", 3) is back.saliency[1]
    assert back.salient("grad_cam", 4) is None
    np.testing.assert_array_equal(back.probabilities, probabilities)


def test_predictions_and_responses_are_kept_as_they_are():
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(10), 6)
    predictions = Predictions(
        shares.argmax(axis=1).astype(np.uint8), random.random(6, np.float32), np.log(shares).astype(np.float16)
    )
    given = Ablation(predictions, np.arange(5, 11, dtype=np.int32))
    back = AblationRequest.read(given.to_files())
    assert set(given.to_files()) == set(AblationRequest.FILES)
    np.testing.assert_array_equal(back.ids, given.ids)
    for name in ("predicted", "loss", "log_probabilities"):
        mine, theirs = getattr(back.predictions, name), getattr(predictions, name)
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    numbers = [random.random((3, 4)).astype(kind) for kind in ("f4", "i4", "f4", "i4", "f4")]
    activity = UnitActivity("tanh", 60, random.random(3, np.float32), np.arange(3))
    answers = UnitResponses(*numbers, activity.highest, activity)
    again = UnitsRequest.read(answers.to_files())
    assert set(answers.to_files()) == set(UnitsRequest.FILES)
    for mine, theirs in zip((*again[:-1], *again.activity[2:]), (*answers[:-1], *activity[2:]), strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    assert again.activity[:2] == ("tanh", 60)
