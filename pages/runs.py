"""The runs page: all runs side by side, and what can be done with one of them."""

import streamlit as st

from pages.ui.format import count
from pages.ui.frame.chosen import find_run
from pages.ui.frame.link import current_link, go_to, link_query
from pages.ui.frame.view import page_header
from pages.ui.owner import current_owner
from pages.ui.runs.actions import draw_chosen, offer_undo
from pages.ui.runs.importing import offer_import
from pages.ui.runs.table import STATES, draw_table, fitting, watch_active
from pages.ui.services import services

page_header("Runs", "Which networks were trained, and how right are they?")

link, owner = current_link(), current_owner()
runs = services().lab.archive.store.runs()

text, states = "", []
with st.container(horizontal=True, vertical_alignment="center"):
    if runs:
        text = st.text_input(
            "Filter",
            placeholder="Filter by name, network, dataset, note",
            key="runs_filter",
            type="search",
            icon=":material/search:",
            label_visibility="collapsed",
            live=True,
            width=340,
        )
        states = st.pills(
            "State", STATES, selection_mode="multi", key="runs_states", label_visibility="collapsed", wrap=True
        )
    offer_import()
offer_undo()

chosen = None
if link.run and runs:
    chosen, problems = find_run(link, runs)
    for problem in [*link.problems, *problems]:
        st.warning(problem, icon=":material/link_off:")
shown = fitting(runs, text or "", [state for state in states if state in STATES])

if not runs:
    st.info("Nothing is trained yet. Train a network, or import a run.", icon=":material/school:")
    if st.button("Train a network", type="primary", icon=":material/play_circle:"):
        go_to(run="")
        st.switch_page("train.py", query_params=link_query())
elif not shown:
    st.info(f"None of the {count(len(runs))} runs fits this filter.", icon=":material/filter_alt_off:")
else:
    several_owners = services().lab.settings.profile != "local"
    draw_table(shown, selected=chosen.id if chosen else "", owner=owner, show_owner=several_owners)
    st.caption("One row a run, newest first. Choose a row to open, rename, export or delete that run.")
if chosen:
    draw_chosen(chosen)
watch_active(runs)
