"""The images of the selection, or all errors where nothing is selected; choosing one opens its biography."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from mnist_core.analysis.history import History
from mnist_core.analysis.order import ORDERS, ordered
from mnist_core.analysis.selection import Ids, Selection
from mnist_core.run import SPLITS
from pages.ui.format import count
from pages.ui.frame.link import go_to, link_now
from pages.ui.frame.view import View
from pages.ui.gallery import GalleryItem, gallery
from pages.ui.guard import guarded
from pages.ui.images import MOST_IMAGES, image_source
from pages.ui.selection.biography import PANEL, choose_image, chosen_image
from pages.ui.snapshot import split_ids

__all__ = ["FEW_IMAGES", "Looked", "draw_chosen_images", "gallery_items", "looked_through"]

FEW_IMAGES = 60
THESE, FOLLOW = "these images", "follow the epoch"
SORT = "sort"
MOVES, MORE = "selection_moves", "images_shown"
NEEDS_EPOCHS = "longest wrong"
"""The order that needs what was predicted at other epochs."""

READ_GALLERY = (
    "Under each image its true class, then after the arrow what was predicted, then the probability of each class in"
    " order: the true one green-blue, a wrong prediction orange. Click an image to follow it through the epochs."
)


class Looked(NamedTuple):
    """What there is to look at.

    Attributes:
        rows: int64 (n,), rows of the images of this split, in the order of looking.
        elsewhere: how many selected images are in other splits.
    """

    rows: NDArray[np.int64]
    elsewhere: int


def draw_chosen_images(view: View, *, height: int) -> None:
    """Draws heading, order and gallery.

    Args:
        view: what is looked at.
        height: of the gallery in pixels, on wide screens.
    """
    order = _order_now(view)
    looked = looked_through(view, order)
    found = len(looked.rows)
    st.subheader(_heading(view, looked, order), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        _pick_order(view)
        _pick_whether_it_moves(view)
    most = _shown(view, found)
    image, _ = chosen_image(view)
    gallery(
        gallery_items(view, looked.rows[:most]),
        dataset=image_source(view.snapshot.dataset, view.snapshot.version),
        key="gallery_chosen",
        label="chosen images",
        classes=view.classes,
        height=height,
        chosen=image,
        on_choose=choose_image,
        reveals=PANEL,
    )
    st.caption(" ".join(_said(view, looked, min(found, most))))
    _offer_more(view, found, most)


def looked_through(view: View, order: str) -> Looked:
    """Which images there are to look at: those selected, else the errors at the epoch.

    Args:
        view: what is looked at.
        order: one of `ORDERS`.
    """
    snapshot, selected = view.snapshot, view.selected
    rows = snapshot.errors if selected is None else selected.rows(snapshot.ids)
    elsewhere = 0 if selected is None else len(selected.ids) - len(rows)
    if selected is None and order == ORDERS[0]:
        return Looked(rows, elsewhere)
    wrong_for = np.zeros(len(snapshot.ids), np.int32)
    history = _history_of(view, rows) if order == NEEDS_EPOCHS else None
    if history is not None:
        wrong_for[rows] = history.wrong_for(view.epoch)
    found = ordered(rows, order, labels=snapshot.labels, predictions=snapshot.predictions, wrong_for=wrong_for)
    return Looked(found, elsewhere)


def gallery_items(view: View, rows: NDArray[np.integer]) -> list[GalleryItem]:
    """What a gallery says of some images of the split, in this order.

    Args:
        view: what is looked at.
        rows: integers (n,), which of its images.
    """
    snapshot, classes = view.snapshot, view.classes
    chances = snapshot.predictions.probabilities(rows).tolist()
    true, predicted = snapshot.labels[rows].tolist(), snapshot.predictions.predicted[rows].tolist()
    each = zip(snapshot.ids[rows].tolist(), true, predicted, chances, _notes(view, rows), strict=True)
    return [
        GalleryItem(image, classes[t], classes[p], t == p, tuple(values), note) for image, t, p, values, note in each
    ]


def _notes(view: View, rows: NDArray[np.integer]) -> list[str]:
    """For how long each image has been as it is; nothing where that is not recorded."""
    history = _history_of(view, rows)
    if history is None:
        return [""] * len(rows)
    lasting = zip(history.wrong_for(view.epoch).tolist(), history.learnt_at(view.epoch).tolist(), strict=True)
    return [
        f"wrong for {_counted(wrong, 'epoch')}" if wrong else f"right since epoch {since}" for wrong, since in lasting
    ]


def _history_of(view: View, rows: NDArray[np.integer]) -> History | None:
    """What was predicted of some images of the split at each epoch; much less work than all of them."""
    history = view.history
    if history is None:
        return None
    return replace(history, labels=history.labels[rows], predicted=history.predicted[:, rows])


def _heading(view: View, looked: Looked, order: str) -> str:
    found = len(looked.rows)
    if view.selected is None:
        first = f", the {order} first" if found > 1 else ""
        return f"{_counted(found, 'error')}{first}" if found else "No errors"
    if isinstance(view.selected.selection.rule, Ids) and not looked.elsewhere:
        return view.selected.phrase.capitalize()
    size = f"{count(found)} of {_counted(found + looked.elsewhere, 'image')}" if looked.elsewhere else ""
    return f"{size or _counted(found, 'image')}: {view.selected.phrase}"


def _said(view: View, looked: Looked, shown: int) -> list[str]:
    found, elsewhere = len(looked.rows), looked.elsewhere
    said = []
    if elsewhere:
        nowhere = _nowhere(view)
        others = elsewhere - nowhere
        if others:
            said.append(f"{count(others)} of the selected images {'is' if others == 1 else 'are'} in other splits.")
        if nowhere:
            said.append(f"{count(nowhere)} of them {'is' if nowhere == 1 else 'are'} in no split of this run.")
    if not found:
        is_empty = view.selected is not None and not len(view.selected.ids)
        return [*said, "No image is so." if is_empty else f"No image of the {view.split} split is here."]
    if shown < found:
        said.append(f"The first {count(shown)} of {count(found)}.")
    return [*said, READ_GALLERY]


def _nowhere(view: View) -> int:
    """How many of the selected images are in no split of the run."""
    known = np.concatenate([split_ids(view.run.id, split) for split in SPLITS])
    return 0 if view.selected is None else int((~np.isin(view.selected.ids, known)).sum())


def _orders(view: View) -> list[str]:
    return [order for order in ORDERS if order != NEEDS_EPOCHS or view.history is not None]


def _order_now(view: View) -> str:
    """What the menu below says; it stands under the heading, which names it."""
    orders = _orders(view)
    asked = st.session_state.get(SORT, st.query_params.get(SORT))
    return asked if asked in orders else orders[0]


def _pick_order(view: View) -> None:
    st.selectbox(
        "Sort",
        _orders(view),
        key=SORT,
        bind="query-params",
        label_visibility="collapsed",
        help="Which images come first.",
        width=200,
    )


def _pick_whether_it_moves(view: View) -> None:
    """Whether a rule was read at one epoch, or is read anew at each; ids are what they are."""
    if view.selected is None or not view.selected.selection.rule.reads_predictions:
        return
    selection = view.selected.selection
    st.session_state[MOVES] = FOLLOW if selection.epoch is None else THESE
    st.segmented_control(
        "When the epoch changes",
        (THESE, FOLLOW),
        key=MOVES,
        on_change=_moves_picked,
        args=(selection, view.epoch),
        required=True,
        label_visibility="collapsed",
    )


@guarded
def _moves_picked(selection: Selection, epoch: int) -> None:
    if link_now().selection == selection and st.session_state[MOVES] in (THESE, FOLLOW):
        go_to(selection=replace(selection, epoch=None if st.session_state[MOVES] == FOLLOW else epoch))


def _shown(view: View, found: int) -> int:
    return MOST_IMAGES if st.session_state.get(MORE) == _asked_for(view) and found > FEW_IMAGES else FEW_IMAGES


def _offer_more(view: View, found: int, most: int) -> None:
    if found <= FEW_IMAGES:
        return
    more = f"all {count(found)}" if found <= MOST_IMAGES else f"the first {MOST_IMAGES}"
    is_few = most == FEW_IMAGES
    st.button(
        f"Show {more if is_few else f'only {FEW_IMAGES}'}",
        icon=f":material/{'expand_more' if is_few else 'expand_less'}:",
        on_click=_show_more,
        args=(_asked_for(view) if is_few else "",),
        key="more",
    )


@guarded
def _show_more(what: str) -> None:
    st.session_state[MORE] = what


def _asked_for(view: View) -> str:
    """What is looked at, whatever the epoch: another selection begins with a few images again."""
    return "errors" if view.selected is None else replace(view.selected.selection, epoch=None).text()


def _counted(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"
