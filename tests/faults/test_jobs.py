"""Real workers that stop, freeze and die, and real engines that die above them: what they trained ends the same.

Every process is started here, speaks only to the loopback interface, and ends with its test.
"""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import psutil
import pytest

from mnist_core.jobs import EVERYBODY, Jobs, start_engine
from mnist_core.jobs.preload import VIEW_NICENESS
from mnist_core.lab import Lab
from mnist_core.machine import worker_name
from mnist_core.maps import MapRequest
from mnist_core.networks.catalogue import presets
from mnist_core.runs import RunState
from mnist_core.settings import Settings

ROOT = Path(__file__).parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
STOP_LIMIT, RESTART_LIMIT = 2.0, 10.0
BUSY = 10
"""How much longer than its limit something may take on a busy machine."""

OVERRIDES = {"training.epochs": 12, "training.batch_size": 4}
SPEC = presets["mlp-512"].on("digits", **{path.replace(".", "__"): value for path, value in OVERRIDES.items()})
TRAIN = ["train", "--preset", "mlp-512", "--dataset", "digits", "--json"]
TRAIN += [word for path, value in OVERRIDES.items() for word in ("--set", f"{path}={value}")]


def endless(seed):
    return presets["mlp-512"].on("digits", epochs=1000, seed=seed)


def short(seed=0):
    return presets["softmax-regression"].on("digits", epochs=3, seed=seed)


def until(question, within=90.0):
    """The first answer that is true."""
    deadline = monotonic() + within
    while not (answer := question()):
        assert monotonic() < deadline, "waited too long"
        sleep(0.02)
    return answer


def environment(home, **more):
    named = {f"MNIST_LAB_{name.upper()}": str(value) for name, value in more.items()}
    return os.environ | {"MNIST_LAB_HOME": str(home), "PYTHONPATH": str(ROOT)} | named


@contextmanager
def started(command, home, **more):
    """A process that is killed at the end if it still runs, and what it says on its error output."""
    with (
        (home / "output.txt").open("ab") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=environment(home, **more), stdin=subprocess.PIPE, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def opened(home, start=None, **more):
    """A desk on a home; with `start`, its engine too."""
    lab = Lab(Settings(home=home, **more))
    jobs = Jobs(lab, start)
    jobs.start()
    try:
        yield Desk(lab, jobs)
    finally:
        jobs.close()
        lab.close()


class Desk(SimpleNamespace):
    """What the tests ask of jobs, and what they see of them."""

    def __init__(self, lab, jobs):
        super().__init__(lab=lab, jobs=jobs, store=lab.archive.store)

    def submit(self, spec):
        return self.jobs.submit(spec, owner=EVERYBODY).id

    def stop(self, run):
        self.jobs.stop(run, owner=EVERYBODY)

    def finished(self, run):
        return until(lambda: (record := self.store.run(run)).state.is_finished and record)

    def running(self, run, attempt=1):
        """The run once a worker is at it, at least for the so-manyth time."""
        return until(
            lambda: (record := self.store.run(run)).state is RunState.RUNNING and record.attempt >= attempt and record
        )

    def learning(self, run):
        """The run once it has learnt something and goes on."""
        record = until(lambda: ((record := self.store.run(run)).epoch or 0) >= 2 and record)
        assert record.state is RunState.RUNNING
        return record

    def figures(self, run):
        """All that a training comes to but how fast it was."""
        record = self.store.run(run)
        result = {key: value for key, value in record.result.items() if key != "images_per_second"}
        losses = {point.step: point.values for _, point in self.store.points(run)}
        return result, [(one.epoch, one.metrics) for one in self.store.epochs(run)], flat(losses)


def flat(points):
    """One value for each step, however many steps were written at once."""
    return {step + index: loss for step, values in sorted(points.items()) for index, loss in enumerate(values["loss"])}


def pid(record):
    return int(record.worker.split(":")[1])


def kill(record):
    os.kill(pid(record), signal.SIGKILL)


def is_gone(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Asks what the run comes to that nothing happens to; it is trained beside the first tests, in another home."""
    home = tmp_path_factory.mktemp("undisturbed")
    with started([sys.executable, "-m", "mnist_core", *TRAIN], home) as process:

        def figures():
            assert process.wait(120) == 0
            with opened(home) as desk:
                [record] = desk.store.runs()
                return desk.figures(record.id)

        yield figures


@pytest.fixture(scope="module")
def desk(tmp_path_factory, undisturbed):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNIST_LAB_HOME", str(home))
        before = {name: os.environ.get(name) for name in THREADS}
        with opened(home, start_engine) as desk:
            until(lambda: any(slot.warm for slot in desk.jobs.slots()))
            desk.threads_before = before
            yield desk


def test_a_run_is_trained_and_one_like_it_shows_the_same(desk):
    first = desk.submit(short())
    record = desk.finished(first)
    assert (record.state, record.attempt, record.reason) == (RunState.DONE, 1, None)
    assert [epoch.epoch for epoch in desk.store.epochs(first)] == [0, 1, 2, 3]
    second = desk.store.run(desk.submit(short()))
    assert (second.state, second.source) == (RunState.DONE, first)
    assert desk.figures(second.id) == desk.figures(first)


def test_workers_leave_the_threads_of_their_host_alone(desk):
    assert {name: os.environ.get(name) for name in THREADS} == desk.threads_before
    [slot] = desk.jobs.slots()
    assert (slot.lane, slot.device, slot.threads) == ("train", "cpu", desk.lab.settings.training_threads)
    assert slot.worker != worker_name()


def test_the_engine_listens_to_this_machine_only(desk):
    listening = set()
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            listening |= {one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_a_stopped_run_keeps_its_epochs_and_its_worker(desk):
    run = desk.submit(endless(1))
    worker = desk.learning(run).worker
    began = desk.store.now()
    desk.stop(run)
    record = desk.finished(run)
    assert record.ended - began < STOP_LIMIT * BUSY
    assert (record.state, record.worker) == (RunState.STOPPED, worker)
    assert "epochs until then are kept" in record.reason
    assert record.result["kept_epoch"] >= 1
    assert len(desk.store.epochs(run)) == record.epoch + 1
    assert desk.finished(desk.submit(short(1))).worker == worker


def test_a_frozen_worker_is_started_anew(desk):
    run = desk.submit(endless(2))
    frozen = psutil.Process(pid(desk.learning(run)))
    frozen.suspend()
    began = monotonic()
    desk.stop(run)
    record = desk.finished(run)
    until(lambda: is_gone(frozen))
    assert monotonic() - began < RESTART_LIMIT * BUSY
    assert record.state is RunState.STOPPED
    assert "did not react" in record.reason
    assert len(desk.store.epochs(run)) >= 2
    after = desk.finished(desk.submit(short(2)))
    assert (after.state, after.attempt) == (RunState.DONE, 1)
    assert after.worker != record.worker


def test_a_run_whose_worker_is_killed_ends_as_if_nothing_had_happened(desk, undisturbed):
    run = desk.submit(SPEC)
    kill(desk.learning(run))
    record = desk.finished(run)
    assert (record.state, record.attempt, record.reason) == (RunState.DONE, 2, None)
    assert desk.figures(run) == undisturbed()


def test_a_run_whose_worker_dies_three_times_has_failed(desk):
    run = desk.submit(endless(3))
    for attempt in (1, 2, 3):
        kill(desk.running(run, attempt))
    record = desk.finished(run)
    assert (record.state, record.attempt) == (RunState.FAILED, 3)
    assert record.reason.startswith("Its worker ended without a word 3 times")


def test_short_work_has_a_worker_of_its_own(desk):
    trained = desk.finished(desk.submit(short())).id
    busy = desk.submit(endless(4))
    trainer = desk.running(busy)
    looked = desk.finished(desk.jobs.predictions(trained, "train", 1, owner=EVERYBODY).id)
    assert (looked.state, looked.reason) == (RunState.DONE, None)
    assert desk.store.run(busy).state is RunState.RUNNING
    assert looked.worker != trainer.worker
    assert psutil.Process(pid(looked)).nice() == min(psutil.Process().nice() + VIEW_NICENESS, 19)
    assert psutil.Process(pid(trainer)).nice() == psutil.Process().nice()
    client = desk.jobs._control._engine._client
    [loaded] = client.run(eval, "set(__import__('sys').modules)", workers=[address_of(desk, trainer)]).values()
    assert "tensorflow" in loaded
    assert not {"umap", "numba", "openTSNE", "streamlit"} & loaded
    desk.stop(busy)
    desk.finished(busy)


def test_maps_are_made_while_a_run_trains(desk):
    trained = desk.finished(desk.submit(short())).id
    busy = desk.submit(endless(5))
    trainer = desk.running(busy)
    plain = {"split": "train", "settings": {"epochs": 30}, "sources": [["output", 1], ["output", 3]]}
    order = desk.jobs.map(MapRequest.parse(plain), trained, owner=EVERYBODY)
    made = desk.finished(order.id)
    assert (made.state, made.reason) == (RunState.DONE, None)
    result = desk.jobs.mapped(made)
    assert [one.source for one in result.maps] == [("output", 1), ("output", 3)]
    assert result.maps[1].quality.neighbourhood_hit_layer > 0.5
    assert desk.store.run(busy).state is RunState.RUNNING
    assert made.worker != trainer.worker
    client = desk.jobs._control._engine._client
    [loaded] = client.run(eval, "set(__import__('sys').modules)", workers=[address_of(desk, trainer)]).values()
    assert not {"umap", "numba", "openTSNE"} & loaded
    desk.stop(busy)
    desk.finished(busy)


def test_a_map_is_stopped_at_once_and_keeps_its_last_frame(desk):
    trained = desk.finished(desk.submit(short())).id
    plain = {"method": "tsne", "split": "train", "settings": {"iterations": 5000}, "sources": [["output", 2]]}
    order = desk.jobs.map(MapRequest.parse(plain), trained, owner=EVERYBODY)
    frame = until(lambda: desk.jobs.map_frame(desk.store.run(order.id)))
    worker, began = desk.store.run(order.id).worker, desk.store.now()
    desk.stop(order.id)
    record = desk.finished(order.id)
    assert record.ended - began < STOP_LIMIT * BUSY
    assert (record.state, record.worker) == (RunState.STOPPED, worker), "its worker goes on"
    [one] = desk.jobs.mapped(record).maps
    assert one.unfinished
    assert frame.iteration <= one.iterations < frame.of
    assert one.positions.shape == frame.positions.shape


def test_a_map_whose_worker_is_killed_is_made_by_the_next(desk):
    trained = desk.finished(desk.submit(short())).id
    plain = {"method": "tsne", "split": "train", "settings": {"iterations": 400}, "sources": [["output", 3]]}
    order = desk.jobs.map(MapRequest.parse(plain), trained, owner=EVERYBODY)
    until(lambda: desk.jobs.map_frame(desk.store.run(order.id)))
    kill(desk.store.run(order.id))
    record = desk.finished(order.id)
    assert (record.state, record.attempt, record.reason) == (RunState.DONE, 2, None)
    [one] = desk.jobs.mapped(record).maps
    assert not one.unfinished


def address_of(desk, record):
    return desk.jobs._control._engine._known[record.worker]


def test_a_command_beside_the_engine_keeps_its_run_until_it_dies(desk, undisturbed):
    before = {record.id for record in desk.store.runs()}
    with started([sys.executable, "-m", "mnist_core", *TRAIN], desk.lab.settings.home) as process:
        [run] = until(lambda: {record.id for record in desk.store.runs()} - before)
        record = desk.learning(run)
        assert (pid(record), record.attempt) == (process.pid, 1)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    taken_over = desk.finished(run)
    assert (taken_over.state, taken_over.attempt) == (RunState.DONE, 2)
    assert taken_over.worker in {slot.worker for slot in desk.jobs.slots()}
    assert desk.figures(run) == undisturbed()


HOST = [sys.executable, str(ROOT / "tests" / "faults" / "engine_host.py")]


def test_a_killed_engine_takes_its_workers_along_and_the_next_one_goes_on(tmp_path, undisturbed):
    with opened(tmp_path) as desk:
        with started(HOST, tmp_path) as host:
            running = desk.submit(SPEC)
            worker = psutil.Process(pid(desk.learning(running)))
            queued = desk.submit(short())
            family = psutil.Process(host.pid).children(recursive=True)
            assert worker in family
            host.send_signal(signal.SIGKILL)
            host.wait(10)
            until(lambda: all(is_gone(process) for process in family), within=20)
        assert desk.store.run(running).state is RunState.RUNNING
        assert desk.store.run(queued).state is RunState.QUEUED
        with started(HOST, tmp_path) as host:
            record = desk.finished(running)
            assert (record.state, record.attempt) == (RunState.DONE, 2)
            assert desk.figures(running) == undisturbed()
            assert desk.finished(queued).state is RunState.DONE
            family = psutil.Process(host.pid).children(recursive=True)
            assert family
            host.stdin.close()
            assert host.wait(30) == 0
            until(lambda: all(is_gone(process) for process in family), within=10)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, undisturbed):
    """A scheduler and a worker as processes, as an administrator starts them, and a desk that uses them."""
    home, port = tmp_path_factory.mktemp("cluster"), free_port()
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port)]
    scheduler += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    worker = [*dask, "worker", f"tcp://127.0.0.1:{port}", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]
    worker += ["--resources", "train-cpu=1", "--preload", "mnist_core.jobs.preload"]
    worker += ["--local-directory", str(home / "workers")]
    with ExitStack() as stack:

        def start_scheduler():
            processes.scheduler = stack.enter_context(started(scheduler, home))

        def start_worker():
            processes.worker = stack.enter_context(started(worker, home))
            stack.callback(end_family, processes.worker)

        processes = SimpleNamespace()
        start_scheduler()
        start_worker()
        desk = stack.enter_context(opened(home, start_engine, scheduler=f"tcp://127.0.0.1:{port}"))
        desk.processes, desk.start_scheduler, desk.start_worker = processes, start_scheduler, start_worker
        yield desk


def end_family(process):
    """Ends a process with all that it started."""
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(30)
        for one in psutil.wait_procs(family, timeout=10)[1]:
            one.kill()


def test_the_same_holds_on_a_cluster(cluster, undisturbed):
    stopped = cluster.submit(endless(1))
    cluster.learning(stopped)
    began = cluster.store.now()
    cluster.stop(stopped)
    record = cluster.finished(stopped)
    assert record.state is RunState.STOPPED
    assert record.ended - began < STOP_LIMIT * BUSY

    killed = cluster.submit(SPEC)
    kill(cluster.learning(killed))
    record = cluster.finished(killed)
    assert (record.state, record.attempt) == (RunState.DONE, 2)
    assert cluster.figures(killed) == undisturbed()
    cluster.jobs.delete(killed, owner=EVERYBODY)


def test_a_scheduler_that_is_killed_costs_nothing(cluster, undisturbed):
    """Its workers end by themselves, and are started again by whoever looks after them."""
    run = cluster.submit(SPEC)
    assert cluster.store.run(run).source is None
    cluster.learning(run)
    cluster.processes.scheduler.send_signal(signal.SIGKILL)
    cluster.processes.worker.wait(60)
    cluster.start_scheduler()
    cluster.start_worker()
    record = cluster.finished(run)
    assert record.state is RunState.DONE
    assert record.attempt in (1, 2)
    assert cluster.figures(run) == undisturbed()
    assert cluster.finished(cluster.submit(short())).state is RunState.DONE
