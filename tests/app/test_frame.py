import json

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from mnist_core.runs import RUN_LEVEL, Lease, RunState
from pages.ui.frame.split_gate import WHY_KNOWINGLY
from tests.app.random_events import send

PAGES = ("train", "runs", "predictions", "curves", "data")


def warnings(app):
    return [warning.value for warning in app.warning]


def cursor(app):
    """What the epoch cursor is told to show."""
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == "mnist_lab_cursor")
    return json.loads(found.proto.json)


def move(app, place):
    """Moves the cursor, as the component in the browser says it."""
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == "mnist_lab_cursor")
    state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{found.proto.id}__events")
    state.json_trigger_value = json.dumps([{"event": "move", "value": place}])
    send(app, state)
    return app


def press(app, label):
    (button,) = (button for button in app.button if button.label == label)
    return button.click().run()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_where_nothing_is_recorded(open_page, page):
    app = open_page(page)
    assert not app.exception
    assert not app.error


def test_the_bare_address_leads_to_the_train_page(open_page):
    train, bare = open_page("train"), open_page("navigation")
    assert not bare.exception
    assert [title.value for title in bare.title] == [title.value for title in train.title]


@pytest.mark.parametrize("state", ["queued", "running", "failed", "stopped"])
def test_every_state_has_the_title_the_question_and_a_way_on(open_page, add_run, state):
    app = open_page("predictions", run=add_run(state, epochs=-1).id)
    assert [title.value for title in app.title] == ["Predictions"]
    assert "Where is it wrong?" in [caption.value for caption in app.caption]
    assert app.button or app.get("page_link")


def test_without_any_run_it_says_what_to_do(open_page):
    app = open_page("predictions")
    assert [title.value for title in app.title] == ["Predictions"]
    assert "Nothing is trained yet" in app.info[0].value
    assert not press(app, "Train a network").exception


def test_without_any_run_a_link_to_one_is_said_to_be_gone(open_page):
    assert "`quiet-otter`" in warnings(open_page("predictions", run="quiet-otter"))[0]


def test_without_a_link_the_newest_run_with_an_epoch_is_shown(open_page, add_run):
    add_run("done", name="old one")
    newest = add_run("done", name="new one")
    add_run("queued", name="waiting one")
    app = open_page("predictions")
    assert app.selectbox(key="frame_run").value == newest.id
    assert len(app.selectbox(key="frame_run").options) == 3
    assert not warnings(app)


@pytest.mark.parametrize("part", ["id", "name"])
def test_a_link_names_a_run_by_id_or_name(open_page, add_run, part):
    wanted = add_run("done", name="wanted one")
    add_run("done")
    app = open_page("predictions", run=getattr(wanted, part))
    assert app.selectbox(key="frame_run").value == wanted.id
    assert not warnings(app)


@pytest.mark.parametrize("ref", ["wnted one", "019a", "'; drop table run; --", "\x00", "x" * 5000, "[a](b)"])
def test_a_link_to_an_unknown_run_says_so_and_shows_another(open_page, add_run, ref):
    record = add_run("done", name="wanted one")
    app = open_page("predictions", run=ref)
    assert not app.exception
    assert app.selectbox(key="frame_run").value == record.id
    assert "Run `wanted one` is shown." in warnings(app)[0]


def test_a_link_to_an_unknown_run_shows_the_kept_epoch_of_another(open_page, add_run):
    record = add_run("done", name="wanted one")
    app = open_page("predictions", run="gone", epoch="1")
    (warning,) = warnings(app)
    assert warning == "No run answers to `gone`; the runs page lists all of them. Run `wanted one` is shown."
    assert cursor(app)["epoch"] == 2
    move(app, 1)
    assert app.query_params == {"run": record.id, "epoch": "1"}
    assert not warnings(app)


def test_a_link_to_a_deleted_run_says_so(open_page, add_run, shared):
    other, gone = add_run("done"), add_run("done", name="gone one")
    shared.jobs.delete(gone.id, owner="local")
    app = open_page("predictions", run=gone.id)
    assert "No run answers to" in warnings(app)[0]
    assert app.selectbox(key="frame_run").value == other.id


def test_epochs_are_named_and_the_kept_one_is_shown(open_page, finished_run):
    app = open_page("predictions", run=finished_run.id)
    told = cursor(app)
    assert told["epoch"] == told["kept"] == finished_run.kept_epoch == 2
    assert (told["epochs"], told["best"], told["active"], told["live"]) == ([0, 1, 2], 2, False, False)
    assert told["validation"] == pytest.approx([one.metrics["val_loss"] for one in finished_run.epochs], rel=1e-4)


def test_choosing_an_epoch_goes_into_the_url(open_page, finished_run):
    app = open_page("predictions", run=finished_run.id)
    move(app, 1)
    assert app.query_params == {"run": finished_run.id, "epoch": "1"}
    move(app, 2)
    assert app.query_params == {"run": finished_run.id}


def test_choosing_a_run_forgets_the_epoch_of_the_other(open_page, add_run):
    one, other = add_run("done"), add_run("done")
    app = open_page("predictions", run=one.id, epoch="1")
    app.selectbox(key="frame_run").set_value(other.id).run()
    assert app.query_params == {"run": other.id}
    assert cursor(app)["epoch"] == 2


def test_an_epoch_that_is_not_recorded_gives_the_kept_one(open_page, add_run):
    app = open_page("predictions", run=add_run("done").id, epoch="9")
    assert warnings(app) == ["Epoch 9 is not recorded. Epochs 0 to 2 are recorded; the kept one is shown."]
    assert cursor(app)["epoch"] == 2


@pytest.mark.parametrize(
    "query", [{"epoch": "banana"}, {"epoch": "-1"}, {"split": "holdout"}, {"epoch": "9" * 400, "split": ""}]
)
def test_a_part_that_breaks_its_rule_is_said_until_something_is_chosen(open_page, add_run, query):
    record = add_run("done")
    app = open_page("predictions", run=record.id, **query)
    assert len(warnings(app)) == len(query)
    assert all("in the link must be" in warning for warning in warnings(app))
    assert len(warnings(app.run())) == len(query)
    move(app, 1)
    assert not warnings(app)


def test_the_test_split_is_opened_knowingly_once_a_session_and_recorded(open_page, finished_run, shared):
    before = len(shared.lab.archive.store.openings(finished_run.id))
    app = open_page("predictions", run=finished_run.id, split="test")
    assert WHY_KNOWINGLY in [text.value for text in app.markdown]
    assert not app.subheader
    app = press(app, "Open the test split")
    assert app.subheader
    app.run()
    openings = shared.lab.archive.store.openings(finished_run.id)
    assert [(one.by, one.state) for one in openings[before:]] == [("local", RunState.DONE)]
    assert not open_page("predictions", run=finished_run.id, split="test").subheader


def test_one_can_stay_with_validation(open_page, finished_run, shared):
    before = len(shared.lab.archive.store.openings(finished_run.id))
    app = press(open_page("predictions", run=finished_run.id, split="test"), "Stay with validation")
    assert app.query_params == {"run": finished_run.id}
    assert app.subheader
    assert len(shared.lab.archive.store.openings(finished_run.id)) == before


def test_a_queued_run_says_where_it_stands(open_page, add_run):
    add_run("queued")
    record = add_run("queued", name="second one")
    app = open_page("predictions", run=record.id)
    assert "The run waits: number 2 in the queue, expected to start in 12\u00a0s." in app.info[0].value
    app = press(app, "Watch it train")
    assert not app.exception
    assert app.query_params["run"] == record.id


def test_a_running_run_without_an_epoch_says_so(open_page, add_run):
    app = open_page("predictions", run=add_run("running", epochs=-1).id)
    assert "its first epoch is not finished yet" in app.info[0].value


def test_a_running_run_with_epochs_is_shown(open_page, add_run):
    app = open_page("predictions", run=add_run("running", epochs=1).id)
    assert cursor(app)["epoch"] == 1


def test_a_failed_run_shows_its_sentence_and_its_traceback_folded(open_page, add_run, shared):
    record = add_run("running", epochs=-1, name="broken one")
    lease = Lease(record.id, "t", record.attempt)
    shared.lab.archive.keep(lease, RUN_LEVEL, {"traceback": b"Traceback: here"})
    shared.lab.archive.store.finish(lease, RunState.FAILED, reason="The loss became infinite.")
    app = open_page("predictions", run="broken one")
    assert app.error[0].value == "The loss became infinite."
    assert app.expander[0].code[0].value == "Traceback: here"


def test_a_stopped_run_without_an_epoch_says_so(open_page, add_run):
    app = open_page("predictions", run=add_run("stopped", epochs=-1, reason="It was stopped.").id)
    assert app.info[0].value == "It was stopped. No epoch was finished, so there is nothing to show."


def test_a_run_that_goes_on_shows_its_new_epoch(open_page, add_run, commit_epoch):
    record = add_run("running", epochs=1)
    app = open_page("predictions", run=record.id)
    commit_epoch(record, 2)
    app.run()
    assert cursor(app)["epochs"] == [0, 1, 2]


def test_live_follows_a_running_run_until_one_goes_elsewhere(open_page, add_run, commit_epoch):
    record = add_run("running", epochs=1)
    app = move(open_page("predictions", run=record.id), "live")
    assert app.query_params == {"run": record.id, "epoch": "last"}
    assert (cursor(app)["epoch"], cursor(app)["live"]) == (1, True)
    commit_epoch(record, 2)
    app.run()
    assert (cursor(app)["epoch"], cursor(app)["live"]) == (2, True)
    move(app, 0)
    assert app.query_params == {"run": record.id, "epoch": "0"}
    assert (cursor(app)["epoch"], cursor(app)["live"]) == (0, False)


@pytest.mark.parametrize("place", [3, -1, "live", "2", True, None, [1], {"epoch": 1}, 1.0])
def test_the_cursor_goes_nowhere_that_is_not_recorded(open_page, finished_run, place):
    app = move(open_page("predictions", run=finished_run.id), place)
    assert not app.error
    assert cursor(app)["epoch"] == 2
    assert app.query_params == {"run": finished_run.id}


def test_a_run_renamed_meanwhile_is_found_by_its_link(open_page, add_run, shared):
    record = add_run("done", name="old name")
    app = open_page("predictions", run=record.id)
    shared.jobs.rename(record.id, "new name", owner="local")
    app.run()
    assert "new name" in app.selectbox(key="frame_run").options[0]


def test_a_switch_to_another_page_keeps_what_is_looked_at(open_page, add_run):
    record = add_run("done")
    app = open_page("predictions", run=record.id, epoch="1")
    app.query_params.clear()
    app.switch_page("runs.py").run()
    assert app.query_params == {"run": record.id, "epoch": "1"}


def test_a_bare_address_that_a_page_switch_left_behind_changes_no_run(open_page, add_run):
    older, _ = add_run("done"), add_run("done")
    app = open_page("predictions", run=older.id, epoch="1")
    app.query_params.clear()
    app.run()
    assert app.query_params == {"run": older.id, "epoch": "1"}


@pytest.mark.parametrize(
    "query", [{"epoch": "kept"}, {"split": "validation"}, {"epoch": "kept", "split": "validation"}]
)
def test_what_is_at_its_default_leaves_the_address(open_page, add_run, query):
    record = add_run("done")
    app = open_page("predictions", run=record.id, **query)
    assert not warnings(app)
    assert app.query_params == {"run": record.id}


def test_back_to_the_bare_page_forgets_what_was_looked_at(open_page, add_run):
    add_run("done", name="one")
    app = open_page("runs", run="one")
    assert app.subheader
    app.query_params.clear()
    app.run()
    assert not app.subheader
    assert app.query_params == {}


def test_a_run_deleted_while_one_looks_at_it_is_called_by_its_name(open_page, add_run, shared):
    other, gone = add_run("done", name="other one"), add_run("done", name="gone one")
    app = open_page("predictions", run=gone.id)
    shared.jobs.delete(gone.id, owner="local")
    (warning,) = warnings(app.run())
    assert warning.startswith("Run `gone one` was deleted; ")
    assert app.selectbox(key="frame_run").value == other.id


def test_a_run_that_failed_later_says_why_above_what_it_recorded(open_page, add_run):
    app = open_page("predictions", run=add_run("failed", epochs=1, reason="The loss became infinite.").id)
    assert app.error[0].value == "The loss became infinite. What it recorded until then is shown."


def test_a_running_run_is_followed_unless_one_asks_for_an_epoch(open_page, add_run, commit_epoch):
    record = add_run("running", epochs=1)
    app = open_page("predictions", run=record.id)
    assert (cursor(app)["epoch"], cursor(app)["live"]) == (1, True)
    commit_epoch(record, 2)
    assert (cursor(app.run())["epoch"], cursor(app)["live"]) == (2, True)


def test_a_newer_run_does_not_take_the_place_of_the_one_that_is_looked_at(open_page, add_run):
    first = add_run("done", name="first one")
    app = open_page("predictions")
    assert app.query_params == {"run": first.id}, "so that the link shows the same to everybody"
    add_run("done", name="newer one")
    app.run()
    assert app.selectbox(key="frame_run").value == first.id
    assert app.query_params == {"run": first.id}


def test_why_another_run_is_shown_stays_until_somebody_moves(open_page, add_run):
    record = add_run("done", name="wanted one")
    app = open_page("predictions", run="nobody")
    assert app.query_params == {"run": record.id}
    assert len(warnings(app.run())) == 1
    move(app, 1)
    assert not warnings(app)


def test_the_test_split_says_how_often_it_was_looked_at(open_page, finished_run, shared):
    app = open_page("predictions", run=finished_run.id, split="test")
    next(one for one in app.button if one.label == "Open the test split").click().run()
    assert not app.exception
    looks = len(shared.lab.archive.store.openings(finished_run.id))
    assert any(f"Looks at the test split of this run: {looks} in all" in one.value for one in app.caption)


def test_a_page_left_with_an_option_in_its_link_can_be_left(open_page, finished_run, add_run):
    starting = add_run("running", epochs=-1)
    app = open_page("predictions", run=finished_run.id, panel="ROC")
    app.query_params["run"] = starting.id
    app.run()
    next(one for one in app.button if one.label == "Watch it train").click().run()
    assert not app.exception
    assert not app.error
    assert "panel" not in app.query_params


def test_without_a_link_a_run_whose_images_are_at_hand_is_shown(open_page, finished_run, add_run):
    add_run("done", dataset="mnist", name="without-images")
    assert "".join(open_page("curves").query_params["run"]) == finished_run.id
