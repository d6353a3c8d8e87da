import io
import zipfile
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from mnist_core.runs import RunState, Wish, export_bundle
from pages.ui.runs.actions import FOREIGN
from pages.ui.runs.table import STATES, fitting


def press(app, label):
    (button,) = (button for button in app.button if button.label == label)
    return button.click().run()


def button(app, label):
    (found,) = (button for button in app.button if button.label == label)
    return found


def names(app):
    return list(app.dataframe[0].value["name"])


def chosen(app):
    return [heading.value for heading in app.subheader]


@pytest.fixture
def demo(home, monkeypatch):
    monkeypatch.setenv("MNIST_LAB_PROFILE", "demo")


def test_where_nothing_is_trained_it_says_what_to_do(open_page):
    app = open_page("runs")
    assert "Nothing is trained yet" in app.info[0].value
    assert not app.text_input and not app.pills
    assert not press(app, "Train a network").exception


def test_every_number_of_a_run_is_its_records(open_page, finished_run):
    record, epochs = finished_run.record, finished_run.epochs
    row = open_page("runs").dataframe[0].value.iloc[0]
    test = record.result["test"]
    assert (row["name"], list(row["state"]), row["dataset"]) == (record.name, ["finished"], "digits")
    assert (row["network"], row["parameters"]) == ("softmax-regression", finished_run.parameters)
    assert (row["kept"], row["best"], row["errors"]) == (2, 2, test["errors"])
    assert row["validation"] == pytest.approx(100 * epochs[2].metrics["val_accuracy"])
    assert row["test"] == pytest.approx(100 * test["accuracy"])
    assert list(row["curve"]) == [epoch.metrics["val_accuracy"] for epoch in epochs[1:]]
    assert row["duration"] == record.used


def test_a_chosen_run_stands_with_its_doubt(open_page, finished_run):
    app = open_page("runs", run=finished_run.id)
    test = finished_run.record.result["test"]
    assert chosen(app) == [finished_run.record.name.replace("-", r"\-")]
    assert any(f"{test['errors']} of 270 wrong" in text.value for text in app.markdown)


@pytest.mark.parametrize("state", [state.value for state in RunState])
def test_a_run_in_any_state_can_be_looked_at(open_page, add_run, state):
    record = add_run(state, reason="Because.")
    app = open_page("runs", run=record.id)
    assert not app.exception and not app.error
    assert button(app, "Predictions").disabled == (record.epoch is None)
    active = record.state.is_active
    assert [one.label for one in app.button if one.label == "Stop"] == ["Stop"] * active
    assert [one.label for one in app.button if one.label == "Delete"] == ["Delete"] * (state != "running")


def test_a_link_to_an_unknown_run_says_so(open_page, add_run):
    add_run("done", name="one")
    app = open_page("runs", run="nobody")
    assert "No run answers to `nobody`" in app.warning[0].value
    assert chosen(app) == ["one"]


def test_filter_and_states(open_page, add_run):
    add_run("done", name="red fox")
    add_run("failed", name="red hen", note="too fast")
    add_run("queued", name="blue fox")
    app = open_page("runs")
    assert names(app) == ["blue fox", "red hen", "red fox"]
    app.text_input(key="runs_filter").set_value("RED softmax").run()
    assert names(app) == ["red hen", "red fox"]
    app.get_by_key("runs_states").set_value(["failed"]).run()
    assert names(app) == ["red hen"]
    app.text_input(key="runs_filter").set_value("zebra").run()
    assert not app.dataframe
    assert "None of the 3 runs" in app.info[0].value


def test_a_filter_that_hides_active_runs_does_not_run_the_page_again(open_page, add_run, monkeypatch):
    add_run("running", name="red fox")
    add_run("done", name="blue fox")
    monkeypatch.setattr("streamlit.rerun", lambda: pytest.fail("nothing has changed"))
    app = open_page("runs")
    app.text_input(key="runs_filter").set_value("blue").run()
    assert names(app) == ["blue fox"]


def test_every_state_can_be_filtered_by(add_run):
    records = [add_run(state.value) for state in RunState]
    assert [len(fitting(records, "", [word])) for word in STATES] == [1] * len(STATES)
    assert len(fitting(records, " ", [])) == len(records)


def test_rename_and_note(open_page, add_run, shared):
    record = add_run("done")
    app = open_page("runs", run=record.id)
    app.text_input[1].set_value(" new name ")
    app.text_area[0].set_value("it *works* [here](x)")
    press(app, "Save")
    now = shared.lab.archive.store.run(record.id)
    assert (now.name, now.note) == ("new name", "it *works* [here](x)")
    assert chosen(app) == ["new name"]


@pytest.mark.parametrize("name", ["", "a/b", "taken", "0123abcd"])
def test_a_bad_name_is_refused_with_a_sentence(open_page, add_run, shared, name):
    add_run("done", name="taken")
    record = add_run("done", name="mine")
    app = open_page("runs", run=record.id)
    app.text_input[1].set_value(name)
    press(app, "Save")
    assert not app.exception
    assert "`name`" in app.error[0].value or "taken" in app.error[0].value
    assert shared.lab.archive.store.run(record.id).name == "mine"


def test_stop_is_a_wish(open_page, add_run, shared):
    record = add_run("running")
    app = press(open_page("runs", run=record.id), "Stop")
    assert shared.lab.archive.store.run(record.id).wish is Wish.STOP
    assert button(app, "Stop").disabled
    assert list(app.dataframe[0].value["state"].iloc[0]) == ["stopping"]


def test_a_queued_run_stops_at_once(open_page, add_run, shared):
    record = add_run("queued")
    press(open_page("runs", run=record.id), "Stop")
    assert shared.lab.archive.store.run(record.id).state is RunState.STOPPED


def test_delete_can_be_undone(open_page, add_run):
    add_run("done", name="other")
    record = add_run("done", name="precious")
    app = press(open_page("runs", run=record.id), "Delete")
    assert names(app) == ["other"]
    assert not chosen(app)
    app.text_input(key="runs_filter").set_value("o").run()
    app = press(app, "Undo")
    app.text_input(key="runs_filter").set_value("").run()
    assert names(app) == ["precious", "other"]
    assert chosen(app) == ["precious"]
    assert "Undo" not in [one.label for one in app.button]


def test_the_last_run_can_be_deleted_and_brought_back(open_page, add_run):
    app = press(open_page("runs", run=add_run("done", name="only").id), "Delete")
    assert "Nothing is trained yet" in app.info[0].value
    assert not app.text_input and not app.pills
    assert names(press(app, "Undo")) == ["only"]


def test_what_is_purged_cannot_be_brought_back(open_page, add_run, shared):
    add_run("done", name="other")
    app = press(open_page("runs", run=add_run("done").id), "Delete")
    shared.lab.archive.store.purge(older_than_s=-1)
    app = press(app, "Undo")
    assert not app.exception and not app.error
    assert names(app) == ["other"]
    assert "gone for good" in app.toast[0].value


def test_two_sessions_do_opposite_things(open_page, add_run):
    add_run("done", name="other")
    record = add_run("done", name="contested")
    renaming, deleting = open_page("runs", run=record.id), open_page("runs", run=record.id)
    press(deleting, "Delete")
    renaming.text_input[1].set_value("kept by me")
    press(renaming, "Save")
    assert not renaming.exception
    assert any("No run answers to" in said.value for said in [*renaming.error, *renaming.warning])
    assert names(renaming) == ["other"]
    press(deleting, "Undo")
    assert names(renaming.run()) == ["contested", "other"]


def test_two_sessions_delete_and_stop(open_page, add_run):
    record = add_run("queued", name="contested")
    stopping, deleting = open_page("runs", run=record.id), open_page("runs", run=record.id)
    press(deleting, "Delete")
    press(stopping, "Stop")
    assert not stopping.exception


def test_only_its_owner_may_change_a_run(demo, open_page, add_run):
    record = add_run("queued", owner="visitor-1")
    app = open_page("runs", run=record.id)
    assert button(app, "Stop").disabled and button(app, "Delete").disabled
    assert button(app, "Delete").help == FOREIGN
    assert not app.dataframe[0].value["mine"].iloc[0]


def test_ones_own_runs_are_marked(demo, open_page, add_run):
    record = add_run("done", owner="visitor-1")
    add_run("done", owner="visitor-2")
    app = open_page("runs", run=record.id)
    app.session_state["owner"] = "visitor-1"
    app.run()
    assert list(app.dataframe[0].value["mine"]) == [False, True]
    assert not button(app, "Delete").disabled


def import_file(app, name, content):
    app.file_uploader[0].upload(name, content)
    return press(app, "Import")


def test_a_bundle_comes_back(open_page, finished_run, shared):
    archive, record = shared.lab.archive, finished_run.record
    bundle = export_bundle(archive, record.id)
    archive.store.delete(record.id)
    archive.store.purge(older_than_s=-1)
    app = import_file(open_page("runs"), "run.zip", bundle)
    assert not app.error
    assert names(app) == [record.name]
    assert app.query_params == {"run": record.id}
    assert not [path for path in shared.lab.settings.home.iterdir() if path.name.startswith("import-")]
    assert export_bundle(archive, record.id) == bundle


def test_who_imports_as_a_visitor_owns_the_run_and_gets_a_cookie(demo, open_page, finished_run, shared):
    archive, run_id = shared.lab.archive, finished_run.id
    bundle = export_bundle(archive, run_id)
    archive.store.delete(run_id)
    archive.store.purge(older_than_s=-1)
    app = open_page("runs")
    assert not app.get("html")
    app = import_file(app, "run.zip", bundle)
    owner = archive.store.run(run_id).owner
    assert owner.startswith("visitor-")
    assert app.session_state["owner"] == owner
    assert "/owner?token=" in app.get("html")[0].value
    assert not button(app, "Delete").disabled


def empty_zip():
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"no zip", empty_zip()])
def test_a_broken_bundle_is_refused_with_a_sentence(open_page, content):
    app = import_file(open_page("runs"), "run.zip", content)
    assert not app.exception
    assert len(app.error) == 1
    assert "broke" not in app.error[0].value


def test_importing_nothing_says_what_to_choose(open_page):
    assert "Choose a bundle first" in press(open_page("runs"), "Import").warning[0].value


def test_many_runs_cost_no_more_questions_to_the_database_than_few(open_page, add_run):
    def asked_with(runs):
        for _ in range(runs):
            add_run("done")
        app = open_page("runs")
        with counted_statements() as statements:
            app.run()
        return len(names(app)), len(statements)

    shown, few = asked_with(2)
    assert shown == 2
    shown, many = asked_with(198)
    assert shown == 200
    assert 0 < many <= few


@contextmanager
def counted_statements():
    statements = []

    def note(connection, cursor, statement, *rest):
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
