"""The train page: pick a network and a dataset, press Train, watch it learn."""

import streamlit as st

from mnist_core.datasets import DatasetInfo, is_own
from mnist_core.errors import InvalidInput, RunNotFound
from mnist_core.runs import RunRecord
from mnist_core.runs.names import MAX_NAME
from mnist_core.spec import RunSpec
from pages.ui.data.download import offer_download
from pages.ui.dataset_choice import choose_dataset
from pages.ui.frame.chosen import run_named
from pages.ui.frame.link import current_link, go_to
from pages.ui.frame.view import page_header
from pages.ui.guard import guard
from pages.ui.owner import ensure_owner
from pages.ui.services import services
from pages.ui.train.active_runs import draw_active_runs
from pages.ui.train.before_training import draw_layers, draw_offer, offer_of
from pages.ui.train.preset_cards import chosen_preset, preset_cards
from pages.ui.train.run_view import draw_invitation, draw_run
from pages.ui.train.spec_form import Draft, draw_common, draw_more, start_draft

SUBMITTED = "train:submitted"


def form() -> RunSpec:
    """Everything on the left: what to train, what it costs, the button.

    Returns:
        What would be trained; while something is wrong with it, the preset as it is.
    """
    preset = chosen_preset()
    cards = st.container()
    dataset = choose_dataset()
    with cards:
        preset_cards(dataset)
    draft = start_draft(preset, services().lab.dataset(dataset.name) if is_own(dataset.name) else dataset.name)
    draw_common(draft)
    with st.expander("More: optimiser, schedule, regularisation, augmentation, split, machine"):
        draw_more(draft)
    spec, problem = validated(draft)
    if not dataset.available:
        offer_download(dataset)
    train(spec, dataset, problem)
    return spec or preset.specify(draft.dataset, {})


def validated(draft: Draft) -> tuple[RunSpec | None, str]:
    """The specification, or the sentence that says what is wrong with it."""
    try:
        return draft.spec(), ""
    except InvalidInput as error:
        return None, str(error)


def train(spec: RunSpec | None, dataset: DatasetInfo, problem: str) -> None:
    """Says what it costs, and the button that starts it; while something is wrong, why not."""
    if spec and dataset.available:
        try:
            draw_offer(spec, offer_of(spec))
        except InvalidInput as error:
            problem = str(error)
    if problem:
        st.error(problem, icon=":material/error:")
    turn = st.session_state.get(SUBMITTED, 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "name of the run (optional)",
            key=f"train:name:{turn}",
            max_chars=MAX_NAME,
            placeholder="name of the run (optional)",
            label_visibility="collapsed",
        )
        pressed = st.button(
            "Train",
            key="train",
            type="primary",
            icon=":material/play_arrow:",
            shortcut="Ctrl+Enter",
            disabled=spec is None or bool(problem) or not dataset.available,
        )
    if pressed and spec and not problem:
        with guard():
            submit(spec, name.strip())


def submit(spec: RunSpec, name: str) -> None:
    """Queues the run and looks at it."""
    record = services().jobs.submit(spec, owner=ensure_owner(), name=name or None)
    st.session_state[SUBMITTED] = st.session_state.get(SUBMITTED, 0) + 1
    go_to(run=record.id, epoch="kept")
    st.rerun()


def run_of_the_link() -> RunRecord | None:
    """The run that the link names; where there is none such, a sentence says so."""
    ref = current_link().run
    if not ref:
        return None
    try:
        return run_named(ref)
    except RunNotFound as error:
        st.warning(str(error), icon=":material/link_off:")
        return None


page_header("Train", "What do you want to train?")
record, shown = None, None
left, right = st.columns([5, 7], gap="large")
with left, guard():
    shown = form()
with right, guard():
    record = run_of_the_link()
    if record is None:
        draw_invitation()
    else:
        draw_run(record)
with left, guard():
    draw_active_runs(record.id if record else "")
    if shown:
        draw_layers(shown)
