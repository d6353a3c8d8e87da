"""What a map sends to the browser, and what it takes from it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_core.errors import InvalidInput
from mnist_core.palette import CLASS_COLOURS, LIGHT
from pages.ui import map as map_module
from pages.ui import map_points
from pages.ui.images import ImageSource
from pages.ui.map_chart import MOST_POINTS, groups_of, rows_selected
from pages.ui.map_points import COLOURINGS, MapLook, MapPoints, payload

CLASSES = tuple("0123456789")
SOURCE = ImageSource("mnist", "abc")
KINDS = {"float16": np.float16, "int32": np.int32, "uint16": np.uint16, "int16": np.int16, "uint8": np.uint8}


def made_up(n: int, seed: int = 0) -> MapPoints:
    draw = np.random.default_rng(seed)
    return MapPoints(
        ids=np.sort(draw.choice(70_000, n, replace=False)).astype(np.int32),
        positions=draw.normal(3, 40, (n, 2)).astype(np.float32),
        labels=draw.integers(0, 10, n).astype(np.uint8),
        predicted=draw.integers(0, 10, n).astype(np.uint8),
        confidence=draw.uniform(0.1, 1, n).astype(np.float32),
        loss=draw.exponential(0.3, n).astype(np.float32),
        learnt=draw.integers(-1, 12, n).astype(np.int16),
    )


def read(sent: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """As the browser does."""
    length = int(np.frombuffer(sent, np.uint32, 1)[0])
    header, at = json.loads(sent[4 : 4 + length]), 4 + length
    arrays = {}
    for name, (kind, size) in header["arrays"].items():
        arrays[name] = np.frombuffer(sent, KINDS[kind], size, at)
        at += -(-arrays[name].nbytes // 4) * 4
    assert at == len(sent)
    return header, arrays


@pytest.mark.parametrize("n", [0, 1, 2, 3, 1001])
def test_the_browser_gets_what_was_given(n: int) -> None:
    points = made_up(n)
    marks = np.arange(n) % 3 == 0
    header, got = read(payload(points, MapLook(CLASSES), LIGHT, SOURCE, marks))
    assert header["n"] == n
    left, low, right, high = header["bounds"]
    if n:
        places = np.stack([left + got["x"] / 65535 * (right - left), low + got["y"] / 65535 * (high - low)], axis=1)
        np.testing.assert_allclose(places, points.positions, atol=max(right - left, high - low) / 65535 + 1e-4)
    for name in ("ids", "labels", "predicted", "learnt"):
        np.testing.assert_array_equal(got[name], getattr(points, name))
    np.testing.assert_allclose(got["confidence"] / 65535, points.confidence, atol=1e-5)
    np.testing.assert_allclose(got["loss"].astype(float), points.loss, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(np.unpackbits(got["selected"])[:n].astype(bool), marks)


def test_ten_thousand_points_are_light() -> None:
    points = made_up(10_000)
    sent = payload(points, MapLook(CLASSES), LIGHT, SOURCE, np.ones(10_000, bool))
    component = Path(map_module.__file__).parent / "components" / "map"
    around = sum((component / f"map.{kind}").stat().st_size for kind in ("html", "css", "js"))
    assert len(sent) + around < 200_000


def test_what_is_not_known_is_not_sent() -> None:
    full = made_up(5)
    points = MapPoints(full.ids, full.positions, full.labels)
    _, got = read(payload(points, MapLook(CLASSES), LIGHT, ImageSource("mnist", "", "not here"), None))
    assert set(got) == {"ids", "x", "y", "labels"}
    assert [one for one in COLOURINGS if points.offers(one)] == ["true class"]
    assert all(full.offers(one) for one in COLOURINGS)


def test_images_are_asked_for_by_their_ids_and_only_where_they_are() -> None:
    header, _ = read(payload(made_up(2), MapLook(CLASSES), LIGHT, SOURCE, None))
    before, after = header["images"]
    assert f"{before}4,9.png?columns=2{after}" == "/images/mnist/4,9.png?columns=2&v=abc"
    header, _ = read(payload(made_up(2), MapLook(CLASSES), LIGHT, ImageSource("mnist", "", "not here"), None))
    assert header["images"] is None


def test_a_scale_ends_where_nearly_all_are_and_says_so() -> None:
    points = made_up(1000)
    legend = read(payload(points, MapLook(CLASSES, "loss"), LIGHT, SOURCE, None))[0]["legend"]
    assert points.loss is not None
    assert legend["high"] == pytest.approx(np.percentile(points.loss, 99), rel=1e-6)
    assert legend["ends"] == ["0.00", f"{legend['high']:.2f} nats and more (the highest 1 %)"]
    kept = MapLook(CLASSES, "loss", ends=(0.0, 2.0))
    assert read(payload(points, kept, LIGHT, SOURCE, None))[0]["legend"]["ends"] == ["0.00", "2.00 nats"]
    confidence = read(payload(points, MapLook(CLASSES, "confidence"), LIGHT, SOURCE, None))[0]["legend"]
    assert confidence["ends"] == ["10 %", "100 %"]


def test_classes_have_their_colours() -> None:
    legend = read(payload(made_up(3), MapLook(CLASSES), LIGHT, SOURCE, None))[0]["legend"]
    assert legend["entries"] == [[name, colour] for name, colour in zip(CLASSES, CLASS_COLOURS, strict=True)]


@pytest.mark.parametrize("broken", [{"positions": np.zeros((3, 3), "f4")}, {"labels": np.zeros(2, "u1")}])
def test_arrays_must_fit(broken: dict[str, Any]) -> None:
    good = {"ids": np.arange(3), "positions": np.zeros((3, 2), "f4"), "labels": np.zeros(3, "u1")}
    with pytest.raises(InvalidInput, match="3 images"):
        MapPoints(**(good | broken))
    with pytest.raises(InvalidInput, match="finite"):
        MapPoints(**(good | {"positions": np.full((3, 2), np.nan, "f4")}))


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ([30, 10, 99, 10], [(10, 30)]),
        ([], [()]),
        ([10, "20"], []),
        ([True], []),
        ("10", []),
        (None, []),
        ({"10": 1}, []),
    ],
)
def test_only_what_was_shown_can_be_selected(monkeypatch: pytest.MonkeyPatch, told: Any, heard: list[Any]) -> None:
    points = MapPoints(np.array([10, 20, 30]), np.zeros((3, 2), "f4"), np.zeros(3, "u1"))
    said: list[tuple[int, ...]] = []
    monkeypatch.setattr(map_module.st, "session_state", {"m": {"select": told}})
    map_module._selecting("m", points, said.append)()
    assert said == heard


@pytest.mark.parametrize("colouring", COLOURINGS)
def test_the_chart_shows_each_point_once(colouring: map_points.Colouring) -> None:
    for n in (0, 7, 12_000):
        groups = groups_of(made_up(n), MapLook(CLASSES, colouring), LIGHT)
        rows = np.concatenate([rows for _, _, rows in groups]) if groups else np.zeros(0)
        assert len(rows) == len(set(rows.tolist())) == min(n, MOST_POINTS)


def test_the_chart_takes_what_is_selected_and_nothing_else() -> None:
    groups = [("a", "#000000", np.array([4, 5])), ("b", "#000000", np.array([9]))]
    told = {
        "selection": {"selected": [{"series_index": 0, "data_indices": [1, 7, -1, True]}, "x", {"series_index": 1}]}
    }
    assert rows_selected(told, groups).tolist() == [5]
    more = {
        "selection": {"selected": [{"series_index": 1, "data_indices": [0]}, {"series_index": 5, "data_indices": [0]}]}
    }
    assert rows_selected(more, groups).tolist() == [9]
    assert rows_selected("?", groups).tolist() == []
