"""What a run that has ended came to, or why it did not, and where to go from there."""

import streamlit as st

from mnist_core.networks.catalogue import presets
from mnist_core.runs import RunRecord, RunState
from pages.ui.dataset_choice import remember_dataset
from pages.ui.format import accuracy_sentence, count, duration, percent, reason_of
from pages.ui.frame.link import link_query
from pages.ui.recorded import traceback_of
from pages.ui.train.live import Look
from pages.ui.train.most_wrong import validated
from pages.ui.train.preset_cards import choose_preset

__all__ = ["draw_end", "result_sentence"]

WAYS = (
    ("predictions.py", "What it gets wrong", ":material/grid_on:"),
    ("embeddings.py", "How it arranges the digits", ":material/scatter_plot:"),
    ("weights.py", "What its first layer learned", ":material/view_module:"),
)
"""Pages that look into a run that has ended."""


def draw_end(look: Look) -> None:
    """Says how it ended, what came out, and what can be done next."""
    record = look.record
    if record.state is RunState.FAILED:
        st.error(reason_of(record) or "The run failed without saying why; see the log.", icon=":material/error:")
        _traceback(record)
    elif record.reason:
        st.info(
            reason_of(record), icon=":material/info:" if record.state is RunState.DONE else ":material/stop_circle:"
        )
    st.markdown(result_sentence(look))
    _ways_on(look)


def result_sentence(look: Look) -> str:
    """The accuracy of the epoch that counts, on the validation split; the test split is opened knowingly elsewhere."""
    kept = look.kept
    if kept is None:
        only = "only the untrained network can be looked at" if look.last else "there is nothing to look at"
        return f"No epoch was finished, so {only}."
    found = validated(look, kept.epoch)
    share = kept.metrics["val_accuracy"]
    accuracy = accuracy_sentence(share, found.interval, found.errors, found.total) if found else percent(share)
    took = f", trained in {duration(look.record.used)}" if look.record.used is not None else ""
    head, bracket, doubt = accuracy.partition(" (")
    return f"**{head}** of the validation images are right{bracket}{doubt}, at epoch {count(kept.epoch)}{took}."


def _traceback(record: RunRecord) -> None:
    if traceback := traceback_of(record):
        with st.expander("Traceback"):
            st.code(traceback, language=None)


def _ways_on(look: Look) -> None:
    run = look.record.id
    with st.container(horizontal=True, vertical_alignment="center"):
        if look.kept:
            for page, label, icon in WAYS:
                st.page_link(page, label=label, icon=icon, query_params=link_query(run=run, epoch="kept"))
        st.page_link("runs.py", label="All runs", icon=":material/list:", query_params=link_query(run=run))
        if look.spec.network.preset in presets:
            again = st.button(
                "Train again with changes",
                key=f"again:{run}",
                icon=":material/tune:",
                type="tertiary",
                help="Fills the form with what this run was trained with.",
            )
            if again:
                choose_preset(look.spec.network.preset, like=look.spec)
                remember_dataset(look.spec.dataset.name)
                st.rerun()
