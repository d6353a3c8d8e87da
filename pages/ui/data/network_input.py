"""The input view of the data page: one image as stored, scaled, and as each epoch's augmentation hands it on."""

from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from mnist_core.datasets import to_model_input
from mnist_core.networks.catalogue import presets
from mnist_core.part import FieldDoc, field_docs
from mnist_core.preview import TrainingView
from mnist_core.spec import AugmentationSpec, RunSpec
from pages.ui.data.source import SPLIT_NAMES, Material
from pages.ui.format import count, plain
from pages.ui.guard import guarded

__all__ = ["contact_sheet", "show_input"]

DRAWS = 8
COLUMNS = 4
SCALE, GAP = 6, 12
AT_FIRST = AugmentationSpec(shift=2, rotate=10, zoom=0.1)
STEPS = {"shift": (0.5, "%.1f"), "rotate": (1.0, "%.0f"), "zoom": (0.01, "%.2f"), "noise": (0.01, "%.2f")}
"""Of each slider: what one move changes, and how its value is written."""


@st.fragment
@guarded
def show_input(material: Material) -> None:
    """From the stored bytes to what the network receives, drawn anew at each change."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        image = _choose_image(material)
        _before(material, image)
    with right:
        _augmented(material, image)


def _choose_image(material: Material) -> int:
    last = len(material.dataset.labels) - 1
    if not isinstance(st.session_state.get("image", 0), int) or not 0 <= st.session_state.get("image", 0) <= last:
        st.session_state["image"] = 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = int(material.splits.train[0])
        chosen = st.number_input(
            "image",
            min_value=0,
            max_value=last,
            value=first,
            key="image",
            bind="query-params",
            width=160,
            help="Its id: the row in the dataset, training images first, then test images.",
        )
        st.button("Another", icon=":material/shuffle:", key="another", on_click=_another, args=(material,))
    return int(chosen)


def _another(material: Material) -> None:
    ids = material.splits.train
    st.session_state["image"] = int(ids[np.random.default_rng().integers(len(ids))])


def _before(material: Material, image: int) -> None:
    pixels = material.dataset.images[image]
    scaled = to_model_input(pixels[np.newaxis])[0]
    name = material.dataset.classes[int(material.dataset.labels[image])]
    where = SPLIT_NAMES[int(material.split_of[image])]
    st.image(contact_sheet(pixels[np.newaxis], 1), width=224, alt=f"Image {image} as stored, class {name}")
    st.caption(f"Image {count(image)}, class {plain(name)}, {where}.")
    rows = {
        "": ["values", "shape", "smallest", "largest", "mean"],
        "as stored": ["bytes, 0 to 255", "28 x 28", *_three(pixels, "{:.0f}", "{:.1f}")],
        "scaled": ["float32, 0 to 1", "28 x 28 x 1", *_three(scaled, "{:.3f}", "{:.3f}")],
    }
    st.table(rows, border="horizontal", hide_index=True)
    st.caption("Scaled means divided by 255: the same in training and in every prediction.")


def _three(values: npt.NDArray[Any], edge: str, mean: str) -> list[str]:
    return [edge.format(values.min()), edge.format(values.max()), mean.format(values.mean())]


def _augmented(material: Material, image: int) -> None:
    augmentation, values = _sliders(material)
    seed, first = _stream(material)
    view = TrainingView(material.dataset.images, material.splits.train, seed)
    epochs = range(first, first + DRAWS)
    drawn = np.rint(view.draws(image, augmentation, epochs) * 255).astype(np.uint8)
    st.image(
        contact_sheet(drawn, COLUMNS),
        width="stretch",
        alt=f"Image {image} as augmented in epochs {epochs[0]} to {epochs[-1]}",
    )
    st.caption(_explained(view, image, augmentation, epochs))
    st.code(
        " ".join(f"--set augmentation.{name}={value:g}" for name, value in values.items()),
        language=None,
        wrap_lines=True,
    )
    st.caption("The same on the command line; add it to `train`.")


def _sliders(material: Material) -> tuple[AugmentationSpec, dict[str, float]]:
    """What the sliders say, checked like every specification, and what of it is not 0."""
    trained = material.spec.augmentation if material.spec else None
    start = trained if trained and trained.is_on else AT_FIRST
    values: dict[str, float] = {}
    columns = st.columns(4, gap="medium")
    for column, doc in zip(columns, field_docs(AugmentationSpec), strict=True):
        with column:
            values[doc.path] = _slider(doc, getattr(start, doc.path))
    spec = presets["mlp-512"].specify("digits", {f"augmentation.{name}": value for name, value in values.items()})
    return spec.augmentation, {name: value for name, value in values.items() if value} or {"shift": 0.0}


def _slider(doc: FieldDoc, start: float) -> float:
    low, high = float(doc.low or 0), float(doc.high or 1)
    title = f"{doc.path} ({doc.unit})" if doc.unit else doc.path
    step, form = STEPS.get(doc.path, ((high - low) / 100, "%g"))
    return st.slider(
        title,
        low,
        high,
        float(start),
        step,
        form,
        key=f"augmentation.{doc.path}",
        help=f"{doc.help.capitalize()}.",
    )


def _stream(material: Material) -> tuple[int, int]:
    docs = {doc.path: doc for doc in field_docs(RunSpec)}
    seed_doc, epochs = docs["seed"], docs["training.epochs"]
    start = material.spec.seed if material.spec else 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(
            "seed", 0, int(seed_doc.high or 0), start, key="seed", width=160, help=f"{seed_doc.help.capitalize()}."
        )
        first = st.number_input(
            "from epoch",
            1,
            int(epochs.high or 1),
            1,
            key="from-epoch",
            width=160,
            help="The first epoch that is shown.",
        )
    checked = presets["mlp-512"].specify("digits", {"seed": seed, "training.epochs": first})
    return checked.seed, checked.training.epochs


def _explained(view: TrainingView, image: int, augmentation: AugmentationSpec, epochs: range) -> str:
    if not augmentation.is_on:
        return "Nothing is changed: every epoch sees the image as it is. Move a slider."
    shown = f"epochs {epochs[0]} to {epochs[-1]} with seed {view.seed}"
    if view.trains_on(image):
        text = f"What the network receives of this image in {shown}, row by row: the very draws of the training."
    else:
        text = f"Training never sees this image; so it would look in {shown}, row by row."
    return text + (" Noise is of the same strength, drawn anew here." if augmentation.noise else "")


def contact_sheet(images: npt.NDArray[np.uint8], columns: int) -> bytes:
    """A PNG of images side by side, each pixel a square, with clear gaps between.

    Args:
        images: uint8 (n, 28, 28).
        columns: images in a row.
    """
    large = images.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    side, rows = large.shape[1] + GAP, -(-len(images) // columns)
    sheet = np.zeros((rows * side - GAP, columns * side - GAP, 2), np.uint8)
    for number, pixels in enumerate(large):
        top, left = number // columns * side, number % columns * side
        sheet[top : top + side - GAP, left : left + side - GAP] = np.stack([pixels, np.full_like(pixels, 255)], -1)
    file = BytesIO()
    Image.fromarray(sheet, "LA").save(file, "PNG", compress_level=2)
    return file.getvalue()
