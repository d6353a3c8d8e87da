"""The curves page: how did it learn? Loss and accuracy over epochs, steps or time, and each epoch in numbers."""

from math import isfinite

import streamlit as st

from mnist_core.analysis.evaluation import wilson_interval
from mnist_core.errors import MnistLabError
from pages.ui.curves.chart import draw_chart
from pages.ui.curves.data import QUANTITIES, Curves, load_curves
from pages.ui.curves.epoch_table import draw_epoch_table, epoch_table
from pages.ui.curves.options import Options, choose_options
from pages.ui.format import accuracy_sentence, count, percent
from pages.ui.frame.link import go_to
from pages.ui.frame.split_gate import is_open, openings_sentence
from pages.ui.frame.view import View, looked_at
from pages.ui.guard import guarded, show_script_error
from pages.ui.owner import current_owner
from pages.ui.recorded import epochs_of, sizes_of
from pages.ui.selection.headline import selection_headline
from pages.ui.services import services

READ = (
    "Where validation loss rises while training loss falls, the network learns its training images by heart. Click a"
    " point to go to its epoch."
)


def page() -> None:
    """Draws the page for what is looked at."""
    view = looked_at()
    curves = _curves(view)
    left, right = st.columns(2, gap="large")
    left.markdown(_sentence(curves, view))
    right.markdown(selection_headline(view))
    options = choose_options()
    st.space("xxsmall")
    for column, quantity in zip(st.columns(2, gap="medium"), QUANTITIES, strict=True):
        with column:
            draw_chart(curves, quantity, options, epoch=view.epoch, on_pick=_go)
    st.caption(" ".join(_notes(curves, options, view)))
    if "test" in options.show and not is_open(view.run.id):
        _sealed(view)
    st.subheader("Each epoch", anchor=False)
    draw_epoch_table(epoch_table(curves, sizes_of(view.record).get("validation")), epoch=view.epoch, on_pick=_go)
    st.caption("Go looks at that epoch, on every page. The table can be downloaded as CSV from its corner.")


def _curves(view: View) -> Curves:
    """With the test split's where it was opened; where that cannot be read, the page says so and shows the others."""
    if not is_open(view.run.id):
        return load_curves(view.record, with_test=False)
    try:
        return load_curves(view.record, with_test=True)
    except MnistLabError as error:
        show_script_error(error)
        return load_curves(view.record, with_test=False)


def _sentence(curves: Curves, view: View) -> str:
    """What the epoch measured, in one line."""
    right, images = curves.at(view.epoch, "accuracy", "validation"), sizes_of(view.record).get("validation")
    said = percent(right)
    if images:
        hits = round(right * images)
        said = accuracy_sentence(right, wilson_interval(hits, images), images - hits, images)
    loss = curves.at(view.epoch, "loss", "validation")
    known = curves.at(view.epoch, "accuracy", "evaluation")
    return (
        f"**{said}**; validation split at epoch {view.epoch}, mean loss {loss:.4f}. Of the training images that are"
        f" evaluated alike, {percent(known)} are right, mean loss {curves.at(view.epoch, 'loss', 'evaluation'):.4f}."
    )


def _notes(curves: Curves, options: Options, view: View) -> list[str]:
    """How to read the charts as they are drawn."""
    said = [READ]
    if "training" in options.show and curves.steps is not None:
        width = curves.steps.width
        each = "each step" if width == 1 else f"the mean of {count(width)} steps"
        said.append(f"A point of the training line is {each}.")
    if "evaluation" in options.show:
        said.append(_evaluated(view))
    if options.x == "steps" and curves.per_epoch is None:
        said.append("How many steps an epoch has is not recorded; epochs are shown.")
    if options.x == "time":
        said.append("Time is that of the training steps alone, without evaluating and recording.")
    if options.scale == "log":
        said.append("A value of 0 has no place on a log scale.")
    return said


def _evaluated(view: View) -> str:
    sample, whole = "Training, evaluated, is", (view.record.result or {}).get("train")
    images = sizes_of(view.record).get("train")
    said = f"{sample} a fixed sample of at most 10,000 training images."
    if not whole or not isfinite(whole.get("accuracy") or float("nan")) or not images:
        return said
    return f"{said} Of all {count(images)}, the kept epoch gets {percent(whole['accuracy'])} right."


def _sealed(view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        openings = openings_sentence(services().lab.archive.store.openings(view.run.id), current_owner())
        st.caption(f"The test curve is sealed in this session. {openings}", width="content")
        st.button("Go to the test split", icon=":material/lock:", on_click=_to_gate, key="to_test_split")


@guarded
def _to_gate() -> None:
    go_to(split="test")


@guarded
def _go(epoch: int) -> None:
    """The kept epoch of a finished run is where a link leads that names none."""
    view = looked_at()
    is_default = view.record.state.is_finished and epoch == epochs_of(view.record).kept
    go_to(run=view.run.id, epoch="kept" if is_default else str(epoch))


page()
