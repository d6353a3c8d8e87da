"""What leaves a layer: Keras itself says the same, wide layers are principal components, bad input is a sentence."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mnist_core.backend import keras
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.inference import layer_forward
from mnist_core.inference.activations import Activations, activations
from mnist_core.networks.build import build_model, model_weights
from mnist_core.networks.catalogue import presets
from mnist_core.networks.shapes import flat, plan
from mnist_core.spec import RunSpec

IMAGES = np.random.default_rng(0).integers(0, 256, (270, 28, 28), dtype=np.uint8)
LAYERS = [
    {"kind": "conv", "filters": 2, "padding": "same", "activation": "linear"},
    {"kind": "batch_norm"},
    {"kind": "activation", "function": "tanh"},
    {"kind": "pool", "size": 4},
    {
        "kind": "residual",
        "shortcut": "conv",
        "body": [{"kind": "conv", "filters": 3, "padding": "same"}, {"kind": "activation", "function": "relu"}],
    },
    {"kind": "permute", "order": [3, 1, 2]},
    {"kind": "flatten"},
    {"kind": "dropout", "rate": 0.5},
    {"kind": "dense", "units": 12, "activation": "sigmoid"},
    {"kind": "dense", "units": 10, "activation": "linear"},
]
SPEC = RunSpec.parse({"dataset": {"name": "digits"}, "network": {"layers": LAYERS}, "seed": 3})
IDS = [place.id for place in flat(plan(SPEC.network.layers))]


@pytest.fixture(scope="module")
def model():
    """The network with weights and statistics that were drawn, not the seed's."""
    model = build_model(SPEC.network.layers, seed=8)
    random = np.random.default_rng(1)
    for variable in model.weights:
        shift = 1 if "variance" in variable.path else 0
        variable.assign(random.uniform(shift - 0.5, shift + 0.5, variable.shape))
    return model


@pytest.fixture(scope="module")
def by_keras(model):
    """What Keras's own `predict` says that leaves each layer: float32 (n, values)."""
    until = keras.Model(model.input, {layer: model.get_layer(layer).output for layer in IDS})
    found = until.predict(IMAGES[..., None] / np.float32(255), verbose=0)
    return {layer: values.reshape(len(IMAGES), -1) for layer, values in found.items()}


@pytest.mark.parametrize("layer", IDS)
def test_any_layer_is_what_keras_says_of_it(model, by_keras, layer, monkeypatch):
    monkeypatch.setattr(layer_forward, "WIDEST", 10_000)
    expected = by_keras[layer]
    passed = []
    found = activations(SPEC, model_weights(model), IMAGES, layer, between=lambda: passed.append(1))
    assert found.values.dtype == np.float32
    assert (found.width, found.kept_variance) == (expected.shape[1], 1.0)
    np.testing.assert_allclose(found.values, expected, atol=2e-5)
    assert passed
    layer_forward.layer_forward.cache_clear()


def test_every_kind_of_layer_is_among_them():
    assert {name.rpartition("_")[0] or name for name in IDS} == {
        "conv", "batch_norm", "activation", "pool", "residual", "permute", "flatten", "dropout", "dense", "output"
    }  # fmt: skip


def test_pixels_are_those_of_the_images():
    found = activations(SPEC, {}, IMAGES, "pixels")
    np.testing.assert_array_equal(found.values, IMAGES.reshape(270, 784) / np.float32(255))
    assert (found.width, found.kept_variance) == (784, 1.0)


def test_the_graph_takes_new_weights(model):
    weights = model_weights(model)
    first = activations(SPEC, weights, IMAGES, "dense_1").values
    other = activations(SPEC, {name: value / 2 for name, value in weights.items()}, IMAGES, "dense_1").values
    assert np.abs(first - other).max() > 0.01
    np.testing.assert_array_equal(activations(SPEC, weights, IMAGES, "dense_1").values, first)


def test_a_wide_layer_is_its_first_principal_components(model, by_keras, monkeypatch):
    """Where the sample is all images, those of scikit-learn, each but for its sign."""
    everything = by_keras["conv_1"]
    for components in (256, 40):
        monkeypatch.setattr(layer_forward, "COMPONENTS", components)
        found = activations(SPEC, model_weights(model), IMAGES, "conv_1")
        judge = PCA(components, svd_solver="full").fit(everything)
        expected = judge.transform(everything)
        signs = np.sign((found.values * expected).sum(axis=0))
        assert found.values.shape == (270, components)
        np.testing.assert_allclose(found.values * signs, expected, atol=2e-3 * np.abs(expected).max())
        assert found.width == everything.shape[1] == 1568
        assert found.kept_variance == pytest.approx(judge.explained_variance_ratio_.sum(), abs=1e-4)


def test_the_variance_kept_is_that_of_all_images_not_of_the_sample(model, by_keras, monkeypatch):
    monkeypatch.setattr(layer_forward, "SAMPLE", 60)
    everything = by_keras["conv_1"].astype(np.float64)
    found = activations(SPEC, model_weights(model), IMAGES, "conv_1")
    assert found.values.shape == (270, 59)
    share = found.values.astype(np.float64).var(axis=0).sum() / everything.var(axis=0).sum()
    assert found.kept_variance == pytest.approx(share, rel=1e-4)
    assert found.kept_variance < 0.9


def test_a_wide_layer_that_is_constant_has_no_components(model):
    dead = {name: np.zeros_like(value) for name, value in model_weights(model).items()}
    found = activations(SPEC, dead, IMAGES, "conv_1")
    assert (found.values == 0).all()
    assert found.kept_variance == 1.0


@pytest.mark.parametrize("layer", ["conv_1", "dense_1"])
def test_what_is_not_finite_has_a_sentence(model, layer):
    broken = {name: np.full_like(value, np.nan) for name, value in model_weights(model).items()}
    with pytest.raises(InvalidInput, match=f"finite numbers.*NaN or infinity from `{layer}`"):
        activations(SPEC, broken, IMAGES, layer)


def test_whoever_waits_may_end_the_pass(model):
    class Ended(Exception):
        pass

    def end():
        raise Ended

    for layer in ("dense_1", "conv_1"):
        with pytest.raises(Ended):
            activations(SPEC, model_weights(model), IMAGES, layer, between=end)


@pytest.mark.parametrize(("scale", "shift", "short"), [(1, 0, True), (1e-3, 100, False), (1e6, 0, False)])
def test_half_precision_is_kept_only_where_it_is_enough(scale, shift, short):
    values = (np.random.default_rng(0).normal(size=(500, 20)) * scale + shift).astype(np.float32)
    given = Activations(values, 1568, 0.75)
    data = given.to_bytes()
    back = Activations.from_bytes(data)
    assert (len(data) < 500 * 20 * 4) == short
    assert (back.width, back.kept_variance, back.values.dtype) == (1568, 0.75, np.float32)
    np.testing.assert_array_equal(back.values, given.rounded.values)
    assert np.square(back.values - values).sum() <= 1e-6 * values.var(axis=0).sum() * 500


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from mnist_core.lab import Lab
    from mnist_core.settings import Settings

    lab = Lab(Settings(home=tmp_path_factory.mktemp("home"), data=(), threads=2))
    yield lab.train(presets["mlp-512-256"].on("digits", epochs=2, split__train=300))
    lab.close()


def test_a_run_gives_them_of_any_layer_and_kept_epoch(run):
    assert run.layer_ids[0] == "pixels"
    assert run.layer_ids[-1] == "output"
    assert run.weight_epochs == (0, 1, 2)
    ids = run.sample("test", 50, seed=4).ids
    for epoch in (0, "last"):
        logits = run.activations("output", ids, epoch).values
        rows = np.searchsorted(run.split_file["test_ids"], ids)
        recorded = run.predictions("test", epoch).log_probabilities[rows]
        log = logits - np.log(np.exp(logits.astype(np.float64)).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(recorded, log, atol=2e-3 * max(np.abs(log).max(), 1))
    with pytest.raises(InvalidInput, match=r"`layer` must be one of pixels, .*, got 'dense_9'"):
        run.activations("dense_9", ids)
    with pytest.raises(EpochNotRecorded):
        run.activations("output", ids, 7)


def test_a_sample_has_its_share_of_each_class(run):
    everything, some = run.sample("validation"), run.sample("validation", 40, seed=1)
    assert len(some.ids) == 40
    assert (np.diff(some.ids) > 0).all()
    labels = dict(zip(everything.ids.tolist(), everything.labels.tolist(), strict=True))
    assert [labels[image] for image in some.ids.tolist()] == some.labels.tolist()
    shares = np.bincount(everything.labels, minlength=10) * 40 / len(everything.ids)
    assert (np.abs(np.bincount(some.labels, minlength=10) - shares) <= 1).all()
    assert (run.sample("validation", 40, seed=2).ids != some.ids).any()
    assert len(run.sample("validation", 10**6).ids) == len(everything.ids)


@pytest.mark.parametrize(
    ("preset", "layer"),
    [("softmax-regression", "pixels"), ("mlp-512-256", "dense_2"), ("lenet-5x5", "dense_1"), ("resnet-8", None)],
)
def test_the_last_hidden_layer_is_what_the_output_gets(preset, layer):
    from mnist_core.run import last_hidden_layer

    stack = presets[preset].on("digits").network.layers
    found = last_hidden_layer(stack)
    assert layer in (found, None)
    assert found != "output"
    assert found in ("pixels", *(place.id for place in plan(stack)))
