"""The image route: the pixels at each place are those of the id asked for, and bad requests get one sentence."""

import asyncio
import io
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pytest
import streamlit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.applications import Starlette

from mnist_core.datasets import read_npz
from mnist_core.lab import Lab
from mnist_core.settings import Settings
from pages.ui import images
from pages.ui.images import ImageSource, image_routes, image_source, offer_images, sprite, sprite_url

SIDE = 28


@pytest.fixture
def lab(tmp_path, monkeypatch):
    lab = Lab(Settings(home=tmp_path / "home", data=()))
    monkeypatch.setattr(images, "services", lambda: SimpleNamespace(lab=lab))
    streamlit.cache_resource.clear()
    yield lab
    lab.close()
    streamlit.cache_resource.clear()


@dataclass
class Answer:
    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def text(self) -> str:
        return self.content.decode()


class Client:
    """Asks the routes as a server does, without a socket."""

    def __init__(self) -> None:
        self._app = Starlette(routes=image_routes())

    def get(self, address: str) -> Answer:
        path, _, query = address.partition("?")
        scope = {"type": "http", "method": "GET", "path": unquote(path), "query_string": query.encode(), "headers": []}
        answer = Answer()

        async def receive():
            return {"type": "http.request"}

        async def send(message):
            if message["type"] == "http.response.start":
                answer.status_code = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            answer.content += message.get("body", b"")

        asyncio.run(self._app(scope, receive, send))
        return answer


@pytest.fixture
def client(lab):
    return Client()


@pytest.fixture
def own_file(tmp_path):
    y = np.arange(12) % 3
    np.savez(tmp_path / "own.npz", x=np.random.default_rng(1).integers(0, 256, (12, SIDE, SIDE), np.uint8), y=y)
    return tmp_path / "own.npz"


def pixels(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data))
    assert image.mode == "L"
    return np.asarray(image)


def at(sheet: np.ndarray, place: int, columns: int) -> np.ndarray:
    row, column = divmod(place, columns)
    return sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]


@settings(max_examples=30, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 1796), min_size=1, max_size=400), st.integers(1, 40))
def test_each_place_shows_the_image_asked_for(client, lab, ids, columns):
    answer = client.get(sprite_url(ImageSource("digits"), ids, columns))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    sheet, wide = pixels(answer.content), min(columns, len(ids))
    assert sheet.shape == (-(-len(ids) // wide) * SIDE, wide * SIDE)
    stored = lab.dataset("digits").images
    for place, image in enumerate(ids):
        assert np.array_equal(at(sheet, place, wide), stored[image])


def test_a_thumbnail_is_the_sprite_of_one(client, lab):
    answer = client.get("/images/digits/7.png")
    assert np.array_equal(pixels(answer.content), lab.dataset("digits").images[7])


def test_the_content_hash_makes_an_answer_last(client, lab):
    version = lab.dataset("digits").content_hash
    assert "immutable" in client.get(f"/images/digits/1.png?v={version}").headers["cache-control"]
    assert client.get("/images/digits/1.png").headers["cache-control"] == "no-cache"


BAD = {
    "/images/digits/1797.png": 404,
    "/images/digits/999999.png": 404,
    "/images/digits/1234567.png": 400,
    "/images/digits/x.png": 400,
    "/images/digits/-1.png": 400,
    "/images/digits/1,,2.png": 400,
    "/images/digits/1,2,.png": 400,
    "/images/digits/1%20.png": 400,
    "/images/digits/1%0A.png": 400,
    "/images/digits/%D9%A1.png": 400,
    f"/images/digits/{','.join(['1'] * 401)}.png": 400,
    f"/images/digits/{'1' * 5000}.png": 400,
    "/images/digits/1.png?columns=0": 400,
    "/images/digits/1.png?columns=401": 400,
    "/images/digits/1.png?columns=x": 400,
    "/images/digits/1.png?columns=-3": 400,
    "/images/digits/1.png?v=other": 404,
    "/images/nothing/1.png": 404,
    "/images/mnist/1.png": 404,
    "/images/..%2F..%2Fetc%2Fpasswd/1.png": 404,
    f"/images/{'0' * 64}/1.png": 404,
    f"/images/{'A' * 64}/1.png": 404,
}


@pytest.mark.parametrize("address", BAD, ids=lambda address: address[:40])
def test_a_bad_request_gets_one_sentence(client, address):
    answer = client.get(address)
    assert answer.status_code == BAD[address]
    assert "Traceback" not in answer.text
    assert "\n" not in answer.text
    if answer.text != "Not Found":
        assert answer.text.endswith(".")
        assert answer.headers["cache-control"] == "no-store"


def test_nothing_is_downloaded_for_an_image(client, lab, monkeypatch):
    monkeypatch.setattr(lab, "dataset", lambda name: pytest.fail(f"{name} was loaded"))
    answer = client.get("/images/mnist/1.png")
    assert (answer.status_code, "mnist" in answer.text) == (404, True)
    assert image_source("mnist").missing
    assert not image_source("digits").missing


def test_own_data_is_shown_once_someone_names_it(client, lab, own_file):
    own = lab.dataset(own_file)
    address = f"/images/{own.name}/3,5.png?v={own.content_hash}"
    assert client.get(address).status_code == 404
    offer_images(own)
    assert np.array_equal(at(pixels(client.get(address).content), 1, 2), own.images[5])


def test_own_data_that_a_run_names_is_shown(client, lab, own_file):
    own = lab.dataset(own_file)
    assert client.get(f"/images/{own.name}/3.png").status_code == 404
    lab.archive.store.submit({"dataset": {"name": own.name}}, digest="d")
    assert client.get(f"/images/{own.name}/3.png").status_code == 200


def test_own_data_that_is_gone_says_so(client, lab, own_file):
    own = read_npz(own_file)
    lab.archive.store.submit({"dataset": {"name": own.name}}, digest="d")
    answer = client.get(f"/images/{own.name}/3.png")
    assert (answer.status_code, answer.text) == (404, image_source(own.name).missing)


def test_what_is_left_of_the_last_row_is_black():
    sheet = pixels(sprite(np.full((3, SIDE, SIDE), 255, np.uint8), 2))
    assert at(sheet, 2, 2).min() == 255
    assert at(sheet, 3, 2).max() == 0
