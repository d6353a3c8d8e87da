"""Options of a page in the URL: taken back by the browser's Back, and there again after a look at another page."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import TIMEOUT

LATER = {"unit": "3", "image": "47"}


def script():
    import streamlit as st

    from pages.ui.frame.address import remember
    from pages.ui.frame.link import current_link
    from pages.ui.frame.option import Option

    unit, image = Option("unit", ("weights",)), Option("image", ("weights", "network"))
    remember(st.session_state["page"], current_link(st.session_state["page"]).run)
    if st.session_state.get("quiet"):
        st.stop()
    shown = {"weights": (unit, image), "network": (image,), "runs": ()}[st.session_state["page"]]
    for option in shown:
        if option.asked:
            option.keep(option.asked)
        st.markdown(f"{option.name}: {option.asked or 'nothing'}")
    st.button("choose", on_click=lambda: (unit.keep("3"), image.keep("47")))
    st.button("default", on_click=lambda: unit.keep(""))
    st.button("leave", on_click=unit.leave_link)


@pytest.fixture
def visitor():
    app = AppTest.from_function(script, default_timeout=TIMEOUT)
    app.session_state["page"] = "weights"
    return app.run()


def address(app):
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def press(app, label):
    next(one for one in app.button if one.label == label).click()
    return app.run()


def at(app, page, **query):
    """Goes to a page; a page switch clears what a browser says."""
    app.session_state["page"] = page
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return [one.value for one in app.markdown]


def test_what_is_chosen_is_in_the_address(visitor):
    assert address(visitor) == {}
    assert address(press(visitor, "choose")) == LATER
    assert address(press(visitor, "default")) == {"image": "47"}


def test_back_takes_a_choice_back_and_forward_makes_it_again(visitor):
    press(visitor, "choose")
    assert at(visitor, "weights") == ["unit: nothing", "image: nothing"]
    assert address(visitor) == {}
    assert at(visitor, "weights", **LATER) == ["unit: 3", "image: 47"]


def test_a_page_has_its_options_again_after_a_look_at_another(visitor):
    press(visitor, "choose")
    assert at(visitor, "runs") == []
    assert address(visitor) == {}
    assert at(visitor, "weights") == ["unit: 3", "image: 47"]
    assert address(visitor) == LATER


def test_pages_that_share_an_option_take_it_along(visitor):
    press(visitor, "choose")
    assert at(visitor, "network") == ["image: 47"]
    assert at(visitor, "network") == ["image: nothing"], "taken back there"
    assert at(visitor, "weights") == ["unit: 3", "image: nothing"]


def test_an_option_that_nothing_drew_is_remembered_too(visitor):
    at(visitor, "network", image="47")
    at(visitor, "runs")
    visitor.session_state["quiet"] = True
    assert at(visitor, "weights", unit="3", image="48") == []
    visitor.session_state["quiet"] = False
    at(visitor, "runs")
    assert at(visitor, "weights") == ["unit: 3", "image: 48"]


def test_a_link_that_says_an_option_is_not_mixed_with_older_ones(visitor):
    press(visitor, "choose")
    at(visitor, "runs")
    assert at(visitor, "weights", unit="5") == ["unit: 5", "image: nothing"]


def test_a_link_that_says_none_keeps_the_older_ones(visitor):
    press(visitor, "choose")
    at(visitor, "runs")
    assert at(visitor, "weights", epoch="2") == ["unit: 3", "image: 47"]
    assert address(visitor) == LATER | {"epoch": "2"}


def test_what_left_the_link_is_asked_for_again_until_something_else_is(visitor):
    press(visitor, "choose")
    press(visitor, "leave")
    assert "unit: 3" in [one.value for one in visitor.markdown]
    assert address(press(visitor, "default")) == {"image": "47"}
    assert "unit: nothing" in [one.value for one in visitor.markdown]
