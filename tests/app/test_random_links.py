"""A thousand links that anybody may type: no traceback on screen, and nothing of what is not theirs to see."""

import random
from urllib.parse import quote_plus

import pytest

from mnist_core.analysis.selection import Cell, Changed, ConfidenceBin, Ids, ProbabilityBin, Selection
from pages.ui.guard import BROKEN
from pages.ui.services import services

LINKS, CHUNK = 1000, 250
BROKE = BROKEN.partition("(")[0]
NUMBERS = ("0", "1", "2", "3", "9", "-1", "007", "99999999999", "1e3", "\u0663", "")
WORDS = (
    "",
    "x",
    "kept",
    "best",
    "last",
    "live",
    "previous",
    "first",
    "TRAIN",
    "[a](b)",
    "<b>",
    "\x00",
    "../..",
    "a" * 3000,
)
PAGES = ("predictions", "weights", "network", "curves")


@pytest.fixture
def laboratory(finished_run, add_run):
    """Runs in every state, one of them thinned of all its files, and their ids."""
    archive = services().lab.archive
    waits, starts, works = add_run("queued"), add_run("running", epochs=-1), add_run("running", epochs=1)
    failed, bare = add_run("failed", epochs=0, reason="The loss became infinite."), add_run("done")
    gone = add_run("done", name="secret one")
    archive.store.delete(gone.id)
    return [
        finished_run.id,
        finished_run.id,
        finished_run.id,
        *(r.id for r in (waits, starts, works, failed, bare, gone)),
    ]


def selection(rng, runs):
    rule = rng.choice(
        [
            Cell(rng.choice([None, 3, 9, 40]), rng.choice([None, 8, 9, 40])),
            Changed(rng.random() < 0.5, rng.choice([0, 1, 2, 77]), rng.choice(["", *runs])),
            ProbabilityBin(rng.choice([0, 9, 40]), 3, 20),
            ConfidenceBin(rng.choice([0, 14]), 15),
            Ids(tuple(sorted(rng.sample(range(3000), 3)))),
        ]
    )
    text = Selection(
        rule, rng.choice(runs), rng.choice([None, 0, 1, 99]), rng.choice(["validation", "test", "train"])
    ).text()
    if rng.random() < 0.8:
        return text
    place = rng.randrange(len(text))
    return text[:place] + rng.choice([*WORDS, *NUMBERS]) + text[place + 1 :]


def query(rng, runs):
    any_text = (*NUMBERS, *WORDS)
    pools = {
        "run": (*runs, *runs, *any_text),
        "epoch": ("0", "1", "2", "kept", "best", "last", *any_text),
        "split": ("validation", "validation", "test", "train", *any_text),
        "numbers": ("counts", "by row", "by column", "difference", *any_text),
        "against": ("previous", "best", "kept", "first", "0", "1", *any_text),
        "against_run": (*runs, *any_text),
        "sort": ("most confident", "highest loss", "longest wrong", *any_text),
        "panel": ("calibration", "probability", "ROC", "precision-recall", *any_text),
        "class": any_text,
        "image": ("3", "17", "1796", "1797", *any_text),
        "measure": any_text,
        "of": any_text,
        "x": ("epochs", "steps", "time", *any_text),
        "scale": ("linear", "log", *any_text),
        "smoothing": ("0.5", "0.99", "1", "nan", *any_text),
        "show": any_text,
        "layer": ("output", "conv_1", *any_text),
        "channel": ("0", "1", *any_text),
        "order": ("norm", "change", *any_text),
        "before": ("0", "2", "99", *any_text),
        "unit": ("0", "9", "10", *any_text),
        "off": ("3", "3,7", "3,99", *any_text),
        "tiles": ("1", "2", *any_text),
        "matched": ("epoch:0", "epoch:99", "run:x", *any_text),
        "difference": ("own", *any_text),
        "part": ("one image", "the network", *any_text),
        "unfolded": ("true", *any_text),
        "beside": ("epoch:0", "epoch:99", "image:3", "image:99999999", "layer:x", *any_text),
    }
    chosen = {name: rng.choice(pools[name]) for name in rng.sample(sorted(pools), rng.randint(1, 6))}
    if rng.random() < 0.5:
        chosen["selection"] = selection(rng, runs)
    return chosen


@pytest.mark.parametrize("first", range(0, LINKS, CHUNK))
def test_no_link_breaks_a_page_or_shows_what_is_not_to_be_seen(open_page, laboratory, first):
    app, page = open_page(PAGES[0]), PAGES[0]
    for seed in range(first, first + CHUNK):
        rng = random.Random(seed)
        asked = query(rng, laboratory)
        if rng.random() < 0.1:
            page = rng.choice(PAGES)
            app.switch_page(f"{page}.py")
        app.query_params.clear()
        app.query_params.update(asked)
        try:
            app.run()
            assert_sound(app)
        except BaseException as error:
            error.add_note(f"seed {seed}, {page}?{'&'.join(f'{k}={quote_plus(v)}' for k, v in asked.items())}")
            raise


def assert_sound(app):
    assert not app.exception, [one.value for one in app.exception]
    said = [alert.value for alert in (*app.error, *app.warning, *app.info)]
    assert not [text for text in said if BROKE in text or "Traceback" in text or len(text.splitlines()) > 1]
    shown = [*said, *(one.value for one in (*app.markdown, *app.caption, *app.subheader))]
    shown += [button.label for button in app.button]
    assert not [text for text in shown if "secret one" in text]
    assert not [text for text in shown if "split at" in text and "test" in text], "nobody opened the test split"
