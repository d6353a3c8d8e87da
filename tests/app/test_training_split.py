import numpy as np
import pytest

from mnist_core.analysis.selection import Cell, Selection
from mnist_core.inference.predictions import Predictions
from mnist_core.npz import to_npz
from mnist_core.runs import RUN_LEVEL, RunState
from pages.ui.frame import resting
from pages.ui.frame.training_split import PASSES, WAITS, WORKS
from pages.ui.snapshot import NOT_MADE


@pytest.fixture
def claim_order(shared):
    """Plays the view worker: claims what is queued in its lane."""
    store = shared.lab.archive.store
    return lambda: store.claim_next("view", ticket="t", worker="a-worker", device="cpu")


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)


def said(app):
    return " ".join(caption.value for caption in app.caption)


def test_the_training_split_is_asked_for_once_and_shown_when_it_is_there(open_page, finished_run, shared, claim_order):
    app = open_page("predictions", run=finished_run.id, split="train")
    assert WAITS in said(app)
    assert WAITS in said(open_page("predictions", run=finished_run.id, split="train"))
    lease = claim_order()
    assert claim_order() is None
    assert WORKS in said(app.run())
    ids = finished_run.split_file["train_ids"]
    labels = finished_run.split_file["train_labels"]
    predicted = labels.copy()
    predicted[:3] = (labels[:3] + 1) % 10
    likely = np.full((len(ids), 10), -8.0, np.float16)
    likely[np.arange(len(ids)), predicted] = -0.01
    predictions = Predictions(predicted, np.full(len(ids), 0.01, np.float32), likely)
    shared.lab.archive.keep(lease, RUN_LEVEL, {"predictions": to_npz(predictions.to_arrays("train"))})
    shared.lab.archive.store.finish(lease, RunState.DONE)
    app.run()
    assert not app.exception
    assert any(f"3 of {len(ids):,} wrong" in text.value for text in app.markdown)


def test_work_that_failed_says_why_and_can_be_asked_for_again(open_page, finished_run, shared, claim_order):
    app = open_page("predictions", run=finished_run.id, split="train")
    shared.lab.archive.store.finish(claim_order(), RunState.FAILED, reason="No weights of epoch 2 were kept.")
    app.run()
    assert [error.value for error in app.error] == ["No weights of epoch 2 were kept."]
    (again,) = (button for button in app.button if button.label == "Try again")
    again.click().run()
    assert WAITS in said(app)
    assert claim_order() is not None


def test_who_only_passes_an_epoch_orders_nothing(open_page, finished_run, claim_order, monkeypatch):
    monkeypatch.setattr(resting, "REST_SECONDS", 1000.0)
    app = open_page("predictions", run=finished_run.id, split="train")
    for epoch in ("0", "1", "2"):
        app.query_params["epoch"] = epoch
        assert PASSES in said(app.run())
    assert claim_order() is None
    monkeypatch.setattr(resting, "REST_SECONDS", 0.0)
    assert WAITS in said(app.run())
    assert claim_order() is not None


def test_a_selection_of_training_images_orders_nothing(open_page, finished_run, claim_order):
    selection = Selection(Cell(), finished_run.id, 1, "train").text()
    app = open_page("predictions", run=finished_run.id, selection=selection)
    assert [warning.value for warning in app.warning] == [f"The selection cannot be read: {NOT_MADE.format(epoch=1)}"]
    assert claim_order() is None


def test_view_work_is_no_run_of_anyones(open_page, finished_run, shared):
    open_page("predictions", run=finished_run.id, split="train")
    assert [record.id for record in shared.lab.archive.store.runs()] == [finished_run.id]
