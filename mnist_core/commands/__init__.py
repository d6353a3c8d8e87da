"""What each command of the command line does: it takes the parsed arguments and returns plain data and its lines.

Nothing here parses the command line or decides exit codes; `__main__.py` does.
"""

import argparse
from collections.abc import Callable

from mnist_core.commands.ablate import ablate_units
from mnist_core.commands.answer import Answer
from mnist_core.commands.biography import show_biography
from mnist_core.commands.catalogues import show_datasets, show_presets
from mnist_core.commands.embed import embed
from mnist_core.commands.evaluation import evaluate
from mnist_core.commands.inspect import inspect_image
from mnist_core.commands.recorded import export, import_run, list_runs, show
from mnist_core.commands.training import calibrate, train
from mnist_core.commands.weights import show_weights
from mnist_core.lab import Lab

__all__ = ["COMMANDS", "Answer"]

COMMANDS: dict[str, Callable[[Lab, argparse.Namespace], Answer]] = {
    "presets": show_presets,
    "datasets": show_datasets,
    "train": train,
    "runs": list_runs,
    "show": show,
    "evaluate": evaluate,
    "biography": show_biography,
    "embed": embed,
    "weights": show_weights,
    "inspect": inspect_image,
    "ablate": ablate_units,
    "export": export,
    "import": import_run,
    "calibrate": calibrate,
}
