"""For tests of the matrix and of what it is compared with: a page of these alone, and a second run to compare with."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from mnist_core.npz import from_npz, to_npz
from mnist_core.run import Run
from mnist_core.runs import RUN_LEVEL, RunState
from pages.ui.services import services
from tests.app.random_events import send


def only_the_matrix() -> None:
    """The page, as a script."""
    from types import SimpleNamespace

    from pages.ui.frame.view import frame, looked_at
    from pages.ui.predictions.comparison import compare_menus, draw_changes
    from pages.ui.predictions.matrix import draw_matrix
    from pages.ui.predictions.part import choose_part

    frame(SimpleNamespace(url_path="matrix", title="Matrix"), "What is taken for what?")
    compared = compare_menus(looked_at())
    if compared:
        draw_changes(looked_at(), compared)
    draw_matrix(choose_part(looked_at()), compared)


def open_matrix(**query: str) -> AppTest:
    """Opens it as a new visitor."""
    app = AppTest.from_function(only_the_matrix, default_timeout=20)
    app.query_params.update(query)
    return app.run()


def spec_of_chart(app: AppTest) -> dict[str, Any]:
    """What the matrix is told to show."""
    (chart,) = app.get("echarts_chart")
    return json.loads(chart.proto.spec)


def click(app: AppTest, row: int, column: int, classes: int = 10) -> AppTest:
    """Clicks a cell of the matrix, or a margin where row or column is the number of classes."""
    return _say(app, [{"series_index": 0, "data_indices": [row * (classes + 1) + column]}])


def click_again(app: AppTest) -> AppTest:
    """Clicks the same once more: the browser then says that nothing is selected in the chart."""
    return _say(app, [])


def _say(app: AppTest, selected: list[dict[str, Any]]) -> AppTest:
    (chart,) = app.get("echarts_chart")
    send(app, WidgetState(id=chart.proto.id, string_value=json.dumps({"selection": {"selected": selected}})))
    return app


def rival_of(run: Run, *, splits: Mapping[str, np.ndarray] | None = None, epochs: int = 3) -> Run:
    """Another run of the same images, which learnt backwards: its first epoch predicts what the last of `run` does.

    Args:
        run: a finished run.
        splits: arrays of its split file that are other ones; the predictions stay what they are.
        epochs: how many it has recorded.
    """
    archive = services().lab.archive
    record = archive.store.submit(run.record.spec, digest="rival", device="cpu", cost=1.0, name="rival")
    lease = archive.store.claim(record.id, ticket="t", worker="w", device="cpu")
    assert lease
    files = {name: archive.read(run.id, RUN_LEVEL, name) for name in ("splits", "facts")}
    files["splits"] = to_npz(from_npz(files["splits"]) | dict(splits or {}))
    archive.keep(lease, RUN_LEVEL, files)
    last = run.epochs[-1].epoch
    for one in run.epochs[:epochs]:
        archive.commit_epoch(lease, one, {"predictions": archive.read(run.id, last - one.epoch, "predictions")})
    archive.store.finish(lease, RunState.DONE, result=run.record.result)
    return services().lab.run(record.id)
