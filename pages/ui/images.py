"""Images over HTTP: `GET /images/{dataset}/{ids}.png?columns=N&v=HASH` answers one PNG with all images asked for.

A single thumbnail is the sprite of one id. A dataset is asked for by its name in the registry, or by the sha256 of own
data that a recorded run, or someone at this server, has named; nothing is downloaded here. With the content's hash as
`v` the answer is never another dataset's, and browsers keep it for good.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from threading import Lock

import numpy as np
import streamlit as st
from PIL import Image
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mnist_core import datasets
from mnist_core.datasets import Dataset
from mnist_core.datasets.dataset import SIDE, ByteArray
from mnist_core.errors import DatasetMissing, InvalidInput, MnistLabError
from pages.ui.guard import said_of
from pages.ui.services import services

__all__ = ["MOST_IMAGES", "ImageSource", "image_routes", "image_source", "offer_images", "sprite", "sprite_url"]

MOST_IMAGES = 400
IDS = re.compile(r"[0-9]{1,6}(?:,[0-9]{1,6})*")
IMMUTABLE = "private, max-age=31536000, immutable"
NOT_HERE = (
    "The images of `{}` are not at hand, so all that needs none is shown. Get them on the data page, or name their"
    " folder with `MNIST_LAB_DATA`."
)
LOADING = Lock()


@dataclass(frozen=True)
class ImageSource:
    """Where the images of a run are to be had.

    Attributes:
        dataset: name in the registry, or the sha256 of own data.
        version: the content hash that the images must have; empty where any will do.
        missing: why they are not at hand and how to get them, as a sentence; empty where they are.
    """

    dataset: str
    version: str = ""
    missing: str = ""


def image_source(dataset: str, version: str = "") -> ImageSource:
    """Says whether a dataset's images are at hand; reads headers at most (about 0.5 ms)."""
    lab = services().lab
    if datasets.is_own(dataset):
        here = lab.has_own(dataset)
        how = "The images are own data that is not at hand; bring its `.npz` file in on the data page."
        return ImageSource(dataset, version, "" if here else how)
    infos = {info.name: info for info in datasets.available(lab.settings)}
    if dataset not in infos:
        return ImageSource(dataset, version, f"There is no dataset `{dataset[:40]}` here, so its images are not shown.")
    info = infos[dataset]
    return ImageSource(dataset, version, "" if info.available else NOT_HERE.format(dataset))


def sprite_url(source: ImageSource, ids: Sequence[int], columns: int) -> str:
    """The address of the sprite with these images, row by row."""
    version = f"&v={source.version}" if source.version else ""
    listed = ",".join(str(int(image)) for image in ids)
    return f"{_prefix()}/images/{source.dataset}/{listed}.png?columns={columns}{version}"


def sprite(images: ByteArray, columns: int) -> bytes:
    """One grey PNG of all images, as stored.

    Args:
        images: uint8 (n, 28, 28).
        columns: images in a row; what is left of the last row is black.
    """
    rows = -(-len(images) // columns)
    sheet = np.zeros((rows * columns, SIDE, SIDE), np.uint8)
    sheet[: len(images)] = images
    pixels = sheet.reshape(rows, columns, SIDE, SIDE).swapaxes(1, 2).reshape(rows * SIDE, columns * SIDE)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=4)
    return file.getvalue()


def offer_images(dataset: Dataset) -> None:
    """Lets own data that was just taken in be asked for before a run names it."""
    _offered().add(dataset.name)


def image_routes() -> list[Route]:
    """The routes."""
    return [Route(f"{_prefix()}/images/{{dataset}}/{{ids}}.png", _answer)]


async def _answer(request: Request) -> Response:
    try:
        return await asyncio.to_thread(_sprite_response, request)
    except DatasetMissing as error:
        return PlainTextResponse(said_of(error), 404, headers={"Cache-Control": "no-store"})
    except InvalidInput as error:
        return PlainTextResponse(said_of(error), 400, headers={"Cache-Control": "no-store"})
    except MnistLabError as error:
        return PlainTextResponse(said_of(error), 503, headers={"Cache-Control": "no-store"})


def _sprite_response(request: Request) -> Response:
    ids = _ids(request.path_params["ids"])
    columns = _columns(request.query_params.get("columns", str(min(len(ids), 20))))
    dataset = _dataset(request.path_params["dataset"])
    version = request.query_params.get("v", "")
    if version not in ("", dataset.content_hash):
        raise DatasetMissing(
            f"The run saw other images than the `{dataset.name}` that is here, so they are not shown;"
            " bring the files that it was trained on."
        )
    if max(ids) >= len(dataset.images):
        raise DatasetMissing(f"An image id must be below {len(dataset.images):,} in this dataset, got {max(ids):,}.")
    kept = {"Cache-Control": IMMUTABLE if version else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(sprite(dataset.images[ids], min(columns, len(ids))), media_type="image/png", headers=kept)


def _ids(text: str) -> list[int]:
    rule = f"Image ids must be 1 to {MOST_IMAGES} numbers separated by commas"
    if len(text) > MOST_IMAGES * 7 or not IDS.fullmatch(text):
        raise InvalidInput(f"{rule}.")
    ids = [int(number) for number in text.split(",")]
    if len(ids) > MOST_IMAGES:
        raise InvalidInput(f"{rule}, got {len(ids):,}.")
    return ids


def _columns(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_IMAGES:
        raise InvalidInput(f"`columns` must be between 1 and {MOST_IMAGES}.")
    return int(text)


def _dataset(name: str) -> Dataset:
    lab = services().lab
    if datasets.is_own(name) and not _may_be_seen(name):
        raise DatasetMissing("No recorded run names this dataset.")
    if missing := image_source(name).missing:
        raise DatasetMissing(missing)
    with LOADING:
        return lab.dataset(name)


def _may_be_seen(name: str) -> bool:
    if name in _offered() | _named():
        return True
    _named.clear()  # a run may have come since
    return name in _named()


@st.cache_resource(show_spinner=False)
def _offered() -> set[str]:
    return set()


@st.cache_resource(show_spinner=False, ttl=20)
def _named() -> set[str]:
    """Own data that recorded runs name; what a deleted one named can be asked for 20 seconds longer."""
    named = {str(record.spec["dataset"]["name"]) for record in services().lab.archive.store.runs()}
    return {name for name in named if datasets.is_own(name)}


def _prefix() -> str:
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""
