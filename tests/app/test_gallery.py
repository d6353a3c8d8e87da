"""What the gallery hands to the browser: the ids in its order, and numbers where the images are missing."""

import json
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
def test_the_sprite_has_the_images_of_the_items_at_their_places(drawn, count):
    gallery(items(count)[::-1], dataset="digits", key="g", label="some")
    (call,) = drawn
    data, shown = call["data"], min(count, MOST_IMAGES)
    assert [item["image"] for item in data["items"]] == [item.image for item in items(count)[::-1][:shown]]
    assert [ids(data)[item["place"]] for item in data["items"]] == [item["image"] for item in data["items"]]
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


def test_the_same_images_in_another_order_are_the_same_sprite(drawn):
    gallery(items(30), dataset="digits", key="g", label="some")
    gallery(items(30)[::-1], dataset="digits", key="g", label="some")
    first, second = (call["data"] for call in drawn)
    assert first["sprite"] == second["sprite"]
    assert first["items"] == second["items"][::-1]


def test_four_hundred_images_are_a_small_message(drawn):
    many = [
        GalleryItem(60_000 + n, "4", "9", False, (0.0,) * 8 + (0.12345, 0.87655), "wrong for 5 epochs")
        for n in range(400)
    ]
    gallery(many, dataset="mnist", key="g", label="many", on_choose=print)
    assert len(json.dumps(drawn[0]["data"])) < 80_000


def test_only_where_one_can_choose_there_is_a_choice(drawn):
    gallery(items(2), dataset="digits", key="g", label="some")
    gallery(items(2), dataset="digits", key="h", label="some", on_choose=print, chosen=1)
    still, choosing = drawn
    assert not still["data"]["chooses"]
    assert set(still) == {"key", "data"}
    assert (choosing["data"]["chooses"], choosing["data"]["chosen"]) == (True, 1)


@pytest.mark.parametrize("asked", [2, 0, -1, "1", None, True, 1.0, [1], {"image": 1}, 10**30])
def test_only_what_is_shown_can_be_chosen(drawn, monkeypatch, asked):
    chosen = []
    gallery(items(2), dataset="digits", key="g", label="some", on_choose=chosen.append)
    choose = drawn[0]["on_choose_change"]
    monkeypatch.setattr(gallery_module.st, "session_state", {"g": {"choose": asked}})
    choose()
    assert chosen == []
    gallery_module.st.session_state["g"]["choose"] = 4
    choose()
    assert chosen == [4]
