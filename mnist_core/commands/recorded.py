"""What is recorded: the list of runs, one of them, and bundles out and in."""

import argparse
from datetime import datetime
from typing import Any

from mnist_core.commands.answer import Answer, epoch_document
from mnist_core.lab import Lab

__all__ = ["export", "import_run", "list_runs", "show"]


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
        "epochs": [epoch_document(epoch) for epoch in run.epochs],
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


def export(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Writes a run bundle."""
    path = lab.run(arguments.run).export(arguments.out)
    size = path.stat().st_size
    return Answer({"file": str(path), "bytes": size}, [f"Wrote {path}, {size:,} bytes."])


def import_run(lab: Lab, arguments: argparse.Namespace) -> Answer:
    """Takes in a run bundle."""
    record = lab.import_bundle(arguments.file).record
    return Answer(record.to_json(), [f"{record.name} ({record.short_id}) is here."])
