"""Getting a dataset that is not here: how, and a download in a thread of the server that every visitor can watch."""

import threading
from dataclasses import dataclass

import streamlit as st

from mnist_core.datasets import DatasetInfo
from mnist_core.datasets.download import Progress
from mnist_core.datasets.idx_set import FILES
from mnist_core.datasets.sources import fetch
from mnist_core.errors import MnistLabError
from pages.ui.dataset_choice import known_datasets
from pages.ui.guard import guarded
from pages.ui.services import services

__all__ = ["Download", "offer_download"]


@dataclass
class Download:
    """A download under way, or how it ended.

    Attributes:
        progress: how far it is; None before the first byte.
        error: why it failed, as a sentence.
        thread: works on it.
    """

    progress: Progress | None = None
    error: str = ""
    thread: threading.Thread | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is under way."""
        return self.thread is not None and self.thread.is_alive()

    def start(self, name: str) -> None:
        """Begins it, unless it is under way."""
        if not self.is_active:
            self.progress, self.error = None, ""
            self.thread = threading.Thread(target=self._work, args=(name,), name=f"download-{name}", daemon=True)
            self.thread.start()

    def _work(self, name: str) -> None:
        try:
            fetch(name, services().lab.settings, self._hear)
            services().lab.dataset(name)  # a folder may hold it and be damaged, which no download mends
        except MnistLabError as error:
            self.error = str(error)
        finally:
            known_datasets.clear()

    def _hear(self, progress: Progress) -> None:
        self.progress = progress


@st.cache_resource(show_spinner=False)
def _downloads() -> dict[str, Download]:
    return {}


def offer_download(known: DatasetInfo) -> None:
    """Says how to get a dataset, with a button that downloads it."""
    download = _downloads().setdefault(known.name, Download())
    if download.is_active:
        _watch(known.name)
        return
    if download.error:
        st.error(download.error, icon=":material/cloud_off:")
    else:
        is_local = services().lab.settings.profile == "local"
        how = f": {known.source.rstrip('.')}" if is_local else ""
        st.info(f"`{known.name}` is not here yet{how}.", icon=":material/cloud_download:")
    label = "Try again" if download.error else f"Download {known.name}"
    if st.button(label, type="primary", icon=":material/download:", key="download"):
        download.start(known.name)
        st.rerun()
    st.caption("The files come from the publisher's mirrors, and each is checked against its known sum.")


@st.fragment(run_every=0.5)
@guarded
def _watch(name: str) -> None:
    download = _downloads()[name]
    if not download.is_active:
        st.rerun()
    done, text = _shown(download.progress)
    st.progress(done, text=f"Downloading {name}: {text}")


def _shown(progress: Progress | None) -> tuple[float, str]:
    if progress is None:
        return 0.0, "asking the mirror"
    size = f" of {progress.size / 1e6:.1f}" if progress.size else ""
    share = (progress.file - 1 + progress.share) / len(FILES)
    return share, f"file {progress.file} of {len(FILES)}, {progress.got / 1e6:.1f}{size} MB"
