"""Takes in a run bundle that someone uploads, with the checks and sentences of the command line."""

import tempfile
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from mnist_core.runs import RunRecord, import_bundle
from pages.ui.format import plain
from pages.ui.frame.link import go_to
from pages.ui.guard import guard
from pages.ui.owner import ensure_owner
from pages.ui.services import services

__all__ = ["offer_import"]

TIMES_KEY = "times_imported"


def offer_import() -> None:
    """The button to import a bundle, and what came of it."""
    times = st.session_state.get(TIMES_KEY, 0)
    popover = st.popover("Import", icon=":material/upload:", key=f"import_popover_{times}")  # another key closes it
    with popover, st.form("import", clear_on_submit=True, border=False):
        file = st.file_uploader("A run bundle", type="zip", help="What Export saved, here or elsewhere.")
        submitted = st.form_submit_button("Import", type="primary")
    if not submitted:
        return
    if file is None:
        st.warning("Choose a bundle first: a `.zip` file that Export saved.")
        return
    with guard():
        record = _take_in(file)
        st.session_state[TIMES_KEY] = times + 1
        go_to(run=record.id, epoch="kept")
        st.toast(f"Imported {plain(record.name)}.", icon=":material/check:")
        st.rerun()


def _take_in(file: BinaryIO) -> RunRecord:
    lab = services().lab
    with tempfile.TemporaryDirectory(dir=lab.settings.home, prefix="import-") as folder:
        path = Path(folder) / "bundle.zip"
        path.write_bytes(file.read())
        return import_bundle(lab.archive, path, owner=ensure_owner())
