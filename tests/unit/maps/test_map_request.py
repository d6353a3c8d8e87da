"""What can be asked of a map: each rule is a sentence, and equal requests are one order."""

import pytest

from mnist_core.analysis.embedding import METHODS, TsneSettings
from mnist_core.errors import EpochNotRecorded, InvalidInput
from mnist_core.lab import Lab
from mnist_core.maps import MOST_SOURCES, MapRequest, Source
from mnist_core.runs import Lease
from mnist_core.settings import Settings
from tests.unit.runs.sample_runs import SIZES, SPEC, train

ONE = {"sources": [["dense_1", 2]]}
SMALL = {**ONE, "settings": {"neighbours": 3}}


@pytest.fixture
def run(tmp_path):
    """Epochs 0 to 2, of which 1 has lost its weights; layers pool_1, flatten_1, dense_1, output."""
    lab = Lab(Settings(home=tmp_path, data=()))
    run_id = train(lab.archive, SPEC.model_dump(mode="json"))
    with lab.archive.store._database.writing() as connection:
        connection.exec_driver_sql("delete from artifact where epoch = 1 and name = 'weights'")
    yield lab.run(run_id)
    lab.close()


def test_the_order_names_every_default():
    order = MapRequest.parse(ONE).order()
    assert order == {
        "split": "validation",
        "points": 10_000,
        "sample_seed": 0,
        "method": "umap",
        "settings": METHODS["umap"].settings().model_dump(mode="json"),
        "sources": [["dense_1", 2]],
        "anchor": 0,
    }
    assert MapRequest.parse(order).order() == order
    assert MapRequest.parse(dict(reversed(order.items()))).order() == order


@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_its_own_settings(method):
    request = MapRequest.parse({**ONE, "method": method})
    assert request.settings == METHODS[method].settings()
    assert request.sources == (Source("dense_1", 2),)


def test_settings_that_are_given_take_the_place_of_defaults():
    request = MapRequest.parse({**ONE, "method": "tsne", "settings": {"perplexity": 50}})
    assert request.settings == TsneSettings(perplexity=50)
    assert MapRequest(**ONE, method="tsne", settings=TsneSettings(perplexity=50)) == request


BAD = {
    "method": ({"method": "som"}, "`method` must be one of pca, tsne, umap, got 'som'."),
    "split": ({"split": "all"}, "`split` must be one of train, validation, test, got 'all'."),
    "few points": ({"points": 2}, "`points` must be a whole number between 3 and 70000 (images), got 2."),
    "many points": ({"points": 70_001}, "`points` must be a whole number between 3 and 70000 (images), got 70001."),
    "true for a number": ({"points": True}, "`points` must be a whole number"),
    "no source": ({"sources": []}, "`sources` must be a list of 1 to 24 items, got 0."),
    "too many sources": ({"sources": [["pixels", n] for n in range(25)]}, "list of 1 to 24 items, got 25."),
    "twice the same": ({"sources": [["a", 1], ["a", 1]]}, "`sources` must name each layer and epoch once."),
    "no pair": ({"sources": ["dense_1"]}, "`sources"),
    "anchor": ({"anchor": 1}, "`anchor` must be the place of a source, 0 to 0, got 1."),
    "no such setting": ({"settings": {"neighbors": 3}}, "`neighbors` is not a setting of umap; did you mean `neighb"),
    "a setting of others": ({"settings": {"perplexity": 3}}, "`perplexity` is not a setting of umap; there are `n"),
    "a bad setting": ({"settings": {"neighbours": 0}}, "`neighbours` must be a whole number between 2 and 200"),
    "settings that clash": ({"settings": {"min_distance": 2.0}}, "`min_distance` must be at most `spread`"),
    "settings of another method": ({"settings": TsneSettings()}, "`settings` must be those of umap"),
    "no settings": ({"settings": 5}, "`settings` must be an object, got 5."),
    "more": ({"colour": "red"}, "`colour` is not a field"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_sentence(name):
    change, said = BAD[name]
    with pytest.raises(InvalidInput) as caught:
        MapRequest.parse(ONE | change)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_what_is_no_request_at_all_is_a_sentence():
    with pytest.raises(InvalidInput):
        MapRequest.parse([1, 2])


def test_a_request_has_no_more_points_than_the_split(run):
    for points in (12, 13, 10_000):
        assert MapRequest.parse({**SMALL, "points": points}).fitted(run).points == SIZES["validation"]
    assert MapRequest.parse({**SMALL, "points": 5}).fitted(run).points == 5


def test_a_layer_that_is_not_there_is_named_with_those_that_are(run):
    with pytest.raises(InvalidInput) as caught:
        MapRequest.parse({**SMALL, "sources": [["dense_1", 2], ["conv_1", 2]]}).fitted(run)
    said = f"`layer` must be one of pixels, pool_1, flatten_1, dense_1, output in `{run.record.name}`, got 'conv_1'."
    assert str(caught.value) == said


def test_an_epoch_without_weights_names_the_nearest_that_has_some(run):
    assert run.weight_epochs == (0, 2)
    with pytest.raises(EpochNotRecorded, match=r"weights of epoch 1 of .* the nearest epoch whose weights were is 0"):
        MapRequest.parse({**SMALL, "sources": [["dense_1", 1]]}).fitted(run)
    assert MapRequest.parse({**SMALL, "sources": [["pixels", 1]]}).fitted(run), "pixels need no weights"
    with pytest.raises(EpochNotRecorded, match=r"\(0 to 2\), got 3"):
        MapRequest.parse({**SMALL, "sources": [["dense_1", 3]]}).fitted(run)


@pytest.mark.parametrize(
    ("method", "source", "said"),
    [
        ("umap", "dense_1", "`neighbours` must be at most 12 for 12 images, got 15"),
        ("tsne", "dense_1", "`perplexity` must be at most 3.667"),
    ],
)
def test_settings_that_do_not_fit_the_images_are_refused_before_anything_is_queued(run, method, source, said):
    with pytest.raises(InvalidInput, match=said):
        MapRequest.parse({"method": method, "sources": [[source, 2]]}).fitted(run)


def test_three_components_of_a_layer_with_fewer_values_are_refused(tmp_path):
    layers = [
        {"kind": "flatten"},
        {"kind": "dense", "units": 2},
        {"kind": "dense", "units": 10, "activation": "linear"},
    ]
    lab = Lab(Settings(home=tmp_path, data=()))
    narrow = lab.run(train(lab.archive, SPEC.replace({"network.layers": layers}).model_dump(mode="json")))
    request = {"method": "pca", "settings": {"components": 3}, "sources": [["dense_1", 2]]}
    with pytest.raises(InvalidInput, match="`components` must be at most 2"):
        MapRequest.parse(request).fitted(narrow)
    assert MapRequest.parse(request | {"sources": [["output", 2]]}).fitted(narrow)
    lab.close()


def test_there_is_room_for_a_whole_sequence():
    assert len(MapRequest.parse({"sources": [["pixels", n] for n in range(MOST_SOURCES)], "anchor": 23}).sources) == 24


def test_a_lease_is_no_request():
    with pytest.raises(InvalidInput):
        MapRequest.parse(Lease("r", "t", 1))
