"""The data page: the images as they are stored, and what training makes of them before the network receives them."""

import streamlit as st

from mnist_core.datasets import DatasetInfo
from pages.ui.data.download import offer_download
from pages.ui.data.groups import show_groups
from pages.ui.data.images import show_images
from pages.ui.data.network_input import show_input
from pages.ui.data.own import show_own
from pages.ui.data.source import load, look_at_dataset, show_facts
from pages.ui.frame.view import page_header

SHOWS = {"images": show_images, "network input": show_input, "groups": show_groups}
OWN = "own data"


def show_dataset(known: DatasetInfo, view: str) -> None:
    """One view of a dataset, or how to get it."""
    if not known.available:
        offer_download(known)
        return
    material = load(known)
    show_facts(material)
    SHOWS[view](material)


page_header("Data", "What does the network see?")

left, right = st.columns([2, 3], vertical_alignment="bottom")
with left:
    chosen = look_at_dataset()
with right:
    view = st.segmented_control(
        "View",
        [*SHOWS, OWN],
        default="images",
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
if view == OWN:
    show_own(chosen)
else:
    show_dataset(chosen, view if view in SHOWS else "images")
