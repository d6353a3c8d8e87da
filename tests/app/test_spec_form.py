"""The form of a run: every field of the specification has one widget, and what is typed becomes the specification."""

import json
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mnist_core.errors import InvalidSpec
from mnist_core.networks.catalogue import presets
from mnist_core.part import field_docs
from mnist_core.spec import AugmentationSpec, CosineSchedule, EarlyStopping, RunSpec
from pages.ui.field_widget import amount, amount_text, help_text
from pages.ui.train.spec_fields import FIELDS, NO_EFFECT

NOT_IN_THE_FORM = ("spec_version", "dataset.name", "dataset.corruption", "dataset.grouping.N", "network")
VARIANTS = {
    "optimizer.name": ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"],
    "schedule.kind": ["constant", "step", "cosine", "one_cycle", "warm_up"],
}


def form(preset: str, dataset: str) -> None:
    """The whole form, as a page draws it, and its answer as JSON."""
    import streamlit as st

    from mnist_core.errors import InvalidInput
    from mnist_core.networks.catalogue import presets
    from pages.ui.train.spec_form import draw_common, draw_more, start_draft

    draft = start_draft(presets[preset], dataset)
    draw_common(draft)
    draw_more(draft)
    try:
        st.json(draft.spec().model_dump_json())
    except InvalidInput as error:
        st.error(str(error))


def open_form(preset: str = "bottleneck-cnn", dataset: str = "digits") -> AppTest:
    app = AppTest.from_function(form, args=(preset, dataset), default_timeout=20).run()
    assert not app.exception
    return app


def widgets(app: AppTest) -> dict[str, Any]:
    """By the path that each sets."""
    kinds = (app.number_input, app.selectbox, app.text_input, app.text_area, app.toggle, app.button_group)
    found: dict[str, Any] = {}
    for widget in (one for kind in kinds for one in kind):
        path = next(part for part in widget.key.split(":")[2:] if not part.isdecimal() and part != "digits")
        assert path not in found, path
        found[path] = widget
    return found


def answer(app: AppTest) -> RunSpec:
    assert not app.error, app.error[0].value
    return RunSpec.parse(json.loads(app.json[0].value))


def leaves() -> set[tuple[str, str]]:
    """Every field that a form must have, as (path, variant)."""
    docs = [doc for doc in field_docs(RunSpec) if not any(doc.path.startswith(path) for path in NOT_IN_THE_FORM)]
    kept = {(doc.path, doc.variant) for doc in docs if doc.kind != "part" or doc.optional}
    names = {(doc.path, doc.variant) for doc in docs if doc.path in VARIANTS}
    return kept - names


def test_the_form_knows_every_field() -> None:
    own = {(doc.path, doc.variant) for doc in FIELDS if doc.path not in ("optimizer", "schedule")}
    assert own == leaves()


@pytest.mark.parametrize("name", VARIANTS["optimizer.name"])
def test_every_field_of_an_optimiser_has_one_widget(name: str) -> None:
    preset = "logistic-regression" if name == "lbfgs" else "bottleneck-cnn"
    app = open_form(preset)
    if widgets(app)["optimizer"].value != name:
        widgets(app)["optimizer"].select(name).run()
    unused = NO_EFFECT.get(name, ())
    early = ("training.early_stopping.patience", "training.early_stopping.min_delta")
    wanted = {path for path, variant in leaves() if variant in ("", f"optimizer.name={name}")}
    wanted = {path for path in wanted if not path.startswith(unused)} if unused else wanted
    drawn = set(widgets(app))
    assert drawn - {"optimizer", "schedule"} == wanted - set(early)
    assert answer(app).optimizer.name == name


@pytest.mark.parametrize("kind", VARIANTS["schedule.kind"])
def test_every_field_of_a_schedule_has_one_widget(kind: str) -> None:
    app = open_form()
    widgets(app)["schedule"].select(kind).run()
    assert set(answer(app).schedule.model_dump()) - {"kind"} == {
        path.removeprefix("schedule.") for path in widgets(app) if path.startswith("schedule.")
    }


@pytest.mark.parametrize("preset", presets)
def test_an_untouched_form_is_the_preset(preset: str) -> None:
    assert answer(open_form(preset)) == presets[preset].specify("digits", {})


def test_what_is_typed_becomes_the_specification() -> None:
    app = open_form()
    drawn = widgets(app)
    drawn["training.epochs"].set_value(7)
    drawn["optimizer.learning_rate"].set_value(0.02)
    drawn["augmentation.rotate"].set_value(15.0)
    drawn["split.validation"].set_value("10 %")
    drawn["split.train"].set_value("1,000")
    drawn["schedule"].select("cosine")
    drawn["training.early_stopping"].set_value(True)
    app.run()
    spec = answer(app)
    assert (spec.training.epochs, spec.optimizer.learning_rate) == (7, 0.02)  # type: ignore[union-attr]
    assert spec.augmentation == AugmentationSpec(rotate=15)
    assert (spec.split.train, spec.split.validation) == (1000, 0.1)
    assert spec.schedule == CosineSchedule()
    assert spec.training.early_stopping == EarlyStopping()
    assert spec.training.keep == "best"


def test_another_optimiser_starts_from_its_defaults() -> None:
    app = open_form()
    widgets(app)["optimizer.learning_rate"].set_value(0.5).run()
    widgets(app)["optimizer"].select("sgd").run()
    assert answer(app) == presets["bottleneck-cnn"].specify("digits", {"optimizer.name": "sgd"})
    widgets(app)["optimizer"].select("adam").run()
    assert answer(app) == presets["bottleneck-cnn"].specify("digits", {})


def test_what_has_no_effect_is_neither_shown_nor_sent() -> None:
    app = open_form("logistic-regression")
    widgets(app)["optimizer"].select("adam").run()
    widgets(app)["schedule"].select("cosine")
    widgets(app)["training.batch_size"].set_value(64).run()
    widgets(app)["optimizer"].select("lbfgs").run()
    assert "training.batch_size" not in widgets(app)
    assert answer(app) == presets["logistic-regression"].specify("digits", {})


@pytest.mark.parametrize("path", NO_EFFECT["lbfgs"])
def test_only_what_is_refused_is_left_out(path: str) -> None:
    values = {
        "schedule": {"kind": "cosine"},
        "training.batch_size": 64,
        "training.early_stopping": {},
        "augmentation": {"shift": 1},
        "precision": "bfloat16",
        "seed": 1,
        "device": "gpu",
    }
    with pytest.raises(InvalidSpec, match="no effect"):
        presets["logistic-regression"].specify("digits", {path: values[path]})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training.batch_size", 0),
        ("training.epochs", 5000),
        ("optimizer.learning_rate", -1.0),
        ("split.validation", "many"),
        ("split.train", "1/0"),
        ("seed", -1),
    ],
)
def test_what_breaks_a_rule_is_one_sentence(path: str, value: Any) -> None:
    app = open_form()
    widgets(app)[path].set_value(value).run()
    (error,) = app.error
    assert f"`{path}` must be" in error.value
    assert not app.json


def test_groups_of_classes() -> None:
    app = open_form()
    widgets(app)["dataset.grouping"].select("own groups").run()
    app.text_area[0].set_value("round: 0, 6, 8, 9\nother: 1 2 3 4 5 7").run()
    spec = answer(app)
    assert spec.classes == 2
    assert spec.dataset.grouping and [group.name for group in spec.dataset.grouping] == ["round", "other"]
    app.text_area[0].set_value("round 0, 6").run()
    assert "A group must be a name and its labels" in app.error[0].value


def test_shipped_groups_stand_with_their_dataset() -> None:
    app = open_form("resnet-8", "fashion-mnist")
    (grouping,) = [box for box in app.selectbox if box.label == "grouping"]
    grouping.select("fashion-5").run()
    assert answer(app).classes == 5


GROUPED: dict[str, Any] = {"dataset.grouping": {"one: odd": [1, 3, 5, 7, 9], "even": [0, 2, 4, 6, 8]}}


def again(spec: RunSpec) -> AppTest:
    """The form, filled with the values of a run."""
    app = AppTest.from_function(form, args=("softmax-regression", "digits"), default_timeout=20)
    app.session_state["form:like"] = spec
    return app.run()


def test_a_run_with_groups_is_trained_again_as_it_was() -> None:
    spec = presets["softmax-regression"].specify("digits", GROUPED)
    app = again(spec)
    assert answer(app) == spec
    app.number_input[0].set_value(3).run()
    assert answer(app) == spec.replace({"training.epochs": 3})


def test_the_output_layer_follows_other_groups() -> None:
    app = again(presets["softmax-regression"].specify("digits", GROUPED))
    app.text_area[0].set_value("a: 0\nb: 1 2 3\nc: 4 5 6 7 8 9").run()
    assert answer(app).classes == 3
    (grouping,) = [box for box in app.selectbox if box.label == "grouping"]
    grouping.select("as they are").run()
    assert answer(app) == presets["softmax-regression"].specify("digits", {})


@pytest.mark.parametrize("value", [None, 5000, 0.1, 0.3, 1 / 12, 1 / 3, 0.123456])
def test_amounts_are_typed_as_they_are_shown(value: float | None) -> None:
    assert amount("split.train", amount_text(value)) == value


def test_every_field_is_explained() -> None:
    for doc in FIELDS:
        assert help_text(doc)[0].isupper()
        assert help_text(doc).endswith(".")


@pytest.fixture(autouse=True)
def _no_leftovers() -> None:
    st.cache_resource.clear()
