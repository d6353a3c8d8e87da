"""The estimate of an epoch's seconds against the truth, for published networks that the calibration never saw.

    python benchmarks/cost.py [--smoke]

Calibrates this machine on its probes, then times a slice of each published network and compares. The figure to quote
is the worst factor, the larger of estimate / truth and truth / estimate.
"""

import argparse
import json
import sys
from pathlib import Path

from mnist_core.machine import machine_name
from mnist_core.networks.catalogue import presets
from mnist_core.networks.cost import work_of_step
from mnist_core.settings import load_settings
from mnist_core.spec import LbfgsSpec
from mnist_core.training.calibrate import calibrate, seconds_per_step
from mnist_core.training.runtime import place


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="two networks only, to see that it works")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "cost.json")
    arguments = parser.parse_args()
    threads = place("cpu", load_settings().training_threads).threads
    calibration = calibrate(threads, lambda done, total: print(f"probe {done} of {total}", file=sys.stderr))
    names = [name for name, preset in presets.items() if not isinstance(preset.optimizer, LbfgsSpec)]
    specs = {name: presets[name].on() for name in (names[:2] if arguments.smoke else names)}
    if not arguments.smoke:
        specs["mlp-512, augmented"] = presets["mlp-512"].on(augmentation__rotate=10, augmentation__noise=0.1)
    rows = []
    for name, spec in specs.items():
        estimate = calibration.seconds_per_step(work_of_step(spec))
        truth = seconds_per_step(spec, threads, seconds=0.2 if arguments.smoke else 1.5)
        images = 70_000 / spec.training.batch_size
        rows.append({"preset": name, "estimate": estimate * images, "truth": truth * images})
        rows[-1]["factor"] = max(estimate / truth, truth / estimate)
    report = {"machine": machine_name(), "calibration": calibration.model_dump(), "rows": rows}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"{report['machine']}, {threads} threads\n")
    print("| network | estimated, s for 70,000 images | measured | factor |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['preset']} | {row['estimate']:.2f} | {row['truth']:.2f} | {row['factor']:.2f} |")
    print(f"\nworst factor: {max(row['factor'] for row in rows):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
