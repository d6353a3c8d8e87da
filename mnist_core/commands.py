"""What each command of the command line does: it takes the parsed arguments and returns plain data and its lines.

Nothing here parses arguments or decides exit codes; `__main__.py` does.
"""

import argparse
import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from mnist_core import datasets
from mnist_core.errors import DatasetMissing, InvalidInput, TrainingFailed
from mnist_core.lab import Lab
from mnist_core.networks.catalogue import presets
from mnist_core.progress import ProgressBar, say
from mnist_core.run import Run
from mnist_core.runs import EpochRecord, RunState
from mnist_core.spec import RunSpec

__all__ = ["COMMANDS", "Answer"]

FALLBACK = "digits"


class Answer:
    """What a command has to say: a JSON document, the same for people, and how the run ended that it was about."""

    def __init__(self, document: Any, lines: Sequence[str], *, state: RunState = RunState.DONE) -> None:
        self.document = document
        self.lines = lines
        self.state = state


def show_presets(lab: Lab, _: argparse.Namespace) -> Answer:
    """Lists the networks."""
    del lab
    document = [
        {
            "name": preset.name,
            "parameters": {str(classes): preset.parameters(classes) for classes in (10, 5)},
            "spec": preset.on().model_dump(mode="json"),
        }
        for preset in presets.values()
    ]
    lines = [f"{preset.name:24} {preset.parameters(10):>9,} parameters   {preset.note}" for preset in presets.values()]
    return Answer(document, lines)


def show_datasets(lab: Lab, _: argparse.Namespace) -> Answer:
    """Lists the datasets."""
    document = [asdict(info) for info in datasets.available(lab.settings)]
    lines = [
        f"{info['name']:16} {info['train']:>6,} + {info['test']:>6,} images, {len(info['classes'])} classes   "
        f"{'here' if info['available'] else 'not here'}: {info['source']}"
        for info in document
    ]
    return Answer(document, lines)


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
    overrides = dict(_assignment(text) for text in arguments.set or ())
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


def _assignment(text: str) -> tuple[str, Any]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise InvalidInput(f"`--set` takes PATH=VALUE, such as training.epochs=3, got {text[:60]!r}.")
    try:
        return path, json.loads(value)
    except (ValueError, RecursionError):  # not JSON: a plain text, for the specification to judge
        return path, value


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
        "epochs": [_epoch(epoch) for epoch in run.epochs if epoch.epoch > 0],
        "best_epoch": result.get("best_epoch"),
        "kept_epoch": result.get("kept_epoch"),
        "test": result.get("test"),
    }


def _epoch(record: EpochRecord) -> dict[str, Any]:
    seconds = {
        "seconds": record.seconds,
        "evaluation_seconds": record.evaluation_seconds,
        "recording_seconds": record.recording_seconds,
    }
    return {"epoch": record.epoch, **seconds, **record.metrics}


def _trained_lines(run: Run) -> list[str]:
    record, test = run.record, (run.record.result or {}).get("test")
    if not test:
        return [f"{record.name} {record.state.value}: {record.reason}"]
    low, high = test["interval"]
    return [
        f"{record.name} {record.state.value}, epoch {test['epoch']} kept: test accuracy {100 * test['accuracy']:.2f} %"
        f" ({100 * low:.2f} to {100 * high:.2f}), {test['errors']} errors."
    ]


def list_runs(lab: Lab, _: argparse.Namespace) -> Answer:
    """Lists the recorded runs."""
    records = [run.record for run in lab.runs()]
    lines = [
        f"{record.short_id}  {record.name:24} {record.state.value:8} {record.spec['network']['preset']:24}"
        f" {record.spec['dataset']['name'][:16]:16} {_when(record.created)}  {_accuracy(record.result)}"
        for record in records
    ]
    return Answer([record.to_json() for record in records], lines or ["No runs yet; `train --preset` makes one."])


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def _accuracy(result: dict[str, Any] | None) -> str:
    return f"test {100 * result['test']['accuracy']:.2f} %" if result and result.get("test") else ""


def show(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Shows one run: record, specification, layers, epochs."""
    run = lab.run(arguments.run)
    record = run.record
    layers: list[dict[str, Any]] = [
        {
            "id": place.id,
            "kind": place.layer.kind,
            "output_shape": list(place.output_shape),
            "parameters": place.parameters,
            "multiply_adds": place.multiply_adds,
        }
        for place in run.layers
    ]
    document = {
        "run": record.to_json() | {"facts": run.facts and run.facts.model_dump(mode="json")},
        "spec": record.spec,
        "layers": layers,
        "epochs": [_epoch(epoch) for epoch in run.epochs],
    }
    lines = [f"{record.name} ({record.id}) {record.state.value} {record.reason or ''}".rstrip()]
    lines += [
        f"  {layer['id']:16} {' x '.join(map(str, layer['output_shape'])):>14} {layer['parameters']:>10,} parameters"
        for layer in layers
    ]
    lines += [
        f"  epoch {epoch.epoch:>3}: validation accuracy {100 * epoch.metrics['val_accuracy']:.2f} %,"
        f" loss {epoch.metrics['val_loss']:.4f}"
        for epoch in run.epochs
    ]
    return Answer(document, lines)


def evaluate(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Evaluates a recorded run at an epoch on a split."""
    run = lab.run(arguments.run)
    result = run.evaluate(arguments.split, arguments.epoch)
    low, high = result.interval
    lines = [
        f"{run.record.name}, epoch {result.epoch}, {result.split}: accuracy {100 * result.accuracy:.2f} %"
        f" ({100 * low:.2f} to {100 * high:.2f}), {result.errors} errors",
        "rows true, columns predicted:",
        *("  " + " ".join(f"{count:>6}" for count in row) for row in result.confusion),
    ]
    return Answer(result.to_json(), lines)


def export(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Writes a run bundle."""
    path = lab.run(arguments.run).export(arguments.out)
    size = path.stat().st_size
    return Answer({"file": str(path), "bytes": size}, [f"Wrote {path}, {size:,} bytes."])


def import_run(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Takes in a run bundle."""
    record = lab.import_bundle(arguments.file).record
    return Answer(record.to_json(), [f"{record.name} ({record.short_id}) is here."])


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


COMMANDS: dict[str, Callable[[Lab, argparse.Namespace], Answer]] = {
    "presets": show_presets,
    "datasets": show_datasets,
    "train": train,
    "runs": list_runs,
    "show": show,
    "evaluate": evaluate,
    "export": export,
    "import": import_run,
    "calibrate": calibrate,
}
