"""A worker makes maps: each is there as soon as it is made, activations are computed once, a stop keeps the last frame.

The network and the methods are played here; training tests have the real ones.
"""

import numpy as np
import pytest

from mnist_core.analysis.embedding import Embedding, Frame, Neighbours, PcaSettings, Quality
from mnist_core.errors import InvalidInput, LeaseLost, NotOwner, QueueFull, RunNotFound
from mnist_core.inference.activations import Activations
from mnist_core.jobs import Jobs, mapping, shelf, stopping, work
from mnist_core.jobs.desk import MOST_WAITING
from mnist_core.jobs.worker import take_ticket
from mnist_core.maps import MapRequest, making
from mnist_core.run import Run
from mnist_core.runs import RUN_LEVEL, RunState, Wish
from tests.unit.jobs.memory_engine import GONE, HERE
from tests.unit.runs.sample_runs import SIZES, SPEC, train

N = SIZES["validation"]
FRAMES = 4


@pytest.fixture
def run(lab):
    return train(lab.archive, SPEC.model_dump(mode="json"))


@pytest.fixture
def jobs(lab):
    return Jobs(lab, None)


@pytest.fixture(autouse=True)
def computed(monkeypatch):
    """Which activations the network was asked for."""
    asked = []

    def activations(self, layer, ids, epoch="kept", *, between=lambda: None):
        asked.append((layer, epoch))
        between()
        values = np.random.default_rng(epoch).normal(size=(len(ids), 4)).astype(np.float32)
        return Activations(values, 25_088, 0.75)

    monkeypatch.setattr(Run, "activations", activations)
    monkeypatch.setattr(stopping, "LOOK_SECONDS", 0)
    monkeypatch.setattr(mapping, "FRAME_SECONDS", 0)
    monkeypatch.setattr(mapping, "POINT_SECONDS", 0)
    return asked


@pytest.fixture(autouse=True)
def events(monkeypatch):
    """What happens while maps are made: functions, called with how many are made and the number of the frame."""
    happen = []

    class Walk:
        """Like the real one, but that it makes no map: places are what it is given."""

        def __init__(self, asked, context):
            self.context, self.turn = context, -1

        def begin(self, values):
            return self.onwards(values, None, alike=True)

        def onwards(self, values, before, *, alike):
            self.turn += 1
            for number in range(FRAMES):
                self.context.on_frame(Frame(values[:, :2] + number, number, FRAMES))
                for event in happen:
                    event(self.turn, number)
            nearest = Neighbours(np.tile(np.arange(N, dtype=np.int32), (N, 1)), np.zeros((N, N), np.float32))
            found = Quality(0.9, 0.8, 0.7, 0.6, 10, N)
            return Embedding(values[:, :2], "pca", PcaSettings(), nearest.first(15), found, None, {"total": 1.0})

    monkeypatch.setattr(making, "Walk", Walk)
    return happen


def request(*epochs, method="pca", **more):
    settings = {} if method == "pca" else {"neighbours": 3}
    sources = [["dense_1", epoch] for epoch in epochs]
    return MapRequest.parse({"method": method, "settings": settings, "sources": sources} | more)


def claimed(store, order, worker=HERE):
    return store.claim(order.id, ticket="t", worker=worker, device="cpu")


def carried_out(lab, order):
    work.carry_out(lab, claimed(lab.archive.store, order))
    return lab.archive.store.run(order.id)


def test_maps_are_read_as_they_were_made(lab, jobs, run):
    wanted = request(0, 2)
    order = carried_out(lab, jobs.map(wanted, run, owner="ann"))
    assert (order.state, order.reason, order.lane, order.source) == (RunState.DONE, None, "view", run)
    result = jobs.mapped(order)
    assert result.request == wanted.fitted(lab.run(run))
    assert result.run == run
    sample = lab.run(run).sample("validation")
    np.testing.assert_array_equal(result.ids, sample.ids)
    np.testing.assert_array_equal(result.labels, sample.labels)
    assert [one.source for one in result.maps] == [("dense_1", 0), ("dense_1", 2)]
    for one in result.maps:
        values = np.random.default_rng(one.source.epoch).normal(size=(N, 4)).astype(np.float32)
        np.testing.assert_allclose(one.positions, values[:, :2], rtol=1e-3)
        assert one.quality == Quality(0.9, 0.8, 0.7, 0.6, 10, N)
        assert (one.width, one.kept_variance, one.unfinished, one.iterations) == (25_088, 0.75, False, FRAMES)
        assert one.neighbours.dtype == np.int32
        assert result.of(*one.source) is one
    assert result.neighbours_of(int(result.ids[3]), result.maps[0]).tolist() == result.ids.tolist()
    assert result.neighbours_of(-1, result.maps[0]).tolist() == []
    assert jobs.mapped(order, result).maps == result.maps
    assert order.result["threads"] == lab.settings.training_threads
    assert order.result["seconds"] > 0
    assert (jobs.progress(order), jobs.map_frame(order)) == (1.0, None)


def test_the_same_is_made_once_in_whatever_words(lab, jobs, run):
    order = jobs.map(request(2), run, owner="ann")
    assert jobs.map(request(2, points=5_000), run, owner="bob") == order, "the split has 12 images"
    assert jobs.known_map(request(2).fitted(lab.run(run)), run) == order
    assert jobs.known_map(request(2, points=5).fitted(lab.run(run)), run) is None
    done = carried_out(lab, order)
    assert jobs.map(request(2), run, owner="bob") == done


def test_activations_are_computed_once_for_all_methods(lab, jobs, run, computed):
    carried_out(lab, jobs.map(request(0, 2), run, owner="ann"))
    assert computed == [("dense_1", 0), ("dense_1", 2)]
    carried_out(lab, jobs.map(request(2, 0, method="umap"), run, owner="ann"))
    assert computed == [("dense_1", 0), ("dense_1", 2)]
    carried_out(lab, jobs.map(request(2, points=6), run, owner="ann"))
    assert computed[2:] == [("dense_1", 2)], "other images"


def test_activations_that_are_gone_are_computed_again(lab, jobs, run, computed):
    carried_out(lab, jobs.map(request(2), run, owner="ann"))
    [kept] = [order for order, _ in lab.archive.store.sizes("activations")]
    sha = lab.archive.store.artifact(kept, RUN_LEVEL, "activations").sha
    (lab.settings.home / "blobs" / sha[:2] / sha).unlink(missing_ok=True)
    for path in (lab.settings.home / "blobs").rglob(f"*{sha[4:]}*"):
        path.unlink()
    order = carried_out(lab, jobs.map(request(2, method="umap"), run, owner="ann"))
    assert order.state is RunState.DONE
    assert len(computed) == 2


def test_what_is_kept_has_a_limit(lab, jobs, run, monkeypatch):
    store = lab.archive.store
    carried_out(lab, jobs.map(request(0), run, owner="ann"))
    [(first, size)] = store.sizes("activations")
    assert size > 0
    monkeypatch.setitem(shelf.ROOM, "activations", size)
    carried_out(lab, jobs.map(request(2), run, owner="ann"))
    [(second, _)] = store.sizes("activations")
    assert second != first, "the oldest goes"
    monkeypatch.setattr(shelf, "LARGEST", 10)
    carried_out(lab, jobs.map(request(1), run, owner="ann"))
    assert [one for one, _ in store.sizes("activations")] == [second], "what is too large is not kept"
    newest = store.sizes("embed")[0]
    monkeypatch.setitem(shelf.ROOM, "embed", newest[1])
    order = carried_out(lab, jobs.map(request(2, points=N - 1), run, owner="ann"))
    assert [one for one, _ in store.sizes("embed")] == [order.id]


def test_the_first_maps_are_there_while_later_ones_are_made(lab, jobs, run, events):
    order = jobs.map(request(0, 1, 2), run, owner="ann")
    seen = []

    def look(place, number):
        now = lab.archive.store.run(order.id)
        frame = jobs.map_frame(now)
        assert (frame.place, frame.iteration, frame.of) == (place, number, FRAMES)
        assert frame.positions.dtype == np.float32
        seen.append((len(jobs.mapped(now).maps), jobs.progress(now)))

    events.append(look)
    carried_out(lab, order)
    assert [maps for maps, _ in seen] == [0] * FRAMES + [1] * FRAMES + [2] * FRAMES
    progress = [share for _, share in seen]
    assert progress == sorted(progress)
    assert 0 <= progress[0] < 0.1 < 0.9 < progress[-1] < 1
    assert all(one.name != "frame" for one in lab.archive.store.artifacts(order.id))


@pytest.mark.parametrize("wish", [Wish.STOP, Wish.KILL])
def test_a_stop_keeps_the_last_frame(lab, jobs, run, events, wish):
    order = jobs.map(request(0, 2), run, owner="ann")
    events.append(lambda place, number: (place, number) == (1, 1) and lab.archive.store.wish(order.id, wish))
    stopped = carried_out(lab, order)
    assert (stopped.state, stopped.reason) == (RunState.STOPPED, "Stopped on request; the maps until then are kept.")
    first, second = jobs.mapped(stopped).maps
    assert (first.unfinished, second.unfinished) == (False, True)
    assert (second.source, second.iterations, second.quality) == (("dense_1", 2), 2, None)
    values = np.random.default_rng(2).normal(size=(N, 4)).astype(np.float32)
    np.testing.assert_allclose(second.positions, values[:, :2] + 2, rtol=1e-3)
    assert jobs.mapped(stopped).neighbours_of(int(jobs.mapped(stopped).ids[0]), second).tolist() == []
    assert all(one.name != "frame" for one in lab.archive.store.artifacts(order.id))
    assert jobs.known_map(request(0, 2).fitted(lab.run(run)), run) is None, "what was stopped can be asked for again"


def test_a_frame_belongs_to_the_source_that_is_made_whatever_the_order(lab, jobs, run, events):
    order = jobs.map(request(0, 1, 2, anchor=1), run, owner="ann")
    seen = []

    def look(turn, number):
        frame = jobs.map_frame(lab.archive.store.run(order.id))
        seen.append((frame.place, frame.iteration))
        assert len(jobs.mapped(lab.archive.store.run(order.id)).maps) == turn, "each is there at once"
        if (turn, number) == (2, 1):
            lab.archive.store.wish(order.id, Wish.STOP)

    events.append(look)
    stopped = carried_out(lab, order)
    assert seen == [(place, number) for place in (1, 0) for number in range(FRAMES)] + [(2, 0), (2, 1)]
    result = jobs.mapped(stopped)
    assert [(one.source.epoch, one.unfinished) for one in result.maps] == [(0, False), (1, False), (2, True)]
    assert jobs.mapped(stopped, result).maps == result.maps


def test_a_stop_at_the_anchor_keeps_its_last_frame(lab, jobs, run, events):
    order = jobs.map(request(0, 1, anchor=1), run, owner="ann")
    events.append(lambda place, number: lab.archive.store.wish(order.id, Wish.STOP))
    [one] = jobs.mapped(carried_out(lab, order)).maps
    assert (one.source, one.unfinished) == (("dense_1", 1), True)


def test_a_stop_before_the_first_frame_keeps_nothing_of_that_map(lab, jobs, run):
    order = jobs.map(request(0), run, owner="ann")
    lease = claimed(lab.archive.store, order)
    jobs.stop(order.id, owner="ann")
    work.carry_out(lab, lease)
    stopped = lab.archive.store.run(order.id)
    assert stopped.state is RunState.STOPPED
    assert jobs.mapped(stopped).maps == ()


def test_an_order_whose_worker_was_lost_is_made_anew(lab, jobs, run, events):
    store = lab.archive.store
    order = jobs.map(request(0, 2), run, owner="ann")
    lost = claimed(store, order, worker=GONE)

    def lose(place, number):
        if (place, number) == (1, 2):
            assert store.requeue(order.id, ticket="t", attempt=1)

    events.append(lose)
    with pytest.raises(LeaseLost):
        work.carry_out(lab, lost)
    events.clear()
    again = carried_out(lab, store.run(order.id))
    assert (again.state, again.attempt) == (RunState.DONE, 2)
    assert [one.unfinished for one in jobs.mapped(again).maps] == [False, False]


def test_kept_activations_whose_worker_was_lost_are_made_by_the_next(lab, run, computed, monkeypatch):
    store = lab.archive.store
    spec = {"split": "validation", "points": N, "sample_seed": 0, "layer": "dense_1", "epoch": 2}
    order = store.order("activations", run, spec, owner="ann")
    monkeypatch.setattr("mnist_core.jobs.worker.warm_up", lambda: None)
    monkeypatch.setattr("mnist_core.jobs.worker._lab", lambda: lab)
    assert take_ticket("view", "cpu") == order.id
    assert store.run(order.id).state is RunState.DONE
    Jobs(lab, None)
    carried_out(lab, Jobs(lab, None).map(request(2), run, owner="ann"))
    assert computed == [("dense_1", 2)]


def test_what_cannot_be_mapped_is_said_in_the_order(lab, jobs, run, events):
    def fail(place, number):
        raise ZeroDivisionError("division by zero")

    events.append(fail)
    order = carried_out(lab, jobs.map(request(0), run, owner="ann"))
    assert order.state is RunState.FAILED
    assert "ZeroDivisionError" in order.reason
    assert jobs.map_frame(order) is None


def test_nobody_fills_the_queue_with_maps(make_lab):
    lab = make_lab(profile="demo")
    demo, run = Jobs(lab, None), train(lab.archive, SPEC.model_dump(mode="json"))
    for seed in range(MOST_WAITING):
        last = demo.map(request(2, points=5, sample_seed=seed), run, owner="ann")
    with pytest.raises(QueueFull, match=f"at most {MOST_WAITING} views waiting here, and you have {MOST_WAITING}"):
        demo.map(request(1), run, owner="ann")
    with pytest.raises(QueueFull):
        demo.predictions(run, "train", 2, owner="ann")
    assert demo.map(request(2, points=5, sample_seed=0), run, owner="ann"), "what is asked for already needs no room"
    assert demo.map(request(1), run, owner="bob")
    assert demo.standing(last).position == MOST_WAITING + 1, "owners take turns"
    with pytest.raises(NotOwner):
        demo.stop(last.id, owner="bob")
    demo.stop(last.id, owner="ann")
    assert lab.archive.store.run(last.id).state is RunState.STOPPED


def test_what_does_not_fit_the_run_is_not_queued(lab, jobs, run):
    with pytest.raises(InvalidInput, match="`layer` must be one of pixels"):
        jobs.map(request(2, sources=[["conv_9", 2]]), run, owner="ann")
    with pytest.raises(RunNotFound):
        jobs.map(request(2), "gone", owner="ann")
    assert lab.archive.store.active() == []


def test_a_map_under_way_is_working(lab, jobs, run, events):
    order = jobs.map(request(0), run, owner="ann")
    seen = [jobs.standing(order).phase]
    events.append(lambda place, number: seen.append(jobs.standing(lab.archive.store.run(order.id)).phase))
    seen.append(jobs.standing(carried_out(lab, order)).phase)
    assert seen == ["warming up", *["working"] * FRAMES, "finished"]


def test_settings_are_those_of_the_request(lab, jobs, run):
    order = jobs.map(request(2, settings={"components": 3}), run, owner="ann")
    assert order.spec["settings"] == {"components": 3}
    assert jobs.mapped(carried_out(lab, order)).request.settings == PcaSettings(components=3)


def test_a_layer_that_gives_all_images_the_same_lies_in_the_middle_of_a_sequence(lab, jobs, run, monkeypatch):
    real = mapping._read
    monkeypatch.setattr(
        mapping,
        "_read",
        lambda shelf, report, source: real(shelf, report, source)._replace(
            values=np.ones((N, 4), np.float32) if source.epoch == 0 else real(shelf, report, source).values
        ),
    )
    order = carried_out(lab, jobs.map(request(0, 2, anchor=1), run, owner="ann"))
    assert order.state is RunState.DONE
    untrained, trained = jobs.mapped(order).maps
    np.testing.assert_allclose(untrained.positions, np.tile(trained.positions.mean(axis=0), (N, 1)), rtol=1e-5)
    assert untrained.quality is None
    assert not untrained.unfinished
