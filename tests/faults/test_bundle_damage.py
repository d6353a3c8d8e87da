"""Bundles with flipped bits and lost bytes: refused with a sentence, or the same run; never half an import."""

import random
import zipfile

import pytest

from mnist_core.errors import BundleError
from mnist_core.runs import Archive, Blobs, Store, export_bundle, import_bundle, write_bundle
from tests.unit.runs.sample_runs import SPEC, train


def home(folder):
    return Archive(Store(f"sqlite:///{folder}/lab.sqlite"), Blobs(str(folder / "blobs")))


@pytest.fixture
def bundle(tmp_path):
    archive = home(tmp_path / "here")
    path = tmp_path / "run.zip"
    with archive.store:
        write_bundle(archive, train(archive, SPEC.model_dump(mode="json")), path)
    return path


def flipped(data, random_numbers):
    position = random_numbers.randrange(len(data))
    bits = 1 << random_numbers.randrange(8)
    return data[:position] + bytes([data[position] ^ bits]) + data[position + 1 :]


def cut_out(data, random_numbers):
    start, stop = sorted(random_numbers.randrange(len(data)) for _ in range(2))
    return data[:start] + data[stop:]


def swapped(data, random_numbers):
    start, stop = sorted(random_numbers.randrange(len(data)) for _ in range(2))
    return data[:start] + random_numbers.randbytes(stop - start) + data[stop:]


@pytest.mark.parametrize("damage", [flipped, cut_out, swapped])
def test_a_damaged_bundle_is_refused_or_the_same(bundle, tmp_path, damage):
    sound, random_numbers = bundle.read_bytes(), random.Random(damage.__name__)
    archive, outcomes = home(tmp_path / "there"), []
    blobs = len(zipfile.ZipFile(bundle).namelist()) - len(("manifest", "run", "epochs", "points"))
    with archive.store as store:
        for _ in range(400):
            bundle.write_bytes(damage(sound, random_numbers))
            outcomes.append(outcome(archive, bundle, sound))
            assert store.runs() == []
            assert archive.collect_garbage(older_than_s=-1) == (blobs if outcomes[-1] == "same" else 0)
    assert outcomes.count("refused") > 200


def outcome(archive, path, sound):
    """Imports a bundle and removes it again."""
    try:
        run = import_bundle(archive, path)
    except BundleError as error:
        assert str(error).endswith(".")
        return "refused"
    assert export_bundle(archive, run.id) == sound
    archive.store.delete(run.id)
    return "same"
