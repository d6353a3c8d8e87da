"""The embeddings page: how does a hidden layer arrange the digits? A map of it, and what is selected there."""

import streamlit as st

from pages.ui.embeddings.asking import wanted
from pages.ui.embeddings.beside import Beside, agreement_said, choose_beside
from pages.ui.embeddings.drawing import Shown
from pages.ui.embeddings.map_view import draw_map
from pages.ui.embeddings.nearest import draw_nearest
from pages.ui.embeddings.options import Options, choose_options
from pages.ui.embeddings.quality import draw_axes, draw_quality, draw_quality_to_come
from pages.ui.frame.view import View, looked_at
from pages.ui.guard import guard
from pages.ui.images import image_source
from pages.ui.selection.biography import draw_biography
from pages.ui.selection.chosen_images import draw_chosen_images
from pages.ui.selection.headline import draw_headline
from pages.ui.services import services

GALLERY_HEIGHT = 430


def page() -> None:
    """Draws the page for what is looked at; a part that breaks leaves the others."""
    view = looked_at()
    services().jobs.expect_views()
    missing = image_source(view.snapshot.dataset, view.snapshot.version).missing
    if missing:
        st.info(missing, icon=":material/image_not_supported:")
        st.page_link("data.py", label="Go to the data page", icon=":material/image:")
        return
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        options = choose_options(view)
        beside, wrong_beside = choose_beside(view, options)
    for problem in filter(None, (*options.problems, wrong_beside)):
        above.warning(problem, icon=":material/link_off:")
    if options.settings is None:
        st.info("Nothing is made until the setting is mended.", icon=":material/tune:")
        return
    if beside is None:
        _one_map(view, options)
    else:
        _two_maps(view, options, beside)
    with guard():
        draw_headline(view)
    with guard():
        draw_biography(view)


def _one_map(view: View, options: Options) -> None:
    left, right = st.columns([5, 3], gap="large")
    shown = None
    with left, guard():
        shown = draw_map(view, wanted(view, options), options.look, key="map")
    with right, guard():
        if shown:
            draw_quality(shown, view.epoch)
        else:
            draw_quality_to_come(options.method)
        draw_chosen_images(view, height=GALLERY_HEIGHT)
    if shown:
        with guard():
            draw_axes(view, shown)
            draw_nearest(view, shown)


def _two_maps(view: View, options: Options, beside: Beside) -> None:
    shown: list[Shown | None] = []
    titles = (f"{options.layer} at epoch {view.epoch}", beside.title)
    views = ((view, options, "map"), (beside.view, beside.options, "map_beside"))
    for column, title, (there, asked, key) in zip(st.columns(2, gap="large"), titles, views, strict=True):
        with column, guard():
            st.subheader(title, anchor=False)
            found = draw_map(there, wanted(there, asked), options.look, key=key)
            shown.append(found)
            if found:
                draw_quality(found, there.epoch)
    if len(shown) == 2 and shown[0] and shown[1]:
        st.markdown(agreement_said(shown[0], shown[1]))
    with guard():
        draw_chosen_images(view, height=GALLERY_HEIGHT)
    if shown and shown[0]:
        with guard():
            draw_nearest(view, shown[0])


page()
