"""Which run and epoch a link means. What is not there is said in a sentence, beside what is shown instead."""

from collections.abc import Sequence

from mnist_core.errors import RunNotFound
from mnist_core.runs import RunRecord
from pages.ui.frame.link import Link
from pages.ui.images import image_source
from pages.ui.recorded import Recorded
from pages.ui.services import services

__all__ = ["choose_epoch", "find_run", "run_named"]

ON_SCREEN = ("`runs` lists all of them", "the runs page lists all of them")
"""A command that a sentence names, and what stands for it on the pages."""


def find_run(link: Link, runs: Sequence[RunRecord]) -> tuple[RunRecord, list[str]]:
    """The run that the link names, else the newest with something to see; and what is wrong, as sentences."""
    newest = _newest(runs)
    if not link.run:
        return newest, []
    found = next((record for record in runs if link.run in (record.id, record.name)), None)
    if found:
        return found, []
    try:
        wanted = _found(link.run)
    except RunNotFound as error:
        return newest, [f"{error} Run `{newest.name}` is shown."]
    trained = next((record for record in runs if record.id in (wanted.id, wanted.source)), None)
    if trained:
        return trained, []
    return newest, [f"Run `{wanted.name}` trained nothing that can be shown; run `{newest.name}` is shown."]


def _newest(runs: Sequence[RunRecord]) -> RunRecord:
    """The newest run with epochs whose images are at hand, else with epochs, else of all."""
    seen = [record for record in runs if record.epoch is not None]
    whole = (record for record in seen if not image_source(str(record.spec["dataset"]["name"])).missing)
    return next(whole, seen[0] if seen else runs[0])


def run_named(ref: str) -> RunRecord:
    """The run with this id or name; of work on a run, such as predictions that are made later, the run it looks at.

    Raises:
        RunNotFound: there is none.
    """
    found = _found(ref)
    return found if found.kind == "train" else _found(found.source or "")


def _found(ref: str) -> RunRecord:
    try:
        return services().lab.archive.store.run(ref)
    except RunNotFound as error:
        raise RunNotFound(str(error).replace(*ON_SCREEN)) from error


def choose_epoch(wanted: str, recorded: Recorded) -> tuple[int | None, list[str]]:
    """The epoch that the link names, else the kept one; None where none is recorded yet."""
    numbers = [record.epoch for record in recorded.epochs]
    if not numbers:
        return None, []
    named = {"kept": recorded.kept, "best": recorded.best, "last": numbers[-1]}
    number = named[wanted] if wanted in named else int(wanted)
    if number is None:
        return numbers[-1], []
    if number in numbers:
        return number, []
    shown, name = (recorded.kept, "the kept one") if recorded.kept is not None else (numbers[-1], "the last one")
    have = f"Epochs {numbers[0]} to {numbers[-1]} are recorded" if len(numbers) > 1 else "Only epoch 0 is recorded"
    return shown, [f"Epoch {number} is not recorded. {have}; {name} is shown."]
