"""The predictions page: where is it wrong? What is taken for what, the images behind it, and how sure it was."""

import streamlit as st

from mnist_core.analysis.errors import random_rows
from pages.ui.frame.view import View, looked_at
from pages.ui.gallery import gallery
from pages.ui.guard import guard, guarded
from pages.ui.images import image_source
from pages.ui.predictions.comparison import Compared, compare_menus, draw_changes
from pages.ui.predictions.matrix import HEIGHT, draw_matrix
from pages.ui.predictions.panels import draw_panels
from pages.ui.predictions.part import Part, choose_part
from pages.ui.predictions.report import class_report
from pages.ui.selection.biography import draw_biography
from pages.ui.selection.chosen_images import draw_chosen_images, gallery_items
from pages.ui.selection.headline import draw_headline

DRAWN = 10
RANDOM = "random images"


def page() -> None:
    """Draws the page for what is looked at; a part that breaks leaves the others."""
    view = looked_at()
    draw_headline(view)
    part = choose_part(view)
    missing = image_source(view.snapshot.dataset, view.snapshot.version).missing
    if missing:
        st.info(missing, icon=":material/image_not_supported:")
        st.page_link("data.py", label="Go to the data page", icon=":material/image:")
    compared = None
    left, right = st.columns(2, gap="large")
    with left, guard():
        compared = matrix(part)
    with right, guard():
        draw_chosen_images(view, height=HEIGHT + 90)
    with guard():
        draw_biography(view)
    left, right = st.columns(2, gap="large")
    with left, guard():
        st.subheader("Each class", anchor=False)
        class_report(part, compared.epoch if compared and not compared.run_id else None)
    with right, guard():
        st.subheader("How sure it is", anchor=False)
        draw_panels(part, {RANDOM: lambda: random_images(view)})


def matrix(part: Part) -> Compared | None:
    """The confusion matrix, and what it is compared with."""
    st.subheader("What is taken for what", anchor=False)
    compared = compare_menus(part.view)
    if compared is not None:
        draw_changes(part.view, compared)
    draw_matrix(part, compared)
    return compared


@st.fragment
@guarded
def random_images(view: View) -> None:
    """Ten images drawn at random, right ones too: what the split looks like."""
    rows = random_rows(len(view.snapshot.labels), DRAWN, int(st.session_state.get("random_seed", 0)))
    gallery(
        gallery_items(view, rows),
        dataset=image_source(view.snapshot.dataset, view.snapshot.version),
        key="gallery_random",
        label="ten random images",
        columns=5,
        classes=view.classes,
    )
    st.button("Draw ten others", icon=":material/casino:", on_click=_draw, key="draw")
    st.caption("Drawn at random from the split, right ones too; the marks are those of the images above.")


@guarded
def _draw() -> None:
    st.session_state["random_seed"] = st.session_state.get("random_seed", 0) + 1


page()
