"""What works for a while: training in this process, and measuring this machine."""

import argparse
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnist_core.commands.answer import Answer, epoch_document
from mnist_core.commands.assignment import assignment
from mnist_core.errors import DatasetMissing, InvalidInput, TrainingFailed
from mnist_core.lab import Lab
from mnist_core.networks.catalogue import presets
from mnist_core.progress import ProgressBar, say
from mnist_core.run import Run
from mnist_core.spec import RunSpec

__all__ = ["calibrate", "train"]

FIELD = "PATH=VALUE, such as training.epochs=3"

FALLBACK = "digits"


def train(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Trains a preset, or goes on with a run whose process died."""
    with _stop_on_interrupt() as should_stop:
        watch: dict[str, Any] = {"listen": ProgressBar, "should_stop": should_stop}
        try:
            run = _start(lab, arguments, watch)
        except TrainingFailed as error:
            say(str(error))
            run = lab.run(error.run)
    if run.record.result:
        run.open_test_split()
    return Answer(_trained(run), _trained_lines(run), state=run.record.state)


def _start(lab: Lab, arguments: argparse.Namespace, watch: dict[str, Any]) -> Run:
    if arguments.resume is not None:
        given = [f"--{name}" for name in ("dataset", "name", "set") if getattr(arguments, name) is not None]
        if given:
            raise InvalidInput(f"`--resume` goes on with the run as it is, got `{given[0]}` too; leave that out.")
        return lab.resume(arguments.resume, **watch)
    spec = _spec(lab, arguments)
    bench = lab.prepare(spec)
    if arguments.name is not None:
        lab.archive.store.check_new_name(arguments.name)
    cost = lab.cost(spec, len(bench.splits.train))
    say(
        f"{spec.network.preset} on {spec.dataset.name} ({bench.dataset.source}), {cost.parameters:,} parameters\n"
        f"about {cost.seconds_per_epoch:.2g} s an epoch ({cost.basis})"
    )
    return lab.train(spec, name=arguments.name, **watch)


def _spec(lab: Lab, arguments: argparse.Namespace) -> RunSpec:
    preset = presets[arguments.preset]
    overrides = dict(assignment(text, FIELD) for text in arguments.set or ())
    if arguments.dataset is not None:
        named = arguments.dataset
    elif "dataset" in overrides or "dataset.name" in overrides:
        named = overrides.get("dataset.name", preset.dataset)
    else:
        named = _at_hand(lab, preset.dataset)
    if isinstance(named, str) and named.endswith(".npz"):
        overrides.pop("dataset.name", None)
        return preset.specify(lab.dataset(Path(named)), overrides)
    return preset.specify(named, overrides)


def _at_hand(lab: Lab, name: str) -> str:
    try:
        lab.dataset(name)
    except DatasetMissing as error:
        say(f"{error}\nTraining on the bundled {FALLBACK} instead.")
        return FALLBACK
    return name


@contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks the training to stop after its chunk; the second one interrupts at once."""
    asked = threading.Event()

    def ask(number: int, frame: Any) -> None:
        del number, frame
        asked.set()
        signal.signal(signal.SIGINT, interrupt)
        say("Stopping; press Ctrl-C again to stop at once.")

    def interrupt(number: int, frame: Any) -> None:
        del number, frame
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # so that the run's last state can be written
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _trained(run: Run) -> dict[str, Any]:
    record = run.record
    result = record.result or {}
    return {
        "run": run.id,
        "state": record.state.value,
        "parameters": run.parameters,
        "epochs": [epoch_document(epoch) for epoch in run.epochs if epoch.epoch > 0],
        "best_epoch": result.get("best_epoch"),
        "kept_epoch": result.get("kept_epoch"),
        "test": result.get("test"),
    }


def _trained_lines(run: Run) -> list[str]:
    record, test = run.record, (run.record.result or {}).get("test")
    if not test:
        return [f"{record.name} {record.state.value}: {record.reason}"]
    low, high = test["interval"]
    return [
        f"{record.name} {record.state.value}, epoch {test['epoch']} kept: test accuracy {100 * test['accuracy']:.2f} %"
        f" ({100 * low:.2f} to {100 * high:.2f}), {test['errors']} errors."
    ]


def calibrate(lab: Lab, _arguments: argparse.Namespace) -> Answer:
    """Measures this machine, for the estimates of what a run costs."""
    from mnist_core.networks.cost import save_calibration
    from mnist_core.training import calibrate as probes
    from mnist_core.training.runtime import place

    placement = place("cpu", lab.settings.training_threads)

    def report(done: int, total: int) -> None:
        say(f"\rcalibrating {done} of {total}", end="\n" if done == total else "")

    calibration = probes.calibrate(placement.threads, report)
    path = save_calibration(calibration, lab.settings.home)
    return Answer(calibration.model_dump(), [f"Kept in {path}."])
