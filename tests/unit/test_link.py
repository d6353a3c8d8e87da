from hypothesis import given
from hypothesis import strategies as st

from mnist_core.analysis.selection import Cell, Selection
from pages.ui.frame.link import EPOCH_NAMES, Link

PARTS = ("epoch", "split", "selection")
anything = st.dictionaries(st.sampled_from(["run", *PARTS, "other"]), st.text(max_size=200))
good = st.builds(
    Link,
    run=st.text(max_size=100).map(lambda ref: "".join(c for c in ref if c.isprintable() and c != "`")),
    epoch=st.sampled_from(EPOCH_NAMES) | st.integers(0, 999_999_999).map(str),
    split=st.sampled_from(["validation", "test", "train"]),
    selection=st.none() | st.builds(Selection, st.just(Cell(4, 9)), st.just("0190-a1"), st.none(), st.just("test")),
)


@given(anything)
def test_any_query_gives_a_link_that_keeps_the_rules(query: dict[str, str]):
    link = Link.parse(query)
    assert link.epoch in EPOCH_NAMES or (link.epoch.isdecimal() and link.epoch.isascii() and int(link.epoch) < 10**9)
    assert link.split in ("validation", "test", "train")
    assert len(link.run) <= 100


@given(anything)
def test_what_is_refused_is_said_and_the_rest_kept(query: dict[str, str]):
    link = Link.parse(query)
    given = [name for name in PARTS if name in query and (query[name] or name != "selection")]
    refused = [name for name in given if getattr(link, name) != query[name]]
    assert len(link.problems) == len(refused)
    assert all(f"`{name}`" in problem for name, problem in zip(refused, link.problems, strict=True))


@given(good)
def test_a_link_survives_the_url(link: Link):
    assert Link.parse(link.query()) == link


def test_defaults_stay_out_of_the_url():
    assert Link().query() == {}
    assert Link(run="quiet-otter", epoch="3").query() == {"run": "quiet-otter", "epoch": "3"}


def test_what_a_link_calls_a_run_is_fit_for_a_sentence():
    assert Link.parse({"run": "a`b\nc"}).run == "a?b?c"
