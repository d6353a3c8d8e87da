"""The layers over the epochs, as far as they are read: what is missing is read on while the page stays usable."""

import streamlit as st

from pages.ui.frame.view import View
from pages.ui.guard import guarded
from pages.ui.recorded import spec_of
from pages.ui.weights.changes import Cursors, draw_changes
from pages.ui.weights.distribution import draw_distribution
from pages.ui.weights.history import Followed, follow
from pages.ui.weights.looked import Looked

__all__ = ["draw_over_epochs"]

LIVE_SECONDS = 0.3
READING = "Reading the weights of all epochs: {done} of {of}"


def draw_over_epochs(view: View, looked: Looked) -> None:
    """Draws the charts; while epochs are being read, with how far that is.

    Args:
        view: what is looked at.
        looked: the layer at both cursors.
    """
    st.subheader("Over the epochs", anchor=False)
    followed = follow(view.record, len(view.epochs))
    planned = spec_of(view.record).training.epochs if view.record.state.is_active else 0
    last = max(view.epochs[-1].epoch, planned)
    cursors = Cursors(view.epoch, looked.before.epoch, last, looked.layer.name)
    if followed.is_complete:
        _draw(followed, cursors)
    else:
        _live(view, cursors)


@st.fragment(run_every=LIVE_SECONDS)
@guarded
def _live(view: View, cursors: Cursors) -> None:
    followed = follow(view.record, len(view.epochs))
    _draw(followed, cursors)
    st.progress(followed.done / followed.of, text=READING.format(done=followed.done, of=followed.of))
    if followed.is_complete:
        st.rerun()


def _draw(followed: Followed, cursors: Cursors) -> None:
    if not followed.layers:
        st.caption(followed.trouble or "The weights of no epoch are read yet.")
        return
    draw_changes(followed, cursors)
    chosen = next((one for one in followed.layers if one.layer.name == cursors.layer), None)
    if chosen is not None:
        draw_distribution(chosen, cursors.epoch)
