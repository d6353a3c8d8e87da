"""The specification: its bounds hold everywhere, its sentences are sentences, its digest decides what it should."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_core.errors import InvalidSpec
from mnist_core.networks.catalogue import presets
from mnist_core.networks.layers import BatchNorm, Conv, Residual
from mnist_core.part import FieldDoc, Part, field_docs
from mnist_core.spec import RunSpec

DOCS = list(field_docs(RunSpec))
CONTENT = "0123456789abcdef" * 4
HOSTS = {
    "conv": {"kind": "conv", "filters": 2, "kernel": 1},
    "dense": {"kind": "dense", "units": 3},
    "pool": {"kind": "pool"},
    "dropout": {"kind": "dropout", "rate": 0.5},
    "batch_norm": {"kind": "batch_norm"},
    "activation": {"kind": "activation"},
    "flatten": {"kind": "flatten"},
    "permute": {"kind": "permute", "order": [3, 1, 2]},
    "residual": {"kind": "residual", "body": [{"kind": "activation"}]},
}
BEFORE = {"dense": [{"kind": "flatten"}]}
DIGESTS = {
    "softmax-regression": "c551cfeec88ac99ff8bb4a8903230a92657e6e31b05a6e5e090b0f86c69ffb54",
    "bottleneck-cnn": "8e2e6ba17caccb9d866174105ac7a304fa8861e28ac5d66884ebce6c6d115994",
    "resnet-8": "2dff1a5b2a89cc636f4f5c32954d2728e34cc0084f5bb129595522398e7df1b1",
}


def plain(kind: str = "conv") -> tuple[dict[str, Any], int]:
    """A specification with one layer of a kind in it, and the place where that layer stands."""
    before = BEFORE.get(kind, [])
    after = [] if kind in ("dense", "flatten") else [{"kind": "flatten"}]
    output = {"kind": "dense", "units": 10, "activation": "linear"}
    layers = [*before, json.loads(json.dumps(HOSTS[kind])), *after, output]
    data = {"dataset": {"name": "mnist"}, "network": {"layers": layers}, "optimizer": {"name": "adam"}}
    return data, len(before)


def assigned(doc: FieldDoc, value: object) -> tuple[str, dict[str, Any]]:
    """Plain data in which this field has this value, and the field's full path in it."""
    variant = doc.variant.rpartition("=")[2].split("|")[0]
    if ".kernel_initializer." in doc.path or ".bias_initializer." in doc.path:
        data, index = plain("dense" if doc.path.startswith("network.layers.N.dense") else "conv")
        where = doc.path.replace(".N.", f".{index}.")
        initializer = {"kind": variant} | ({"value": 0.1} if variant == "constant" else {})
        data["network"]["layers"][index][where.split(".")[-2]] = initializer
    elif doc.path.startswith("network.layers.N."):
        data, index = plain(variant)
        where = doc.path.replace(".N.", f".{index}.")
    elif doc.path.startswith("dataset.grouping."):
        data, _ = plain()
        data["dataset"]["grouping"] = [{"name": "a", "labels": [0]}, {"name": "b", "labels": [1]}]
        where = doc.path.replace(".N.", ".0.")
    else:
        data, _ = plain()
        where = doc.path
        if doc.variant.startswith(("optimizer.", "schedule.")):
            part, tag = doc.variant.split("=")[0].split(".")
            data[part] = {tag: variant}
        if variant == "lbfgs":
            data["network"]["layers"] = [{"kind": "flatten"}, {"kind": "dense", "units": 10, "activation": "linear"}]
        if where.startswith("training.early_stopping."):
            data["training"] = {"early_stopping": {}}
    place: Any = data
    *parents, last = where.split(".")
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[last] = value
    return where, data


def numbers(doc: FieldDoc) -> st.SearchStrategy[float]:
    if doc.path in ("split.train", "split.validation", "split.test"):
        shares = st.floats(0, 1, exclude_min=True, exclude_max=True, allow_subnormal=False)
        return st.one_of(shares, st.integers(1, 10**9))
    assert doc.low is not None and doc.high is not None, f"{doc.path} has no bounds"
    if doc.kind == "integer":
        return st.integers(int(doc.low), int(doc.high))
    return st.floats(doc.low, doc.high, exclude_min=doc.low_open, exclude_max=doc.high_open, allow_subnormal=False)


def outside(doc: FieldDoc) -> list[float]:
    if doc.low is None or doc.high is None:
        return [0, -1, 1.0, 1.5, -0.5]
    if doc.kind == "integer":
        return [int(doc.low) - 1, int(doc.high) + 1, doc.low + 0.5]
    below = doc.low if doc.low_open else math.nextafter(doc.low, -math.inf)
    above = doc.high if doc.high_open else math.nextafter(doc.high, math.inf)
    return [below, above, math.inf, -math.inf, math.nan]


def refusal(data: Any) -> str:
    with pytest.raises(InvalidSpec) as error:
        RunSpec.parse(data)
    return check_sentence(str(error.value))


def check_sentence(text: str) -> str:
    assert "\n" not in text
    assert text.endswith(".")
    assert not text.endswith("..")
    assert len(text) < 500
    return text


NUMBERS = [doc for doc in DOCS if doc.kind in ("integer", "number")]
CHOICES = [doc for doc in DOCS if doc.kind == "choice" and doc.path != "network.layers.N.order"]


def label(doc: FieldDoc) -> str:
    return f"{doc.variant}:{doc.path}"


@pytest.mark.parametrize("doc", NUMBERS, ids=label)
def test_numbers_inside_the_bounds_are_accepted(doc: FieldDoc) -> None:
    @settings(max_examples=15, deadline=None, database=None)
    @given(numbers(doc))
    def accepted(value: float) -> None:
        path, data = assigned(doc, value)
        try:
            spec = RunSpec.parse(data)
        except InvalidSpec as error:  # a window can be larger than the image, which is not this field's own rule
            assert "does not fit" in str(error)
            return
        found: Any = spec.model_dump(mode="json")
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        assert found == value

    accepted()


@pytest.mark.parametrize("doc", NUMBERS, ids=label)
def test_numbers_outside_the_bounds_are_refused_with_path_rule_and_value(doc: FieldDoc) -> None:
    for value in outside(doc):
        path, data = assigned(doc, value)
        text = refusal(data)
        assert text.startswith(f"`{path}` must be "), text
        assert text.endswith(f", got {value}."), text
        if doc.low is not None:
            assert f"{doc.low:.15g}" in text, text
            assert f"{doc.high:.15g}" in text, text


@pytest.mark.parametrize("doc", NUMBERS, ids=label)
@pytest.mark.parametrize("value", ["many", True, [], {}, [1]], ids=str)
def test_what_is_no_number_is_refused(doc: FieldDoc, value: object) -> None:
    path, data = assigned(doc, value)
    assert refusal(data).startswith(f"`{path}` must be a ")


@pytest.mark.parametrize("doc", NUMBERS, ids=label)
def test_null_is_a_number_only_where_it_says_so(doc: FieldDoc) -> None:
    path, data = assigned(doc, None)
    if doc.optional:
        RunSpec.parse(data)
    else:
        assert refusal(data) == f"`{path}` {doc.rule}, got null."


@pytest.mark.parametrize("doc", CHOICES, ids=label)
def test_choices_are_refused_with_all_of_them(doc: FieldDoc) -> None:
    path, data = assigned(doc, "nonsense")
    text = refusal(data)
    assert text.startswith(f"`{path}` must be "), text
    assert all(choice in text for choice in doc.choices), text
    assert text.endswith(", got 'nonsense'."), text


@pytest.mark.parametrize("doc", [doc for doc in CHOICES if "." not in doc.path or "training" in doc.path], ids=label)
def test_every_choice_is_accepted(doc: FieldDoc) -> None:
    for choice in doc.choices:
        RunSpec.parse(assigned(doc, int(choice) if choice.isdigit() else choice)[1])


def test_every_field_says_what_it_is() -> None:
    for doc in DOCS:
        assert doc.help or doc.path.endswith((".kind", "optimizer.name")), doc.path
        assert not doc.help.endswith("."), doc.path
        assert doc.rule.startswith("must be "), doc.path
        if doc.kind in ("integer", "number") and not doc.path.startswith("split."):
            assert doc.low is not None, doc.path
            assert doc.high is not None, doc.path
        if doc.kind == "text":
            assert doc.longest, doc.path


def test_defaults_obey_their_own_rule() -> None:
    for doc in DOCS:
        if doc.kind in ("integer", "number", "boolean", "choice") and not doc.required:
            default = doc.default.model_dump() if isinstance(doc.default, Part) else doc.default
            path, data = assigned(doc, default)
            assert RunSpec.parse(data), path


def nested(depth: int) -> dict[str, Any]:
    layer: dict[str, Any] = {"kind": "activation"}
    for _ in range(depth):
        layer = {"kind": "residual", "body": [layer]}
    return layer


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("dataset", 3, "`dataset` must be an object with `name`, `grouping`, `corruption`, got 3."),
        ("dataset.name", "My data", "`dataset.name` must be digits, mnist, fashion-mnist, or the sha256 of own data"),
        ("dataset.name", "", "`dataset.name` must be digits, mnist"),
        ("dataset.name", "a" * 65, "`dataset.name` must be digits, mnist"),
        ("dataset.corruption", 1, "`dataset.corruption` must be null, got 1."),
        ("network", None, "`network` must be an object with `preset`, `layers`, got null."),
        ("network.layers", "dense", "`network.layers` must be a list of 1 to 200 items, got 'dense'."),
        ("network.layers", {"a": 1}, "`network.layers` must be a list of 1 to 200 items, got {'a': 1}."),
        ("network.layers", None, "`network.layers` must be a list of 1 to 200 items, got null."),
        ("network.layers", [], "`network.layers` must be a list of 1 to 200 items, got 0."),
        ("network.layers", [{"kind": "activation"}] * 201, "`network.layers` must be a list of 1 to 200 items, go"),
        ("network.layers", ["dense"], "`network.layers.0` must be an object with `kind`, one of conv, dense, "),
        ("network.layers", [{}], "`network.layers.0.kind` is missing; it must be one of conv, dense, "),
        ("network.layers", [{"kind": "x"}], "`network.layers.0.kind` must be one of conv, dense, "),
        ("network.layers", [{"kind": ["x"]}], "`network.layers.0.kind` must be one of conv, dense, "),
        ("network.layers", [{"kind": "dense"}], "`network.layers.0.units` is missing; it must be a whole number "),
        ("network.layers", [nested(9)], "`network.layers` must nest residual layers at most 8 deep, got more."),
        ("network.layers", [nested(5000)], "`network.layers` must nest residual layers at most 8 deep, got more."),
        ("network.preset", "two\nlines", "`network.preset` must be printable characters without spaces around them"),
        ("network.preset", "x" * 61, "`network.preset` must be a text of at most 60 characters, got 'xxx"),
        ("optimizer", "adam", "`optimizer` must be an object with `name`, one of sgd, adam, "),
        ("optimizer", {}, "`optimizer.name` is missing; it must be one of sgd, adam, "),
        ("optimizer", {"name": None}, "`optimizer.name` must be one of sgd, adam, "),
        ("optimizer", {"name": "sgd", "beta_1": 0.3}, "`optimizer.beta_1` is not a field of sgd, which has `name`"),
        ("optimizer", {"name": "sgd", "momentun": 0.3}, "`optimizer.momentun` is not a field of sgd; did you mean `op"),
        ("optimizer", {"name": "sgd", "nesterov": True}, "`optimizer.nesterov` needs `optimizer.momentum` above 0"),
        ("optimizer", {"name": "sgd", "nesterov": "x", "momentum": 0.1}, "`optimizer.nesterov` must be true or false"),
        ("schedule", {"kind": "cosine", "every": 3}, "`schedule.every` is not a field of cosine, which has `kind`, "),
        ("training", [], "`training` must be an object with `epochs`, `batch_size`, `early_stopping`, `keep`, got []."),
        ("training.early_stopping", True, "`training.early_stopping` must be an object with `patience`, `min_delt"),
        ("training.epochs", [[[[[]]]]], "`training.epochs` must be a whole number between 1 and 1000 (epochs), got ["),
        ("training.batchsize", 3, "`training.batchsize` is not a field; did you mean `training.batch_size`."),
        ("training.xyz", 3, "`training.xyz` is not a field; `training` has `epochs`, "),
        ("epochz", 3, "`epochz` is not a field; did you mean `training.epochs`."),
        ("zzz", 3, "`zzz` is not a field; a run has `spec_version`, `dataset`, "),
        ("two\nlines", 3, "`two lines` is not a field; a run has "),
        ("split.train", 1.0, "`split.train` must be a count of at least 1 or a share between 0 and 1, both excluded"),
        ("split.train", True, "`split.train` must be a number or null, got 'true'."),
        ("split.validation", {}, "`split.validation` must be a number, got {}."),
        ("device", "tpu", "`device` must be one of auto, cpu, gpu, got 'tpu'."),
        ("precision", "float16", "`precision` must be one of float32, bfloat16, got 'float16'."),
        ("precision", None, "`precision` must be one of float32, bfloat16, got null."),
        ("spec_version", 2, "`spec_version` must be 1, got 2."),
        ("dataset.grouping", 3, "`dataset.grouping` must be one of fashion-5, or an object of names with their labels"),
        ("dataset.grouping", "nope", "`dataset.grouping` must be one of fashion-5, or an object of names with the"),
        ("dataset.grouping", {"a": [0]}, "`dataset.grouping` must be a list of 2 to 100 items or null, got 1."),
        ("dataset.grouping", {"a": [0], "b": [0]}, "`dataset.grouping` must hold each label once, got label 0 twice."),
        ("dataset.grouping", {"a": 0, "b": [1]}, "`dataset.grouping.0.labels` must be a list of at least 1 item,"),
        ("dataset.grouping", {"a": [], "b": [1]}, "`dataset.grouping.0.labels` must be a list of at least 1 item,"),
        ("dataset.grouping", {"a": [256], "b": [1]}, "`dataset.grouping.0.labels.0` must be a whole number betwee"),
        ("dataset.grouping", {"": [0], "b": [1]}, "`dataset.grouping.0.name` must be a text of 1 to 60 characters"),
        ("dataset.grouping", {"a\nb": [0], "b": [1]}, "`dataset.grouping.0.name` must be printable characters without"),
    ],
)  # fmt: skip
def test_the_sentence_names_field_rule_and_value(path: str, value: object, expected: str) -> None:
    data, _ = plain()
    place = data
    *parents, last = path.split(".")
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    assert refusal(data).startswith(expected)


def test_two_groups_of_one_name_are_refused() -> None:
    data, _ = plain()
    data["dataset"]["grouping"] = [{"name": "a", "labels": [0]}, {"name": "a", "labels": [1]}]
    assert refusal(data) == "`dataset.grouping` must have one group of each name, got 'a' twice."


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        (None, " must be an object with `kind`, one of glorot_uniform, "),
        (3, " must be an object with `kind`, one of glorot_uniform, "),
        ({}, ".kind` is missing; it must be one of glorot_uniform, "),
        ("nope", ".kind` must be one of glorot_uniform, "),
        ({"kind": "constant"}, ".value` is missing; it must be a number between -1 and 1."),
        ({"kind": "normal", "sd": 0}, ".sd` must be a number between 0 (excluded) and 1, got 0."),
        ({"kind": "he_normal", "sd": 0.1}, ".sd` is not a field of he_normal, which has `kind`."),
    ],
)
def test_a_bad_initializer_gets_a_sentence(initializer: object, expected: str) -> None:
    data, _ = plain("dense")
    data["network"]["layers"][1]["kernel_initializer"] = initializer
    text = refusal(data)
    assert text.startswith("`network.layers.1.kernel_initializer")
    assert expected.lstrip() in text


@pytest.mark.parametrize("data", [None, 3, "x", [], {}, {1: 2}, {"dataset": {"name": "mnist"}}], ids=str)
def test_what_is_no_specification_gets_a_sentence(data: object) -> None:
    refusal(data)


def test_a_key_that_is_no_text_gets_a_sentence() -> None:
    refusal(plain()[0] | {1: 2})


def test_a_number_of_thousands_of_digits_gets_a_sentence() -> None:
    data, _ = plain()
    data["training"] = {"epochs": 10**5000}
    assert refusal(data).endswith("got a number of more than 40 digits.")


def test_a_body_that_holds_itself_gets_a_sentence() -> None:
    data, _ = plain("residual")
    layer = data["network"]["layers"][0]
    layer["body"] = [layer]
    assert "at most 8 deep" in refusal(data)


def test_layers_built_in_python_nest_no_deeper() -> None:
    layer = Residual(body=(BatchNorm(),))
    for _ in range(2000):
        layer = Residual(body=(layer,))
    data, _ = plain()
    data["network"]["layers"][0] = layer
    assert "at most 8 deep" in refusal(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = sorted({doc.path.replace(".N.", ".1.") for doc in DOCS} | {"network.layers.1.body.0.kernel", "a.b", "", "."})


@settings(max_examples=300, deadline=None, database=None)
@given(st.sampled_from(PATHS), JSON, st.sampled_from(sorted(presets)))
def test_whatever_is_set_is_accepted_or_refused_in_a_sentence(path: str, value: Any, name: str) -> None:
    try:
        spec = presets[name].specify("mnist", {path: value})
    except InvalidSpec as error:
        check_sentence(str(error))
    else:
        assert RunSpec.parse(json.loads(spec.model_dump_json())) == spec


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"kind": "flatten"}], "`network.layers` must end with a dense layer with linear activation and one unit per"),
        (
            [{"kind": "flatten"}, {"kind": "dense", "units": 10}],
            "`network.layers.1.activation` must be linear in the last layer, which softmax follows by itself, got",
        ),
    ],
)
def test_the_last_layer_is_dense_and_linear(layers: list[dict[str, Any]], expected: str) -> None:
    assert refusal(plain()[0] | {"network": {"layers": layers}}).startswith(expected)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"schedule.kind": "cosine"}, "schedule"),
        ({"batch_size": 64}, "training.batch_size"),
        ({"training.early_stopping": {}}, "training.early_stopping"),
        ({"augmentation.shift": 1}, "augmentation"),
        ({"precision": "bfloat16"}, "precision"),
        ({"seed": 1}, "seed"),
        ({"device": "gpu"}, "device"),
        ({"network.layers.1.l2": 0.1}, "network.layers"),
        ({"network.layers.1.kernel_initializer": "zeros"}, "network.layers"),
    ],
)
def test_logistic_regression_refuses_what_would_have_no_effect(overrides: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        presets["logistic-regression"].specify("mnist", overrides)
    assert check_sentence(str(error.value)).startswith(f"`{field}` ")


@pytest.mark.parametrize("name", presets)
def test_a_specification_survives_json(name: str) -> None:
    spec = presets[name].on()
    assert RunSpec.parse(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec
    assert RunSpec.parse(spec.model_dump()) == spec


def test_a_specification_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        presets["mlp-512"].on().seed = 3


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items())
def test_digests_stay(name: str, digest: str) -> None:
    """Recorded runs are found by these digests.

    One that changes means that the same specification now trains other numbers, so raise ENGINE_VERSION, or that the
    format has changed, so raise SPEC_VERSION; then, and only then, write the new digests here.
    """
    assert presets[name].on("mnist").digest(CONTENT, "cpu") == digest


def digest_of(overrides: dict[str, Any], preset: str = "bottleneck-cnn", dataset: str = "mnist") -> str:
    return presets[preset].specify(dataset, overrides).digest(CONTENT, "cpu")


def test_names_are_not_in_the_digest() -> None:
    assert digest_of({"network.preset": "mine"}) == digest_of({})
    assert digest_of({}, dataset="digits") == digest_of({}, dataset="mnist")


def test_the_names_of_groups_are_not_in_the_digest_but_their_labels_are() -> None:
    labels, others = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]], [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9]]
    low_high, ab = ({"dataset.grouping": dict(zip(names, labels, strict=True))} for names in (("low", "high"), "ab"))
    assert digest_of(low_high) == digest_of(ab)
    assert digest_of({"dataset.grouping": dict(zip("ab", others, strict=True))}) != digest_of(ab)
    assert digest_of({"dataset.grouping": dict(zip("ab", labels[::-1], strict=True))}) != digest_of(ab)


DECIDING = [
    ("split.train", 100), ("split.validation", 0.2), ("split.test", 0.3), ("split.seed", 1),
    ("optimizer.name", "adamw"), ("optimizer.learning_rate", 0.002), ("optimizer.beta_1", 0.8),
    ("optimizer.beta_2", 0.99), ("optimizer.epsilon", 1e-6), ("schedule.kind", "cosine"), ("training.epochs", 4),
    ("training.batch_size", 33), ("training.early_stopping", {}), ("training.keep", "best"),
    ("augmentation.shift", 1), ("augmentation.rotate", 1), ("augmentation.zoom", 0.1), ("augmentation.noise", 0.1),
    ("precision", "bfloat16"), ("seed", 1), ("network.layers.0.filters", 33), ("network.layers.0.kernel", 5),
    ("network.layers.0.stride", 2), ("network.layers.0.padding", "valid"), ("network.layers.0.activation", "elu"),
    ("network.layers.0.kernel_initializer", "he_normal"), ("network.layers.0.bias_initializer", "normal"),
    ("network.layers.0.l2", 0.1), ("network.layers.7.units", 11),
]  # fmt: skip


def test_each_deciding_field_changes_the_digest() -> None:
    digests = [digest_of({}), *(digest_of({path: value}) for path, value in DECIDING)]
    digests.append(presets["bottleneck-cnn"].on("mnist").digest(CONTENT[::-1], "cpu"))
    digests.append(presets["bottleneck-cnn"].on("mnist").digest(CONTENT, "gpu"))
    assert len(set(digests)) == len(digests)


def test_the_device_is_in_the_digest_as_the_kind_that_trains() -> None:
    assert digest_of({"device": "cpu"}) == digest_of({"device": "auto"})


def test_defaults_written_out_or_left_out_give_one_digest() -> None:
    spec = presets["resnet-8"].on("mnist")
    whole = spec.model_dump(mode="json")
    short = json.loads(spec.model_dump_json(exclude_defaults=True))
    short["optimizer"] = {"name": "adam"}
    for given_layer, layer in zip(short["network"]["layers"], whole["network"]["layers"], strict=True):
        given_layer["kind"] = layer["kind"]
    short["network"]["layers"] = whole["network"]["layers"]
    assert RunSpec.parse(short).digest(CONTENT, "cpu") == spec.digest(CONTENT, "cpu")


def test_a_whole_number_for_a_real_one_gives_one_digest() -> None:
    assert digest_of({"learning_rate": 1}) == digest_of({"learning_rate": 1.0})


def test_classes_are_the_units_of_the_last_layer() -> None:
    assert presets["cnn-64-32"].on("mnist").classes == 10
    assert presets["cnn-64-32"].on("fashion-mnist", dataset__grouping="fashion-5").classes == 5


def test_layers_can_be_given_as_objects() -> None:
    spec = presets["mlp-512"].on("mnist", network__layers=[Conv(filters=2), *presets["mlp-512"].layers(10)])
    assert spec.network.layers[0] == Conv(filters=2)
