import gzip

from mnist_core.datasets import sources as module
from mnist_core.datasets.download import Progress, download
from mnist_core.datasets.idx_set import FILES
from mnist_core.datasets.sources import IdxSource, fetch, load


def test_each_file_is_told_of_to_its_end(tmp_path, start_mirror, idx_set, files):
    told: list[Progress] = []
    download(idx_set(start_mirror()), tmp_path / "mnist", told.append)
    ends = {progress.file: progress for progress in told}
    assert list(ends) == [1, 2, 3, 4]
    assert [ends[n + 1].got for n in range(4)] == [len(gzip.compress(files[name])) for name in FILES]


def with_length(handler) -> None:
    data = gzip.compress(b"no images")
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def test_the_size_is_what_the_mirror_says(tmp_path, start_mirror, idx_set, files):
    told: list[Progress] = []
    known = idx_set(start_mirror(train_images=with_length), start_mirror())
    download(known, tmp_path / "mnist", told.append)
    assert told[0].size == told[0].got > 0
    assert (told[0].share, told[-1].size, told[-1].share) == (1.0, 0, 0.0)


def test_fetches_what_is_missing_and_nothing_that_is_here(settings, start_mirror, idx_set, monkeypatch):
    mirror = start_mirror()
    monkeypatch.setitem(module.SOURCES, "mnist", IdxSource(idx_set(mirror)))
    told: list[Progress] = []
    for name in ("digits", "mnist", "mnist", "nobody's"):
        fetch(name, settings, told.append)
    assert mirror.requests == list(FILES)
    assert {progress.file for progress in told} == {1, 2, 3, 4}
    assert load("mnist", settings).official
