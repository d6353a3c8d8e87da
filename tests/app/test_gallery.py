"""What the gallery hands to the browser: the ids in its order, and numbers where the images are missing."""

import re

import pytest

from pages.ui import gallery as gallery_module
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.images import MOST_IMAGES, ImageSource


@pytest.fixture
def drawn(shared, monkeypatch):
    calls = []
    monkeypatch.setattr(gallery_module, "_COMPONENT", lambda **arguments: calls.append(arguments))
    return calls


def items(count: int) -> list[GalleryItem]:
    return [GalleryItem(3 * n + 1, "4", "9" if n % 2 else "4", not n % 2, (0.1, 0.9)) for n in range(count)]


def ids(data) -> list[int]:
    return [int(number) for number in re.search(r"/([0-9,]+)\.png", data["sprite"])[1].split(",")]


@pytest.mark.parametrize("count", [1, 7, 20, 21, 400, 500])
def test_the_sprite_has_the_ids_in_the_order_of_the_items(drawn, count):
    gallery(items(count), dataset="digits", key="g", label="some")
    (call,) = drawn
    data, shown = call["data"], min(count, MOST_IMAGES)
    assert ids(data) == [item["image"] for item in data["items"]] == [item.image for item in items(count)[:shown]]
    assert data["spriteColumns"] == min(shown, 20)
    assert data["spriteRows"] * data["spriteColumns"] >= shown
    assert len(data["sprite"]) < 4000


def test_what_is_not_at_hand_keeps_its_numbers_and_says_how_to_get_it(drawn):
    gallery(items(3), dataset="mnist", key="g", label="some")
    data = drawn[0]["data"]
    assert data["sprite"] == ""
    assert "`mnist`" in data["missing"]
    assert [item["p"] for item in data["items"]] == [[0.1, 0.9]] * 3


def test_who_hands_in_the_source_has_said_what_is_missing(drawn):
    gallery(items(1), dataset=ImageSource("mnist", missing="It is away."), key="g", label="some")
    assert (drawn[0]["data"]["missing"], drawn[0]["data"]["sprite"]) == ("", "")


def test_nothing_to_show_asks_for_nothing(drawn):
    gallery([], dataset="digits", key="g", label="none")
    assert (drawn[0]["data"]["sprite"], drawn[0]["data"]["items"]) == ("", [])


def test_the_version_is_asked_for(drawn):
    gallery(items(2), dataset=ImageSource("digits", "abc"), key="g", label="some")
    assert drawn[0]["data"]["sprite"].endswith("&v=abc")


def test_long_names_stand_below_each_other(drawn):
    gallery([GalleryItem(1, "Ankle boot", "Sneaker", False, ())], dataset="digits", key="g", label="one")
    gallery(items(2), dataset="digits", key="h", label="two")
    assert [call["data"]["brief"] for call in drawn] == [False, True]
