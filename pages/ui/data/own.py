"""Own data: what a file must hold, the upload with the checks of the command line, and the shelf of what is here."""

import streamlit as st

from mnist_core.datasets import DatasetInfo
from mnist_core.datasets.own import MAX_CLASSES, MAX_IMAGES
from mnist_core.datasets.shelf import off_shelf, own_sets
from mnist_core.errors import InvalidInput
from pages.ui.data.source import turn_to
from pages.ui.format import count, plain
from pages.ui.guard import guarded
from pages.ui.images import offer_images
from pages.ui.services import services

__all__ = ["show_own"]

RULES = f"""
One `.npz` file, as `numpy.savez("mine.npz", x=images, y=labels)` writes it:

- `x`: the images, shape (n, 28, 28), bytes (uint8) or floats from 0 to 1, at most {MAX_IMAGES:,};
- `y`: their labels, integers from 0 to k-1, at most {MAX_CLASSES} classes, each at least three times;
- `classes`, if you like: the k names as text.

White on black is what the other datasets are.
"""
MOST, MOST_SHARED = 500, 64
MEGABYTE = 2**20
"""Megabytes of an upload, here and where strangers share the server."""

SHARED = "Everyone who uses this server can see what you bring here."


@guarded
def show_own(chosen: DatasetInfo) -> None:
    """The upload beside the shelf."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(RULES)
        shared = services().lab.settings.profile != "local"
        if shared:
            st.caption(SHARED)
        st.file_uploader("your file", type="npz", key="upload", on_change=_uploaded, max_upload_size=_largest())
        problem = st.session_state.pop("upload-problem", "")
        if problem:
            st.error(problem, icon=":material/error:")
        taken = st.session_state.pop("upload-taken", None)
        if taken:
            st.success(taken, icon=":material/check:")
    with right:
        _shelf(chosen)


def _largest() -> int:
    """Megabytes that a file may hold here; the browser's own limit stops nobody who means it."""
    return MOST if services().lab.settings.profile == "local" else MOST_SHARED


@guarded
def _uploaded() -> None:
    """Takes the file in and chooses it; what is wrong with it is said below the upload."""
    file = st.session_state.get("upload")
    if file is None:
        return
    if file.size > _largest() * MEGABYTE:
        st.session_state["upload-problem"] = (
            f"A file may hold {_largest()} MB here, got {file.size / MEGABYTE:,.0f} MB."
        )
        return
    try:
        own = services().lab.take_in(file.getvalue(), file.name)
    except InvalidInput as error:
        st.session_state["upload-problem"] = str(error)
        return
    offer_images(own)
    turn_to(own.name)
    st.session_state["upload-taken"] = (
        f"{count(len(own.labels))} images in {len(own.classes)} classes are here and chosen. Look at them under images."
    )


def _shelf(chosen: DatasetInfo) -> None:
    st.markdown("**Own data that is here**")
    shelf = own_sets(services().lab.settings)
    if not shelf:
        st.caption("None yet. What you bring stays here and can be chosen on every page.")
    for own in shelf:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            names = plain(", ".join(own.classes[:6])) + (" and more" if len(own.classes) > 6 else "")
            mark = " (chosen)" if own.name == chosen.name else ""
            facts = f"{count(own.images)} images, {len(own.classes)} classes: {names}"
            st.markdown(f"**{own.label}**{mark}  \n:small[{facts}]")
            st.button("Choose", key=f"choose-{own.name}", on_click=_choose, args=(own.name,))
            if services().lab.settings.profile == "local":
                st.button(
                    "Remove",
                    key=f"remove-{own.name}",
                    on_click=_remove,
                    args=(own.name,),
                    help="Takes it off the list. Runs that were trained on it keep their own copy.",
                )


@guarded
def _choose(name: str) -> None:
    turn_to(name)
    st.session_state["view"] = "images"


@guarded
def _remove(name: str) -> None:
    if services().lab.settings.profile == "local":
        off_shelf(name, services().lab.settings)
        chosen = str(st.session_state.get("dataset", "digits"))
        turn_to("digits" if chosen == name else chosen)
