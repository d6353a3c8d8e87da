"""Bundles taken apart, changed and packed again with a manifest that fits, and the check that one is refused."""

import hashlib
import io
import json
import zipfile

import pytest

from mnist_core.errors import BundleError
from mnist_core.npz import from_npz, to_npz
from mnist_core.runs import import_bundle
from mnist_core.runs.bundle_format import FORMAT_VERSION

WEIGHTS = "epoch/001/weights.npz"


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def packed(parts: dict[str, bytes], manifest=None) -> bytes:
    """A bundle of these members with a manifest that fits them, or another."""
    facts = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in parts.items()}
    manifest = manifest or {"format_version": FORMAT_VERSION, "members": facts}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        bundle.writestr("manifest.json", json.dumps(manifest))
        for name, data in parts.items():
            bundle.writestr(name, data)
    return buffer.getvalue()


def changed(path, **changes) -> dict[str, bytes]:
    """The members of a bundle with other bytes, or without those given as None."""
    parts = members(path.read_bytes())
    del parts["manifest.json"]
    return {name: data for name, data in (parts | changes).items() if data is not None}


def changed_json(path, member, **fields) -> dict[str, bytes]:
    plain = json.loads(members(path.read_bytes())[member])
    return changed(path, **{member: json.dumps(plain | fields).encode()})


def changed_arrays(path, member, arrays) -> dict[str, bytes]:
    """The members of a bundle with other arrays in one of them, or without those given as None."""
    sound = from_npz(members(path.read_bytes())[member])
    return changed(path, **{member: to_npz({k: v for k, v in (sound | arrays).items() if v is not None})})


def replaced(plain, field, value):
    """A copy of plain data with another value at a dotted path, or without it where the value is ..."""
    head, _, rest = field.partition(".")
    key = int(head) if isinstance(plain, list) else head
    copy = plain.copy()
    if rest:
        copy[key] = replaced(plain[key], rest, value)
    elif value is ...:
        del copy[key]
    else:
        copy[key] = value
    return copy


def changed_field(path, member, field, value) -> dict[str, bytes]:
    plain = json.loads(members(path.read_bytes())[member])
    return changed(path, **{member: json.dumps(replaced(plain, field, value)).encode()})


def is_empty(archive):
    return not archive.store.runs() and not any(archive.blobs._folder._root.rglob("*"))


def refuse(archive, path, data, sentence):
    path.write_bytes(data)
    with pytest.raises(BundleError, match=sentence):
        import_bundle(archive, path)
    assert is_empty(archive)
