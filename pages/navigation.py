"""The frame around every page: the menu, and a border that keeps the frame when a page breaks."""

from pathlib import Path

import streamlit as st

from pages.ui.frame.view import frame
from pages.ui.guard import guard
from pages.ui.owner import remember_owner

PICTURES = Path(__file__).parent / "ui"

st.set_page_config(page_title="MNIST Lab", page_icon=str(PICTURES / "icon.svg"), layout="wide")
st.logo(str(PICTURES / "logo.svg"))


def start() -> None:
    """What the bare address shows: the train page, at its own address."""
    st.switch_page("train.py", query_params=st.query_params.to_dict())


PAGES = [
    st.Page(start, title="MNIST Lab", url_path="start", default=True, visibility="hidden"),
    st.Page(
        "train.py",
        title="Train",
        icon=":material/play_circle:",
        help="Pick a network and a dataset, train it, and watch it learn.",
    ),
    st.Page(
        "runs.py",
        title="Runs",
        icon=":material/list:",
        help="All trained networks side by side: rename, delete, export and import them.",
    ),
    st.Page(
        "predictions.py",
        title="Predictions",
        icon=":material/grid_on:",
        help="What a network gets wrong: confusion matrix, errors, accuracy of each class.",
    ),
    st.Page(
        "embeddings.py",
        title="Embeddings",
        icon=":material/scatter_plot:",
        help="Maps of what a layer makes of the images: PCA, t-SNE, UMAP.",
    ),
    st.Page(
        "weights.py",
        title="Weights",
        icon=":material/view_module:",
        help="What the units of a layer learned: before, now and in between.",
    ),
    st.Page(
        "network.py",
        title="Network",
        icon=":material/account_tree:",
        help="One digit on its way through the network, layer by layer, and the network itself.",
    ),
    st.Page(
        "curves.py",
        title="Curves",
        icon=":material/show_chart:",
        help="Loss and accuracy over epochs, steps or time, and each epoch in numbers.",
    ),
    st.Page("data.py", title="Data", icon=":material/image:", help="The images, and what a network receives of them."),
]
QUESTIONS = {
    "predictions": "Where is it wrong?",
    "embeddings": "How does a hidden layer arrange the digits?",
    "weights": "What did the first layer learn?",
    "network": "What happens to one digit on its way through?",
    "curves": "How did it learn?",
}  # of the pages that look at a run

page = st.navigation(PAGES, position="top")
with guard():
    frame(page, QUESTIONS.get(page.url_path))
    page.run()
remember_owner()
