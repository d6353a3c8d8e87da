"""The shipped models: run bundles that come with the product, taken in once, so that there is something to look at.

What was offered is remembered in `HOME/shipped.json`, so that a shipped run that someone deleted does not come back.
"""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mnist_core.errors import BundleError, MnistLabError
from mnist_core.runs import Archive, RunRecord
from mnist_core.runs.atomic import disk_errors, replacing, write_all
from mnist_core.runs.bundle import bundle_run, import_bundle
from mnist_core.runs.following import SHIPPED_OWNER

__all__ = ["OWNER", "import_in_background", "import_shipped"]

OWNER = SHIPPED_OWNER
"""Who owns them: nobody who visits."""

log = logging.getLogger("mnist_lab")


@dataclass(frozen=True)
class Offer:
    """A bundle that was taken in here before, whether its run is still here or not."""

    run: str
    digest: str


def import_shipped(archive: Archive, folder: Path, home: Path) -> list[RunRecord]:
    """Takes in the bundles of a folder that were never offered here, by run id and by digest.

    A bundle that is refused is said in the log, and the others are taken in.

    Args:
        archive: where they go.
        folder: where the bundles are; a folder that is not there holds none.
        home: where it is remembered what was offered.

    Returns:
        The runs that are new here.

    Raises:
        StorageError: the archive or the home folder cannot be written.
    """
    offered = _read(home / "shipped.json")
    taken = []
    for path in sorted(folder.glob("*.zip")):
        try:
            run = bundle_run(path)
            if _is_known(run.id, run.digest, offered):
                continue
            taken.append(import_bundle(archive, path, owner=OWNER))
        except BundleError as error:
            log.warning("The shipped model `%s` is left out: %s", path.name, error)
            continue
        # Remembered one by one, so that a start that is interrupted goes on where it was.
        offered.append(Offer(run.id, run.digest))
        _write(home / "shipped.json", offered)
    return taken


def import_in_background(archive: Archive, folder: Path, home: Path) -> threading.Thread:
    """`import_shipped` in a thread of its own, which does not keep the process from ending; its end is logged."""

    def work() -> None:
        try:
            taken = import_shipped(archive, folder, home)
        except MnistLabError as error:
            log.error("The shipped models cannot be taken in now: %s", error)
        else:
            if taken:
                log.info("Took in %d shipped models: %s.", len(taken), ", ".join(run.name for run in taken))

    thread = threading.Thread(target=work, name="shipped-models", daemon=True)
    thread.start()
    return thread


def _is_known(run: str, digest: str, offered: list[Offer]) -> bool:
    return any(run == offer.run or digest == offer.digest for offer in offered)


def _read(path: Path) -> list[Offer]:
    """What was offered; a file that cannot be read counts as empty, as taking in again changes nothing that is here."""
    try:
        return list(_offers(json.loads(path.read_bytes())))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("`%s` is written anew, as it cannot be read (%s).", path, error)
        return []


def _offers(plain: list[dict[str, str]]) -> Iterator[Offer]:
    for entry in plain:
        yield Offer(str(entry["run"]), str(entry["digest"]))


def _write(path: Path, offered: list[Offer]) -> None:
    with disk_errors(f"the file `{path}`"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as descriptor:
            write_all(descriptor, json.dumps([asdict(offer) for offer in offered], indent=1).encode())
