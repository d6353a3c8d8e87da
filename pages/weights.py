"""The weights page: what did the first layer learn? Its units before and now, how far they went, which to know of."""

import streamlit as st

from pages.ui.frame.view import View, looked_at
from pages.ui.guard import guard
from pages.ui.services import services
from pages.ui.weights.flagged import draw_flags, flags_of
from pages.ui.weights.looked import Looked, look
from pages.ui.weights.matched import draw_matched
from pages.ui.weights.options import Options, choose_options
from pages.ui.weights.other import choose_other
from pages.ui.weights.over_epochs import draw_over_epochs
from pages.ui.weights.reading import kept_of
from pages.ui.weights.sums import draw_sums
from pages.ui.weights.tiles_view import draw_tiles
from pages.ui.weights.unit import draw_unit

NOTHING = "No weights of this run are recorded, so there is nothing to show. Train it again to see its weights."


def page() -> None:
    """Draws the page for what is looked at; a part that breaks leaves the others."""
    view = looked_at()
    services().jobs.expect_views()
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        options = choose_options(view)
        if not kept_of(view.record, options.layer):
            st.info(NOTHING, icon=":material/inventory_2:")
            other, wrong_other = None, ""
        else:
            other, wrong_other = choose_other(view, options)
    for problem in filter(None, (*options.problems, wrong_other)):
        above.warning(problem, icon=":material/link_off:")
    if not kept_of(view.record, options.layer):
        return
    with guard():
        looked = look(view, options)
        _one_layer(view, options, looked)
        if other is not None:
            with guard():
                draw_matched(view, options, looked, other)
        with guard():
            draw_over_epochs(view, looked)


def _one_layer(view: View, options: Options, looked: Looked) -> None:
    flags = flags_of(view, looked)
    with guard():
        draw_tiles(view, options, looked, flags.by_unit)
    if options.unit is not None:
        with guard():
            draw_unit(view, options.layer.name, options.unit, options.off)
    left, right = st.columns(2, gap="large")
    with left, guard():
        draw_sums(view, looked)
    with right, guard():
        draw_flags(view, options, looked, flags)


page()
