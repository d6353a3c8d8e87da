"""What there is to train: the networks and the datasets."""

import argparse
from dataclasses import asdict

from mnist_core import datasets
from mnist_core.commands.answer import Answer
from mnist_core.lab import Lab
from mnist_core.networks.catalogue import presets

__all__ = ["show_datasets", "show_presets"]


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
