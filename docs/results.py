"""Prints the results of networks.md from results.json, which holds what `train --json` said of each run.

python docs/results.py                            prints the section
python docs/results.py PRESET DATASET FILE.json   takes a run's document into results.json first
"""

import json
import sys
from pathlib import Path

from mnist_core.networks.catalogue import presets

RESULTS = Path(__file__).parent / "results.json"
BARS = "▁▂▃▄▅▆▇█"
CURVES = ("val_loss", "train_eval_loss", "val_accuracy", "train_eval_accuracy")


def take_in(preset: str, dataset: str, file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept = {key: document[key] for key in ("best_epoch", "kept_epoch", "test")}
    curves = {name: [round(epoch[name], 5) for epoch in document["epochs"]] for name in CURVES}
    known[preset] = {"dataset": dataset, **kept, **curves}
    order = list(presets)
    known = dict(sorted(known.items(), key=lambda item: order.index(item[0])))
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(result)}" for name, result in known.items())
    RESULTS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def section() -> str:
    known = json.loads(RESULTS.read_text(encoding="utf-8"))
    head = "| preset | dataset | epochs | kept | test accuracy, % (95 % interval) | errors | reported, % |"
    lines = [f"{head} validation loss | training loss |", "|---|---|---|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(row(name, result) for name, result in known.items())])


def row(name: str, result: dict) -> str:
    test = result["test"]
    low, high = (f"{100 * side:.2f}" for side in test["interval"])
    reported = ", ".join(f"{100 * share:.2f}" for share in presets[name].reported) or "-"
    if "five classes" in presets[name].note:
        reported += " (5 classes)"
    cells = [
        name,
        result["dataset"],
        str(len(result["val_loss"])),
        str(result["kept_epoch"]),
        f"{100 * test['accuracy']:.2f} ({low} to {high})",
        f"{test['errors']:,}",
        reported,
        curve(result["val_loss"]),
        curve(result["train_eval_loss"]),
    ]
    return "| " + " | ".join(cells) + " |"


def curve(values: list[float]) -> str:
    """A line of at most 25 bars between the lowest and the highest value, with the first and the last one."""
    low, high = min(values), max(values)
    shown = [values[round(place * (len(values) - 1) / 24)] for place in range(25)] if len(values) > 25 else values
    bars = "".join(BARS[round((value - low) / ((high - low) or 1) * (len(BARS) - 1))] for value in shown)
    return f"{values[0]:.3f} {bars} {values[-1]:.3f}"


if __name__ == "__main__":
    if len(sys.argv) == 4:
        take_in(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    print(section())
