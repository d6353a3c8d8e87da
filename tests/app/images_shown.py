"""For tests of the chosen images and of a biography: a page of these alone, and the pixels that its gallery shows."""

import io
import json
import re
from typing import Any

import numpy as np
from PIL import Image
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from mnist_core.datasets.dataset import SIDE
from pages.ui.frame.split_gate import OPENED_KEY
from tests.app.random_events import send
from tests.unit.test_sprites import Client


def only_the_images() -> None:
    """The page, as a script."""
    from types import SimpleNamespace

    from pages.ui.frame.view import frame, looked_at
    from pages.ui.selection.biography import draw_biography
    from pages.ui.selection.chosen_images import draw_chosen_images

    frame(SimpleNamespace(url_path="images", title="Images"), "Which images?")
    draw_chosen_images(looked_at(), height=400)
    draw_biography(looked_at())


def open_images(**query: str) -> AppTest:
    """Opens it as a new visitor, who has opened the test split knowingly."""
    app = AppTest.from_function(only_the_images, default_timeout=20)
    app.session_state[OPENED_KEY] = frozenset({query["run"]})
    app.query_params.update(query)
    return app.run()


def gallery_of(app: AppTest) -> dict[str, Any]:
    """What the gallery is told to show."""
    return json.loads(_component(app).proto.json)


def ids_of(app: AppTest) -> list[int]:
    """The ids that stand in the gallery, in its order."""
    return [item["image"] for item in gallery_of(app)["items"]]


def choose(app: AppTest, image: Any) -> AppTest:
    """Chooses an image, as the component in the browser says it."""
    state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{_component(app).proto.id}__events")
    state.json_trigger_value = json.dumps([{"event": "choose", "value": image}])
    send(app, state)
    return app


def pictures_of(data: dict[str, Any]) -> np.ndarray:
    """The thumbnail of each item, cut out of the sprite that the gallery names: uint8 (items, 28, 28)."""
    answer = Client().get(data["sprite"])
    assert answer.status_code == 200, answer.text
    sheet = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert sheet.shape == (data["spriteRows"] * SIDE, data["spriteColumns"] * SIDE)
    corners = [divmod(item["place"], data["spriteColumns"]) for item in data["items"]]
    cut = [sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] for row, column in corners]
    return np.stack(cut)


def sentences(app: AppTest) -> str:
    """Everything that the page says in words."""
    said = [*app.subheader, *app.markdown, *app.caption, *app.warning]
    return "\n".join(re.sub(r"\\(.)", r"\1", one.value) for one in said)


def assert_sound(app: AppTest) -> None:
    """Nothing broke."""
    assert not app.exception
    assert not [error.value for error in app.error]


def _component(app: AppTest) -> Any:
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == "mnist_lab_gallery")
    return found
