"""The choice of a dataset: those that have a name, and own data that a run or an upload has made known here."""

import logging

import streamlit as st

from mnist_core.datasets import DatasetInfo, available, is_own
from mnist_core.datasets.shelf import own_sets
from mnist_core.errors import MnistLabError
from mnist_core.lab import Lab
from pages.ui.guard import guarded
from pages.ui.services import services

__all__ = ["choose_dataset", "known_datasets", "remember_dataset"]

CHOICE_KEY = "dataset"
WIDGET_KEY = "train:dataset"
LOOK_SECONDS = 5.0
SHORT = 8
log = logging.getLogger("mnist_lab")


def choose_dataset() -> DatasetInfo:
    """Draws the choice; returns what is known of the chosen dataset."""
    known = {info.name: info for info in known_datasets()}
    asked = st.query_params.get(CHOICE_KEY)
    chosen = st.session_state.get(CHOICE_KEY)
    if chosen not in known:
        chosen = next(iter(known))
    if asked is not None and asked not in known:
        st.warning(f"`dataset` in the link must be one of {', '.join(map(_shown, known))}; {_shown(chosen)} is shown.")
    elif asked is not None:
        chosen = asked
    if st.session_state.get(WIDGET_KEY) != chosen:
        st.session_state[WIDGET_KEY] = chosen
    st.selectbox(
        "dataset",
        list(known),
        key=WIDGET_KEY,
        format_func=lambda name: _label(known[name]),
        on_change=_remember_choice,
        help="The images to learn from; own data is taken in on the data page.",
    )
    st.session_state[CHOICE_KEY] = chosen
    if asked != chosen:
        st.query_params[CHOICE_KEY] = chosen
    return known[chosen]


@guarded
def _remember_choice() -> None:
    remember_dataset(st.session_state[WIDGET_KEY])


def remember_dataset(name: str) -> None:
    """Chooses a dataset, for callbacks; one that is not known here is not shown."""
    st.session_state[CHOICE_KEY] = name
    st.query_params[CHOICE_KEY] = name


@st.cache_resource(ttl=LOOK_SECONDS, show_spinner=False)
def known_datasets() -> list[DatasetInfo]:
    """All datasets that can be chosen here, the bundled digits first."""
    lab = services().lab
    sets = own_sets(lab.settings)
    shelved = [DatasetInfo(own.name, own.classes, own.images, 0, available=True, source=own.label) for own in sets]
    used = {str(run.spec.get("dataset", {}).get("name", "")) for run in lab.archive.store.runs()}
    others = sorted(name for name in used - {own.name for own in sets} if is_own(name))
    named = [_own(lab, name) for name in others if lab.archive.blobs.exists(name)]
    return [*available(lab.settings), *shelved, *(info for info in named if info)]


def _own(lab: Lab, name: str) -> DatasetInfo | None:
    """What is known of own data that a run names; None where it cannot be read, which takes the others from nobody."""
    try:
        dataset = lab.dataset(name)
    except MnistLabError as error:
        log.warning("Own data %s is left out: %s", name[:SHORT], error)
        return None
    return DatasetInfo(name, dataset.classes, len(dataset.labels), 0, available=True, source=dataset.source)


def _shown(name: str) -> str:
    return f"own data {name[:SHORT]}" if is_own(name) else name


def _label(info: DatasetInfo) -> str:
    images = f"{info.train + info.test:,} images"
    return f"{_shown(info.name)} ({images})" if info.available else f"{_shown(info.name)} (not at hand)"
