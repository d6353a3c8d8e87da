"""Which dataset the data page looks at, and how its images are divided. Reads and chooses; draws no image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from mnist_core import datasets
from mnist_core.datasets import Dataset, DatasetInfo, Splits
from mnist_core.errors import InvalidSplit, RunNotFound
from mnist_core.runs import RunRecord
from mnist_core.spec import RunSpec, SplitSpec
from pages.ui.dataset_choice import choose_dataset, known_datasets
from pages.ui.format import count, plain
from pages.ui.frame.chosen import run_named
from pages.ui.frame.link import current_link
from pages.ui.images import offer_images
from pages.ui.services import services

__all__ = ["SPLITS", "SPLIT_NAMES", "Material", "load", "look_at_dataset", "show_facts", "turn_to"]

CHOICE_KEY, SEEN_KEY, RUN_KEY = "dataset", "data:seen", "data:run"
"""The choice, which is the train page's too; the dataset and the run that this page showed last."""

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = ("in the training split", "in the validation split", "in the test split", "in no split")
"""How an image's entry in `Material.split_of` is said."""


@dataclass(frozen=True, eq=False)
class Material:
    """A dataset with its splits.

    Attributes:
        dataset: ungrouped.
        splits: image ids.
        split_of: uint8 (n,), index in `SPLITS` of each image; 3 where it is in none.
        counts: int (3, k), images of each class in each split.
        run: name of the run whose split it is; empty where it is the default one.
        spec: that run's specification.
        problem: why it cannot be divided so, as a sentence; then every image counts as one to train on.
    """

    dataset: Dataset
    splits: Splits
    split_of: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]
    run: str = ""
    spec: RunSpec | None = None
    problem: str = ""


def look_at_dataset() -> DatasetInfo:
    """The picker that the train page has too; a link that names a run and no dataset brings the run's."""
    run = _linked_run()
    if run and "dataset" not in st.query_params and st.session_state.get(RUN_KEY) != run.id:
        st.session_state[CHOICE_KEY] = str(run.spec["dataset"]["name"])
    st.session_state[RUN_KEY] = run.id if run else ""
    chosen = choose_dataset()
    if st.session_state.setdefault(SEEN_KEY, chosen.name) != chosen.name:
        st.session_state[SEEN_KEY] = chosen.name
        _forget_place()
    return chosen


def turn_to(name: str) -> None:
    """Looks at another dataset; for callbacks."""
    known_datasets.clear()
    st.session_state[CHOICE_KEY] = name
    st.query_params[CHOICE_KEY] = name


def load(known: DatasetInfo) -> Material:
    """The images and their splits, as the link's run divides them, or as a run does by default.

    Raises:
        DatasetError: the images are damaged or gone.
    """
    run = _linked_run()
    spec = RunSpec.parse(run.spec) if run and run.spec["dataset"]["name"] == known.name else None
    dataset = _dataset(known)
    split = spec.split if spec else SplitSpec()
    grouping = spec.dataset.grouping if spec else None
    key = f"{dataset.content_hash} {split.model_dump_json()} {[group.labels for group in grouping or ()]}"
    try:
        divided = _divided(key, _seen=dataset.grouped(grouping), _labels=dataset.labels, _split=split)
    except InvalidSplit as error:
        return _undivided(dataset, str(error))
    return Material(dataset, *divided, run.name if run and spec else "", spec)


def _undivided(dataset: Dataset, problem: str) -> Material:
    """A dataset that is too small for the default split can still be looked at."""
    every = np.arange(len(dataset.labels), dtype=np.int32)
    nothing = every[:0]
    counts = np.zeros((len(SPLITS), len(dataset.classes)), np.int64)
    split_of = np.full(len(every), len(SPLITS), np.uint8)
    return Material(dataset, Splits(every, nothing, nothing), split_of, counts, problem=problem)


def show_facts(material: Material) -> None:
    """What it is, where it is, and how it is divided, in two lines."""
    dataset, splits = material.dataset, material.splits
    facts = [f"{count(len(dataset.labels))} images in {len(dataset.classes)} classes", _origin(dataset)]
    sizes = (
        f"{count(len(splits.train))} train, {count(len(splits.validation))} validation, {count(len(splits.test))} test"
    )
    if material.problem:
        st.caption(f"{', '.join(filter(None, facts))}.", help=_place(dataset))
        st.warning(f"A run with the default split cannot divide it. {material.problem}", icon=":material/call_split:")
        return
    whose = f"as run {plain(material.run)} has them" if material.run else "as a run with the default split has them"
    st.caption(f"{', '.join(filter(None, facts))}. Divided into {sizes}, {whose}.", help=_place(dataset))


def _origin(dataset: Dataset) -> str:
    """Where it comes from, and whether it is what was published."""
    if datasets.is_own(dataset.name):
        return "own data"
    if dataset.name == "digits":
        return "bundled"
    return "the official files" if dataset.official else "not the official files"


def _place(dataset: Dataset) -> str | None:
    """The folder that it lies in; named to its owner alone."""
    is_bundled = dataset.name == "digits" or datasets.is_own(dataset.name)
    if is_bundled or services().lab.settings.profile != "local":
        return None
    return f"It lies in {plain(dataset.source.removesuffix(' (not the official files)'))}."


def _dataset(known: DatasetInfo) -> Dataset:
    with st.spinner("Reading the images"):
        dataset = services().lab.dataset(known.name)
    if datasets.is_own(known.name):
        offer_images(dataset)
    return dataset


@st.cache_resource(show_spinner=False, max_entries=12)
def _divided(
    key: str, *, _seen: Dataset, _labels: npt.NDArray[np.uint8], _split: SplitSpec
) -> tuple[Splits, npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The split of a dataset as a run sees it (grouped), counted by its own classes."""
    del key  # names all of that, none of which is hashed
    splits = datasets.split(_seen, _split)
    split_of = np.full(len(_labels), len(SPLITS), np.uint8)
    for number, ids in enumerate((splits.train, splits.validation, splits.test)):
        split_of[ids] = number
    classes = int(_labels.max()) + 1
    counts = [np.bincount(_labels[split_of == number], minlength=classes) for number in range(len(SPLITS))]
    return splits, split_of, np.stack(counts)


def _linked_run() -> RunRecord | None:
    ref = current_link().run
    if not ref:
        return None
    try:
        return run_named(ref)
    except RunNotFound:
        return None


def _forget_place() -> None:
    """Goes back to the first of all images."""
    for key, start in (("page", 1), ("label", "all")):
        if key in st.session_state:
            st.session_state[key] = start
    st.session_state.pop("image", None)
