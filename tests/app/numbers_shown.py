"""For tests of the headline, the report and the panels: a page of these alone, and what it shows and is told."""

import json
from typing import Any

import numpy as np
import pandas as pd
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from mnist_core.analysis.selection import Rule, Selection
from mnist_core.run import Run
from tests.app.random_events import send


def only_the_numbers() -> None:
    """The page, as a script."""
    from types import SimpleNamespace

    import streamlit as st

    from pages.ui.frame.view import frame, looked_at
    from pages.ui.predictions.panels import draw_panels
    from pages.ui.predictions.part import choose_part
    from pages.ui.predictions.report import class_report
    from pages.ui.selection.headline import draw_headline

    frame(SimpleNamespace(url_path="numbers", title="Numbers"), "How right is it?")
    draw_headline(looked_at())
    part = choose_part(looked_at())
    class_report(part, st.session_state.get("compared"))
    draw_panels(part, {"other": lambda: st.markdown("another panel")})


def open_numbers(compared: int | None = None, **query: str) -> AppTest:
    """Opens it as a new visitor."""
    app = AppTest.from_function(only_the_numbers, default_timeout=20)
    app.session_state["compared"] = compared
    app.query_params.update(query)
    return assert_sound(app.run())


def assert_sound(app: AppTest) -> AppTest:
    assert not app.exception
    assert not [error.value for error in app.error]
    return app


def text_of(run: Run, rule: Rule, epoch: int = 2, split: str = "validation") -> str:
    """A selection, as a link holds it."""
    return Selection(rule, run.id, epoch, split).text()


def selection_of(app: AppTest) -> str:
    """What the link says is selected; empty for nothing."""
    return "".join(app.query_params.get("selection", ""))


def said(app: AppTest) -> str:
    """All that stands on the page as text."""
    return "\n".join(one.value for one in [*app.markdown, *app.caption])


def table_of(app: AppTest) -> pd.DataFrame:
    """The report, by the name of the class."""
    return app.dataframe[0].value.set_index("class")


def choose_rows(app: AppTest, rows: Any) -> AppTest:
    """Marks rows of the report, as a browser says it."""
    (table,) = app.dataframe
    state = {"selection": {"rows": rows, "columns": [], "cells": []}}
    send(app, WidgetState(id=table.proto.id, string_value=json.dumps(state)))
    return assert_sound(app)


def chart_of(app: AppTest) -> dict[str, Any]:
    """What the panel's chart is told to show."""
    (chart,) = app.get("echarts_chart")
    return json.loads(chart.proto.spec)


def mark(app: AppTest, *marks: tuple[int, int]) -> AppTest:
    """Has columns (series, bin) marked in the panel's chart after a click, as a browser says it."""
    (chart,) = app.get("echarts_chart")
    groups = [{"series_index": series, "data_indices": [place]} for series, place in marks]
    send(app, WidgetState(id=chart.proto.id, string_value=json.dumps({"selection": {"selected": groups}})))
    return assert_sound(app)


def recorded(run: Run, epoch: int = 2, split: str = "validation") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True classes, predicted ones, and probabilities (n, classes), as recorded."""
    predictions = run.predictions(split, epoch)
    probabilities = np.exp(predictions.log_probabilities.astype(np.float32))
    return run.split_file[f"{split}_labels"], predictions.predicted, probabilities
