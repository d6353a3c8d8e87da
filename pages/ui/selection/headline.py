"""How right a run is at an epoch in two lines, and beside them the same of what is selected."""

import streamlit as st

from pages.ui.format import accuracy_sentence, count, interval, percent
from pages.ui.frame.split_gate import openings_sentence
from pages.ui.frame.view import View
from pages.ui.owner import current_owner
from pages.ui.selection.selected_snapshot import selected_snapshot
from pages.ui.services import services
from pages.ui.snapshot import Snapshot

__all__ = ["draw_headline", "headline", "selection_headline"]

NOTHING = ":gray[Nothing is selected.]  \n:gray[The numbers of the images that you select stand here.]"


def draw_headline(view: View) -> None:
    """Draws the numbers of the split on the left, and those of the selected images in it on the right."""
    left, right = st.columns(2, gap="large")
    left.markdown(headline(view.snapshot, f"{view.split} split at epoch {view.epoch}"))
    if view.split == "test":
        left.caption(openings_sentence(services().lab.archive.store.openings(view.run.id), current_owner()))
    right.markdown(selection_headline(view))


def headline(snapshot: Snapshot, what: str) -> str:
    """Two lines of Markdown: accuracy with its interval and the errors; mean loss and top-k accuracy.

    Args:
        snapshot: the images and what was predicted of them.
        what: which images these are.
    """
    found = snapshot.evaluation
    said = accuracy_sentence(found.accuracy, found.interval, found.errors, len(snapshot.labels))
    more = [f"mean loss {found.loss:.4f}"]
    first = snapshot.top_k
    if first is not None:
        more.append(f"right among the first {first.k}: {percent(first.accuracy)} ({interval(first.interval)})")
    return f"**{said}**; {what}  \n{', '.join(more)}"


def selection_headline(view: View) -> str:
    """The same two lines of the selected images, as Markdown; where there are none, why."""
    if view.selected is None:
        return NOTHING
    if not len(view.selected.ids):
        return f"No image is so: {view.selected.phrase}.  \n:gray[At another epoch there may be some.]"
    part = selected_snapshot(view)
    if part is None:
        return f"None of the selected images is in the {view.split} split.  \n:gray[Another split may hold them.]"
    here, total = len(part.ids), len(view.selected.ids)
    which = "the selected image" if here == total == 1 else f"the {count(here)} selected"
    return headline(part, which if here == total else f"the {count(here)} of {count(total)} selected in this split")
