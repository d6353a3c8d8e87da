"""Reading the zip of a run bundle member by member, each checked against the manifest and the limits."""

import hashlib
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mnist_core.errors import BundleError
from mnist_core.runs.bundle_format import FORMAT_VERSION, Manifest, MemberFacts, from_json, is_member
from mnist_core.runs.checked_npz import DAMAGED

__all__ = ["BundleReader", "open_bundle"]

MAX_TOTAL = 2 * 2**30
MAX_MEMBER = 512 * 2**20
MAX_MEMBERS = 20_000
SMALL_MEMBERS = {"manifest.json": 8 * 2**20, "run.json": 8 * 2**20, "epochs.json": 32 * 2**20, "points.npz": 64 * 2**20}
"""Members that are unfolded into Python objects, and their most bytes."""

REQUIRED = {"run.json", "epochs.json", "points.npz"}
END_RECORD = struct.Struct("<4s4H2LH")
DIRECTORY_ENTRY = 256
"""More bytes than the zip directory needs for one of our members."""


class BundleReader:
    """The members of one bundle; its directory and manifest are checked, the members when they are read."""

    def __init__(self, archive: zipfile.ZipFile, shown: str) -> None:
        self._archive = archive
        self._shown = shown
        self.members = self._checked_members()

    def read(self, name: str) -> bytes:
        """The bytes of a member, as the manifest says.

        Raises:
            BundleError: they are damaged or others.
        """
        return self._read(name, self.members[name])

    def _read(self, name: str, facts: MemberFacts | None = None) -> bytes:
        limit = SMALL_MEMBERS.get(name, MAX_MEMBER)
        size = self._archive.getinfo(name).file_size
        if size > limit:
            raise BundleError(f"`{name}` of `{self._shown}` must have at most {limit} bytes, got {size}.")
        try:
            data = self._archive.read(name)
        except DAMAGED as error:
            raise self._damaged(f"`{name}` cannot be read ({error})") from error
        if facts and (len(data) != facts.bytes or hashlib.sha256(data).hexdigest() != facts.sha256):
            raise self._damaged(f"`{name}` is not what the manifest says")
        return data

    def _checked_members(self) -> dict[str, MemberFacts]:
        names = self._checked_names()
        data = self._read("manifest.json")
        version = from_json(data, dict, "manifest.json").get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise BundleError(
                f"`{self._shown}` has bundle format {version}, this program knows formats up to {FORMAT_VERSION};"
                " install a newer version of it."
            )
        manifest = from_json(data, Manifest, "manifest.json")
        differing = sorted(set(manifest.members) ^ (set(names) - {"manifest.json"}))
        if differing:
            raise self._damaged(f"the manifest and the members differ in `{differing[0]}`")
        return manifest.members

    def _checked_names(self) -> list[str]:
        infos = self._archive.infolist()
        names = [info.filename for info in infos]
        if len(names) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_TOTAL:
            raise _too_large(self._shown)
        missing = sorted((REQUIRED | {"manifest.json"}) - set(names))
        if missing or len(set(names)) != len(names):
            raise self._damaged(f"`{missing[0]}` is missing" if missing else "a member stands in it twice")
        foreign = [name for name in names if name != "manifest.json" and not is_member(name)]
        if foreign:
            raise self._damaged(f"{foreign[0]!r} is no member of a bundle")
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise self._damaged("a member is compressed in an unknown way")
        return names

    def _damaged(self, fact: str) -> BundleError:
        return BundleError(f"`{self._shown}` is not a sound run bundle: {fact}; export or download it again.")


@contextmanager
def open_bundle(path: Path) -> Iterator[BundleReader]:
    """Opens a bundle and checks its directory and manifest.

    Raises:
        BundleError: it cannot be read, is too large, damaged, of a newer format, or something else altogether.
    """
    try:
        # Opening a pipe waits for whoever writes to it, and a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            raise BundleError(f"`{path}` cannot be read: it is not a file; give the path of a run bundle.")
        with path.open("rb") as file:
            _check_end_record(file, path.name)
            with _open_zip(file, path.name) as archive:
                yield BundleReader(archive, path.name)
    except OSError as error:
        raise BundleError(f"`{path}` cannot be read: {error.strerror or error}; check the path.") from error


def _open_zip(file: BinaryIO, shown: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except DAMAGED as error:
        raise BundleError(f"`{shown}` is not a sound zip file: {error}; export or download it again.") from error


def _check_end_record(file: BinaryIO, shown: str) -> None:
    # The zip module reads the whole directory into memory, however large the end record says it is.
    size = file.seek(0, os.SEEK_END)
    if size > MAX_TOTAL + MAX_MEMBERS * DIRECTORY_ENTRY:
        raise _too_large(shown)
    file.seek(max(0, size - END_RECORD.size))
    tail = file.read()
    if len(tail) < END_RECORD.size or tail[:4] != b"PK\x05\x06":
        raise BundleError(f"`{shown}` is not a run bundle, or was cut short; export or download it again.")
    directory_bytes = END_RECORD.unpack(tail)[5]
    if directory_bytes > MAX_MEMBERS * DIRECTORY_ENTRY:
        raise _too_large(shown)


def _too_large(shown: str) -> BundleError:
    return BundleError(
        f"A bundle must have at most {MAX_MEMBERS} members and {MAX_TOTAL} bytes unpacked, `{shown}` has more; keep the"
        " weights of fewer epochs (`MNIST_LAB_SNAPSHOT_MB`)."
    )
