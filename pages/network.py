"""The network page: what happens to one digit on its way through? And the network itself, from its specification."""

import streamlit as st

from pages.ui.frame.view import View, looked_at
from pages.ui.guard import guard
from pages.ui.images import image_source
from pages.ui.network.options import NETWORK, choose_part
from pages.ui.network.way import draw_way
from pages.ui.network.whole import draw_network
from pages.ui.recorded import spec_of
from pages.ui.services import services


def page() -> None:
    """Draws what is asked for of the run that is looked at."""
    view = looked_at()
    services().jobs.expect_views()
    part = choose_part()
    with guard():
        if part == NETWORK:
            draw_network(spec_of(view.record), key=f"network:{view.run.id}")
        else:
            way(view)


def way(view: View) -> None:
    """One image on its way; where the images are not at hand, how to get them."""
    missing = image_source(view.snapshot.dataset, view.snapshot.version).missing
    if missing:
        st.info(missing, icon=":material/image_not_supported:")
        st.page_link("data.py", label="Go to the data page", icon=":material/image:")
        return
    draw_way(view)


page()
