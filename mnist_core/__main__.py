"""The command line, `python -m mnist_core`: arguments in, one answer out, exit codes as documented.

0 all is well; 1 the run failed; 2 bad usage or bad input, with one line on standard error; 130 stopped by Ctrl-C.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from mnist_core.analysis.embedding import METHODS
from mnist_core.analysis.order import ORDERS
from mnist_core.commands import COMMANDS, Answer
from mnist_core.errors import InvalidInput, MnistLabError
from mnist_core.lab import Lab
from mnist_core.networks.catalogue import presets
from mnist_core.progress import say
from mnist_core.run import RECORDED_SPLITS, SPLITS
from mnist_core.runs import RunState
from mnist_core.runs.records import finite

__all__ = ["build_parser", "main"]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {' '.join(message.split())}; see `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command and its options."""
    parser = _Parser(prog="mnist_core", description="Train the published MNIST networks and look inside.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    added = {name: commands.add_parser(name, help=command.__doc__) for name, command in COMMANDS.items()}
    for command in added.values():
        command.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    _train_options(added["train"])
    for name in ("show", "evaluate", "biography", "embed", "weights", "inspect", "ablate", "export"):
        added[name].add_argument("run", metavar="RUN", help="id, unambiguous prefix of it, or name")
    _evaluate_options(added["evaluate"])
    added["biography"].add_argument("image", metavar="IMAGE", help="id of the image: its row in the dataset")
    added["biography"].add_argument("--split", choices=RECORDED_SPLITS, help="default the one that holds the image")
    _embed_options(added["embed"])
    added["weights"].add_argument("--epoch", default="kept", help="best, last, kept or a number; default kept")
    added["inspect"].add_argument("--image", required=True, metavar="I", help="id of the image: its row in the dataset")
    added["inspect"].add_argument("--epoch", default="kept", help="best, last, kept or a number; default kept")
    _ablate_options(added["ablate"])
    added["export"].add_argument("--out", required=True, metavar="FILE.zip", help="where the bundle goes")
    added["import"].add_argument("file", metavar="FILE.zip", help="a run bundle")
    return parser


def _train_options(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--preset", metavar="PRESET", help=", ".join(presets))
    what.add_argument("--resume", metavar="RUN", help="go on with a run whose process died")
    command.add_argument("--dataset", metavar="DATASET", help="digits, mnist, fashion-mnist or FILE.npz")
    command.add_argument("--name", help="what to call the run; default a friendly name")
    command.add_argument(
        "--set", action="append", metavar="PATH=VALUE", help="a field of the specification, such as training.epochs=3"
    )


def _evaluate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--epoch", default="kept", help="best, last, kept or a number; default kept")
    command.add_argument("--split", default="validation", choices=SPLITS, help="default validation")
    command.add_argument("--against", metavar="EPOCH|RUN[@EPOCH]", help="what to compare with")
    command.add_argument("--selection", metavar="TEXT", help="images to evaluate besides, as a link names them")
    command.add_argument("--most-wrong", metavar="N", help="list so many errors")
    command.add_argument("--order", choices=ORDERS, help=f"of --most-wrong; default {ORDERS[0]}")


def _embed_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--layer", metavar="LAYER", help="its id, or pixels; default the last hidden layer")
    command.add_argument("--method", default="umap", choices=METHODS, help="default umap")
    command.add_argument("--epoch", default="kept", help="best, last, kept or a number; default kept")
    command.add_argument("--split", default="validation", choices=SPLITS, help="default validation")
    command.add_argument("--points", default="10000", metavar="N", help="so many images at most; default 10,000")
    command.add_argument("--sample-seed", default="0", metavar="N", help="decides which images; default 0")
    command.add_argument("--set", action="append", metavar="NAME=VALUE", help="a setting, such as perplexity=50")
    command.add_argument("--out", metavar="FILE.npz", help="where places, image ids and labels go")


def _ablate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--layer", required=True, metavar="LAYER", help="its id; a layer with a kernel")
    command.add_argument("--units", required=True, metavar="N,M", help="numbers of the units that are off, from 0")
    command.add_argument("--epoch", default="kept", help="best, last, kept or a number; default kept")
    command.add_argument("--split", default="validation", choices=SPLITS, help="default validation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parsed = build_parser().parse_args(arguments)
    try:
        answer = COMMANDS[parsed.command](Lab(), parsed)
    except InvalidInput as error:
        return _complain(error, 2)
    except MnistLabError as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    try:
        _print(answer, as_json=parsed.json)
    except BrokenPipeError:  # nobody reads on: nothing is wrong, and the interpreter must not complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return {RunState.FAILED: 1, RunState.STOPPED: 130}.get(answer.state, 0)


def _complain(error: MnistLabError, code: int) -> int:
    say(" ".join(str(error).split()))
    return code


def _print(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(finite(answer.document), allow_nan=False))
    else:
        print("\n".join(answer.lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
