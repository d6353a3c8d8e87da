"""What can be done with the run that is chosen on the runs page, and the way back from a delete."""

from functools import partial

import streamlit as st

from mnist_core.runs import RunRecord, RunState, export_bundle
from mnist_core.runs.names import MAX_NAME
from pages.ui.format import accuracy_sentence, ago, count, duration, plain, reason_of, state_badge
from pages.ui.frame.link import go_to, link_query
from pages.ui.guard import guard
from pages.ui.owner import current_owner
from pages.ui.recorded import parameters_of, sizes_of, traceback_of
from pages.ui.services import services

__all__ = ["draw_chosen", "offer_undo"]

DELETED_KEY = "deleted_run"
SAVED_KEY = "times_saved"
FOREIGN = "Only its owner may change this run."
MAX_NOTE = 2000


def draw_chosen(record: RunRecord) -> None:
    """Says what the chosen run is, and offers what can be done with it."""
    mine = services().jobs.may_change(record, current_owner())
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(plain(record.name), anchor=False, width="content")
            st.markdown(state_badge(record), width="content")
        st.markdown(_facts(record))
        if record.reason:
            st.caption(reason_of(record))
        if record.note:
            st.markdown(plain(record.note))
        _traceback(record)
        with st.container(horizontal=True):
            _open(record)
            _export(record)
            _edit(record, mine=mine)
            _end(record, mine=mine)


def _facts(record: RunRecord) -> str:
    spec = record.spec
    what = f"{plain(spec['network']['preset'])} on {spec['dataset']['name'][:16]}"
    parts = [f"{what}, {count(parameters_of(record))} parameters"]
    test, total = (record.result or {}).get("test"), sizes_of(record).get("test")
    if test and total:
        sentence = accuracy_sentence(test["accuracy"], test["interval"], test["errors"], total)
        parts.append(f"test split at epoch {test['epoch']}: {sentence}")
    if record.used is not None:
        parts.append(f"trained in {duration(record.used)}")
    parts.append(f"created {ago(record.created, services().lab.archive.store.now())}")
    return "; ".join(parts) + "."


def _traceback(record: RunRecord) -> None:
    if record.state is not RunState.FAILED:
        return
    with guard():
        if traceback := traceback_of(record):
            with st.expander("Traceback"):
                st.code(traceback, language=None)


def _open(record: RunRecord) -> None:
    has_epoch = record.epoch is not None
    if st.button(
        "Predictions",
        icon=":material/grid_on:",
        type="primary",
        disabled=not has_epoch,
        help=None if has_epoch else "No epoch of this run is finished.",
    ):
        go_to(run=record.id, epoch="kept")
        st.switch_page("predictions.py", query_params=link_query())
    if st.button("Curves", icon=":material/show_chart:", help="How it learnt, on the train page."):
        go_to(run=record.id)
        st.switch_page("train.py", query_params=link_query())


def _export(record: RunRecord) -> None:
    finished = record.state.is_finished and record.epoch is not None
    st.download_button(
        "Export",
        data=partial(export_bundle, services().lab.archive, record.id),
        file_name=f"{record.name}.zip",
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",
        disabled=not finished,
        help="The run as one file, to import elsewhere." if finished else "Only finished runs can be exported.",
    )


def _edit(record: RunRecord, *, mine: bool) -> None:
    why = None if mine else FOREIGN
    key = f"edit_popover_{record.id}_{st.session_state.get(SAVED_KEY, 0)}"  # another key closes it
    popover = st.popover("Rename, note", icon=":material/edit:", disabled=not mine, help=why, key=key)
    with popover, st.form(f"edit_{record.id}", border=False):
        name = st.text_input("Name", record.name, max_chars=MAX_NAME)
        note = st.text_area("Note", record.note, max_chars=MAX_NOTE)
        if st.form_submit_button("Save", type="primary"):
            with guard():
                _save(record, name.strip(), note.strip()[:MAX_NOTE])


def _save(record: RunRecord, name: str, note: str) -> None:
    jobs, owner = services().jobs, current_owner()
    if name != record.name:
        jobs.rename(record.id, name, owner=owner)
    if note != record.note:
        jobs.set_note(record.id, note, owner=owner)
    st.session_state.pop(DELETED_KEY, None)
    st.session_state[SAVED_KEY] = st.session_state.get(SAVED_KEY, 0) + 1
    st.rerun()


def _end(record: RunRecord, *, mine: bool) -> None:
    """Stop while it is active; delete once it is not running."""
    jobs, owner, why = services().jobs, current_owner(), None if mine else FOREIGN
    if record.state.is_active:
        disabled = not mine or record.wish is not None
        if st.button(
            "Stop", icon=":material/stop_circle:", disabled=disabled, help=why or "What it has learnt is kept."
        ):
            with guard():
                jobs.stop(record.id, owner=owner)
                st.rerun()
    if record.state is not RunState.RUNNING and st.button(
        "Delete", icon=":material/delete:", disabled=not mine, help=why
    ):
        with guard():
            jobs.delete(record.id, owner=owner)
            st.session_state[DELETED_KEY] = (record.id, record.name)
            go_to(run="", epoch="kept")
            st.rerun()


def offer_undo() -> None:
    """After a delete: the way back, until something else is done."""
    if DELETED_KEY not in st.session_state:
        return
    run_id, name = st.session_state[DELETED_KEY]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/delete: Deleted **{plain(name)}**; it is gone for good in an hour.", width="content")
        undone = st.button("Undo", icon=":material/undo:")
    if undone:
        with guard():
            restored = services().jobs.restore(run_id, owner=current_owner())
            st.session_state.pop(DELETED_KEY)
            if restored:
                go_to(run=run_id, epoch="kept")
            else:
                st.toast(f"{plain(name)} is gone for good.")
            st.rerun()
